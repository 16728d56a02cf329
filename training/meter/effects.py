"""What the settings do, measured: `python -m meter.effects --model ../models/easel-tiny`.

Guidance, negative prompt, seed, variations, start picture and mask, each on the same kind of held-out prompts that the table uses.
Distances are means of |Δ| in steps of 255 between pictures averaged over 4×4 pixels.
"""

from pathlib import Path
from random import Random

import diffusers
import torch
import torch.nn.functional as F

from renderer import Scene, caption, sample_scene
from renderer.palette import COLOURS
from renderer.words import COLOUR_WORDS, GROUND_WORDS, SKY_WORDS
from trainer.export import PROFILE
from trainer.run import arguments, bf16

from .judge import CLASSES, FACTS, Judge, load, wilson
from .table import Painter, questions, score


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    return (F.avg_pool2d(a, 4) - F.avg_pool2d(b, 4)).abs().mean().item() * 127.5


def share(right: int, of: int) -> str:
    low, high = wilson(right, of)
    return f"{100 * right / max(1, of):.0f} % ({100 * low:.0f}–{100 * high:.0f})"


def mixed(a: torch.Tensor, b: torch.Tensor, strength: float) -> torch.Tensor:
    """Spherical interpolation per picture, as variations mix noise."""
    x, y = a.flatten(1), b.flatten(1)
    cosine = F.cosine_similarity(x, y, dim=1).clamp(-1, 1)
    angle = torch.acos(cosine)[:, None]
    return ((torch.sin((1 - strength) * angle) * x + torch.sin(strength * angle) * y) / torch.sin(angle)).view_as(a)


def noise(count: int, seed: int) -> torch.Tensor:
    return torch.cat([torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(seed * 1_000_003 + i)) for i in range(count)])


def paint(pipeline, prompts: list[str], batch: int = 16, **tensors) -> torch.Tensor:
    """Runs any of diffusers' pipelines over `prompts` in batches; tensors as long as `prompts` are cut alike."""
    made = []
    for i in range(0, len(prompts), batch):
        part = prompts[i:i + batch]
        cut = {name: v[i:i + batch] if isinstance(v, (torch.Tensor, list)) else v for name, v in tensors.items()}
        generators = [torch.Generator().manual_seed(90_000_000 + i + j) for j in range(len(part))]
        with bf16():
            made.append(pipeline(part, num_inference_steps=20, guidance_scale=PROFILE["default_guidance"], output_type="pt", generator=generators, **cut)
                        .images.float())
    return torch.cat(made) * 2 - 1


def guidance(painter: Painter, judge: Judge, scenes: list[Scene], prompts: list[str]):
    print("\n| guidance | " + " | ".join(["overall", *FACTS]) + " |\n|---|" + "---|" * (len(FACTS) + 1))
    for scale in (1.0, 2.0, 4.0, 7.0, 10.0):
        result = score(judge, painter(prompts, guidance=scale), scenes)
        print(f"| {scale:g} | " + " | ".join(f"{100 * result[f][0] / max(1, result[f][1]):.0f}" for f in ("overall", *FACTS)) + " |", flush=True)


def negatives(painter: Painter, judge: Judge, count: int, seed: int):
    """What the prompt itself puts in the picture and `--no` names: a contradiction, and the hardest case."""
    r = Random(f"{seed}/negatives")
    scenes = [sample_scene(r, held_out=True) for _ in range(count)]
    prompts = [caption(s, r, is_complete=True) for s in scenes]
    for fact, of in (("thing", scenes), ("background", [s for s in scenes if s.background != "none"]), ("style", [s for s in scenes if s.style != "flat"])):
        words = {"skyline": "city, skyscrapers, skyline", "pixel art": "pixel art", "oil": "oil painting"}
        chosen = [(s, p) for s, p in zip(scenes, prompts) if s in of]
        names, texts = [getattr(s, fact) for s, _ in chosen], [p for _, p in chosen]
        plain = judge.facts(painter(texts, seed=seed))[fact]
        without = judge.facts(painter(texts, seed=seed, negative=[words.get(name, name) for name in names]))[fact]
        before = sum(a == name for a, name in zip(plain, names))
        after = sum(a == name != b for a, b, name in zip(plain, without, names))
        print(f"| `--no` of the {fact} that the prompt itself asks for | gone in {share(after, before)} of the pictures that had it |", flush=True)
    unasked(painter, judge, count, seed)


def unasked(painter: Painter, judge: Judge, count: int, seed: int):
    """The usual case: the prompt does not ask for it, but the model draws it. Another word in `--no` shows what would have gone anyway."""
    plain = judge.facts(painter([""] * count, seed=seed))
    for fact in ("thing", "colour"):
        had = [(i, name) for i, name in enumerate(plain[fact]) if name]
        others = {name: r for name, r in zip(CLASSES[fact], CLASSES[fact][5:-1] + CLASSES[fact][:5])}
        gone = []
        for word in (lambda name: name, lambda name: others[name]):
            negative = [word(name) if name else "" for name in plain[fact]]
            seen = judge.facts(painter([""] * count, seed=seed, negative=negative))[fact]
            gone.append(sum(seen[i] != name for i, name in had))
        print(f"| `--no` of the {fact} that came with an empty prompt | gone in {share(gone[0], len(had))}; with another {fact} in `--no` "
              f"{share(gone[1], len(had))} |", flush=True)


def seeds_and_variations(painter: Painter, prompts: list[str]):
    pipeline, count = painter.pipeline, len(prompts)
    a, b = noise(count, 1), noise(count, 2)
    size = dict(width=64, height=64)
    parent = paint(pipeline, prompts, latents=a, **size)
    print(f"| same seed again | distance {distance(parent, paint(pipeline, prompts, latents=a, **size)):.2f} |")
    for name, strength in (("variation 0.15", 0.15), ("variation 0.35", 0.35), ("variation 0.6", 0.6), ("another seed", 1.0)):
        print(f"| {name} | distance {distance(parent, paint(pipeline, prompts, latents=mixed(a, b, strength), **size)):.1f} |", flush=True)


def recoloured(scenes: list[Scene], r: Random) -> tuple[list[str], list[str]]:
    """Prompts for the same things in another colour, and that colour."""
    colours = [r.choice([c for c in COLOURS if c != s.colour]) for s in scenes]
    texts = [f"a {COLOUR_WORDS[c][0]} {s.thing}, {GROUND_WORDS[s.ground][0]}, {SKY_WORDS[s.sky][0]}" for s, c in zip(scenes, colours)]
    return texts, colours


def start_pictures(painter: Painter, judge: Judge, starts: torch.Tensor, scenes: list[Scene], r: Random):
    pipeline = diffusers.StableDiffusionImg2ImgPipeline(**painter.pipeline.components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    texts, colours = recoloured(scenes, r)
    for strength in (0.3, 0.6, 0.8, 1.0):
        made = paint(pipeline, texts, image=(starts + 1) / 2, strength=strength)
        right = sum(a == b for a, b in zip(judge.facts(made)["colour"], colours))
        print(f"| start picture, strength {strength:g} | distance {distance(starts, made):.1f}; the new colour is there in {share(right, len(texts))} |", flush=True)


def masks(painter: Painter, judge: Judge, starts: torch.Tensor, scenes: list[Scene], r: Random):
    pipeline = diffusers.StableDiffusionInpaintPipeline(**painter.pipeline.components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    texts, colours = recoloured(scenes, r)
    mask = torch.zeros(len(texts), 1, 64, 64)
    mask[..., 8:60, 12:52] = 1
    made = paint(pipeline, texts, image=(starts + 1) / 2, mask_image=mask, strength=1.0, width=64, height=64)
    with torch.no_grad():
        vae = pipeline.vae
        # The pipeline draws latents from what the encoder says, so what the autoencoder alone changes is measured likewise.
        latents = vae.encode(starts).latent_dist.sample(torch.Generator().manual_seed(90_000_000))
        again = vae.decode(latents).sample.clamp(-1, 1)
    # The latents' cells touch their neighbours in the decoder: a rim of one cell belongs to neither side.
    outside = torch.ones(1, 1, 64, 64)
    outside[..., 4:64, 8:56] = 0
    off = lambda x: ((x - starts).abs() * outside).sum().item() * 127.5 / (outside.sum().item() * 3 * len(starts))
    right = sum(a == b for a, b in zip(judge.facts(made)["colour"], colours))
    print(f"| mask over the middle | outside it {off(made):.1f} from the start picture, the autoencoder alone {off(again):.1f}; "
          f"the new colour is inside in {share(right, len(texts))} |", flush=True)


def main():
    o = arguments("effects", model="../models/easel-tiny", prompts=96, judge="")
    judge = load(Path(o.judge) if o.judge else o.runs / "judge" / "state.pt")
    painter = Painter(Path(o.model))
    scenes, prompts = questions(o.prompts, o.seed)
    guidance(painter, judge, scenes, prompts)
    print("\n| what | effect |\n|---|---|")
    negatives(painter, judge, o.prompts, o.seed)
    seeds_and_variations(painter, prompts)
    r = Random(f"{o.seed}/effects")
    starts = painter(prompts)
    start_pictures(painter, judge, starts, scenes, r)
    masks(painter, judge, starts, scenes, r)


if __name__ == "__main__":
    main()
