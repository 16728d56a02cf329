"""A scene is a few facts and a seed; drawing it is a pure function of them and of the size asked for."""

import hashlib
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from . import world
from .palette import AMBIENT, COLOURS, DARK_SKIES, NEON_SKIES, SKIES, SYNTH_SKIES, mix
from .pen import Pen
from .styles import FILTERS
from .things import THINGS, Look

GROUNDS = ("sea", "desert", "meadow", "snow", "street", "lake")
BACKGROUNDS = ("none", "mountains", "hills", "skyline", "forest")
# How often each is drawn. The plain style leads: a small model learns shapes there first and carries them over.
STYLES = {"flat": 0.52, "neon": 0.11, "synthwave": 0.10, "watercolour": 0.08, "pixel art": 0.06, "oil": 0.07, "sketch": 0.06}
SIZES = {"small": 0.66, "medium": 1.0, "large": 1.2}
PLACES = {"left": 0.27, "centre": 0.5, "right": 0.73}


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
    count: int = 1
    size: str = "medium"
    place: str = "centre"

    @property
    def is_held_out(self) -> bool:
        """True for one combination in twelve: those are never drawn for training, whatever the seed."""
        facts = "/".join((self.thing or "", self.colour or "", self.ground, self.sky, self.style))
        return self.thing is not None and hashlib.sha256(facts.encode()).digest()[0] < 21


def sample_scene(r: Random, held_out: bool = False, styles: dict[str, float] = STYLES) -> Scene:
    """Draws facts until they are (or are not) a held-out combination; `styles` says how often each style is drawn."""
    while True:
        scene = _any_scene(r, styles)
        if scene.is_held_out == held_out:
            return scene


def _any_scene(r: Random, styles: dict[str, float]) -> Scene:
    """Usually things stand where one would expect them, and a third of the time anywhere."""
    style = r.choices(list(styles), list(styles.values()))[0]
    thing = None if r.random() < 0.13 else r.choice(list(THINGS))
    colour = r.choice(list(COLOURS)) if thing else None
    if thing == "tree" and r.random() < 0.2 or thing == "cactus" and r.random() < 0.25:
        colour = "green"
    at_home = THINGS[thing].grounds if thing else GROUNDS
    ground = r.choice(at_home) if r.random() < 0.6 else r.choice(GROUNDS)
    background = r.choice(BACKGROUNDS)
    if ground == "street" and r.random() < 0.5 or style == "neon" and r.random() < 0.3:
        background = "skyline"
    if thing is None and background == "skyline" and r.random() < 0.5:
        ground = "street"
    count = r.choices((1, 2, 3), (0.9, 0.06, 0.04))[0] if thing else 1
    size = r.choices(list(SIZES), (0.1, 0.8, 0.1))[0] if thing and count == 1 else "medium"
    place = r.choices(list(PLACES), (0.08, 0.84, 0.08))[0] if thing and count == 1 else "centre"
    sky = r.choices(list(SKIES), [1.2 if name != "aurora" else 0.9 for name in SKIES])[0]
    return Scene(thing, colour, ground, sky, background, style, r.getrandbits(31), count, size, place)


def draw(scene: Scene, width: int, height: int, oversample: int = 4) -> Image.Image:
    """The scene as an RGB picture. The same scene and size give the same bytes."""
    r = Random(scene.seed)
    w, h = width * oversample, height * oversample
    k = min(w, h)
    wide, tall = w / k, h / k
    horizon = tall * r.uniform(0.60, 0.66)
    stops = {"neon": NEON_SKIES, "synthwave": SYNTH_SKIES}.get(scene.style, SKIES)[scene.sky]
    image = Image.new("RGB", (w, h), stops[-1])
    pen = Pen(ImageDraw.Draw(image, "RGBA"), k, AMBIENT[scene.sky])
    sun = world.paint_sky(image, pen, scene, stops, horizon, wide, r)
    world.paint_background(pen, scene, stops[-1], horizon, wide, r)
    world.haze(image, horizon, k, stops[-1])
    world.paint_ground(image, pen, scene, stops, sun, horizon, wide, r)
    if scene.thing:
        for x, depth in _spots(scene, wide, r):
            place_thing(image, scene, horizon, tall, k, x, depth, sun, r)
    finish = FILTERS.get(scene.style)
    if not finish:
        return image.reduce(oversample)
    half = max(1, oversample // 2)
    return finish(image.reduce(half) if half > 1 else image, r).reduce(oversample // half)


def _spots(scene: Scene, wide: float, r: Random) -> list[tuple[float, float]]:
    """Where the things stand: x, and how far down the ground (0..1), the farthest first."""
    if scene.count == 1:
        return [(wide * (PLACES[scene.place] + r.uniform(-0.05, 0.05)), r.random())]
    step = wide / scene.count
    spots = [(step * (i + 0.5) + r.uniform(-0.02, 0.02), r.random()) for i in range(scene.count)]
    return sorted(spots, key=lambda spot: spot[1])


def place_thing(image: Image.Image, scene: Scene, horizon: float, tall: float, k: float, x: float, depth: float, sun, r: Random):
    kind = THINGS[scene.thing]
    size = r.uniform(kind.low, kind.high) * SIZES[scene.size] * (1.0, 1.0, 0.74, 0.56)[scene.count]
    size *= 1.12 if scene.style == "pixel art" and scene.size != "large" else 1.0
    on_water = scene.ground in ("sea", "lake") and (kind.swims or scene.ground == "sea")
    if kind.flies:
        foot = tall * 0.5 + size / 2 - 0.06 - 0.08 * depth
    elif scene.ground == "lake" and not kind.swims:
        foot = horizon + (tall - horizon) * (0.66 + 0.16 * depth)
    elif scene.ground == "lake":
        foot = horizon + (tall - horizon) * (0.30 + 0.14 * depth)
    else:
        foot = horizon + (tall - horizon) * (0.42 + 0.24 * depth)
    is_dark = scene.sky in DARK_SKIES or scene.style in ("neon", "synthwave")
    look = Look(COLOURS[scene.colour], is_dark, scene.ground == "snow")
    ambient = tuple(0.42 + 0.58 * a for a in AMBIENT[scene.sky])
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    pen = Pen(ImageDraw.Draw(layer), k, ambient)
    mirror = r.choice((-1.0, 1.0))
    if scene.ground == "sea" and not kind.flies and not kind.swims:
        island(pen, x, foot, size, scene)
    if scene.thing == "fish":
        foot -= size * 0.3 if on_water else 0.0
    kind.paint(pen.at(x, foot, size, mirror), look, r)
    lit(layer, sun, x, k)
    if scene.thing == "fish" and on_water:
        splash(pen, x, foot, size)
    elif not kind.flies:
        under(image, layer, scene, on_water or scene.ground == "street", foot, x, size, k)
    if scene.thing == "lighthouse" and is_dark:
        beam(image, x, foot - size * 0.825, size, mirror, k)
    if scene.style in ("neon", "synthwave"):
        outline(image, layer, look, k)
    image.paste(layer, (0, 0), layer)


def lit(layer: Image.Image, sun, x: float, k: float):
    """Brightens the side that faces the light and darkens the other and the foot."""
    box = layer.getbbox()
    if not box:
        return
    part = layer.crop(box)
    pixels = np.asarray(part).astype(np.float32)
    h, w = pixels.shape[:2]
    side = 1.0 if sun and sun[0] > x else -1.0
    across = 1 + side * np.linspace(-0.10, 0.10, w, dtype=np.float32)
    down = np.linspace(1.05, 0.93, h, dtype=np.float32)
    pixels[..., :3] *= (across[None, :] * down[:, None])[..., None]
    layer.paste(Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGBA"), box[:2])


def island(pen: Pen, x: float, foot: float, size: float, scene: Scene):
    rock = (104, 98, 100) if scene.thing in ("lighthouse", "castle") else (222, 190, 128)
    pen.ellipse(x, foot + 0.02, size * 0.62, size * 0.10, rock)
    pen.ellipse(x - size * 0.1, foot, size * 0.4, size * 0.05, mix(rock, (255, 255, 255), 0.2))


def splash(pen: Pen, x: float, foot: float, size: float):
    """Rings and drops where a fish has left the water."""
    y = foot + size * 0.22
    for wide, tone in ((0.7, 150), (0.44, 210)):
        pen.ellipse(x - size * 0.1, y, size * wide, size * 0.07 * wide / 0.44, (236, 246, 252), alpha=tone)
    for dx, dy in ((-0.62, -0.22), (-0.4, -0.34), (0.5, -0.2), (0.7, -0.36)):
        pen.ellipse(x + dx * size, y + dy * size, size * 0.05, size * 0.06, (236, 246, 252))


def under(image: Image.Image, layer: Image.Image, scene: Scene, wet: bool, foot: float, x: float, size: float, k: float):
    """The thing's reflection on a wet ground, its shadow on a dry one."""
    w, h = image.size
    y = int(foot * k)
    if not wet:
        pen = Pen(ImageDraw.Draw(image, "RGBA"), k)
        pen.ellipse(x, foot, size * 0.46, size * 0.055, (20, 20, 50), alpha=60)
        pen.ellipse(x, foot, size * 0.36, size * 0.035, (20, 20, 50), alpha=80)
        return
    depth = h - y
    if depth <= 0:
        return
    above = layer.crop((0, y - depth, w, y)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    rows = np.asarray(above).copy()
    rows[..., 3] = (rows[..., 3] * np.linspace(0.62, 0.16, depth)[:, None]).astype(np.uint8)
    if scene.ground != "street":
        reach = 0.012 if scene.ground == "sea" else 0.005
        waves = (np.sin(np.arange(depth) / k * 90) * reach * k).astype(int)
        for i, s in enumerate(waves):
            if s:
                rows[i] = np.roll(rows[i], s, axis=0)
    ghost = Image.fromarray(rows)
    image.paste(ghost, (0, y), ghost)


def beam(image: Image.Image, x: float, y: float, size: float, mirror: float, k: float):
    pen = Pen(ImageDraw.Draw(image, "RGBA"), k)
    for far in (0.9, -0.9):
        for spread, alpha in ((1.0, 50), (0.6, 60)):
            pen.polygon([(x, y - 0.01), (x + far, y - 0.12 * spread), (x + far, y + 0.07 * spread), (x, y + 0.01)], (255, 240, 170), alpha=alpha)
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
