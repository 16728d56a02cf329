"""A scene is a few facts and a seed; drawing it is a pure function of them and of the size asked for."""

from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from . import world
from .palette import AMBIENT, COLOURS, NEON_SKIES, SKIES, mix
from .pen import Pen
from .things import THINGS, Look

GROUNDS = ("sea", "desert", "meadow", "snow", "street")
BACKGROUNDS = ("none", "mountains", "hills", "skyline", "forest")
STYLES = ("flat", "neon")


@dataclass(frozen=True)
class Scene:
    """What a picture shows. `thing` is None in a landscape, and so is `colour` then."""

    thing: str | None
    colour: str | None
    ground: str
    sky: str
    background: str
    style: str
    seed: int


def sample_scene(r: Random) -> Scene:
    """Draws the facts: usually things stand where one would expect them, and a third of the time anywhere."""
    style = "neon" if r.random() < 0.2 else "flat"
    thing = None if r.random() < 0.16 else r.choice(list(THINGS))
    colour = r.choice(list(COLOURS)) if thing else None
    if thing == "tree" and r.random() < 0.2 or thing == "cactus" and r.random() < 0.25:
        colour = "green"
    at_home = THINGS[thing].grounds if thing else GROUNDS
    ground = r.choice(at_home) if r.random() < 0.65 else r.choice(GROUNDS)
    background = r.choice(BACKGROUNDS)
    if ground == "street" and r.random() < 0.55 or style == "neon" and r.random() < 0.4:
        background = "skyline"
    if thing is None and background == "skyline" and r.random() < 0.5:
        ground = "street"
    return Scene(thing, colour, ground, r.choice(list(SKIES)), background, style, r.getrandbits(31))


def draw(scene: Scene, width: int, height: int, oversample: int = 4) -> Image.Image:
    """The scene as an RGB picture. The same scene and size give the same bytes."""
    r = Random(scene.seed)
    w, h = width * oversample, height * oversample
    k = min(w, h)
    wide, tall = w / k, h / k
    horizon = tall * r.uniform(0.60, 0.66)
    stops = (NEON_SKIES if scene.style == "neon" else SKIES)[scene.sky]
    ambient = AMBIENT[scene.sky]
    image = Image.new("RGB", (w, h), stops[-1])
    pen = Pen(ImageDraw.Draw(image, "RGBA"), k, ambient)
    sun = world.paint_sky(image, pen, scene.sky, stops, horizon, wide, r)
    world.paint_background(image, pen, scene.background, scene, stops[-1], horizon, wide, r)
    world.paint_ground(image, pen, scene, stops, sun, horizon, wide, r)
    if scene.thing:
        place_thing(image, scene, horizon, wide, tall, k, r)
    return image.reduce(oversample)


def place_thing(image: Image.Image, scene: Scene, horizon: float, wide: float, tall: float, k: float, r: Random):
    kind = THINGS[scene.thing]
    size = r.uniform(kind.low, kind.high)
    x = wide / 2 + r.uniform(-0.08, 0.08) * wide
    if kind.flies:
        foot = tall * 0.5 + size / 2 - r.uniform(0.06, 0.14)
    else:
        foot = horizon + (tall - horizon) * r.uniform(0.42, 0.66)
    is_dark = scene.sky in ("night", "storm", "sunset") or scene.style == "neon"
    look = Look(COLOURS[scene.colour], is_dark, scene.ground == "snow")
    ambient = tuple(0.35 + 0.65 * a for a in AMBIENT[scene.sky])
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    pen = Pen(ImageDraw.Draw(layer), k, ambient)
    mirror = r.choice((-1.0, 1.0))
    if not kind.flies and scene.ground == "sea" and scene.thing != "sailboat":
        island(pen, x, foot, size, scene)
    kind.paint(pen.at(x, foot, size, mirror), look, r)
    wet = scene.ground in ("sea", "street")
    if not kind.flies:
        under(image, layer, scene, wet, foot, x, size, k)
    if scene.thing == "lighthouse" and is_dark:
        beam(image, x, foot - size * 0.825, size, mirror, k)
    if scene.style == "neon":
        outline(image, layer, look, k)
    image.paste(layer, (0, 0), layer)


def island(pen: Pen, x: float, foot: float, size: float, scene: Scene):
    rock = (104, 98, 100) if scene.thing in ("lighthouse", "castle") else (222, 190, 128)
    pen.ellipse(x, foot + 0.02, size * 0.62, size * 0.10, rock)
    pen.ellipse(x - size * 0.1, foot, size * 0.4, size * 0.05, mix(rock, (255, 255, 255), 0.2))


def under(image: Image.Image, layer: Image.Image, scene: Scene, wet: bool, foot: float, x: float, size: float, k: float):
    """The thing's reflection on a wet ground, its shadow on a dry one."""
    w, h = image.size
    y = int(foot * k)
    if not wet:
        pen = Pen(ImageDraw.Draw(image, "RGBA"), k)
        pen.ellipse(x, foot, size * 0.42, size * 0.05, (20, 20, 50), alpha=90)
        return
    depth = h - y
    above = layer.crop((0, y - depth, w, y)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    rows = np.asarray(above).copy()
    rows[..., 3] = (rows[..., 3] * np.linspace(0.62, 0.2, depth)[:, None]).astype(np.uint8)
    if scene.ground == "sea":
        waves = (np.sin(np.arange(depth) / k * 90) * 0.012 * k).astype(int)
        for i, s in enumerate(waves):
            if s:
                rows[i] = np.roll(rows[i], s, axis=0)
    ghost = Image.fromarray(rows)
    image.paste(ghost, (0, y), ghost)


def beam(image: Image.Image, x: float, y: float, size: float, mirror: float, k: float):
    pen = Pen(ImageDraw.Draw(image, "RGBA"), k)
    for far in (0.9, -0.9):
        pen.polygon([(x, y - 0.01), (x + far, y - 0.12), (x + far, y + 0.07), (x, y + 0.01)], (255, 240, 170), alpha=96)
    world.halo(image, x * k, y * k, 0.09 * k, (255, 240, 170), 0.9)


def outline(image: Image.Image, layer: Image.Image, look: Look, k: float):
    """Neon things are dark bodies inside a bright tube of their own colour, which lights the air around them."""
    alpha = layer.getchannel("A").point(lambda a: 255 if a > 200 else 0)
    small = alpha.reduce(2)
    size = max(3, int(k * 0.010) | 1)
    fat = small.filter(ImageFilter.MaxFilter(size))
    edge = ImageChops.subtract(fat, small).resize(alpha.size)
    air = fat.filter(ImageFilter.BoxBlur(k * 0.018)).filter(ImageFilter.BoxBlur(k * 0.018)).resize(alpha.size)
    tube = mix(look.base, (255, 255, 255), 0.3) if sum(look.base) > 200 else (190, 190, 220)
    image.paste(tube, (0, 0), air.point(lambda a: int(a * 0.55)))
    image.paste(mix(tube, (255, 255, 255), 0.35), (0, 0), edge)
