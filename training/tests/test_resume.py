"""A stage that was stopped and started again ends with the very weights of one that ran through."""

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import torch

from meter import judge
from trainer import data, diffusion, upscaler, vae
from trainer.run import Run

SMALL = 320
TOKENIZER = Path(__file__).resolve().parents[2] / "models" / "easel-tiny" / "tokenizer"


def run_stage(main, folder: Path, *options: str, stop_after: int | None = None) -> int:
    """Runs a stage in `folder`; with `stop_after`, as if SIGTERM had come during that step. Its exit code."""
    notes = 0
    note = Run.note

    def counted(self, **figures):
        nonlocal notes
        notes += 1
        self.stopping = self.stopping or notes == stop_after
        note(self, **figures)

    argv = ["stage", "--runs", str(folder), *options]
    with mock.patch.object(sys, "argv", argv), mock.patch.object(Run, "note", counted), mock.patch.object(Run, "stop_on_signal"):
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                main()
            except SystemExit as end:
                return end.code
    return 0


class Resuming(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        (Path(cls.folder.name) / "data").mkdir()
        with mock.patch.object(data, "SHARD", SMALL):
            data.render_shard(Path(cls.folder.name) / "data", 0, seed=1)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def both_ways(self, main, stage: str, *options: str, also: tuple[str, ...] = ()):
        """Weights after four steps in one go, and after two and two."""
        ends = []
        for parts in ((None,), (2, None)):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                (folder / "data").symlink_to(Path(self.folder.name) / "data")
                (folder / "tokenizer").symlink_to(TOKENIZER)
                for other in also:
                    torch.manual_seed(3)
                    weights = vae.build().state_dict()
                    Run(folder, other).save(step=0, samples=0, frozen=True, model=weights, average=weights)
                codes = [run_stage(main, folder, "--steps", "4", *options, stop_after=stop) for stop in parts]
                self.assertEqual(codes, [75, 0][-len(codes):])
                ends.append(Run(folder, stage).load())
        self.assertEqual(ends[0]["step"], 4)
        self.assertEqual(ends[1]["step"], 4)
        for kind in ("model", "average"):
            for weight, value in ends[0][kind].items():
                self.assertTrue(torch.equal(value, ends[1][kind][weight]), (kind, weight))

    def test_the_autoencoder(self):
        self.both_ways(vae.main, "vae", "--batch", "2")

    def test_the_decoder_alone(self):
        self.both_ways(vae.main, "vae", "--batch", "2", "--decoder-only", also=("vae",))

    def test_the_judge(self):
        self.both_ways(judge.main, "judge", "--batch", "4", "--pictures", "8")

    def test_text_encoder_and_unet(self):
        def main():
            with mock.patch.object(diffusion, "sample", lambda *_: torch.zeros(12, 8, 8, 3, dtype=torch.uint8)):
                diffusion.main()

        self.both_ways(main, "diffusion", "--batch", "2", also=("vae",))

    def test_the_upscaler(self):
        self.both_ways(upscaler.main, "upscaler", "--batch", "2", "--pictures", "132", also=("vae",))


if __name__ == "__main__":
    unittest.main()
