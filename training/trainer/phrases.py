"""The phrases that the model with eyes compares pictures with, and the file that a node reads them from.

A section's phrases are alternatives. A phrase behind `~` is compared like the others and says nothing where it wins: that a picture has
no thing in it, no background, or the plain style, which nobody asks for.
"""

from pathlib import Path
from random import Random

from renderer import Scene
from renderer.palette import COLOURS, SKIES
from renderer.scene import BACKGROUNDS, GROUNDS, STYLES
from renderer.things import THINGS
from renderer.words import BACKGROUND_WORDS, COLOUR_WORDS, GROUND_WORDS, SKY_WORDS, STYLE_WORDS, THING_WORDS

PATTERN = "{colours} {subject} {setting} {light}, {background}, {medium}"
SILENT = "~"
# Ways to say the same that a node chooses from; more would only split hairs.
MOST = 3

# Section, fact of a scene, the fact's values with what people call them.
SECTIONS: dict[str, tuple[str, dict]] = {
    "subject": ("thing", {**{thing: THING_WORDS[thing] for thing in THINGS}, None: ["~a landscape", "~scenery"]}),
    "colours": ("colour", {**{colour: COLOUR_WORDS[colour] for colour in COLOURS}, None: ["~many colours"]}),
    "setting": ("ground", {ground: [w for w in GROUND_WORDS[ground] if " " in w] for ground in GROUNDS}),
    "light": ("sky", {sky: SKY_WORDS[sky] for sky in SKIES}),
    "background": ("background", {b: BACKGROUND_WORDS.get(b, ["~an empty horizon"]) for b in BACKGROUNDS}),
    "medium": ("style", {style: STYLE_WORDS.get(style, ["~flat illustration", "~flat design"]) for style in STYLES}),
}


def spoken(phrase: str) -> str:
    """What is compared: the phrase without its mark."""
    return phrase.removeprefix(SILENT)


def all_of(section: str) -> dict[str, object]:
    """Every phrase of the file's section, and the value that it stands for; not twice what only differs in a space or a hyphen."""
    _, values = SECTIONS[section]
    found: dict[str, object] = {}
    for value, phrases in values.items():
        letters = {}
        for phrase in phrases:
            letters.setdefault("".join(c for c in phrase if c.isalpha()), phrase)
        found |= {phrase: value for phrase in list(letters.values())[:MOST]}
    return found


def one_each(section: str, r: Random) -> list[str]:
    """One way to say each value, in the order of the values: any that people use, not only those of the file."""
    _, values = SECTIONS[section]
    return [spoken(r.choice(phrases)) for phrases in values.values()]


def value_of(section: str, scene: Scene) -> int:
    """Which of the values a scene has."""
    fact, values = SECTIONS[section]
    return list(values).index(getattr(scene, fact))


def text() -> str:
    lines = ["# What the model with eyes compares a picture with. A phrase after ~ says nothing where it is the closest.", f"pattern = {PATTERN}"]
    for section in SECTIONS:
        lines += ["", f"[{section}]", *all_of(section)]
    return "\n".join(lines) + "\n"


def write(folder: Path):
    (folder / "phrases.txt").write_text(text())
