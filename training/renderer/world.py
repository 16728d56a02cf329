"""Sky, background and ground: everything behind and under the thing."""

import math
from random import Random

import numpy as np
from PIL import Image, ImageChops, ImageDraw

from .palette import AMBIENT, NEON_GLOWS, Rgb, dark, mix, scaled
from .pen import Pen

GROUND_COLOURS: dict[str, tuple[Rgb, Rgb]] = {
    # Far edge, near edge.
    "sea": (86, 150, 196, 12, 58, 118),
    "desert": (238, 200, 134, 206, 146, 80),
    "meadow": (142, 194, 84, 52, 128, 52),
    "snow": (226, 236, 246, 250, 252, 255),
    "street": (74, 76, 92, 34, 34, 46),
    "lake": (132, 186, 206, 40, 104, 134),
}
WET = ("sea", "street", "lake")


def gradient(width: int, height: int, stops: list[Rgb]) -> Image.Image:
    """From top to bottom through evenly spaced stops."""
    at = np.linspace(0, len(stops) - 1, height)
    rows = np.stack([np.interp(at, np.arange(len(stops)), [stop[c] for stop in stops]) for c in range(3)], axis=1)
    return Image.fromarray(np.repeat(rows.astype(np.uint8)[:, None, :], width, axis=1))


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


def paint_sky(image: Image.Image, p: Pen, scene, stops: list[Rgb], horizon: float, wide: float, r: Random):
    """Fills the picture with sky. Returns (x, colour) of the sun or moon, for its glitter on water, or None."""
    k = p.pixels_per_unit
    image.paste(gradient(image.size[0], max(1, int(horizon * k)), stops), (0, 0))
    x = r.choice([r.uniform(0.12, 0.34), r.uniform(0.66, 0.88)]) * wide
    light = SKY_PAINTERS[scene.sky](image, p, stops, x, horizon, wide, r)
    if scene.style == "synthwave":
        light = striped_sun(image, p, stops, horizon, wide, r)
    return light


def day_sky(image: Image.Image, p: Pen, stops, x: float, horizon: float, wide: float, r: Random):
    k = p.pixels_per_unit
    y, radius = r.uniform(0.13, 0.2), 0.085
    halo(image, x * k, y * k, radius * 2.4 * k, (255, 250, 220), 0.75)
    p.ellipse(x, y, radius, radius, (255, 240, 150), glow=True)
    p.ellipse(x, y, radius * 0.7, radius * 0.7, (255, 248, 196), glow=True)
    clouds(p, wide, (252, 254, 255), r, 2)
    return x, (255, 250, 210)


def low_sun(image: Image.Image, p: Pen, stops, x: float, horizon: float, wide: float, r: Random, is_evening: bool):
    k = p.pixels_per_unit
    y = horizon - (r.uniform(0.04, 0.14) if is_evening else 0.0)
    radius = 0.13 if is_evening else 0.11
    colour = (255, 226, 120) if is_evening else (255, 246, 214)
    halo(image, x * k, y * k, radius * 2.8 * k, (255, 190, 96) if is_evening else (255, 240, 220), 0.85)
    p.ellipse(x, y, radius, radius, colour, glow=True)
    p.ellipse(x, y, radius * 0.75, radius * 0.75, mix(colour, (255, 255, 255), 0.35), glow=True)
    clouds(p, wide, mix(stops[1], (255, 190, 170), 0.5), r, 2, thin=True)
    return x, colour


def stars(p: Pen, count: int, horizon: float, wide: float, r: Random):
    for _ in range(int(count * wide)):
        s = r.uniform(0.006, 0.012)
        p.ellipse(r.uniform(0, wide), r.uniform(0, horizon * 0.9), s, s, mix((150, 170, 230), (255, 255, 255), r.random()), glow=True)


def night_sky(image: Image.Image, p: Pen, stops, x: float, horizon: float, wide: float, r: Random):
    k = p.pixels_per_unit
    stars(p, 26, horizon, wide, r)
    y, radius = r.uniform(0.14, 0.22), 0.09
    halo(image, x * k, y * k, radius * 2.2 * k, (130, 150, 220), 0.65)
    if r.random() < 0.6:
        p.polygon(crescent(x, y, radius), (246, 244, 224), glow=True)
    else:
        p.ellipse(x, y, radius, radius, (246, 244, 224), glow=True)
        p.ellipse(x + 0.025, y + 0.02, 0.02, 0.02, (220, 218, 204), glow=True)
    return x, (226, 230, 255)


def storm_sky(image: Image.Image, p: Pen, stops, x: float, horizon: float, wide: float, r: Random):
    k = p.pixels_per_unit
    for _ in range(int(6 * wide)):
        cx, cy, s = r.uniform(0, wide), r.uniform(0.02, 0.17), r.uniform(0.12, 0.2)
        tone = mix((34, 38, 52), (88, 94, 110), r.random())
        p.ellipse(cx, cy, s * 1.4, s * 0.55, tone, glow=True)
        p.ellipse(cx - s * 0.2, cy - s * 0.12, s * 0.9, s * 0.3, mix(tone, (150, 156, 170), 0.3), glow=True)
    if r.random() < 0.7:
        bolt = [(x, 0.16), (x - 0.05, 0.3), (x + 0.015, 0.31), (x - 0.03, horizon - 0.04), (x + 0.09, 0.27), (x + 0.03, 0.26), (x + 0.06, 0.16)]
        halo(image, x * k, 0.3 * k, 0.16 * k, (240, 240, 200), 0.5)
        p.polygon(bolt, (255, 250, 190), glow=True)
    for _ in range(int(14 * wide)):
        cx, cy = r.uniform(0, wide), r.uniform(0.2, horizon)
        p.line([(cx, cy), (cx - 0.018, cy + 0.06)], 0.005, (176, 186, 206), glow=True, alpha=130)
    return None


def aurora_sky(image: Image.Image, p: Pen, stops, x: float, horizon: float, wide: float, r: Random):
    """Curtains of light: bright at a waving lower edge, fading upwards, green turning violet."""
    stars(p, 18, horizon, wide, r)
    k = p.pixels_per_unit
    w, h = max(8, image.size[0] // 4), max(8, int(horizon * k) // 4)
    xs, ys = np.linspace(0, wide, w, dtype=np.float32)[None, :], np.linspace(0, horizon, h, dtype=np.float32)[:, None]
    glow = np.zeros((h, w, 3), dtype=np.float32)
    for i in range(2):
        edge = horizon * (0.62 - 0.2 * i) + 0.07 * np.sin(xs * r.uniform(4, 6) + r.uniform(0, 6)) + 0.03 * np.sin(xs * 13 + r.uniform(0, 6))
        up = edge - ys
        strength = np.where(up > 0, np.exp(-up / 0.17), np.exp(up / 0.02)) * (0.72 + 0.28 * np.sin(xs * r.uniform(22, 34) + r.uniform(0, 6)))
        violet = (up / 0.3).clip(0, 1)[..., None]
        tone = np.array((70, 255, 170), dtype=np.float32) * (1 - violet) + np.array((170, 80, 255), dtype=np.float32) * violet
        glow += strength[..., None] * tone * (0.85 - 0.15 * i)
    light = Image.fromarray(glow.clip(0, 255).astype(np.uint8)).resize((image.size[0], int(horizon * k)), Image.Resampling.BILINEAR)
    sky = image.crop((0, 0, *light.size))
    image.paste(ImageChops.add(sky, light), (0, 0))
    return wide / 2, (120, 240, 190)


SKY_PAINTERS = {
    "day": day_sky,
    "sunset": lambda *scene: low_sun(*scene, is_evening=True),
    "dawn": lambda *scene: low_sun(*scene, is_evening=False),
    "night": night_sky,
    "storm": storm_sky,
    "aurora": aurora_sky,
}


def striped_sun(image: Image.Image, p: Pen, stops, horizon: float, wide: float, r: Random):
    """The big sun of the eighties, cut by bars of sky."""
    k = p.pixels_per_unit
    x, radius = wide / 2 + r.uniform(-0.06, 0.06), 0.27
    y = horizon - 0.12
    halo(image, x * k, y * k, radius * 1.3 * k, (255, 90, 170), 0.6)
    disc = Image.new("L", (int(2 * radius * k), int(2 * radius * k)), 0)
    ImageDraw.Draw(disc).ellipse((0, 0, disc.width - 1, disc.height - 1), fill=255)
    bars = ImageDraw.Draw(disc)
    for i in range(4):
        top = disc.height * (0.46 + 0.11 * i)
        bars.rectangle((0, top, disc.width, top + disc.height * (0.022 + 0.008 * i)), fill=0)
    image.paste(gradient(*disc.size, [(255, 232, 100), (255, 120, 110), (246, 40, 150)]), (int((x - radius) * k), int((y - radius) * k)), disc)
    return x, (255, 150, 150)


def haze(image: Image.Image, horizon: float, k: float, colour: Rgb):
    """Lightens what is far away towards the horizon."""
    depth = max(1, int(0.16 * k))
    top = int(horizon * k) - depth
    mask = Image.fromarray(np.repeat(np.linspace(0, 74, depth).astype(np.uint8)[:, None], image.size[0], axis=1))
    image.paste(colour, (0, top), mask)


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


def paint_background(p: Pen, scene, haze: Rgb, horizon: float, wide: float, r: Random):
    kind = scene.background
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
    is_lit = scene.sky != "day" or scene.style in ("neon", "synthwave")
    is_neon = scene.style in ("neon", "synthwave")
    x = -r.uniform(0, 0.06)
    while x < wide:
        w, h = r.uniform(0.11, 0.19), r.uniform(0.2, 0.46)
        tone = mix(mix((52, 56, 84), (96, 98, 120), r.random()), haze, 0.15 if is_lit else 0.4)
        if is_neon:
            tone = mix((24, 14, 50), (50, 30, 90), r.random())
        p.rect(x, horizon - h, w, h + 0.02, tone)
        if r.random() < 0.3:
            p.rect(x + w * 0.45, horizon - h - 0.07, w * 0.1, 0.07, tone)
        glow = r.choice(NEON_GLOWS) if is_neon else (255, 214, 110)
        pane = glow if is_lit else mix(tone, (210, 230, 245), 0.6)
        step = 0.047
        for row in range(int((h - 0.03) / step)):
            for column in range(int((w - 0.02) / step)):
                if r.random() < 0.55:
                    p.rect(x + 0.018 + column * step, horizon - h + 0.025 + row * step, 0.024, 0.026, pane, glow=is_lit)
        if is_neon and r.random() < 0.5:
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
        far, near = mix(far, (60, 20, 110), 0.45), mix(near, (14, 4, 40), 0.55)
    elif scene.style == "synthwave":
        far, near = mix(far, (96, 20, 130), 0.5), mix(near, (20, 4, 50), 0.62)
    wet = scene.ground in WET
    if wet or scene.ground == "snow":
        far = mix(far, stops[-1], 0.4 if wet else 0.2)
    body = gradient(w, h - top, [far, near])
    if wet:
        share = {"sea": 0.42, "street": 0.5, "lake": 0.66}[scene.ground]
        body = Image.blend(body, mirrored(image, top, h - top, 0.10 if scene.ground == "street" else 0.05), share)
    image.paste(body, (0, top))
    DETAILS[scene.ground](p, scene, near, far, horizon, wide, tall, r)
    if scene.style == "synthwave" and scene.ground not in ("sea", "lake"):
        grid(p, horizon, wide, tall, r.choice(NEON_GLOWS[:3]))
    if wet and sun:
        glitter(p, scene, sun, horizon, tall, r)
    if scene.ground == "lake":
        shore(p, scene, horizon, wide, tall, r)


def glitter(p: Pen, scene, sun, horizon: float, tall: float, r: Random):
    """The broken path of light that leads to the sun or moon."""
    x, colour = sun
    for i in range(9):
        y = horizon + 0.015 + (tall - horizon) * (i / 9) ** 1.3
        half = r.uniform(0.03, 0.08) * (1 + i * 0.06)
        p.ellipse(x + r.uniform(-0.015, 0.015), y, half, 0.008 + 0.0008 * i, colour, glow=True, alpha=210)


def shore(p: Pen, scene, horizon: float, wide: float, tall: float, r: Random):
    """Grass in front of a lake and on its far side, and a few reeds."""
    depth = tall - horizon
    grass = (52, 118, 56) if scene.style != "synthwave" else (60, 30, 120)
    p.rect(0.0, horizon - 0.012, wide, 0.03, mix(grass, (20, 60, 50), 0.4))
    phase = r.uniform(0, 6.3)
    edge = [(x * wide / 24, horizon + depth * 0.56 + 0.028 * math.sin(phase + 5 * x / 24 * wide)) for x in range(25)]
    p.polygon([(x, y - 0.014) for x, y in edge] + [(wide, tall), (0, tall)], mix(grass, (236, 214, 150), 0.55))
    p.polygon(edge + [(wide, tall), (0, tall)], mix(grass, (150, 206, 90), 0.25))
    p.polygon([(x, y + 0.09) for x, y in edge] + [(wide, tall), (0, tall)], grass)
    side = r.choice((0.06, 0.86)) * wide
    for i in range(5):
        x, y = side + i * 0.024, horizon + depth * r.uniform(0.62, 0.72)
        p.line([(x, y), (x + r.uniform(-0.02, 0.02), y - r.uniform(0.12, 0.2))], 0.012, dark(grass))


def mirrored(image: Image.Image, top: int, height: int, blur: float) -> Image.Image:
    """What lies above row `top`, upside down and smeared as wet surfaces do."""
    w = image.size[0]
    above = image.crop((0, max(0, top - height), w, top)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    small = above.resize((w, max(1, int(above.size[1] * 0.12 / max(blur, 0.02) * 0.1) or 1)), Image.Resampling.BOX)
    return small.resize((w, height), Image.Resampling.BILINEAR)


def waves(p: Pen, scene, near: Rgb, far: Rgb, horizon: float, wide: float, tall: float, r: Random):
    for _ in range(int(14 * wide)):
        t = r.random()
        y, half = horizon + (tall - horizon) * (0.05 + 0.95 * t), 0.03 + 0.07 * t
        p.ellipse(r.uniform(0, wide), y, half, 0.004 + 0.006 * t, mix(far, (255, 255, 255), 0.4), glow=True, alpha=130)


def dunes(p: Pen, scene, near: Rgb, far: Rgb, horizon: float, wide: float, tall: float, r: Random):
    depth = tall - horizon
    for i in range(3):
        t = (i + 0.6) / 3.2
        phase, f = r.uniform(0, 6.3), r.uniform(2.5, 4.5)
        y = horizon + depth * t
        crest = [(x * wide / 24, y + 0.035 * math.sin(phase + f * x * wide / 24)) for x in range(25)]
        tone = mix(far, near, t * 1.1) if scene.ground == "desert" else mix(mix(far, (150, 176, 214), 0.25), near, t)
        p.polygon(crest + [(wide, tall), (0, tall)], mix(tone, (255, 255, 255), 0.10 if i % 2 else 0.0), glow=True)
        p.line(crest, 0.008, mix(tone, (255, 255, 255), 0.25), glow=True)


def grass(p: Pen, scene, near: Rgb, far: Rgb, horizon: float, wide: float, tall: float, r: Random):
    depth = tall - horizon
    for i in range(2):
        t = 0.3 + 0.35 * i
        phase = r.uniform(0, 6.3)
        crest = [(x * wide / 24, horizon + depth * t + 0.03 * math.sin(phase + 3.5 * x * wide / 24)) for x in range(25)]
        p.polygon(crest + [(wide, tall), (0, tall)], mix(far, near, t + 0.25), glow=True)
    for _ in range(int(7 * wide)):
        tone = r.choice([(250, 236, 120), (255, 255, 255), (250, 150, 180)])
        p.ellipse(r.uniform(0, wide), horizon + depth * r.uniform(0.4, 0.97), 0.011, 0.011, tone)


def asphalt(p: Pen, scene, near: Rgb, far: Rgb, horizon: float, wide: float, tall: float, r: Random):
    depth, middle = tall - horizon, wide / 2
    for s in (-1, 1):
        pavement = [(middle + s * wide * 0.2, horizon), (middle + s * wide, horizon), (middle + s * wide, tall), (middle + s * wide * 0.9, tall)]
        p.polygon(pavement, (104, 106, 122), alpha=110)
        p.polygon([(middle + s * wide * 0.2, horizon), (middle + s * wide * 0.225, horizon), (middle + s * wide * 0.98, tall), (middle + s * wide * 0.86, tall)],
                  (176, 178, 190), alpha=170)
    for i in range(4):
        a, b = (i / 4) ** 1.6, ((i + 0.55) / 4) ** 1.6
        ya, yb = horizon + depth * (0.05 + 0.95 * a), horizon + depth * (0.05 + 0.95 * b)
        wa, wb = 0.006 + 0.026 * a, 0.006 + 0.026 * b
        p.polygon([(middle - wa, ya), (middle + wa, ya), (middle + wb, yb), (middle - wb, yb)], (240, 224, 150), glow=True, alpha=200)


def still(p: Pen, scene, near: Rgb, far: Rgb, horizon: float, wide: float, tall: float, r: Random):
    """A lake keeps its mirror; a few thin ripples say that it is water."""
    for _ in range(int(5 * wide)):
        y = horizon + (tall - horizon) * r.uniform(0.1, 0.55)
        p.ellipse(r.uniform(0, wide), y, r.uniform(0.06, 0.14), 0.004, mix(far, (255, 255, 255), 0.5), glow=True, alpha=120)


DETAILS = {"sea": waves, "desert": dunes, "snow": dunes, "meadow": grass, "street": asphalt, "lake": still}


def grid(p: Pen, horizon: float, wide: float, tall: float, glow: Rgb):
    """The floor of lines that synthwave pictures have."""
    depth, middle = tall - horizon, wide / 2
    for i in range(6):
        y = horizon + depth * (i / 5.5) ** 1.7
        p.line([(0, y), (wide, y)], 0.010, glow, glow=True)
    for i in range(-6, 7):
        p.line([(middle + i * wide * 0.06, horizon), (middle + i * wide * 0.30, tall)], 0.010, glow, glow=True)
