"""Renders the training pictures into shards: `python -m trainer.data --count 20`."""

import json
from dataclasses import asdict
from pathlib import Path
from random import Random

import numpy as np
import torch

from renderer import Scene, draw, sample_scene

from .run import SIZES, arguments

SHARD = 2048
# Of ten shards, which shape each has.
SHAPES = ["square"] * 4 + ["wide"] + ["square"] * 4 + ["tall"]

# Styles that live in fine detail are learnt last, so they are shown more often than they are asked for.
LEARNT = {"flat": 0.36, "neon": 0.08, "synthwave": 0.07, "watercolour": 0.07, "pixel art": 0.18, "oil": 0.18, "sketch": 0.06}


def render_shard(folder: Path, index: int, seed: int):
    shape = SHAPES[index % len(SHAPES)]
    width, height = SIZES[shape]
    r = Random(f"{seed}/{index}")
    scenes = [sample_scene(r, styles=LEARNT) for _ in range(SHARD)]
    pixels = np.stack([np.asarray(draw(scene, width, height)) for scene in scenes])
    name = f"{shape}-{index:04d}"
    (folder / f"{name}.json").write_text(json.dumps([asdict(scene) for scene in scenes]))
    np.save(folder / f"{name}.new.npy", pixels)
    (folder / f"{name}.new.npy").rename(folder / f"{name}.npy")


def shards(folder: Path, shape: str) -> list[Path]:
    return sorted(p for p in folder.glob(f"{shape}-*.npy") if ".new" not in p.name)


def scenes_of(shard: Path) -> list[Scene]:
    return [Scene(**facts) for facts in json.loads(shard.with_suffix(".json").read_text())]


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """uint8 (n, h, w, 3) to float (n, 3, h, w) in -1..1."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).contiguous().float().div_(127.5).sub_(1)


class Pictures:
    """Random batches of one shape, from all shards rendered when it is made."""

    def __init__(self, folder: Path, seed: int, held_out: int = 256):
        self.seed, self.held_out = seed, held_out
        self.files = {s: [np.load(f, mmap_mode="r") for f in shards(folder, s)] for s in SIZES}

    def batch(self, size: int, step: int) -> torch.Tensor:
        """The pictures of one step: which ones depends on the seed, the step and the shards alone."""
        r = np.random.default_rng((self.seed, step))
        present = [s for s in SIZES if self.files[s]]
        weights = np.array([0.8 if s == "square" else 0.1 for s in present])
        files = self.files[r.choice(present, p=weights / weights.sum())]
        picked = [files[r.integers(len(files))] for _ in range(size)]
        rows = [shard[r.integers(self.held_out, len(shard))] for shard in picked]
        return to_tensor(np.stack(rows))


def held_out(folder: Path, shape: str, count: int) -> torch.Tensor:
    """Pictures that no stage trains on: the first 256 of each shard."""
    return to_tensor(np.load(shards(folder, shape)[0], mmap_mode="r")[:count])


if __name__ == "__main__":
    options = arguments("data", count=30, first=0)
    target = options.runs / "data"
    target.mkdir(parents=True, exist_ok=True)
    for i in range(options.first, options.first + options.count):
        if not list(target.glob(f"*-{i:04d}.npy")):
            render_shard(target, i, options.seed)
            print("shard", i, flush=True)
