#!/usr/bin/env bash
# One conversation with the whole platform, headless: /imagine, U1, V1. Pictures go to target/smoke, the timeline to
# stdout as one line of JSON; everything else is said on stderr. Arguments are handed on to easel-smoke.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for part in common packages state postgres broker storage environment platform; do
    # shellcheck source=/dev/null
    . "$here/lib/$part.sh"
done

unset DISCORD_TOKEN
name=${EASEL_SMOKE_NAME:-smoke}
open_stack "$name"
out=$EASEL_REPO/target/smoke

leave() {
    local status=$?
    trap '' EXIT INT TERM HUP
    stop_platform
    "$here/stack" down --name "$STACK_NAME"
    exit "$status"
}

make_stack_dir
exec 7>"$STACK_DIR/demo.lock"
flock -w 600 7 || fail 'smoke' 'another one has been running for ten minutes' 'stop it'
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

"$here/stack" up --fresh --name "$name" 7>&-
read_secrets
start_platform
rm -rf "$out"
mkdir -p "$out"
binary=$(process_binary smoke)
[ -x "$binary" ] || fail 'smoke' "$binary is not there" 'run: make setup'
# It looks like a visitor, and asks the database only for the times that a visitor does not see.
mapfile -t environment < <(print_environment | grep '^EASEL_DATABASE__URL=')
(
    export "${environment[@]}"
    exec "$binary" --playground "$(process_url playground)" --out "$out" --json \
        --process "bot=${PIDS[bot]}" --process "dispatcher=${PIDS[dispatcher]}" "$@"
)
