"""How far a model follows its prompts: `python -m meter.table --model ../models/easel-tiny` prints the table.

Each prompt states every fact of a scene whose combination of thing, colour, ground, sky and style was never rendered for training. A
picture is made for it with diffusers, and the judge reads the facts back. Only what the prompt asks for is counted: "nothing in the
background" and the plain style are never asked for.
"""

import json
from pathlib import Path
from random import Random

import diffusers
import torch

from renderer import Scene, caption, sample_scene
from renderer.scene import STYLES
from trainer.export import PROFILE
from trainer.run import arguments, bf16

from .judge import FACTS, Judge, load, unseen, wilson

SAMPLERS = {
    "ddim": ("DDIMScheduler", {}), "euler": ("EulerDiscreteScheduler", {}), "euler a": ("EulerAncestralDiscreteScheduler", {}),
    "dpm++ 2m": ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}), "unipc": ("UniPCMultistepScheduler", {}),
}
EXTRA = ("count", "size", "place")


class Painter:
    """The exported model, in f32 on the processor, drawing batches as diffusers' own pipeline does."""

    def __init__(self, model: Path):
        diffusers.utils.logging.disable_progress_bar()
        self.pipeline = diffusers.StableDiffusionPipeline.from_pretrained(model, variant="fp16", torch_dtype=torch.float32)
        self.pipeline.set_progress_bar_config(disable=True)
        self.config = self.pipeline.scheduler.config

    def __call__(self, prompts: list[str], sampler="ddim", steps=20, guidance=PROFILE["default_guidance"], seed=0, negative=None, batch=16):
        """Pictures in 255 steps as floats in -1..1, (n, 3, 64, 64); prompt i has noise of its own, drawn from `seed` and i.

        `negative` is one text for each prompt.
        """
        name, more = SAMPLERS[sampler]
        self.pipeline.scheduler = getattr(diffusers, name).from_config(self.config, **more)
        made = []
        for i in range(0, len(prompts), batch):
            part = prompts[i:i + batch]
            noise = [torch.Generator().manual_seed(seed * 1_000_003 + i + j) for j in range(len(part))]
            latents = torch.cat([torch.randn(1, 4, 16, 16, generator=g) for g in noise])
            with bf16():
                made.append(self.pipeline(part, negative_prompt=negative and negative[i:i + batch], width=64, height=64, num_inference_steps=steps,
                                          guidance_scale=guidance, output_type="pt", latents=latents, generator=noise).images.float())
        return (torch.cat(made) * 255).round() / 127.5 - 1


def asked(scene: Scene, fact: str) -> bool:
    """Whether a complete caption of `scene` says this fact in words."""
    default = {"background": "none", "style": "flat", "count": 1, "size": "medium", "place": "centre"}
    return getattr(scene, fact) is not None and getattr(scene, fact) != default.get(fact)


def questions(count: int, seed: int) -> tuple[list[Scene], list[str]]:
    r = Random(f"{seed}/questions")
    scenes = [sample_scene(r, held_out=True) for _ in range(count)]
    return scenes, [caption(s, r, is_complete=True) for s in scenes]


def score(judge: Judge, pictures: torch.Tensor, scenes: list[Scene]) -> dict[str, tuple[int, int]]:
    """Facts read back and facts asked, per fact and overall."""
    seen, result = judge.facts(pictures), {}
    for fact in (*FACTS, *EXTRA):
        rows = [i for i, s in enumerate(scenes) if asked(s, fact)]
        result[fact] = (sum(seen[fact][i] == getattr(scenes[i], fact) for i in rows), len(rows))
    result["overall"] = tuple(sum(result[fact][i] for fact in FACTS) for i in (0, 1))
    return result


def by_style(judge: Judge, pictures: torch.Tensor, scenes: list[Scene]) -> str:
    """How often each style that is asked for is read back: an average hides one that never comes."""
    seen, cells = judge.facts(pictures)["style"], []
    for style in STYLES:
        rows = [i for i, s in enumerate(scenes) if asked(s, "style") and s.style == style]
        if rows:
            cells.append(f"{style} {sum(seen[i] == style for i in rows)} of {len(rows)}")
    return ", ".join(cells)


def row(name: str, result: dict[str, tuple[int, int]]) -> str:
    cells = []
    for fact in ("overall", *FACTS, *EXTRA):
        right, of = result[fact]
        low, high = wilson(right, of)
        cells.append(f"{100 * right / max(1, of):.0f} ({100 * low:.0f}–{100 * high:.0f})")
    return f"| {name} | " + " | ".join(cells) + " |"


def header() -> str:
    columns = ["", "overall", *FACTS, *EXTRA]
    return "| " + " | ".join(columns) + " |\n|" + "---|" * len(columns)


def main():
    o = arguments("table", model="../models/easel-tiny", prompts=400, samplers="ddim,euler,dpm++ 2m,unipc", steps="10,20", guidance=PROFILE["default_guidance"],
                  judge="", to="")
    judge = load(Path(o.judge) if o.judge else o.runs / "judge" / "state.pt")
    painter = Painter(Path(o.model))
    scenes, prompts = questions(o.prompts, o.seed)
    print(header(), flush=True)
    pictures, rendered = unseen(o.prompts, o.seed + 1)
    results = {"renders (the judge itself)": score(judge, pictures, rendered)}
    styles = []
    with torch.no_grad(), bf16():
        vae = painter.pipeline.vae
        again = torch.cat([vae.decode(vae.encode(part).latent_dist.mode()).sample.float() for part in pictures.split(50)])
    results["renders through the autoencoder"] = score(judge, again.clamp(-1, 1), rendered)
    for name in results:
        print(row(name, results[name]), flush=True)
    for sampler in o.samplers.split(","):
        for steps in o.steps.split(","):
            made = painter(prompts, sampler, int(steps), o.guidance, o.seed)
            name = f"{sampler}, {steps} steps"
            results[name] = score(judge, made, scenes)
            styles.append(f"Styles, {name}: {by_style(judge, made, scenes)}")
            print(row(name, results[name]), flush=True)
    print("", *styles, sep="\n", flush=True)
    if o.to:
        Path(o.to).write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
