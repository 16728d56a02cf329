"""The things that can be asked for. Each is drawn by a pen whose origin is the thing's foot and whose unit is its height."""

import math
from dataclasses import dataclass
from random import Random

from .palette import Rgb, dark, light, mix
from .pen import Pen

WOOD: Rgb = (116, 74, 44)
STEEL: Rgb = (120, 126, 138)
GLASS: Rgb = (150, 204, 232)
LAMP: Rgb = (255, 226, 120)


@dataclass(frozen=True)
class Look:
    """How this copy of a thing looks."""

    base: Rgb
    is_dark: bool
    has_snow: bool

    @property
    def accent(self) -> Rgb:
        """A second colour that never takes over the first: white, or grey on white."""
        return (178, 186, 200) if sum(self.base) > 690 else (244, 244, 242)

    @property
    def window(self) -> Rgb:
        return LAMP if self.is_dark else GLASS


def sailboat(p: Pen, k: Look, r: Random):
    p.rect(-0.015, 0.16, 0.03, 0.84, WOOD)
    p.polygon([(0.03, 0.96), (0.03, 0.26), (0.42, 0.26), (0.26, 0.56)], k.base)
    p.polygon([(0.03, 0.96), (0.03, 0.26), (0.16, 0.26), (0.12, 0.6)], light(k.base))
    p.polygon([(-0.03, 0.86), (-0.03, 0.26), (-0.36, 0.26)], dark(k.base))
    p.polygon([(-0.46, 0.2), (0.48, 0.2), (0.34, 0.0), (-0.34, 0.0)], mix(k.base, WOOD, 0.55))
    p.polygon([(-0.46, 0.2), (0.48, 0.2), (0.45, 0.15), (-0.435, 0.15)], k.accent)


def house(p: Pen, k: Look, r: Random):
    p.rect(0.2, 0.62, 0.12, 0.3, dark(k.base))
    p.rect(-0.42, 0.0, 0.84, 0.52, k.base)
    p.rect(0.22, 0.0, 0.2, 0.52, mix(k.base, dark(k.base), 0.45))
    roof = mix(dark(k.base), (92, 44, 40), 0.6)
    p.polygon([(-0.54, 0.5), (0.54, 0.5), (0.0, 0.94)], roof)
    if k.has_snow:
        p.polygon([(-0.4, 0.62), (-0.26, 0.66), (0.0, 0.8), (0.26, 0.66), (0.4, 0.62), (0.0, 0.97)], (246, 250, 255))
    p.rect(-0.09, 0.0, 0.18, 0.3, WOOD)
    for x in (-0.33, 0.16):
        p.rect(x - 0.02, 0.18, 0.2, 0.22, (246, 246, 246))
        p.rect(x, 0.2, 0.16, 0.18, k.window, glow=k.is_dark)


def tree(p: Pen, k: Look, r: Random):
    p.polygon([(-0.07, 0.0), (0.07, 0.0), (0.045, 0.5), (-0.045, 0.5)], WOOD)
    for x, y, s in ((-0.2, 0.5, 0.2), (0.2, 0.5, 0.2), (0.0, 0.46, 0.2)):
        p.ellipse(x, y, s, s, dark(k.base))
    for x, y, s in ((-0.16, 0.6, 0.2), (0.16, 0.62, 0.2), (0.0, 0.76, 0.23)):
        p.ellipse(x, y, s, s, k.base)
    for x, y, s in ((-0.18, 0.67, 0.1), (-0.03, 0.83, 0.11)):
        p.ellipse(x, y, s, s, light(k.base))
    if k.has_snow:
        p.ellipse(-0.02, 0.93, 0.15, 0.05, (246, 250, 255))


def balloon(p: Pen, k: Look, r: Random):
    p.polygon([(-0.3, 0.5), (0.3, 0.5), (0.1, 0.24), (-0.1, 0.24)], dark(k.base))
    p.ellipse(0.0, 0.64, 0.38, 0.36, dark(k.base))
    p.ellipse(-0.02, 0.64, 0.34, 0.36, k.base)
    p.ellipse(-0.03, 0.64, 0.2, 0.36, k.accent)
    p.ellipse(-0.03, 0.64, 0.13, 0.36, k.base)
    p.polygon([(-0.16, 0.4), (0.13, 0.4), (0.06, 0.24), (-0.08, 0.24)], k.base)
    for x in (-0.09, 0.09):
        p.line([(x, 0.25), (x * 0.8, 0.12)], 0.014, WOOD)
    p.rect(-0.09, 0.0, 0.18, 0.13, WOOD)
    p.rect(-0.1, 0.1, 0.2, 0.03, light(WOOD))


def rocket(p: Pen, k: Look, r: Random):
    p.polygon([(-0.11, 0.2), (0.11, 0.2), (0.0, -0.12)], (255, 134, 30), glow=True)
    p.polygon([(-0.06, 0.2), (0.06, 0.2), (0.0, 0.03)], (255, 236, 130), glow=True)
    p.polygon([(-0.13, 0.46), (-0.29, 0.14), (-0.11, 0.22)], dark(k.base))
    p.polygon([(0.13, 0.46), (0.29, 0.14), (0.11, 0.22)], dark(k.base))
    p.polygon([(-0.13, 0.2), (0.13, 0.2), (0.17, 0.5), (0.12, 0.78), (0.0, 1.0), (-0.12, 0.78), (-0.17, 0.5)], k.base)
    p.polygon([(0.05, 0.2), (0.13, 0.2), (0.17, 0.5), (0.12, 0.78), (0.0, 1.0), (0.06, 0.6)], mix(k.base, dark(k.base), 0.5))
    p.polygon([(-0.12, 0.78), (0.12, 0.78), (0.0, 1.0)], k.accent)
    p.ellipse(0.0, 0.6, 0.09, 0.09, k.accent)
    p.ellipse(0.0, 0.6, 0.06, 0.06, GLASS)


def lighthouse(p: Pen, k: Look, r: Random):
    def half(y):
        return 0.17 - 0.08 * y / 0.74

    for i in range(5):
        a, b = 0.74 * i / 5, 0.74 * (i + 1) / 5
        tone = k.base if i % 2 == 0 else k.accent
        p.polygon([(-half(a), a), (half(a), a), (half(b), b), (-half(b), b)], tone)
        shade = mix(tone, (40, 44, 66), 0.26)
        p.polygon([(half(a) * 0.3, a), (half(a), a), (half(b), b), (half(b) * 0.3, b)], shade)
    p.rect(-0.14, 0.73, 0.28, 0.035, (60, 62, 76))
    p.rect(-0.075, 0.765, 0.15, 0.12, LAMP, glow=True)
    p.polygon([(-0.12, 0.885), (0.12, 0.885), (0.0, 1.0)], mix(dark(k.base), (170, 40, 40), 0.6))


def castle(p: Pen, k: Look, r: Random):
    shade = mix(k.base, dark(k.base), 0.5)
    p.rect(-0.16, 0.0, 0.32, 0.6, shade)
    p.rect(-0.36, 0.0, 0.72, 0.36, k.base)
    for i in range(5):
        p.rect(-0.3 + 0.13 * i, 0.36, 0.07, 0.06, k.base)
    for x, h in ((-0.42, 0.6), (0.22, 0.6), (-0.1, 0.72)):
        p.rect(x, 0.0 if h < 0.7 else 0.36, 0.2, h if h < 0.7 else 0.36, k.base)
        p.rect(x + 0.13, 0.0 if h < 0.7 else 0.42, 0.07, h if h < 0.7 else 0.3, shade)
        p.polygon([(x - 0.04, h), (x + 0.24, h), (x + 0.1, h + 0.27)], mix(dark(k.base), (60, 60, 110), 0.45))
        p.rect(x + 0.06, h - 0.16, 0.07, 0.1, LAMP if k.is_dark else (40, 40, 56), glow=k.is_dark)
    p.rect(-0.09, 0.0, 0.18, 0.16, (54, 40, 36))
    p.ellipse(0.0, 0.16, 0.09, 0.08, (54, 40, 36))


def car(p: Pen, k: Look, r: Random):
    p.polygon([(-0.46, 0.32), (-0.28, 0.6), (0.22, 0.6), (0.46, 0.32)], k.base)
    p.polygon([(-0.36, 0.34), (-0.24, 0.54), (-0.03, 0.54), (-0.03, 0.34)], GLASS)
    p.polygon([(0.03, 0.34), (0.03, 0.54), (0.19, 0.54), (0.34, 0.34)], GLASS)
    p.polygon([(-0.76, 0.1), (-0.76, 0.3), (-0.66, 0.36), (0.66, 0.36), (0.8, 0.28), (0.8, 0.1)], k.base)
    p.rect(-0.76, 0.1, 1.56, 0.09, dark(k.base))
    p.ellipse(0.75, 0.26, 0.06, 0.05, LAMP, glow=True)
    p.ellipse(-0.73, 0.27, 0.035, 0.05, (214, 40, 40), glow=True)
    for x in (-0.42, 0.45):
        p.ellipse(x, 0.12, 0.17, 0.16, (28, 28, 34))
        p.ellipse(x, 0.12, 0.08, 0.075, (190, 194, 204))


def cactus(p: Pen, k: Look, r: Random):
    def limb(points, w, colour):
        p.line(points, w, colour)
        for x, y in points:
            p.ellipse(x, y, w / 2, w / 2, colour)

    limb([(0.0, 0.0), (0.0, 0.88)], 0.22, k.base)
    limb([(0.0, 0.3), (-0.27, 0.3), (-0.27, 0.6)], 0.15, k.base)
    limb([(0.0, 0.42), (0.27, 0.42), (0.27, 0.76)], 0.15, k.base)
    for x, a, b in ((-0.05, 0.04, 0.88), (-0.3, 0.34, 0.6), (0.24, 0.48, 0.76)):
        p.line([(x, a), (x, b)], 0.035, light(k.base))
    p.line([(0.06, 0.02), (0.06, 0.88)], 0.04, dark(k.base))


def flower(p: Pen, k: Look, r: Random):
    stem = (56, 142, 60)
    p.line([(0.0, 0.0), (0.0, 0.6)], 0.05, stem)
    p.petal(0.0, 0.14, 0.3, 0.13, math.radians(38), stem)
    p.petal(0.0, 0.2, 0.3, 0.13, math.radians(142), light(stem))
    turn = r.uniform(0.0, 0.7)
    for i in range(8):
        a = turn + i * math.pi / 4
        p.petal(0.0, 0.68, 0.32, 0.22, a, k.base if i % 2 else mix(k.base, dark(k.base), 0.4))
    heart = (122, 74, 32) if k.base[0] > 230 and 120 < k.base[1] and k.base[2] < 90 else (252, 206, 48)
    p.ellipse(0.0, 0.68, 0.1, 0.1, heart)


def cat(p: Pen, k: Look, r: Random):
    fur, deep = k.base, mix(k.base, dark(k.base), 0.55)
    p.line([(0.2, 0.06), (0.4, 0.1), (0.46, 0.3), (0.38, 0.46)], 0.09, deep)
    p.ellipse(0.38, 0.46, 0.045, 0.045, deep)
    p.ellipse(0.0, 0.27, 0.27, 0.28, fur)
    p.ellipse(0.13, 0.16, 0.16, 0.16, deep)
    p.ellipse(0.0, 0.22, 0.13, 0.2, light(fur))
    for x in (-0.11, 0.11):
        p.ellipse(x, 0.04, 0.09, 0.05, fur)
    for s in (-1, 1):
        p.polygon([(s * 0.25, 0.74), (s * 0.24, 1.0), (s * 0.04, 0.86)], fur)
        p.polygon([(s * 0.21, 0.8), (s * 0.2, 0.93), (s * 0.1, 0.86)], (240, 160, 170))
    p.ellipse(0.0, 0.68, 0.27, 0.22, fur)
    for s in (-1, 1):
        p.ellipse(s * 0.11, 0.7, 0.062, 0.07, (180, 232, 90), glow=k.is_dark)
        p.ellipse(s * 0.11, 0.7, 0.024, 0.06, (20, 20, 26))
    p.polygon([(-0.035, 0.62), (0.035, 0.62), (0.0, 0.575)], (240, 130, 150))


def windmill(p: Pen, k: Look, r: Random):
    p.polygon([(-0.2, 0.0), (0.2, 0.0), (0.12, 0.62), (-0.12, 0.62)], k.base)
    p.polygon([(0.06, 0.0), (0.2, 0.0), (0.12, 0.62), (0.04, 0.62)], mix(k.base, dark(k.base), 0.55))
    p.polygon([(-0.15, 0.62), (0.15, 0.62), (0.0, 0.78)], mix(dark(k.base), (92, 44, 40), 0.5))
    p.rect(-0.05, 0.0, 0.1, 0.16, WOOD)
    p.rect(-0.04, 0.3, 0.08, 0.1, k.window, glow=k.is_dark)
    turn = r.uniform(0.15, 1.4)
    for i in range(4):
        a = turn + i * math.pi / 2
        c, s = math.cos(a), math.sin(a)
        tip, side = (0.42 * c, 0.62 + 0.42 * s), (-s * 0.09, c * 0.09)
        root = (0.1 * c, 0.62 + 0.1 * s)
        p.polygon([root, tip, (tip[0] + side[0], tip[1] + side[1]), (root[0] + side[0], root[1] + side[1])], (250, 246, 234))
        p.line([(0.0, 0.62), tip], 0.03, WOOD)
    p.ellipse(0.0, 0.62, 0.04, 0.04, (60, 50, 50))


def fish(p: Pen, k: Look, r: Random):
    """In profile, facing right, a little nose-up as if it leapt."""
    deep = mix(k.base, dark(k.base), 0.55)
    p.polygon([(-0.42, 0.5), (-0.86, 0.84), (-0.74, 0.48), (-0.84, 0.14)], deep)
    p.polygon([(-0.22, 0.78), (0.02, 1.02), (0.3, 0.8)], deep)
    p.polygon([(-0.1, 0.2), (-0.2, 0.0), (0.16, 0.18)], deep)
    p.ellipse(0.06, 0.5, 0.62, 0.36, k.base)
    p.ellipse(0.1, 0.36, 0.46, 0.19, mix(k.base, (255, 255, 255), 0.45))
    p.ellipse(0.02, 0.58, 0.5, 0.24, k.base)
    for x in (-0.3, -0.08, 0.14):
        p.line([(x, 0.78), (x + 0.07, 0.56), (x, 0.34)], 0.05, deep)
    p.ellipse(0.46, 0.58, 0.105, 0.115, (250, 250, 250), glow=True)
    p.ellipse(0.49, 0.58, 0.055, 0.065, (20, 20, 26), glow=True)
    p.line([(0.66, 0.42), (0.54, 0.38)], 0.03, dark(deep))


def bird(p: Pen, k: Look, r: Random):
    """In flight, facing right, both wings up."""
    deep = mix(k.base, dark(k.base), 0.55)
    p.polygon([(-0.4, 0.36), (-0.9, 0.5), (-0.94, 0.3), (-0.78, 0.2), (-0.36, 0.24)], deep)
    p.polygon([(0.2, 0.42), (0.34, 1.0), (0.12, 0.94), (-0.1, 0.46)], deep)
    p.ellipse(-0.02, 0.3, 0.44, 0.19, k.base)
    p.ellipse(0.0, 0.23, 0.34, 0.11, light(k.base))
    p.ellipse(0.44, 0.42, 0.17, 0.16, k.base)
    p.polygon([(0.58, 0.47), (0.84, 0.38), (0.58, 0.33)], (252, 190, 40) if k.base[0] < 240 or k.base[1] > 220 else (90, 70, 60))
    wing = [(0.16, 0.36), (-0.02, 0.72), (-0.3, 1.02), (-0.56, 1.0), (-0.5, 0.84), (-0.62, 0.8), (-0.5, 0.64), (-0.54, 0.56), (-0.3, 0.36)]
    p.polygon(wing, k.base)
    p.polygon([(0.16, 0.36), (-0.02, 0.72), (-0.3, 1.02), (-0.26, 0.7), (-0.1, 0.42)], light(k.base))
    p.ellipse(0.49, 0.46, 0.038, 0.038, (16, 16, 22) if sum(k.base) > 200 else (250, 250, 250), glow=True)


def bridge(p: Pen, k: Look, r: Random):
    """Two towers, their cables and a deck that runs out of sight on both sides."""
    deep = mix(k.base, dark(k.base), 0.5)
    for i in range(-5, 6):
        x = i * 0.17
        drop = 0.42 + 1.5 * x * x if abs(x) < 0.62 else max(0.44, 0.98 - 1.15 * (abs(x) - 0.62))
        p.line([(x, 0.36), (x, min(0.96, drop))], 0.022, deep)
    cable = [(x / 20, 0.42 + 1.5 * (x / 20) ** 2) for x in range(-12, 13)]
    p.line([(-1.3, 0.4), *cable, (1.3, 0.4)], 0.05, k.base)
    for x in (-0.62, 0.62):
        p.rect(x - 0.09, -0.08, 0.18, 1.08, k.base)
        p.rect(x + 0.03, -0.08, 0.06, 1.08, deep)
        p.rect(x - 0.035, 0.5, 0.07, 0.16, (40, 44, 60) if k.is_dark else (190, 214, 236))
        p.rect(x - 0.14, -0.1, 0.28, 0.1, STEEL)
    p.rect(-1.5, 0.28, 3.0, 0.12, k.base)
    p.rect(-1.5, 0.28, 3.0, 0.05, deep)
    if k.is_dark:
        for i in range(-4, 5):
            p.ellipse(i * 0.3, 0.44, 0.035, 0.035, LAMP, glow=True)


def circle(p: Pen, k: Look, r: Random):
    p.ellipse(0.0, 0.5, 0.5, 0.5, mix(k.base, dark(k.base), 0.6))
    p.ellipse(-0.03, 0.53, 0.45, 0.45, k.base)
    p.ellipse(-0.14, 0.68, 0.2, 0.17, light(k.base))


def square(p: Pen, k: Look, r: Random):
    p.rect(-0.5, 0.0, 1.0, 1.0, k.base)
    p.polygon([(0.5, 0.0), (0.5, 1.0), (0.36, 0.86), (0.36, 0.14)], mix(k.base, dark(k.base), 0.5))
    p.polygon([(-0.5, 0.0), (0.5, 0.0), (0.36, 0.14), (-0.36, 0.14)], mix(k.base, dark(k.base), 0.7))
    p.polygon([(-0.5, 1.0), (0.5, 1.0), (0.36, 0.86), (-0.36, 0.86)], light(k.base))


def triangle(p: Pen, k: Look, r: Random):
    p.polygon([(-0.62, 0.0), (0.62, 0.0), (0.0, 1.0)], k.base)
    p.polygon([(0.16, 0.0), (0.62, 0.0), (0.0, 1.0)], mix(k.base, dark(k.base), 0.55))
    p.polygon([(-0.62, 0.0), (-0.5, 0.0), (0.0, 1.0)], light(k.base))


def star(p: Pen, k: Look, r: Random):
    points = []
    for i in range(10):
        a, radius = math.pi / 2 + i * math.pi / 5, 0.54 if i % 2 == 0 else 0.24
        points.append((radius * math.cos(a), 0.46 + radius * math.sin(a)))
    p.polygon(points, k.base)
    for i in range(0, 10, 2):
        p.polygon([(0.0, 0.46), points[i], points[(i + 1) % 10]], mix(k.base, dark(k.base), 0.45))


@dataclass(frozen=True)
class Kind:
    """How a thing is drawn, how tall it may be (units of the picture's shorter side) and where it feels at home."""

    paint: object
    low: float
    high: float
    flies: bool = False
    swims: bool = False
    grounds: tuple[str, ...] = ("meadow", "snow", "desert", "street", "sea", "lake")


THINGS: dict[str, Kind] = {
    "sailboat": Kind(sailboat, 0.54, 0.66, swims=True, grounds=("sea", "lake")),
    "house": Kind(house, 0.46, 0.58, grounds=("meadow", "snow", "desert", "lake")),
    "tree": Kind(tree, 0.52, 0.64, grounds=("meadow", "snow", "lake")),
    "balloon": Kind(balloon, 0.52, 0.64, flies=True),
    "rocket": Kind(rocket, 0.58, 0.70, flies=True),
    "lighthouse": Kind(lighthouse, 0.58, 0.70, grounds=("sea", "sea", "lake")),
    "castle": Kind(castle, 0.54, 0.64, grounds=("meadow", "snow", "desert")),
    "car": Kind(car, 0.42, 0.50, grounds=("street", "desert", "meadow")),
    "cactus": Kind(cactus, 0.52, 0.62, grounds=("desert",)),
    "flower": Kind(flower, 0.54, 0.66, grounds=("meadow",)),
    "cat": Kind(cat, 0.48, 0.58, grounds=("meadow", "snow", "street")),
    "windmill": Kind(windmill, 0.56, 0.66, grounds=("meadow",)),
    "fish": Kind(fish, 0.34, 0.42, swims=True, grounds=("sea", "lake")),
    "bird": Kind(bird, 0.40, 0.50, flies=True),
    "bridge": Kind(bridge, 0.42, 0.50, swims=True, grounds=("sea", "lake", "street")),
    "circle": Kind(circle, 0.40, 0.48),
    "square": Kind(square, 0.38, 0.46),
    "triangle": Kind(triangle, 0.44, 0.52),
    "star": Kind(star, 0.46, 0.54),
}
