"""The judge: a small network that has only ever seen rendered pictures. `python -m meter.judge` trains and examines it.

It shares nothing with the model it judges: no weights, no latents, no captions. It reads one class per fact from a 64×64 picture.
Training pictures are blurred, tinted and covered with noise at random, so that it looks at shapes and colours and not at how the
renderer's edges happen to be anti-aliased.
"""

import json
import math
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from renderer import Scene, draw, sample_scene
from renderer.palette import COLOURS, SKIES
from renderer.scene import BACKGROUNDS, GROUNDS, PLACES, SIZES as THING_SIZES, STYLES
from renderer.things import THINGS
from trainer import data
from trainer.run import Average, Run, arguments, bf16, seed_step

CLASSES: dict[str, list] = {
    "thing": [*THINGS, None], "colour": [*COLOURS, None], "ground": list(GROUNDS), "sky": list(SKIES), "background": list(BACKGROUNDS),
    "style": list(STYLES), "count": [1, 2, 3], "size": list(THING_SIZES), "place": list(PLACES),
}
# The facts that adherence is about; the others are read too and shown apart.
FACTS = ("thing", "colour", "ground", "sky", "background", "style")


class Block(nn.Module):
    """Halves the sides, then one residual pair of convolutions."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.down = nn.Conv2d(before, after, 3, stride=2, padding=1)
        self.first, self.second = nn.Conv2d(after, after, 3, padding=1), nn.Conv2d(after, after, 3, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(8, after) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.silu(self.norms[0](self.down(x)))
        return x + self.norms[2](self.second(F.silu(self.norms[1](self.first(x)))))


class Judge(nn.Module):
    """Pictures (n, 3, 64, 64) in -1..1 to one row of scores per fact."""

    def __init__(self, widths=(32, 64, 128, 256)):
        super().__init__()
        self.body = nn.Sequential(*(Block(a, b) for a, b in zip((3, *widths), widths)))
        # Where things are matters as much as what they are: the last 4×4 cells are read as they stand.
        self.read = nn.Sequential(nn.Flatten(), nn.Linear(widths[-1] * 16, 256), nn.SiLU(), nn.Dropout(0.1))
        self.heads = nn.ModuleDict({fact: nn.Linear(256, len(classes)) for fact, classes in CLASSES.items()})

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        y = self.read(self.body(x))
        return {fact: head(y) for fact, head in self.heads.items()}

    @torch.no_grad()
    def facts(self, pictures: torch.Tensor) -> dict[str, list]:
        """What each picture shows, by the names of `CLASSES`."""
        seen: dict[str, list] = {fact: [] for fact in CLASSES}
        for part in pictures.split(100):
            for fact, scores in self(part).items():
                seen[fact] += [CLASSES[fact][i] for i in scores.argmax(1).tolist()]
        return seen


def truth(scenes: list[Scene]) -> dict[str, torch.Tensor]:
    return {fact: torch.tensor([classes.index(getattr(s, fact)) for s in scenes]) for fact, classes in CLASSES.items()}


def roughen(x: torch.Tensor, g: torch.Generator) -> torch.Tensor:
    """A batch with random blur, gain, tint and noise."""
    if torch.rand(1, generator=g) < 0.4:
        factor = 0.6 + 0.35 * torch.rand(1, generator=g).item()
        small = F.interpolate(x, scale_factor=factor, mode="bilinear", antialias=True)
        x = F.interpolate(small, size=x.shape[-2:], mode="bicubic")
    gain = 1 + 0.12 * torch.randn(len(x), 1, 1, 1, generator=g)
    tint = 0.06 * torch.randn(len(x), 3, 1, 1, generator=g)
    # More noise would hide what tells an oil painting's strokes from the plain style.
    noise = 0.02 * torch.rand(len(x), 1, 1, 1, generator=g) * torch.randn(x.shape, generator=g)
    return (x * gain + tint + noise).clamp(-1, 1)


def load(file: Path) -> Judge:
    judge = Judge()
    judge.load_state_dict(torch.load(file, weights_only=False, map_location="cpu")["average"])
    return judge.eval()


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share, by Wilson's score."""
    if not of:
        return 0.0, 1.0
    p = right / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return max(0.0, (middle - half) / (1 + z * z / of)), min(1.0, (middle + half) / (1 + z * z / of))


def examine(judge: Judge, pictures: torch.Tensor, scenes: list[Scene]) -> dict[str, tuple[int, int]]:
    """Right answers and questions per fact."""
    seen = judge.facts(pictures)
    return {fact: (sum(a == getattr(s, fact) for a, s in zip(seen[fact], scenes)), len(scenes)) for fact in CLASSES}


def unseen(count: int, seed: int) -> tuple[torch.Tensor, list[Scene]]:
    """Renders of held-out combinations."""
    r = Random(f"{seed}/judge")
    scenes = [sample_scene(r, held_out=True) for _ in range(count)]
    return data.to_tensor(np.stack([np.asarray(draw(s, 64, 64)) for s in scenes])), scenes


def learn(o):
    run = Run(o.runs, "judge")
    run.stop_on_signal()
    judge = Judge()
    state = run.load() or {"step": 0, "model": judge.state_dict()}
    judge.load_state_dict(state["model"])
    average = Average(judge, 0.998)
    average.module.load_state_dict(state.get("average", state["model"]))
    optimizer = torch.optim.AdamW(judge.parameters(), lr=o.rate, weight_decay=0.02)
    if "optimizer" in state:
        optimizer.load_state_dict(state["optimizer"])
    shards = [(np.load(file, mmap_mode="r"), truth(data.scenes_of(file))) for file in data.shards(o.runs / "data", "square")]
    step = state["step"]
    while step < o.steps and not run.stopping:
        seed_step(o.seed, step)
        g = torch.Generator().manual_seed(o.seed * 1_000_003 + step)
        pixels, facts = shards[torch.randint(len(shards), (1,), generator=g)]
        rows = torch.randint(256, len(pixels), (o.batch,), generator=g)
        x = roughen(data.to_tensor(pixels[rows.numpy()]), g)
        for group in optimizer.param_groups:
            group["lr"] = o.rate * min(1.0, (step + 1) / 100) * max(0.01, 1 - step / o.steps)
        with bf16():
            scores = judge(x)
        losses = {fact: F.cross_entropy(scores[fact].float(), facts[fact][rows], label_smoothing=0.02) for fact in CLASSES}
        loss = sum(losses.values())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        step += 1
        average.update(judge, step)
        run.note(**{fact: losses[fact].detach() for fact in ("thing", "colour", "background", "style")})
        if step % 100 == 0:
            run.flush(step, step * o.batch)
        if step % 400 == 0 or step == o.steps or run.stopping:
            run.save(step=step, model=judge.state_dict(), average=average.module.state_dict(), optimizer=optimizer.state_dict())
    run.end()
    return average.module.eval()


def main():
    o = arguments("judge", steps=3200, batch=64, rate=1.5e-3, pictures=1000)
    judge = learn(o)
    report = examine(judge, *unseen(o.pictures, o.seed))
    for fact, (right, of) in report.items():
        low, high = wilson(right, of)
        print(f"| {fact} | {100 * right / of:.1f} % | {100 * low:.1f}–{100 * high:.1f} |")
    (o.runs / "judge" / "held-out.json").write_text(json.dumps({fact: right / of for fact, (right, of) in report.items()}, indent=2))


if __name__ == "__main__":
    main()
