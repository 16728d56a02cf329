"""Colours of the world: what can be asked for by name, and how each sky lights the things under it."""

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "red": (222, 38, 42),
    "orange": (247, 138, 28),
    "yellow": (252, 214, 44),
    "green": (44, 166, 72),
    "blue": (36, 98, 222),
    "purple": (136, 58, 190),
    "pink": (250, 128, 178),
    "white": (244, 244, 242),
    "black": (38, 36, 42),
}

# Gradient stops from the zenith down to the horizon.
SKIES: dict[str, list[Rgb]] = {
    "day": [(58, 132, 222), (120, 184, 240), (206, 234, 250)],
    "sunset": [(70, 38, 112), (206, 70, 104), (252, 140, 66), (255, 208, 116)],
    "dawn": [(112, 138, 204), (206, 170, 208), (250, 190, 182), (255, 226, 190)],
    "night": [(6, 8, 32), (16, 24, 66), (44, 58, 112)],
    "storm": [(44, 48, 62), (82, 88, 104), (134, 140, 150)],
    "aurora": [(4, 10, 34), (8, 26, 56), (16, 58, 78)],
}

NEON_SKIES: dict[str, list[Rgb]] = {
    "day": [(52, 30, 120), (60, 90, 190), (120, 220, 240)],
    "sunset": [(32, 8, 70), (140, 22, 130), (246, 62, 122), (255, 170, 80)],
    "dawn": [(40, 30, 110), (130, 70, 180), (250, 120, 190), (255, 190, 170)],
    "night": [(6, 2, 26), (30, 8, 66), (86, 18, 116)],
    "storm": [(22, 16, 44), (46, 34, 80), (90, 60, 126)],
    "aurora": [(6, 6, 34), (10, 22, 62), (30, 50, 96)],
}

SYNTH_SKIES: dict[str, list[Rgb]] = {
    "day": [(40, 44, 150), (70, 130, 220), (190, 190, 250), (255, 170, 226)],
    "sunset": [(40, 6, 84), (150, 20, 140), (250, 60, 126), (255, 180, 90)],
    "dawn": [(70, 60, 150), (180, 110, 200), (255, 150, 200), (255, 210, 190)],
    "night": [(8, 2, 34), (36, 8, 84), (110, 20, 140)],
    "storm": [(26, 20, 50), (60, 44, 96), (120, 80, 150)],
    "aurora": [(6, 6, 40), (12, 26, 74), (60, 40, 120)],
}

# Multiplied into everything that is lit rather than glowing.
AMBIENT: dict[str, tuple[float, float, float]] = {
    "day": (1.0, 1.0, 1.0),
    "sunset": (1.0, 0.84, 0.76),
    "dawn": (1.0, 0.92, 0.92),
    "night": (0.58, 0.60, 0.76),
    "storm": (0.76, 0.78, 0.82),
    "aurora": (0.52, 0.66, 0.70),
}

DARK_SKIES = ("night", "storm", "sunset", "aurora")

NEON_GLOWS: list[Rgb] = [(255, 52, 176), (40, 226, 255), (172, 84, 255), (255, 206, 60)]


def mix(a: Rgb, b: Rgb, t: float) -> Rgb:
    """`a` at t = 0, `b` at t = 1."""
    return tuple(int(x + (y - x) * t) for x, y in zip(a, b))


def scaled(a: Rgb, by: tuple[float, float, float]) -> Rgb:
    return tuple(max(0, min(255, int(x * f))) for x, f in zip(a, by))


def light(a: Rgb) -> Rgb:
    return mix(a, (255, 255, 255), 0.34)


def dark(a: Rgb) -> Rgb:
    return mix(a, (16, 10, 34), 0.36)


def along(stops: list[Rgb], t: float) -> Rgb:
    """The colour at `t` in 0..1 of a gradient with evenly spaced stops."""
    at = max(0.0, min(1.0, t)) * (len(stops) - 1)
    i = min(int(at), len(stops) - 2)
    return mix(stops[i], stops[i + 1], at - i)
