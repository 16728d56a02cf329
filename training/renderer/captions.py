"""Captions in the many ways in which people ask for a picture. A caption never says what the scene does not show."""

from random import Random

from .scene import Scene
from .words import (
    BACKGROUND_WORDS, CITY_WORDS, COLOUR_WORDS, COUNT_WORDS, FILLER, FLAT_FILLER, GROUND_WORDS, LANDSCAPES, NEON_STREET_WORDS, OPENINGS,
    PLACE_WORDS, PLURALS, SIZE_WORDS, SKY_WORDS, STYLE_PREFIXES, STYLE_WORDS, THING_WORDS,
)


def caption(scene: Scene, r: Random, is_complete: bool = False) -> str:
    """One way to ask for `scene`; facts may be left out, and at least one stays. `is_complete` leaves none out."""
    def says(chance: float) -> bool:
        return is_complete or r.random() < chance

    subject = _subject(scene, r, is_complete)
    ground = r.choice(GROUND_WORDS[scene.ground]) if says(0.8) else None
    sky = r.choice(SKY_WORDS[scene.sky]) if says(0.8) else None
    behind = r.choice(BACKGROUND_WORDS[scene.background]) if scene.background != "none" and says(0.74) else None
    style = r.choice(STYLE_WORDS[scene.style]) if scene.style != "flat" and says(0.94) else None
    if scene.style == "neon" and scene.ground == "street" and ground and r.random() < 0.35:
        ground, style = r.choice(NEON_STREET_WORDS), style if is_complete else r.choice([style, None])
    if not subject:
        subject, ground, behind, style = _landscape(scene, ground, behind, style, r, is_complete)
    return _join(subject, ground, sky, behind, style, scene, r)


def _subject(scene: Scene, r: Random, is_complete: bool) -> str | None:
    if not scene.thing:
        return None
    thing = r.choice(THING_WORDS[scene.thing])
    if scene.count > 1:
        thing = PLURALS.get(thing, thing + "s")
    words = [r.choice(COLOUR_WORDS[scene.colour])] if is_complete or r.random() < 0.94 else []
    if scene.size != "medium" and r.random() < 0.9:
        words.insert(0, r.choice(SIZE_WORDS[scene.size]))
    if scene.count > 1:
        head = r.choice(COUNT_WORDS[scene.count]) + " "
    else:
        head = r.choice(["a ", "a ", "a ", "", "the ", "one "])
    text = head + " ".join([*words, thing])
    if head == "a " and text[2] in "aeiou" and r.random() < 0.8:
        text = "an" + text[1:]
    if scene.place != "centre" and r.random() < 0.9:
        text += " " + r.choice(PLACE_WORDS[scene.place])
    return text


def _landscape(scene: Scene, ground, behind, style, r: Random, is_complete: bool):
    if scene.background == "skyline" and r.random() < 0.75:
        city = r.choice(CITY_WORDS["plain"])
        if scene.style in CITY_WORDS and r.random() < 0.7:
            city = r.choice(CITY_WORDS[scene.style])
            style = style if is_complete or r.random() < 0.4 else None
        return city, ground, None, style
    if scene.background in ("mountains", "hills", "forest") and r.random() < 0.5:
        return r.choice(["", "a "]) + scene.background if scene.background == "forest" else scene.background, ground, None, style
    bare = {"sea": ["the sea", "the ocean"], "desert": ["a desert"], "meadow": ["a meadow", "a green field"],
            "snow": ["a snowy landscape", "a winter landscape"], "street": ["a wet street", "a wet city street"], "lake": ["a lake", "a calm lake"]}
    if ground is None or r.random() < 0.6:
        return r.choice(bare[scene.ground]), None, behind, style
    return r.choice(LANDSCAPES), ground, behind, style


def _join(subject: str, ground, sky, behind, style, scene: Scene, r: Random) -> str:
    parts = [part for part in (ground, sky, behind) if part]
    if r.random() < 0.5:
        r.shuffle(parts)
    how = r.random()
    if sky and how < 0.12:
        rest = [part for part in parts if part is not sky]
        text = ", ".join([sky, " ".join([subject, *rest[:1]]), *rest[1:]])
    elif how < 0.56:
        text = " ".join([subject, *parts])
    elif how < 0.82:
        text = ", ".join([" ".join([subject, *parts[:1]]), *parts[1:]])
    elif how < 0.9:
        text = " and ".join([" ".join([subject, *parts[:1]]), *parts[1:]])
    else:
        text = ", ".join([subject, *parts])
    if style:
        where = r.random()
        if where < 0.26:
            text = r.choice(STYLE_PREFIXES[scene.style]) + " " + text
        elif where < 0.34:
            text = f"{style}, {text}"
        else:
            text += r.choice([", ", ", ", " "]) + style
    elif r.random() < 0.1:
        text = r.choice(OPENINGS) + " " + text
    if r.random() < 0.18:
        words = FILLER + FLAT_FILLER if scene.style == "flat" else FILLER
        text += ", " + ", ".join(r.sample(words, r.choice((1, 1, 2))))
    return text
