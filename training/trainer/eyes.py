"""Eyes: two small towers after CLIP (Radford et al. 2021) that place pictures and words beside each other: `python -m trainer.eyes`.

Learnt from rendered pictures, from some that went through the autoencoder and some that the diffusion model drew, with two losses: of the
captions of a batch each picture finds its own and each caption its picture; and of the phrases of each section, one for each value, it
finds the one that holds. The second is what a node asks the model for.
"""

import time
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

from meter.judge import roughen
from renderer import caption

from . import data, phrases
from .run import Average, Run, arguments, bf16, seed_step
from .text import LENGTH, Tokens, with_strange_words

SIDE, PATCH, WIDTH = 64, 8, 128
# Of ten batches, how many are of which pictures.
SHARES = {"square": 0.6, "passed": 0.15, "drawn": 0.25}
# Things have the most shapes and are learnt the slowest.
HEAVIER = {"subject": 4.0}
# The first pictures of each rendered shard are never trained on.
HELD_OUT = 256


def build(vocabulary: int) -> CLIPModel:
    ends = dict(bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1, pad_token_id=vocabulary - 1)
    text = CLIPTextConfig(vocab_size=vocabulary, hidden_size=128, intermediate_size=512, num_hidden_layers=3, num_attention_heads=4,
                          max_position_embeddings=LENGTH, hidden_act="quick_gelu", projection_dim=128, **ends)
    vision = CLIPVisionConfig(hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=4, num_attention_heads=4, image_size=SIDE,
                              patch_size=PATCH, hidden_act="quick_gelu", projection_dim=128)
    model = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=128, logit_scale_init_value=2.6))
    # On a processor the backward pass of fused attention costs as much as everything else.
    model.set_attn_implementation("eager")
    return model


def start_reading(model: CLIPModel, checkpoint: Path):
    """Gives the text tower the weights of the diffusion model's, which has read the same captions for much longer."""
    found = load_file(checkpoint / "text_encoder" / "model.fp16.safetensors")
    own = {name.removeprefix("text_model."): w.float() for name, w in found.items()}
    model.text_model.load_state_dict(own)


class Shards:
    """Pictures of one kind with their scenes and, ready as numbers, what each section should find."""

    def __init__(self, folder, kind: str):
        files = sorted(p for p in folder.glob(f"{kind}-*.npy") if ".new" not in p.name)
        self.first = HELD_OUT if kind == "square" else 0
        self.pixels = [np.load(file, mmap_mode="r") for file in files]
        self.scenes = [data.scenes_of(file) for file in files]
        self.values = [{s: torch.tensor([phrases.value_of(s, scene) for scene in scenes]) for s in phrases.SECTIONS} for scenes in self.scenes]

    def batch(self, size: int, g: torch.Generator):
        parts = [torch.randint(len(self.pixels), (1,), generator=g).item() for _ in range(4)]
        pixels, scenes, values = [], [], {s: [] for s in phrases.SECTIONS}
        for part in parts:
            rows = torch.randint(self.first, len(self.pixels[part]), (size // 4,), generator=g)
            pixels.append(self.pixels[part][rows.numpy()])
            scenes += [self.scenes[part][i] for i in rows.tolist()]
            for section in values:
                values[section].append(self.values[part][section][rows])
        return data.to_tensor(np.concatenate(pixels)), scenes, {s: torch.cat(v) for s, v in values.items()}


def jitter(x: torch.Tensor, scenes: list, g: torch.Generator) -> torch.Tensor:
    """Mirrored where the caption cannot say left or right, moved a little, sometimes with a border cut off."""
    mirrored = torch.tensor([scene.place == "centre" for scene in scenes]) & (torch.rand(len(x), generator=g) < 0.5)
    x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
    if torch.rand(1, generator=g) < 0.6:
        inset = torch.randint(1, 8, (1,), generator=g).item()
        top, left = (torch.randint(0, inset + 1, (1,), generator=g).item() for _ in range(2))
        side = x.shape[-1] - inset
        x = F.interpolate(x[:, :, top:top + side, left:left + side], size=x.shape[-2:], mode="bicubic", antialias=True).clamp(-1, 1)
    return x


def embed(model: CLIPModel, tokens: Tokens, texts: list[str]) -> torch.Tensor:
    ids = tokens(texts)
    # Nothing after the end is read, so nothing after the last end is computed.
    longest = int((ids != ids[0, -1]).sum(1).max()) + 1
    hidden = model.text_model(input_ids=ids[:, :longest]).pooler_output
    return F.normalize(model.text_projection(hidden).float(), dim=-1)


def see(model: CLIPModel, x: torch.Tensor) -> torch.Tensor:
    return F.normalize(model.visual_projection(model.vision_model(pixel_values=x).pooler_output).float(), dim=-1)


def losses(model: CLIPModel, tokens: Tokens, x: torch.Tensor, scenes: list, values: dict, r: Random) -> dict[str, torch.Tensor]:
    texts = [with_strange_words(caption(scene, r), r) for scene in scenes]
    sections = {section: phrases.one_each(section, r) for section in phrases.SECTIONS}
    with bf16():
        seen = see(model, x)
        said = embed(model, tokens, texts)
        known = embed(model, tokens, [phrase for section in sections.values() for phrase in section])
    scale = model.logit_scale.exp().clamp(max=100.0)
    matches, own = scale * seen @ said.T, torch.arange(len(x))
    found = {"caption": (F.cross_entropy(matches, own, label_smoothing=0.05) + F.cross_entropy(matches.T, own, label_smoothing=0.05)) / 2}
    at = 0
    for section, words in sections.items():
        scores = scale * seen @ known[at:at + len(words)].T
        found[section] = F.cross_entropy(scores, values[section], label_smoothing=0.02)
        at += len(words)
    return found


def rate_at(step: int, o, done: float) -> float:
    """Rises for a while, then falls to nothing by half a cosine over the share of the run that is done."""
    return o.rate * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * min(1.0, done))))


def learn(o) -> CLIPModel:
    run = Run(o.runs, "eyes")
    run.stop_on_signal()
    tokens = Tokens(o.runs / "tokenizer")
    model = build(len(tokens.tokenizer))
    if o.text:
        start_reading(model, Path(o.text))
    state = run.load() or {"step": 0, "seconds": 0.0, "model": model.state_dict()}
    model.load_state_dict(state["model"])
    average = Average(model, 0.998)
    average.module.load_state_dict(state.get("average", state["model"]))
    decayed = [w for w in model.parameters() if w.dim() > 1]
    plain = [w for w in model.parameters() if w.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}], lr=o.rate, betas=(0.9, 0.98))
    if "optimizer" in state:
        optimizer.load_state_dict(state["optimizer"])
    kinds = {kind: shards for kind in SHARES if (shards := Shards(o.runs / "data", kind)).pixels}
    step, before, started = state["step"], state["seconds"], time.monotonic()
    done = lambda: (before + time.monotonic() - started) / (60 * o.minutes) if o.minutes else step / o.steps  # noqa: E731
    while not run.stopping and done() < 1:
        seed_step(o.seed, step)
        g, r = torch.Generator().manual_seed(o.seed * 1_000_003 + step), Random(f"{o.seed}/{step}")
        kind = r.choices(list(kinds), [SHARES[k] for k in kinds])[0]
        x, scenes, values = kinds[kind].batch(o.batch, g)
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, o, done())
        found = losses(model, tokens, roughen(jitter(x, scenes, g), g), scenes, values, r)
        optimizer.zero_grad(set_to_none=True)
        sum(HEAVIER.get(name, 1.0) * loss for name, loss in found.items()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        average.update(model, step)
        run.note(**{name: loss.detach() for name, loss in found.items()}, scale=model.logit_scale.detach().exp())
        if step % 20 == 0:
            run.flush(step, step * o.batch)
        if step % 100 == 0 or run.stopping or done() >= 1:
            run.save(step=step, seconds=before + time.monotonic() - started, model=model.state_dict(), average=average.module.state_dict(),
                     optimizer=optimizer.state_dict())
    run.end()
    return average.module.eval()


if __name__ == "__main__":
    learn(arguments("eyes", steps=4000, minutes=0.0, batch=64, rate=1.2e-3, text="../models/easel-tiny"))
