"""The parts of the trainer and of the meter that can go wrong quietly."""

import sys
import tempfile
import unittest
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest import mock
from xml.etree import ElementTree

import numpy as np
import torch
from diffusers import DDIMScheduler

from meter.judge import CLASSES, Judge, roughen, truth, wilson
from meter.table import asked, by_style
from renderer import Scene
from trainer import vae as autoencoder
from trainer import curve, eyes, phrases
from trainer.diffusion import SCHEDULE, Latents, loss_weight, rate_at, shares
from trainer.run import Average, Run
from trainer.text import BEGIN, END, VOCABULARY, Tokens, build_text_encoder, write_tokenizer
from trainer.upscaler import Upscaler

HOUSE = Scene("house", "red", "meadow", "day", "none", "flat", 7)


class Runs(unittest.TestCase):
    def test_a_state_comes_back_and_a_torn_write_does_not_count(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(Path(folder), "stage")
            self.assertIsNone(run.load())
            run.save(step=3, model={"w": torch.ones(2)})
            (run.path / "state.new").write_bytes(b"half of a sta")
            self.assertEqual(Run(Path(folder), "stage").load()["step"], 3)

    def test_the_log_holds_means_since_the_last_line(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(Path(folder), "stage")
            for loss in (1.0, 3.0):
                run.note(loss=loss)
            run.flush(2, 64)
            run.flush(3, 96)
            lines = (run.path / "loss.csv").read_text().splitlines()
            self.assertEqual(len(lines), 1)
            self.assertIn("loss=2.00000", lines[0])

    def test_the_curve_is_drawn_from_the_log(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(Path(folder), "diffusion")
            (run.path / "loss.csv").write_text("".join(f"{i},{32 * i},{i},loss=0.2,mse={1 / i}\n" for i in range(1, 40)))
            file = Path(folder) / "loss.svg"
            with mock.patch.object(sys, "argv", ["curve", "--runs", folder, "--to", str(file)]):
                curve.main()
            lines = [e for e in ElementTree.parse(file).iter() if e.tag.endswith("polyline")]
            self.assertEqual([len(line.get("points").split()) for line in lines], [39, 39])

    def test_averaged_weights_follow_from_behind(self):
        layer = torch.nn.Linear(1, 1, bias=False)
        layer.weight.data.fill_(0.0)
        average = Average(layer, 0.9)
        layer.weight.data.fill_(1.0)
        seen = []
        for step in range(100):
            average.update(layer, step)
            seen.append(average.module.weight.item())
        self.assertEqual(seen, sorted(seen))
        self.assertTrue(0.99 < seen[-1] <= 1.0)


class Diffusion(unittest.TestCase):
    def test_the_rate_rises_stays_and_falls(self):
        rates = [rate_at(step, 1000, 0.4) for step in range(1000)]
        self.assertLess(rates[0], 0.02)
        self.assertEqual(rates[150:600], [1.0] * 450)
        self.assertEqual(rates[600:], sorted(rates[600:], reverse=True))
        self.assertEqual(rates[-1], 0.02)

    def test_a_style_in_focus_fills_its_share_of_the_batches(self):
        latents = Latents.__new__(Latents)
        scenes = [replace(HOUSE, style="oil" if i % 10 == 0 else "flat", seed=i) for i in range(512)]
        latents.seed, latents.known = "0", {"square": [("square-0000", np.arange(512).reshape(-1, 1, 1, 1), scenes)], "wide": [], "tall": []}

        def share(focus):
            rows = torch.cat([latents.batch(32, step, focus)[0] for step in range(60)]).flatten().long()
            self.assertGreaterEqual(rows.min().item(), 256)
            return (rows % 10 == 0).float().mean().item()

        self.assertAlmostEqual(share({}), 0.1, delta=0.03)
        self.assertAlmostEqual(share({"oil": 0.5}), 0.55, delta=0.04)

    def test_shares_are_of_known_styles_and_come_to_one_at_most(self):
        self.assertEqual(shares("oil=0.1,pixel art=0.25"), {"oil": 0.1, "pixel art": 0.25})
        self.assertEqual(shares(""), {})
        for wrong in ("cubism=0.1", "oil=0.7,sketch=0.4", "oil=-0.1"):
            with self.assertRaises(ValueError):
                shares(wrong)

    def test_every_noise_level_counts(self):
        weights = loss_weight(DDIMScheduler(**SCHEDULE).alphas_cumprod)
        self.assertTrue(torch.isfinite(weights).all() and weights.min() >= 0.25 and weights.max() <= 1.0)


class TheTokenizer(unittest.TestCase):
    def test_one_made_from_nothing_knows_what_captions_say_and_fits_the_text_encoder(self):
        with tempfile.TemporaryDirectory() as name:
            write_tokenizer(Path(name))
            tokens = Tokens(Path(name))
            self.assertEqual(len(tokens.tokenizer), VOCABULARY)
            self.assertEqual(tokens.tokenizer.tokenize("a red house at sunset, oil"), ["a</w>", "red</w>", "house</w>", "at</w>", "sunset</w>", ",</w>", "oil</w>"])
            ids = tokens(["🚀 unknown wörds"])[0]
            self.assertEqual((ids[0].item(), ids[-1].item()), tuple(tokens.tokenizer.convert_tokens_to_ids([BEGIN, END])))
            self.assertEqual(build_text_encoder(Path(name))(ids[None])[0].shape, (1, 77, 128))


class Autoencoder(unittest.TestCase):
    def test_normalising_latents_changes_no_picture(self):
        torch.manual_seed(0)
        vae = autoencoder.build().eval()
        pictures = torch.rand(4, 3, 64, 64) * 2 - 1
        with torch.no_grad():
            before = vae.decode(vae.encode(pictures).latent_dist.mode()).sample
            autoencoder.normalise(vae, pictures)
            z = vae.encode(pictures).latent_dist.mode()
            after = vae.decode(z).sample
        self.assertLess((before - after).abs().max().item(), 1e-4)
        self.assertTrue(torch.allclose(z.mean((0, 2, 3)), torch.zeros(4), atol=1e-4) and torch.allclose(z.std((0, 2, 3)), torch.ones(4), atol=1e-4))


class TheMeter(unittest.TestCase):
    def test_wilson_agrees_with_the_textbook(self):
        low, high = wilson(8, 10)
        self.assertAlmostEqual(low, 0.490, places=3)
        self.assertAlmostEqual(high, 0.943, places=3)
        self.assertEqual(wilson(0, 0), (0.0, 1.0))

    def test_only_what_is_said_is_asked(self):
        self.assertTrue(asked(HOUSE, "thing") and asked(HOUSE, "sky"))
        self.assertFalse(asked(HOUSE, "background") or asked(HOUSE, "style") or asked(HOUSE, "count"))

    def test_styles_are_counted_apart(self):
        scenes = [replace(HOUSE, style=style) for style in ("oil", "oil", "sketch", "flat")]
        judge = mock.Mock(**{"facts.return_value": {"style": ["oil", "flat", "sketch", "flat"]}})
        self.assertEqual(by_style(judge, torch.zeros(4), scenes), "oil 1 of 2, sketch 1 of 1")

    def test_the_judge_answers_for_every_fact_and_keeps_the_range(self):
        x = torch.rand(3, 3, 64, 64) * 2 - 1
        rough = roughen(x, torch.Generator().manual_seed(1))
        self.assertEqual(rough.shape, x.shape)
        self.assertLessEqual(rough.abs().max().item(), 1.0)
        seen = Judge().eval().facts(rough)
        self.assertEqual(set(seen), set(CLASSES))
        self.assertEqual({len(v) for v in seen.values()}, {3})

    def test_truth_uses_the_judges_own_classes(self):
        rows = truth([HOUSE])
        self.assertEqual({fact: CLASSES[fact][i.item()] for fact, i in rows.items()}, {fact: getattr(HOUSE, fact) for fact in CLASSES})


class TheEyes(unittest.TestCase):
    def test_every_value_of_a_scene_has_a_phrase_of_its_own(self):
        for section, (fact, values) in phrases.SECTIONS.items():
            self.assertIn(getattr(HOUSE, fact), values, section)
            known = phrases.all_of(section)
            self.assertEqual(set(known.values()), set(values), section)
            self.assertEqual(len({phrases.spoken(phrase) for phrase in known}), len(known), section)
            self.assertEqual(len(phrases.one_each(section, Random(1))), len(values))
            self.assertIn("{" + section + "}", phrases.PATTERN)

    def test_phrases_that_say_nothing_are_compared_without_their_mark(self):
        self.assertEqual(phrases.spoken("~flat design"), "flat design")
        self.assertNotIn("~", " ".join(phrases.one_each("medium", Random(0))))

    def test_both_towers_place_a_batch_and_the_losses_name_every_section(self):
        with tempfile.TemporaryDirectory() as name:
            write_tokenizer(Path(name))
            tokens, model = Tokens(Path(name)), eyes.build(VOCABULARY)
            values = {section: torch.tensor([phrases.value_of(section, HOUSE)] * 2) for section in phrases.SECTIONS}
            found = eyes.losses(model, tokens, torch.zeros(2, 3, 64, 64), [HOUSE, HOUSE], values, Random(0))
            self.assertEqual(set(found), {"caption", *phrases.SECTIONS})
            placed = eyes.embed(model, tokens, ["a red house", "a"])
            alone = eyes.embed(model, tokens, ["a"])
            self.assertTrue(torch.allclose(placed[1], alone[0], atol=1e-4), "neighbours do not matter")


class TheUpscaler(unittest.TestCase):
    def test_it_enlarges_and_stays_in_range(self):
        made = Upscaler()(torch.rand(1, 3, 10, 12))
        self.assertEqual(made.shape, (1, 3, 40, 48))
        self.assertTrue(0 <= made.min() and made.max() <= 1)


if __name__ == "__main__":
    unittest.main()
