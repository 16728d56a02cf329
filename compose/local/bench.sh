#!/usr/bin/env bash
# Measures this machine, over a stack of its own.
#
#   bench.sh platform   jobs through the dispatcher, then pictures through the engine
#   bench.sh bot        the bot alone: answers under load, live messages, memory, restart; takes its options
#   bench.sh journey    from an interaction to the bot's answers, with the whole platform behind it
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
        say 'the bot between the playground and a platform that is played: several minutes'
        (cd "$EASEL_REPO" && cargo build --locked --release -p easel-bot --bin easel-bot --example bench_bot >&2)
        "$here/stack" run --fresh --name bench -- "$target/release/examples/bench_bot" \
            --bot "$target/release/easel-bot" "${@:2}"
        ;;
    journey)
        say 'interactions through the platform'
        EASEL_SMOKE_NAME=bench "$here/smoke.sh" --interactions "${EASEL_BENCH_INTERACTIONS:-200}"
        ;;
    *) bad_usage 'usage: bench.sh platform|bot|journey' ;;
esac
