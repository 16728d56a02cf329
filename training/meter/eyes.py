"""How well the model with eyes reads pictures: `python -m meter.eyes --model ../models/easel-eyes` prints the table.

Of each section of its vocabulary the closest phrase counts as read; it is right if it stands for the value that the picture has. Asked are
renders of combinations that were never trained on, the same through the autoencoder, and what the shipped model draws for such prompts:
by what the prompts asked for, which is not always drawn, and by what the judge reads in the pictures.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPModel, CLIPTokenizer

from trainer import phrases
from trainer.data import to_tensor
from trainer.drawn import to_bytes
from trainer.run import arguments, bf16
from trainer.upscaler import Upscaler

from .judge import load, unseen, wilson
from .table import Painter, asked, questions


class Reader:
    """The exported model and its vocabulary."""

    def __init__(self, folder: Path):
        self.model = CLIPModel.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = CLIPTokenizer.from_pretrained(folder)
        self.known = {section: self.place(list(phrases.all_of(section))) for section in phrases.SECTIONS}

    @torch.no_grad()
    def place(self, texts: list[str]) -> torch.Tensor:
        spoken = [phrases.spoken(text) for text in texts]
        ids = self.tokenizer(spoken, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        hidden = self.model.text_model(input_ids=ids).pooler_output
        return F.normalize(self.model.text_projection(hidden), dim=-1)

    @torch.no_grad()
    def __call__(self, pictures: torch.Tensor) -> dict[str, list]:
        """The value that the closest phrase of each section stands for, for pictures (n, 3, 64, 64) in -1..1."""
        hidden = torch.cat([self.model.vision_model(pixel_values=part).pooler_output for part in pictures.split(64)])
        seen = F.normalize(self.model.visual_projection(hidden), dim=-1)
        values = {section: list(phrases.all_of(section).values()) for section in phrases.SECTIONS}
        return {s: [values[s][i] for i in (seen @ known.T).argmax(1).tolist()] for s, known in self.known.items()}


def enlarged(pictures: torch.Tensor, folder: Path) -> torch.Tensor:
    """As members get and give them: four times as large, and small again as the node prepares them."""
    net = Upscaler()
    net.load_state_dict({name: w.float() for name, w in load_file(folder / "upscaler" / "model.safetensors").items()})
    with torch.no_grad():
        large = torch.cat([net((part + 1) / 2) for part in pictures.split(16)]).clamp(0, 1) * 2 - 1
    small = [Image.fromarray(picture).resize((64, 64), Image.Resampling.BICUBIC) for picture in to_bytes(large)]
    return to_tensor(np.stack([np.asarray(picture) for picture in small]))


def row(name: str, read: dict[str, list], truth: dict[str, list]) -> str:
    cells, all_right, all_of = [], 0, 0
    for section in phrases.SECTIONS:
        pairs = [(a, b) for a, b in zip(read[section], truth[section]) if b != "unasked"]
        right = sum(a == b for a, b in pairs)
        low, high = wilson(right, len(pairs))
        all_right, all_of = all_right + right, all_of + len(pairs)
        cells.append(f"{100 * right / max(1, len(pairs)):.0f} ({100 * low:.0f}–{100 * high:.0f})")
    return f"| {name} | {100 * all_right / max(1, all_of):.0f} | " + " | ".join(cells) + " |"


def main():
    o = arguments("eyes", model="../models/easel-eyes", drawer="../models/easel-tiny", renders=400, drawn=200, judge="")
    reader, painter = Reader(Path(o.model)), Painter(Path(o.drawer))
    columns = ["top-1, %", "overall", *phrases.SECTIONS]
    print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns), flush=True)
    facts = {section: fact for section, (fact, _) in phrases.SECTIONS.items()}
    pictures, scenes = unseen(o.renders, o.seed + 5)
    truth = {section: [getattr(scene, fact) for scene in scenes] for section, fact in facts.items()}
    print(row("renders", reader(pictures), truth), flush=True)
    with torch.no_grad(), bf16():
        vae = painter.pipeline.vae
        again = torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample.float() for part in pictures.split(50)])
    print(row("renders through the autoencoder", reader(again.clamp(-1, 1)), truth), flush=True)
    scenes, prompts = questions(o.drawn, o.seed + 6)
    made = painter(prompts, "ddim", 20, seed=o.seed + 6)
    wanted = {s: [getattr(scene, fact) if asked(scene, fact) else "unasked" for scene in scenes] for s, fact in facts.items()}
    print(row("drawn, by what was asked", reader(made), wanted), flush=True)
    large = enlarged(made, Path(o.drawer))
    print(row("drawn and enlarged, by what was asked", reader(large), wanted), flush=True)
    judge = load(Path(o.judge) if o.judge else o.runs / "judge" / "state.pt")
    seen = judge.facts(made)
    print(row("drawn, by what the judge reads", reader(made), {s: seen[fact] for s, fact in facts.items()}), flush=True)


if __name__ == "__main__":
    main()
