"""Sky, background and ground: everything behind and under the thing."""

import math
from random import Random

import numpy as np
from PIL import Image

from .palette import AMBIENT, NEON_GLOWS, Rgb, along, dark, mix, scaled
from .pen import Pen

GROUND_COLOURS: dict[str, tuple[Rgb, Rgb]] = {
    # Far edge, near edge.
    "sea": (86, 150, 196, 12, 58, 118),
    "desert": (238, 200, 134, 206, 146, 80),
    "meadow": (142, 194, 84, 52, 128, 52),
    "snow": (226, 236, 246, 250, 252, 255),
    "street": (74, 76, 92, 34, 34, 46),
}


def gradient(width: int, height: int, stops: list[Rgb]) -> Image.Image:
    rows = np.array([along(stops, y / max(1, height - 1)) for y in range(height)], dtype=np.uint8)
    return Image.fromarray(np.repeat(rows[:, None, :], width, axis=1))


def halo(image: Image.Image, x: float, y: float, radius: float, colour: Rgb, strength: float):
    """Adds light that falls off from (x, y); all lengths in pixels."""
    w, h = image.size
    left, top = max(0, int(x - 2 * radius)), max(0, int(y - 2 * radius))
    right, bottom = min(w, int(x + 2 * radius)), min(h, int(y + 2 * radius))
    if right <= left or bottom <= top:
        return
    ys, xs = np.mgrid[top:bottom, left:right].astype(np.float32)
    fall = np.clip(1 - np.hypot(xs - x, ys - y) / (2 * radius), 0, 1) ** 2 * (255 * strength)
    mask = Image.fromarray(fall.astype(np.uint8))
    image.paste(colour, (left, top), mask)


def paint_sky(image: Image.Image, p: Pen, sky: str, stops: list[Rgb], horizon: float, wide: float, r: Random):
    """Fills the picture with sky. Returns (x, colour) of the sun or moon, for its glitter on water, or None."""
    k = p.pixels_per_unit
    w, h = image.size
    image.paste(gradient(w, max(1, int(horizon * k)), stops), (0, 0))
    x = r.choice([r.uniform(0.12, 0.34), r.uniform(0.66, 0.88)]) * wide
    if sky == "day":
        y, radius, colour = r.uniform(0.13, 0.2), 0.085, (255, 240, 150)
        halo(image, x * k, y * k, radius * 2.0 * k, (255, 250, 220), 0.7)
        p.ellipse(x, y, radius, radius, colour, glow=True)
        clouds(p, wide, (252, 254, 255), r, 2)
        return x, (255, 250, 210)
    if sky in ("sunset", "dawn"):
        y = horizon - (r.uniform(0.04, 0.14) if sky == "sunset" else 0.0)
        radius = 0.13 if sky == "sunset" else 0.11
        colour = (255, 226, 120) if sky == "sunset" else (255, 246, 214)
        halo(image, x * k, y * k, radius * 2.4 * k, (255, 190, 96) if sky == "sunset" else (255, 240, 220), 0.8)
        p.ellipse(x, y, radius, radius, colour, glow=True)
        clouds(p, wide, mix(stops[1], (255, 190, 170), 0.5), r, 2, thin=True)
        return x, colour
    if sky == "night":
        for _ in range(int(26 * wide)):
            s = r.uniform(0.006, 0.012)
            p.ellipse(r.uniform(0, wide), r.uniform(0, horizon * 0.9), s, s, mix((150, 170, 230), (255, 255, 255), r.random()), glow=True)
        y, radius = r.uniform(0.14, 0.22), 0.09
        halo(image, x * k, y * k, radius * 1.8 * k, (130, 150, 220), 0.6)
        if r.random() < 0.6:
            p.polygon(crescent(x, y, radius), (246, 244, 224), glow=True)
        else:
            p.ellipse(x, y, radius, radius, (246, 244, 224), glow=True)
        return x, (226, 230, 255)
    for i in range(int(5 * wide)):
        cx, cy, s = r.uniform(0, wide), r.uniform(0.02, 0.17), r.uniform(0.12, 0.2)
        p.ellipse(cx, cy, s * 1.4, s * 0.55, mix((34, 38, 52), (88, 94, 110), r.random()), glow=True)
    if r.random() < 0.6:
        bolt = [(x, 0.16), (x - 0.05, 0.3), (x + 0.015, 0.31), (x - 0.03, horizon - 0.04), (x + 0.09, 0.27), (x + 0.03, 0.26), (x + 0.06, 0.16)]
        halo(image, x * k, 0.3 * k, 0.16 * k, (240, 240, 200), 0.5)
        p.polygon(bolt, (255, 250, 190), glow=True)
    return None


def crescent(x: float, y: float, radius: float):
    """A waxing moon, tilted: half a circle outside, half an ellipse inside."""
    points = [(radius * math.sin(a), radius * math.cos(a)) for a in (math.pi * i / 20 for i in range(21))]
    points += [(0.35 * radius * math.sin(a), -radius * math.cos(a)) for a in (math.pi * i / 20 for i in range(21))]
    c, s = math.cos(2.6), math.sin(2.6)
    return [(x + u * c - v * s, y + u * s + v * c) for u, v in points]


def clouds(p: Pen, wide: float, colour: Rgb, r: Random, count: int, thin=False):
    for _ in range(r.randint(0, int(count * wide + 0.5))):
        x, y, s = r.uniform(0, wide), r.uniform(0.08, 0.3), r.uniform(0.07, 0.12)
        if thin:
            p.ellipse(x, y, s * 2.2, s * 0.16, colour, glow=True, alpha=200)
            continue
        for dx, dy, f in ((-0.9, 0.1, 0.6), (0.0, -0.15, 0.85), (0.9, 0.1, 0.6), (0.0, 0.25, 0.6)):
            p.ellipse(x + dx * s, y + dy * s, s * f, s * f * 0.7, colour, glow=True)


def paint_background(image: Image.Image, p: Pen, kind: str, scene, haze: Rgb, horizon: float, wide: float, r: Random):
    if kind == "mountains":
        mountains(p, scene, haze, horizon, wide, r)
    elif kind == "hills":
        base = {"desert": (206, 150, 90), "snow": (214, 226, 240)}.get(scene.ground, (74, 140, 78))
        for depth, height in ((0.5, 0.2), (0.2, 0.12)):
            phase, f = r.uniform(0, 6.3), r.uniform(4, 6)
            top = [(x * wide / 32, horizon - height * (0.62 + 0.38 * math.sin(phase + f * x * wide / 32))) for x in range(33)]
            p.polygon(top + [(wide, horizon + 0.02), (0, horizon + 0.02)], mix(base, haze, depth))
    elif kind == "forest":
        for depth, height, step in ((0.35, 0.26, 0.1), (0.0, 0.2, 0.12)):
            x = -r.uniform(0, step)
            while x < wide + step:
                tall = height * r.uniform(0.8, 1.2)
                tone = mix((22, 84, 58), haze, depth)
                p.polygon([(x - 0.075, horizon + 0.02), (x + 0.075, horizon + 0.02), (x, horizon - tall)], tone)
                p.polygon([(x, horizon + 0.02), (x + 0.075, horizon + 0.02), (x, horizon - tall)], dark(tone))
                x += step * r.uniform(0.8, 1.2)
    elif kind == "skyline":
        skyline(p, scene, haze, horizon, wide, r)


def mountains(p: Pen, scene, haze: Rgb, horizon: float, wide: float, r: Random):
    rock = mix((96, 92, 122), haze, 0.25)
    count = max(2, round(2.2 * wide))
    for i in range(count):
        x = wide * (i + 0.5 + r.uniform(-0.2, 0.2)) / count
        h, w = r.uniform(0.26, 0.4), r.uniform(0.36, 0.46)
        top = horizon - h
        p.polygon([(x - w, horizon + 0.02), (x + w, horizon + 0.02), (x, top)], rock)
        p.polygon([(x, top), (x + w, horizon + 0.02), (x + w * 0.1, horizon + 0.02)], dark(rock))
        s = 0.34
        cap = [(x, top), (x - w * s, top + h * s), (x - w * s * 0.3, top + h * s * 0.75), (x + w * 0.05, top + h * s * 1.15),
               (x + w * s * 0.4, top + h * s * 0.75), (x + w * s, top + h * s)]
        p.polygon(cap, (248, 250, 255))


def skyline(p: Pen, scene, haze: Rgb, horizon: float, wide: float, r: Random):
    is_lit = scene.sky != "day" or scene.style == "neon"
    x = -r.uniform(0, 0.06)
    while x < wide:
        w, h = r.uniform(0.11, 0.19), r.uniform(0.2, 0.46)
        tone = mix(mix((52, 56, 84), (96, 98, 120), r.random()), haze, 0.15 if is_lit else 0.4)
        if scene.style == "neon":
            tone = mix((24, 14, 50), (50, 30, 90), r.random())
        p.rect(x, horizon - h, w, h + 0.02, tone)
        if r.random() < 0.3:
            p.rect(x + w * 0.45, horizon - h - 0.07, w * 0.1, 0.07, tone)
        glow = r.choice(NEON_GLOWS) if scene.style == "neon" else (255, 214, 110)
        pane = glow if is_lit else mix(tone, (210, 230, 245), 0.6)
        step = 0.047
        for row in range(int((h - 0.03) / step)):
            for column in range(int((w - 0.02) / step)):
                if r.random() < 0.55:
                    p.rect(x + 0.018 + column * step, horizon - h + 0.025 + row * step, 0.024, 0.026, pane, glow=is_lit)
        if scene.style == "neon" and r.random() < 0.5:
            p.rect(x + w - 0.035, horizon - h * 0.9, 0.028, h * 0.6, r.choice(NEON_GLOWS), glow=True)
        x += w + r.uniform(-0.01, 0.012)


def paint_ground(image: Image.Image, p: Pen, scene, stops: list[Rgb], sun, horizon: float, wide: float, r: Random):
    k = p.pixels_per_unit
    w, h = image.size
    top = int(horizon * k)
    tall = h / k
    c = GROUND_COLOURS[scene.ground]
    ambient = AMBIENT[scene.sky]
    far, near = scaled(c[:3], ambient), scaled(c[3:], ambient)
    if scene.style == "neon":
        far, near = mix(far, (96, 20, 130), 0.55), mix(near, (14, 4, 40), 0.72)
    wet = scene.ground in ("sea", "street")
    if wet or scene.ground == "snow":
        far = mix(far, stops[-1], 0.4 if wet else 0.2)
    body = gradient(w, h - top, [far, near])
    if wet:
        body = Image.blend(body, mirrored(image, top, h - top, 0.10 if scene.ground == "street" else 0.05), 0.5)
    image.paste(body, (0, top))
    details(p, scene, near, far, horizon, wide, tall, r)
    if wet and sun:
        x, colour = sun
        for i in range(9):
            y = horizon + 0.015 + (tall - horizon) * (i / 9) ** 1.3
            half = r.uniform(0.03, 0.08) * (1 + i * 0.06)
            p.ellipse(x + r.uniform(-0.015, 0.015), y, half, 0.008 + 0.0008 * i, colour, glow=True, alpha=210)


def mirrored(image: Image.Image, top: int, height: int, blur: float) -> Image.Image:
    """What lies above row `top`, upside down and smeared as wet surfaces do."""
    w = image.size[0]
    above = image.crop((0, max(0, top - height), w, top)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    small = above.resize((w, max(1, int(above.size[1] * 0.12 / max(blur, 0.02) * 0.1) or 1)), Image.Resampling.BOX)
    return small.resize((w, height), Image.Resampling.BILINEAR)


def details(p: Pen, scene, near: Rgb, far: Rgb, horizon: float, wide: float, tall: float, r: Random):
    depth = tall - horizon
    if scene.style == "neon" and scene.ground != "sea":
        grid(p, horizon, wide, tall, r.choice(NEON_GLOWS[:3]))
        return
    if scene.ground == "sea":
        for i in range(int(12 * wide)):
            t = r.random()
            y, half = horizon + depth * (0.05 + 0.95 * t), 0.03 + 0.07 * t
            p.ellipse(r.uniform(0, wide), y, half, 0.004 + 0.005 * t, mix(far, (255, 255, 255), 0.35), glow=True, alpha=120)
    elif scene.ground in ("desert", "snow"):
        for i in range(3):
            t = (i + 0.6) / 3.2
            phase, f = r.uniform(0, 6.3), r.uniform(2.5, 4.5)
            y = horizon + depth * t
            crest = [(x * wide / 24, y + 0.035 * math.sin(phase + f * x * wide / 24)) for x in range(25)]
            tone = mix(far, near, t * 1.1) if scene.ground == "desert" else mix(mix(far, (150, 176, 214), 0.25), near, t)
            p.polygon(crest + [(wide, tall), (0, tall)], mix(tone, (255, 255, 255), 0.08 if i % 2 else 0.0), glow=True)
    elif scene.ground == "meadow":
        for i in range(2):
            t = 0.3 + 0.35 * i
            phase = r.uniform(0, 6.3)
            crest = [(x * wide / 24, horizon + depth * t + 0.03 * math.sin(phase + 3.5 * x * wide / 24)) for x in range(25)]
            p.polygon(crest + [(wide, tall), (0, tall)], mix(far, near, t + 0.25), glow=True)
        for _ in range(int(7 * wide)):
            tone = r.choice([(250, 236, 120), (255, 255, 255), (250, 150, 180)])
            p.ellipse(r.uniform(0, wide), horizon + depth * r.uniform(0.4, 0.97), 0.011, 0.011, tone)
    else:
        middle = wide / 2
        for i in range(4):
            a, b = (i / 4) ** 1.6, ((i + 0.55) / 4) ** 1.6
            ya, yb = horizon + depth * (0.05 + 0.95 * a), horizon + depth * (0.05 + 0.95 * b)
            wa, wb = 0.006 + 0.026 * a, 0.006 + 0.026 * b
            p.polygon([(middle - wa, ya), (middle + wa, ya), (middle + wb, yb), (middle - wb, yb)], (240, 224, 150), glow=True, alpha=200)
        for s in (-1, 1):
            p.polygon([(middle + s * wide * 0.22, horizon), (middle + s * wide * 0.26, horizon), (middle + s * wide * 1.0, tall), (middle + s * wide * 0.86, tall)],
                      (130, 132, 148), alpha=150)


def grid(p: Pen, horizon: float, wide: float, tall: float, glow: Rgb):
    """The floor of lines that synthwave pictures have."""
    depth, middle = tall - horizon, wide / 2
    for i in range(6):
        y = horizon + depth * (i / 5.5) ** 1.7
        p.line([(0, y), (wide, y)], 0.010, glow, glow=True)
    for i in range(-6, 7):
        p.line([(middle + i * wide * 0.06, horizon), (middle + i * wide * 0.30, tall)], 0.010, glow, glow=True)
