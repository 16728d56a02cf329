"""What the renderer promises. `python -m unittest` in `training/` runs these."""

import unittest
from dataclasses import replace
from random import Random

import numpy as np

from renderer import Scene, caption, draw, sample_scene
from renderer.palette import COLOURS, SKIES
from renderer.scene import BACKGROUNDS, GROUNDS, STYLES
from renderer.things import THINGS
from renderer.words import COLOUR_WORDS, GROUND_WORDS, SKY_WORDS, STYLE_WORDS, THING_WORDS

HOUSE = Scene("house", "red", "meadow", "day", "hills", "flat", 7)


def pixels(scene: Scene, side: int = 64) -> np.ndarray:
    return np.asarray(draw(scene, side, side)).astype(int)


class TheRenderer(unittest.TestCase):
    def test_the_same_scene_gives_the_same_picture_in_every_style(self):
        for style in STYLES:
            scene = replace(HOUSE, style=style)
            self.assertTrue((pixels(scene) == pixels(scene)).all(), style)

    def test_every_fact_changes_the_picture(self):
        changes = {"thing": [t for t in THINGS if t != "house"], "colour": [c for c in COLOURS if c != "red"], "ground": [g for g in GROUNDS if g != "meadow"],
                   "sky": [s for s in SKIES if s != "day"], "background": [b for b in BACKGROUNDS if b != "hills"], "style": [s for s in STYLES if s != "flat"],
                   "count": [2, 3], "size": ["small", "large"], "place": ["left", "right"]}
        plain = pixels(HOUSE)
        for fact, values in changes.items():
            for value in values:
                self.assertGreater(np.abs(pixels(replace(HOUSE, **{fact: value})) - plain).mean(), 1.0, (fact, value))

    def test_the_thing_has_its_colour(self):
        for name in ("red", "green", "blue", "white", "black"):
            picture = pixels(Scene("square", name, "desert", "day", "none", "flat", 3))
            near = np.abs(picture - np.array(COLOURS[name])).max(2) < 40
            self.assertGreater(near.mean(), 0.05, name)

    def test_any_size_can_be_drawn(self):
        for width, height in ((64, 64), (80, 48), (48, 80), (256, 256)):
            for style in STYLES:
                self.assertEqual(draw(replace(HOUSE, style=style), width, height, 2).size, (width, height))

    def test_pixel_art_is_made_of_whole_cells_of_the_autoencoder(self):
        for width, height in ((64, 64), (80, 48), (48, 80)):
            picture = np.asarray(draw(replace(HOUSE, style="pixel art"), width, height)).astype(int)
            cells = picture.reshape(height // 4, 4, width // 4, 4, 3)
            self.assertTrue((cells == cells[:, :1, :, :1]).all(), (width, height))

    def test_dither_and_strokes_are_seen_at_the_size_of_the_cells(self):
        def cells(scene):
            return pixels(scene).reshape(16, 4, 16, 4, 3).mean((1, 3))

        plain = np.abs(np.diff(cells(HOUSE)[:8], axis=1)).mean()
        for style in ("pixel art", "oil"):
            self.assertGreater(np.abs(np.diff(cells(replace(HOUSE, style=style))[:8], axis=1)).mean(), 1.3 * plain, style)

    def test_held_out_combinations_are_never_drawn_for_training(self):
        r = Random(1)
        self.assertFalse(any(sample_scene(r).is_held_out for _ in range(3000)))
        self.assertTrue(all(sample_scene(r, held_out=True).is_held_out for _ in range(100)))

    def test_styles_are_drawn_as_often_as_is_asked(self):
        r = Random(4)
        self.assertEqual({sample_scene(r, styles={"oil": 1.0}).style for _ in range(50)}, {"oil"})
        self.assertAlmostEqual(np.mean([sample_scene(r).style == "flat" for _ in range(1500)]), STYLES["flat"], delta=0.05)

    def test_about_a_twelfth_is_held_out(self):
        combinations = [Scene(t, c, g, s, "none", y, 0) for t in THINGS for c in COLOURS for g in GROUNDS for s in SKIES for y in STYLES]
        self.assertAlmostEqual(np.mean([s.is_held_out for s in combinations]), 21 / 256, delta=0.01)


class Captions(unittest.TestCase):
    def test_a_complete_caption_names_every_fact(self):
        r = Random(2)
        for _ in range(2000):
            scene = sample_scene(r, held_out=True)
            text = caption(scene, r, is_complete=True)
            tables = [(THING_WORDS, scene.thing), (COLOUR_WORDS, scene.colour), (SKY_WORDS, scene.sky)]
            for table, fact in tables if scene.count == 1 else tables[1:]:
                self.assertTrue(any(word in text for word in table[fact]), (fact, text))

    def test_a_caption_says_nothing_about_another_style(self):
        r = Random(3)
        for _ in range(2000):
            scene = sample_scene(r)
            text = f" {caption(scene, r)} ".replace(",", " ")
            for style in ("watercolour", "pixel art", "synthwave"):
                if style != scene.style:
                    self.assertFalse(any(f" {word} " in text for word in STYLE_WORDS[style]), (scene.style, text))

    def test_no_caption_is_empty_and_the_same_numbers_give_the_same_words(self):
        scenes = [sample_scene(Random(i)) for i in range(500)]
        texts = [caption(s, Random(i)) for i, s in enumerate(scenes)]
        self.assertTrue(all(text.strip() for text in texts))
        self.assertEqual(texts, [caption(s, Random(i)) for i, s in enumerate(scenes)])
        self.assertGreater(len(set(texts)), 490)

    def test_grounds_have_words_of_their_own(self):
        words = [word for table in GROUND_WORDS.values() for word in table]
        self.assertEqual(len(set(words)), len({(w, g) for g, table in GROUND_WORDS.items() for w in table}))


if __name__ == "__main__":
    unittest.main()
