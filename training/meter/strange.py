"""What the model makes of prompts that it cannot understand: `python -m meter.strange --model ../models/easel-tiny`.

A picture is called plausible when its contrast and its roughness lie where 998 of 1000 renders lie: grey mush has too little
contrast, noise too much roughness. A page of the pictures is written for the eye.
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from trainer.run import arguments

from .judge import unseen
from .table import Painter

PROMPTS = {
    "empty": "",
    "unknown words": "a quantum blorbfish debugging the zeitgeist",
    "one letter": "x",
    "punctuation": "?!... ,,, --- ;;;",
    "numbers": "1234567890 42 3.14159",
    "five hundred words": " ".join(["a red house by the sea at sunset and then another thing"] * 46),
    "five hundred unknown words": " ".join(f"word{i}" for i in range(500)),
    "German": "ein rotes Haus auf einer Wiese bei Nacht",
    "French": "un château bleu au bord de la mer au coucher du soleil",
    "Japanese": "夜の海に浮かぶ赤い船",
    "Arabic": "قارب أحمر في البحر عند الغروب",
    "Russian": "красный дом в снегу ночью",
    "emoji": "🚀🌵🏰✨🌊🐈",
    "shouting": "A GREEN TREE ON A MEADOW!!!",
    "markup": "<b>red</b> {car} [house] \\n %s $(x)",
    "no scene at all": "the feeling of having forgotten why one came into the room",
}


def contrast(x: torch.Tensor) -> torch.Tensor:
    """Deviation of the pixels of each picture, (n,)."""
    return x.std((1, 2, 3))


def roughness(x: torch.Tensor) -> torch.Tensor:
    """Mean step between neighbouring pixels in units of the picture's own deviation, (n,)."""
    steps = (x[..., 1:] - x[..., :-1]).abs().mean((1, 2, 3)) + (x[..., 1:, :] - x[..., :-1, :]).abs().mean((1, 2, 3))
    return steps / contrast(x).clamp(min=1e-3)


def main():
    o = arguments("strange", model="../models/easel-tiny", each=4, to="")
    renders, _ = unseen(1000, o.seed)
    lowest = contrast(renders).quantile(0.001).item()
    roughest = roughness(renders).quantile(0.999).item()
    painter = Painter(Path(o.model))
    names = [name for name in PROMPTS for _ in range(o.each)]
    made = painter([PROMPTS[name] for name in names], seed=o.seed)
    fine = (contrast(made) >= lowest) & (roughness(made) <= roughest) & torch.isfinite(made).all(1).all(1).all(1)
    print(f"| prompt | plausible of {o.each} | contrast (≥ {lowest:.2f}) | roughness (≤ {roughest:.2f}) |\n|---|---|---|---|")
    for i, name in enumerate(PROMPTS):
        rows = slice(i * o.each, (i + 1) * o.each)
        print(f"| {name} | {int(fine[rows].sum())} | {contrast(made[rows]).min():.2f} | {roughness(made[rows]).max():.2f} |")
    if o.to:
        pixels = ((made + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        columns = 4 * o.each
        rows = [np.concatenate(list(pixels[i:i + columns]), axis=1) for i in range(0, len(pixels), columns)]
        Image.fromarray(np.concatenate(rows)).save(o.to)


if __name__ == "__main__":
    main()
