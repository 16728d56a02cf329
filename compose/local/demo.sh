#!/usr/bin/env bash
# The whole platform on this machine, until Ctrl-C. With DISCORD_TOKEN set it serves the real Discord; without, a
# Discord on localhost, whose page it prints.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
for part in common packages state postgres broker storage environment platform; do
    # shellcheck source=/dev/null
    . "$here/lib/$part.sh"
done

name=${EASEL_DEMO_NAME:-demo}
# People's pictures outlive a crash of the machine, whatever the stack is called.
export EASEL_STACK_DURABLE=1
open_stack "$name"

leave() {
    local status=$?
    trap '' EXIT
    # A second Ctrl-C does not wait for anyone's last words.
    trap 'stop_leftovers' INT TERM HUP
    say 'stopping'
    stop_platform
    "$here/stack" down --name "$STACK_NAME"
    exit "$status"
}

make_stack_dir
# One demo at a time: a second would take the first one's processes for leftovers.
exec 7>"$STACK_DIR/demo.lock"
flock -n 7 || fail 'demo' "another one of the name '$name' is running" \
    'open its page, or stop it, or choose a name: EASEL_DEMO_NAME=demo-2 make demo'
trap leave EXIT
trap 'exit 0' INT
trap 'exit 143' TERM HUP

"$here/stack" up --name "$name" 7>&-
read_secrets
start_platform
if serves_discord; then
    say 'Easel is connected to Discord. Ctrl-C stops it.'
else
    say ''
    say "Easel is running: $(process_url playground)"
    say 'Open that page and type /imagine. Ctrl-C stops everything.'
fi
say "logs: $STACK_DIR/log"
supervise
