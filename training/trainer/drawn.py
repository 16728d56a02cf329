"""Pictures by the diffusion model itself, for eyes that are to read those too: `python -m trainer.drawn --count 4`.

Each shard holds pictures of scenes that may be learnt from, drawn by the exported model with few or many steps and more or less guidance,
and as many renders that only went through its autoencoder.
"""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random

import numpy as np
import torch

from meter.table import Painter
from renderer import caption, draw, sample_scene

from .data import LEARNT, to_tensor
from .run import arguments, bf16

# Passing a picture through costs less than drawing one, by far.
CHEAPER = 5


def to_bytes(x: torch.Tensor) -> np.ndarray:
    """Float (n, 3, h, w) in -1..1 to uint8 (n, h, w, 3)."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def keep(folder: Path, name: str, scenes: list, pixels: np.ndarray):
    (folder / f"{name}.json").write_text(json.dumps([asdict(scene) for scene in scenes]))
    np.save(folder / f"{name}.new.npy", pixels)
    (folder / f"{name}.new.npy").rename(folder / f"{name}.npy")


@torch.no_grad()
def draw_shard(folder: Path, index: int, count: int, seed: int, painter: Painter):
    r = Random(f"{seed}/drawn/{index}")
    styles = LEARNT if index % 2 else {"flat": 0.4, "neon": 0.12, "synthwave": 0.1, "watercolour": 0.1, "pixel art": 0.1, "oil": 0.1, "sketch": 0.08}
    scenes = [sample_scene(r, styles=styles) for _ in range(count)]
    prompts = [caption(scene, r, is_complete=True) for scene in scenes]
    steps, guidance = (8, 12, 20)[index % 3], (3.0, 4.0, 5.0)[index // 3 % 3]
    sampler = ("ddim", "euler", "dpm++ 2m")[index % 3]
    keep(folder, f"drawn-{index:04d}", scenes, to_bytes(painter(prompts, sampler, steps, guidance, seed + index + 1, batch=48)))


@torch.no_grad()
def pass_shard(folder: Path, index: int, count: int, seed: int, painter: Painter):
    r = Random(f"{seed}/passed/{index}")
    scenes = [sample_scene(r, styles=LEARNT) for _ in range(CHEAPER * count)]
    made = []
    for i in range(0, len(scenes), 64):
        x = to_tensor(np.stack([np.asarray(draw(s, 64, 64)) for s in scenes[i:i + 64]]))
        with bf16():
            vae = painter.pipeline.vae
            made.append(vae.decode(vae.encode(x).latent_dist.mode()).sample.float())
    keep(folder, f"passed-{index:04d}", scenes, to_bytes(torch.cat(made)))


def main():
    o = arguments("drawn", model="../models/easel-tiny", count=8, passed=4, first=0, pictures=384)
    folder = o.runs / "data"
    folder.mkdir(parents=True, exist_ok=True)
    painter = Painter(Path(o.model))
    for kind, count, make in (("passed", o.passed, pass_shard), ("drawn", o.count, draw_shard)):
        for i in range(o.first, o.first + count):
            if not (folder / f"{kind}-{i:04d}.npy").exists():
                make(folder, i, o.pictures, o.seed, painter)
                print(kind, i, flush=True)


if __name__ == "__main__":
    main()
