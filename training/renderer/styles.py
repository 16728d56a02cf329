"""What turns a finished picture into a watercolour, pixel art, a neon sign, a sketch or an oil painting.

Every style is a pure function of a picture, its random numbers and the units of the scene, so that the same scene looks alike
at every resolution. Synthwave and flat need nothing here: they are drawn that way.
"""

import math
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

PAPER = np.array((250, 246, 236), dtype=np.float32)
STEP, DITHER = 51.0, 22.0
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
    """Sixteen blocks along the shorter side (twelve in oblong pictures) in a palette of six levels per colour, dithered.

    Two levels that meet mix as a chequerboard of blocks, as on old screens; it also tells the style from a blurred picture.
    """
    w, h = image.size
    block = min(w, h) / (16 if w == h else 12)
    small = image.filter(ImageFilter.MedianFilter(5)).resize((round(w / block), round(h / block)), Image.Resampling.BOX)
    pixels = (_floats(small) - 128) * 1.18 + 128
    ys, xs = np.mgrid[0:small.height, 0:small.width]
    chequer = ((xs + ys) % 2 - 0.5)[..., None] * DITHER
    return _picture(((pixels + chequer) / STEP).round() * STEP).resize((w, h), Image.Resampling.NEAREST)


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
    """Broad strokes that follow a flow, the long ones first and finer ones where something ends; each has a lit and a shaded flank.

    They are as broad as the cells of a small autoencoder, so that a model that draws in such cells can paint them.
    """
    w, h = image.size
    unit = min(w, h)
    g = np.random.default_rng(r.getrandbits(32))
    source = _floats(image)
    # Long strokes take the colour of what surrounds them: a star or a window is no reason for one.
    wide = _floats(image.filter(ImageFilter.MedianFilter(round(unit / 128) * 4 + 1)))
    flow = _noise(w, h, 2.2, r) * 1.7 + 0.4
    out = image.copy()
    pen = ImageDraw.Draw(out)
    area = w * h / unit ** 2
    for x, y in g.uniform(0, 1, (int(420 * area), 2)):
        px, py = int(x * (w - 1)), int(y * (h - 1))
        _stroke(pen, px, py, flow[py, px], 0.060 * unit, 0.048 * unit, wide[py, px] + g.uniform(-18, 18), 28)
    down, across = np.gradient(np.asarray(_picture(source.mean(2)).filter(ImageFilter.GaussianBlur(unit * 0.008)), dtype=np.float32))
    slope = np.hypot(down, across).ravel()
    sharp = np.flatnonzero(slope > 1400 / unit)
    for place in g.permutation(sharp)[:int(640 * area)]:
        py, px = divmod(int(place), w)
        along = math.atan2(across[py, px], -down[py, px])
        _stroke(pen, px, py, along, 0.028 * unit, 0.026 * unit, source[py, px] + g.uniform(-8, 8), 12)
    return _picture((_floats(out) - 122) * 1.08 + 124)


def _stroke(pen: ImageDraw.ImageDraw, x: float, y: float, angle: float, reach: float, thick: float, colour: np.ndarray, relief: float):
    """One pull of a loaded brush: a light ridge on one side, a dark one on the other, paint between them."""
    dx, dy = math.cos(angle), math.sin(angle)
    side = thick * 0.34
    for shift, tone, wide in ((side, -relief, 0.6), (-side, relief, 0.6), (0.0, 0, 0.72)):
        cx, cy = x - dy * shift, y + dx * shift
        fill = tuple(int(v) for v in (colour + tone).clip(0, 255))
        pen.line([(cx - dx * reach, cy - dy * reach), (cx + dx * reach, cy + dy * reach)], fill=fill, width=max(1, round(thick * wide)))


FILTERS = {"watercolour": watercolour, "pixel art": pixel_art, "neon": neon, "sketch": sketch, "oil": oil}
