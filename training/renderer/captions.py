"""Captions in the many ways in which people ask for a picture. A caption never says what the scene does not show."""

from random import Random

from .scene import Scene

THING_WORDS = {
    "sailboat": ["sailboat", "sailboat", "boat", "sailing boat", "ship", "yacht"],
    "house": ["house", "house", "cottage", "home", "cabin", "hut"],
    "tree": ["tree", "tree", "big tree", "lone tree", "oak"],
    "balloon": ["balloon", "balloon", "hot air balloon", "hot-air balloon"],
    "rocket": ["rocket", "rocket", "spaceship", "rocket ship", "spacecraft"],
    "lighthouse": ["lighthouse", "lighthouse", "light house", "beacon"],
    "castle": ["castle", "castle", "palace", "fortress", "fairytale castle"],
    "car": ["car", "car", "sports car", "automobile", "vehicle", "taxi"],
    "cactus": ["cactus", "cactus", "saguaro", "saguaro cactus"],
    "flower": ["flower", "flower", "blossom", "daisy", "giant flower"],
    "cat": ["cat", "cat", "kitten", "kitty", "sitting cat"],
    "windmill": ["windmill", "windmill", "mill", "old windmill"],
}

COLOUR_WORDS = {
    "red": ["red", "red", "crimson", "scarlet"],
    "orange": ["orange"],
    "yellow": ["yellow", "yellow", "golden"],
    "green": ["green", "green", "emerald"],
    "blue": ["blue", "blue", "azure"],
    "purple": ["purple", "purple", "violet"],
    "pink": ["pink"],
    "white": ["white"],
    "black": ["black", "black", "dark"],
}

GROUND_WORDS = {
    "sea": ["on the sea", "on the sea", "on the ocean", "by the sea", "on the water", "at sea", "on a lake", "sea", "ocean", "over the sea"],
    "desert": ["in the desert", "in the desert", "on the sand", "on sand dunes", "in a desert", "desert", "over the desert"],
    "meadow": ["on a meadow", "in a meadow", "on the grass", "in a field", "in a green field", "meadow", "on green grass", "over a meadow"],
    "snow": ["in the snow", "in the snow", "in winter", "on snow", "winter landscape", "snow", "snowy"],
    "street": ["on a wet street", "on wet streets", "on the street", "on the road", "wet street", "street in the rain", "on a road"],
}

SKY_WORDS = {
    "day": ["at noon", "on a sunny day", "by day", "sunny", "blue sky", "in daylight", "day", "under a blue sky"],
    "sunset": ["at sunset", "at sunset", "at dusk", "sunset", "in the evening", "evening light", "golden hour"],
    "dawn": ["at dawn", "at dawn", "at sunrise", "in the morning", "dawn", "early morning", "sunrise"],
    "night": ["at night", "at night", "under the stars", "starry night", "night", "under the moon", "moonlight", "midnight"],
    "storm": ["in a storm", "storm", "stormy", "stormy weather", "thunderstorm", "lightning", "dark clouds", "in the rain"],
}

BACKGROUND_WORDS = {
    "mountains": ["in front of mountains", "mountains in the background", "mountains", "over mountains", "snowy mountains", "in the mountains"],
    "hills": ["in front of hills", "hills in the background", "rolling hills", "hills", "among hills", "over hills"],
    "skyline": ["in front of a city", "city skyline", "in the city", "city", "skyscrapers", "city in the background", "over a city", "downtown"],
    "forest": ["in front of a forest", "forest", "in the forest", "pine forest", "woods", "forest in the background", "over a forest"],
}

NEON_WORDS = ["neon", "neon lights", "cyberpunk", "synthwave", "neon style", "cyberpunk style", "retrowave", "vaporwave", "neon glow",
              "synthwave style", "in neon lights"]

# Words that people add and that this model's pictures do not depend on.
FILLER = ["highly detailed", "beautiful", "4k", "digital art", "concept art", "cinematic", "vector art", "illustration", "masterpiece",
          "flat design", "art", "trending on artstation", "wallpaper", "minimalist", "dramatic lighting", "high quality"]

LANDSCAPES = ["landscape", "a landscape", "scenery", "a view", "a scene", "a picture"]


def caption(scene: Scene, r: Random) -> str:
    """One way to ask for `scene`; facts may be left out, and at least one stays."""
    subject = _subject(scene, r)
    ground = r.choice(GROUND_WORDS[scene.ground]) if r.random() < 0.78 else None
    sky = r.choice(SKY_WORDS[scene.sky]) if r.random() < 0.78 else None
    behind = r.choice(BACKGROUND_WORDS[scene.background]) if scene.background != "none" and r.random() < 0.72 else None
    neon = r.choice(NEON_WORDS) if scene.style == "neon" and r.random() < 0.93 else None
    if neon and scene.ground == "street" and r.random() < 0.35:
        ground, neon = r.choice(["neon lights reflecting on wet streets", "neon reflections on a wet street", "neon lit wet street"]), r.choice([neon, None])
    if not subject:
        subject, ground, behind, neon = _landscape(scene, ground, behind, neon, r)
    parts = [part for part in (ground, sky, behind, neon) if part]
    if r.random() < 0.5:
        r.shuffle(parts)
    return _join(subject, parts, sky, neon, r)


def _subject(scene: Scene, r: Random) -> str | None:
    if not scene.thing:
        return None
    thing = r.choice(THING_WORDS[scene.thing])
    colour = r.choice(COLOUR_WORDS[scene.colour]) + " " if r.random() < 0.93 else ""
    return r.choice(["a ", "a ", "a ", "", "the ", "one "]) + colour + thing


def _landscape(scene: Scene, ground, behind, neon, r: Random):
    if scene.background == "skyline" and r.random() < 0.75:
        city = r.choice(["a city", "city", "a city skyline", "skyscrapers", "a big city", "futuristic city" if neon else "a town"])
        if neon and r.random() < 0.7:
            city = r.choice(["a cyberpunk city", "cyberpunk city", "a neon city", "a futuristic cyberpunk city", "synthwave city"])
            neon = neon if r.random() < 0.4 else None
        return city, ground, None, neon
    if scene.background in ("mountains", "hills", "forest") and r.random() < 0.5:
        return r.choice(["", "a "]) + scene.background if scene.background == "forest" else scene.background, ground, None, neon
    bare = {"sea": "the sea", "desert": "a desert", "meadow": "a meadow", "snow": "a snowy landscape", "street": "a wet street"}
    if r.random() < 0.6:
        return bare[scene.ground], None, behind, neon
    return r.choice(LANDSCAPES), ground, behind, neon


def _join(subject: str, parts: list[str], sky, neon, r: Random) -> str:
    how = r.random()
    if sky and how < 0.12:
        rest = [part for part in parts if part is not sky]
        text = ", ".join([sky, " ".join([subject, *rest[:1]]), *rest[1:]])
    elif neon and how < 0.24:
        text = " ".join([neon, subject, *[part for part in parts if part is not neon]])
    elif how < 0.62:
        text = " ".join([subject, *parts])
    elif how < 0.86:
        text = ", ".join([" ".join([subject, *parts[:1]]), *parts[1:]])
    else:
        text = ", ".join([subject, *parts])
    if r.random() < 0.18:
        text += ", " + ", ".join(r.sample(FILLER, r.choice((1, 1, 2))))
    return text
