"""Writes the page of samples and the page of their captions: `python -m renderer.page --to samples`."""

import argparse
from dataclasses import replace
from pathlib import Path
from random import Random

from PIL import Image

from .captions import caption
from .scene import STYLES, Scene, draw, sample_scene
from .things import THINGS

COLUMNS, SIDE = 10, 96


def scenes(seed: int) -> list[tuple[str, Scene]]:
    """Every thing once in the plain style, one of each count, size and place, then a row of each style; with the row's name."""
    r = Random(seed)
    page = []
    for thing in THINGS:
        page.append(("things", replace(_plain(r), thing=thing)))
    page.append(("things", replace(_plain(r), thing=None, colour=None)))
    page += [("counts, sizes, places", replace(_plain(r), **facts)) for facts in (
        {"count": 2}, {"count": 3}, {"size": "small"}, {"size": "large"}, {"place": "left"}, {"place": "right"}, {"sky": "aurora"}, {"ground": "lake"},
        {"ground": "street", "background": "skyline", "sky": "night"}, {"ground": "sea", "sky": "sunset"})]
    for style in STYLES:
        page += [(style, replace(sample_scene(r), style=style)) for _ in range(COLUMNS)]
    return page


def _plain(r: Random) -> Scene:
    while True:
        scene = sample_scene(r)
        if scene.style == "flat" and scene.thing and scene.count == 1 and scene.size == "medium" and scene.place == "centre":
            return scene


def main():
    parser = argparse.ArgumentParser(prog="python -m renderer.page")
    parser.add_argument("--to", type=Path, default=Path("samples"))
    parser.add_argument("--seed", type=int, default=5)
    o = parser.parse_args()
    page, r = scenes(o.seed), Random(o.seed)
    rows = -(-len(page) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SIDE, rows * SIDE))
    lines, heading = ["# Captions of `renderer.png`, row by row", ""], None
    for i, (name, scene) in enumerate(page):
        sheet.paste(draw(scene, SIDE, SIDE), (i % COLUMNS * SIDE, i // COLUMNS * SIDE))
        if name != heading:
            heading = name
            lines += ["", f"## {name.capitalize()}", ""]
        lines.append(f"{i + 1}. {caption(scene, r)}")
    o.to.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG).save(o.to / "renderer.png", optimize=True)
    (o.to / "captions.md").write_text("\n".join(lines).replace("\n\n\n", "\n\n") + "\n")


if __name__ == "__main__":
    main()
