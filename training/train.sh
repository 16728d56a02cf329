#!/usr/bin/env bash
# From nothing, or from wherever the last call stopped, to an exported and measured model. Every stage keeps its own state and
# goes on from it, so this script may be stopped at any time and started again with the same arguments.
#
#   train.sh                     all stages, weights from nothing, model written to $EASEL_RUNS/model
#   EASEL_START=DIR train.sh     the same, with the weights of an exported model as a start
#   EASEL_RUNS=DIR               where states, pictures and logs are kept (default: ./runs)
#   EASEL_QUICK=1 train.sh       a few steps of every stage, in a minute or three: shows that it runs, the model is worth nothing
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

# What the figures of the model's card were made with, and what only passes through every line.
shards=40 vae=1500 unet=24000 decoder=6000 upscaler=4000 judge=3200 large=1200 prompts=400 effects=96 renders=1000 drawn=2 pictures=384 eyes=3000
if [ -n "${EASEL_QUICK:-}" ]; then
    shards=1 vae=4 unet=25 decoder=8 upscaler=4 judge=4 large=136 prompts=8 effects=8 renders=40 drawn=1 pictures=16 eyes=4
fi

mkdir -p "$EASEL_RUNS"
[ -z "${EASEL_START:-}" ] || stage trainer.start --model "$EASEL_START"
stage trainer.data --count "$shards"
stage trainer.vae --steps "$vae"
stage trainer.diffusion --steps "$unet" --shards "$shards"
stage trainer.vae --decoder-only --steps "$decoder"
stage trainer.upscaler --steps "$upscaler" --pictures "$large"
stage trainer.curve --to "$EASEL_RUNS/loss.svg"
stage meter.judge --steps "$judge" --pictures "$renders"
stage trainer.export --to "$EASEL_RUNS/model"
stage trainer.sheet --model "$EASEL_RUNS/model" --to "$EASEL_RUNS/model.png"
stage meter.table --model "$EASEL_RUNS/model" --prompts "$prompts" --to "$EASEL_RUNS/table.json"
stage meter.effects --model "$EASEL_RUNS/model" --prompts "$effects"
stage trainer.drawn --model "$EASEL_RUNS/model" --count "$drawn" --passed 2 --pictures "$pictures"
stage trainer.eyes --steps "$eyes" --text "$EASEL_RUNS/model"
stage trainer.eyes_export --to "$EASEL_RUNS/eyes-model"
stage meter.eyes --model "$EASEL_RUNS/eyes-model" --drawer "$EASEL_RUNS/model" --renders "$prompts" --drawn "$prompts"
stage meter.strange --model "$EASEL_RUNS/model" --to "$EASEL_RUNS/strange.png"
