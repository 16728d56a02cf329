#!/usr/bin/env bash
# From nothing, or from wherever the last call stopped, to an exported and measured model. Every stage keeps its own state and
# goes on from it, so this script may be stopped at any time and started again with the same arguments.
#
#   train.sh                     all stages, weights from nothing, model written to $EASEL_RUNS/model
#   EASEL_START=DIR train.sh     the same, with the weights of an exported model as a start
#   EASEL_RUNS=DIR               where states, pictures and logs are kept (default: ./runs)
#   EASEL_PYTHON=FILE            the interpreter that has requirements.txt (default: .venv/bin/python)
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"
export EASEL_RUNS=${EASEL_RUNS:-$PWD/runs}
# Spinning OpenMP threads are ruinous on shared cores.
export OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0
python=${EASEL_PYTHON:-.venv/bin/python}

say() { printf '%s  %s\n' "$(date -u +%H:%M:%S)" "$*"; }
stage() {
    say "$*"
    nice -n 19 "$python" -m "$@"
}

mkdir -p "$EASEL_RUNS"
[ -z "${EASEL_START:-}" ] || stage trainer.start --model "$EASEL_START"
stage trainer.data --count 40
stage trainer.vae --steps 1500
stage trainer.diffusion --steps 24000
stage trainer.vae --decoder-only --steps 6000
stage trainer.upscaler --steps 4000
stage meter.judge
stage trainer.export --to "$EASEL_RUNS/model"
stage trainer.sheet --model "$EASEL_RUNS/model" --to "$EASEL_RUNS/model.png"
stage meter.table --model "$EASEL_RUNS/model"
stage meter.effects --model "$EASEL_RUNS/model"
