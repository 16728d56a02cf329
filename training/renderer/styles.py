"""What turns a finished picture into a watercolour, pixel art, a neon sign, a sketch or an oil painting.

Every style is a pure function of a picture, its random numbers and the units of the scene, so that the same scene looks alike
at every resolution. Synthwave and flat need nothing here: they are drawn that way.
"""

import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

PAPER = np.array((250, 246, 236), dtype=np.float32)
INK = np.array((52, 50, 62), dtype=np.float32)


def _floats(image: Image.Image) -> np.ndarray:
    return np.asarray(image, dtype=np.float32)


def _picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _noise(width: int, height: int, cells: float, r: Random, octaves: int = 1) -> np.ndarray:
    """Smooth noise in -1..1 with about `cells` bumps along the shorter side."""
    total, weight = np.zeros((height, width), dtype=np.float32), 0.0
    g = np.random.default_rng(r.getrandbits(32))
    for octave in range(octaves):
        per = cells * 2 ** octave / min(width, height)
        w, h = max(2, math.ceil(width * per)), max(2, math.ceil(height * per))
        small = Image.fromarray(g.uniform(-1, 1, (h, w)).astype(np.float32))
        total += np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)) * 0.6 ** octave
        weight += 0.6 ** octave
    return total / weight


def _edges(grey: np.ndarray) -> np.ndarray:
    """Size of the step from each pixel to its neighbours."""
    out = np.zeros_like(grey)
    out[:, 1:] += np.abs(np.diff(grey, axis=1))
    out[1:, :] += np.abs(np.diff(grey, axis=0))
    return out


def watercolour(image: Image.Image, r: Random) -> Image.Image:
    """Pigment that runs: wobbly outlines, blotches, darker rims and white paper at the border."""
    w, h = image.size
    unit = min(w, h)
    push = _noise(w, h, 9, r, 2)
    pull = _noise(w, h, 9, r, 2)
    ys, xs = np.mgrid[0:h, 0:w]
    amount = 0.022 * unit
    pixels = _floats(image.filter(ImageFilter.GaussianBlur(unit * 0.008)))
    pixels = pixels[(ys + push * amount).round().astype(int).clip(0, h - 1), (xs + pull * amount).round().astype(int).clip(0, w - 1)]
    rim = np.asarray(_picture(_edges(pixels.mean(2)) * 2.2).filter(ImageFilter.GaussianBlur(unit * 0.006)), dtype=np.float32)
    wash = 0.72 + 0.16 * _noise(w, h, 5, r, 2) + 0.05 * _noise(w, h, unit / 3, r)
    out = PAPER + (pixels - PAPER) * wash[..., None]
    out -= np.minimum(rim, 70)[..., None] * 0.55
    border = np.minimum(np.minimum(xs, w - 1 - xs), np.minimum(ys, h - 1 - ys)) / unit
    bare = ((0.075 + 0.035 * push - border) / 0.03).clip(0, 1)[..., None]
    return _picture(out * (1 - bare) + PAPER * bare)


def pixel_art(image: Image.Image, r: Random) -> Image.Image:
    """Sixteen blocks along the shorter side (twelve in oblong pictures) in a palette of seven levels per colour."""
    w, h = image.size
    block = min(w, h) / (16 if w == h else 12)
    small = image.filter(ImageFilter.MedianFilter(5)).resize((round(w / block), round(h / block)), Image.Resampling.BOX)
    pixels = (_floats(small) - 128) * 1.18 + 128
    return _picture((pixels / 42.5).round() * 42.5).resize((w, h), Image.Resampling.NEAREST)


def neon(image: Image.Image, r: Random) -> Image.Image:
    """A dark picture whose outlines are glowing tubes in the colours of what they bound."""
    w, h = image.size
    unit = min(w, h)
    pixels = _floats(image)
    reach = max(3, round(unit * 0.012) * 2 + 1)
    bright = _floats(image.filter(ImageFilter.MaxFilter(reach)))
    step = _edges(_floats(image.filter(ImageFilter.GaussianBlur(unit * 0.006))).max(2))
    line = np.asarray(_picture(step * 3.0).filter(ImageFilter.MaxFilter(3)).filter(ImageFilter.GaussianBlur(unit * 0.004)), dtype=np.float32) / 255
    vivid = bright - 0.5 * bright.min(2, keepdims=True)
    vivid = vivid * (255 / np.maximum(vivid.max(2, keepdims=True), 60))
    light = vivid * line[..., None]
    air = _floats(_picture(light).filter(ImageFilter.BoxBlur(unit * 0.03)).filter(ImageFilter.BoxBlur(unit * 0.03)))
    return _picture(pixels * 0.60 + light * 0.62 + air * 0.50)


def sketch(image: Image.Image, r: Random) -> Image.Image:
    """Pencil lines and hatching on paper, with a pale wash of the colours."""
    w, h = image.size
    unit = min(w, h)
    soft = image.filter(ImageFilter.GaussianBlur(unit * 0.004))
    pixels = _floats(soft)
    step = np.maximum.reduce([_edges(pixels[..., c]) for c in range(3)])
    line = np.asarray(_picture(step * 3.4).filter(ImageFilter.MaxFilter(3)), dtype=np.float32) / 255
    grey = pixels.mean(2)
    ys, xs = np.mgrid[0:h, 0:w]
    period = unit * 0.05
    hatch = (np.cos((xs + ys) * (2 * math.pi / period)) > 0.35) * ((150 - grey) / 110).clip(0, 1)
    ink = np.maximum(line * (0.86 + 0.14 * _noise(w, h, unit / 4, r)), hatch * 0.20)[..., None].clip(0, 1)
    base = PAPER + (pixels - PAPER) * 0.46
    return _picture(base * (1 - ink) + INK * ink)


def oil(image: Image.Image, r: Random) -> Image.Image:
    """Short thick strokes across the picture, each of one colour, with a light and a dark flank."""
    w, h = image.size
    unit = min(w, h)
    pixels = np.asarray(image.filter(ImageFilter.ModeFilter(3)) if unit <= 128 else image)
    flow = _noise(w, h, 3, r) * 1.6 + 0.5
    out = image.copy()
    pen = ImageDraw.Draw(out)
    count = int(600 * w * h / unit ** 2)
    thick = max(1, round(unit * 0.024))
    for x, y, tone in zip(*(np.random.default_rng(r.getrandbits(32)).uniform(0, 1, (3, count)))):
        px, py = int(x * (w - 1)), int(y * (h - 1))
        angle, long = flow[py, px], unit * 0.028
        dx, dy = long * math.cos(angle), long * math.sin(angle)
        colour = pixels[py, px].astype(int) + int((tone - 0.5) * 44)
        fill = tuple(int(v) for v in colour.clip(0, 255))
        pen.line([(px - dx, py - dy), (px + dx, py + dy)], fill=fill, width=thick)
    return _picture((_floats(out) - 122) * 1.10 + 124)


FILTERS = {"watercolour": watercolour, "pixel art": pixel_art, "neon": neon, "sketch": sketch, "oil": oil}
