#!/usr/bin/env bash
# Measures this machine, over a stack of its own.
#
#   bench.sh platform   jobs through the dispatcher, then pictures through the engine
#   bench.sh bot        from an interaction to the bot's answers, over many interactions
#
# One JSON object per measurement on stdout; everything else is said on stderr.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/lib/common.sh"

target=${CARGO_TARGET_DIR:-$EASEL_REPO/target}
case $target in /*) ;; *) target=$EASEL_REPO/$target ;; esac
bin=$target/debug
model=${EASEL_NODE__MODEL:-$EASEL_REPO/models/easel-tiny}

case ${1:-} in
    platform)
        say 'jobs through the dispatcher'
        "$here/stack" run --fresh --name bench -- "$bin/easel-dispatcher" bench \
            --jobs "${EASEL_BENCH_JOBS:-1000}" --nodes "${EASEL_BENCH_NODES:-4}" --json
        say 'pictures through the engine'
        "$bin/easel-gpu-node" bench --model "$model" --steps 20 --batch 4 --repeat 3 --json
        ;;
    bot)
        say 'interactions through the bot'
        EASEL_SMOKE_NAME=bench "$here/smoke.sh" --interactions "${EASEL_BENCH_INTERACTIONS:-200}"
        ;;
    *) bad_usage 'usage: bench.sh platform|bot' ;;
esac
