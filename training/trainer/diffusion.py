"""The text encoder and the UNet, learnt together on cached latents: `python -m trainer.diffusion`."""

import hashlib
import time
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image

from renderer import caption
from renderer.scene import STYLES

from . import data, vae as autoencoder
from .run import LATENT_FACTOR, SIZES, Average, Run, arguments, bf16
from .text import Tokens, build_text_encoder, with_strange_words, write_tokenizer

UNET = dict(
    sample_size=16, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(64, 128, 192), cross_attention_dim=128,
    attention_head_dim=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), norm_num_groups=32,
)
SCHEDULE = dict(
    num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", prediction_type="v_prediction",
    rescale_betas_zero_snr=True, timestep_spacing="trailing", clip_sample=False, set_alpha_to_one=True, steps_offset=0,
)
PROMPTS = [
    "a red sailboat on the sea at sunset", "a cyberpunk city at sunset, neon lights reflecting on wet streets",
    "a blue house in the snow at night", "a green tree on a meadow", "a yellow balloon over mountains at dawn",
    "a white lighthouse by the sea, storm", "a purple castle in front of a forest at night", "an orange cat in the snow",
    "a pink flower on a meadow by day", "a black car on a wet street, neon", "mountains and a lake at sunrise",
    "a red rocket over the desert at night",
]
NEGATIVE = ""


def build_unet() -> UNet2DConditionModel:
    """With plain attention and NCHW memory: on a CPU the fused attention's backward pass and group norm over
    channels-last memory together cost as much as everything else."""
    unet = UNet2DConditionModel(**UNET)
    unet.set_attn_processor(AttnProcessor())
    return unet


def load_vae(runs: Path):
    vae = autoencoder.build().eval()
    vae.load_state_dict(Run(runs, "vae").load()["average"])
    return vae


class Latents:
    """Latents of every shard rendered so far with the frozen encoder, and their scenes."""

    def __init__(self, runs: Path, seed: str):
        self.runs, self.seed, self.known = runs, seed, {shape: [] for shape in SIZES}
        self.vae = load_vae(runs)
        weights = b"".join(p.detach().numpy().tobytes() for p in self.vae.encoder.parameters())
        self.folder = runs / f"latents-{hashlib.sha256(weights).hexdigest()[:12]}"
        self.folder.mkdir(exist_ok=True)

    def refresh(self, most: int):
        """Encodes up to `most` shards that have not been seen yet."""
        for shape in SIZES:
            for shard in data.shards(self.runs / "data", shape):
                if shard.stem in [name for name, *_ in self.known[shape]]:
                    continue
                file = self.folder / f"{shard.stem}.npy"
                if not file.exists():
                    if most <= 0:
                        continue
                    most -= 1
                    self.encode(shard, file)
                self.known[shape].append((shard.stem, np.load(file, mmap_mode="r"), data.scenes_of(shard)))

    @torch.no_grad()
    def encode(self, shard: Path, file: Path):
        pixels, parts = np.load(shard, mmap_mode="r"), []
        for i in range(0, len(pixels), 64):
            with bf16():
                parts.append(self.vae.encode(data.to_tensor(pixels[i:i + 64])).latent_dist.mode().half().numpy())
        np.save(file.with_suffix(".new.npy"), np.concatenate(parts))
        file.with_suffix(".new.npy").rename(file)

    def batch(self, size: int, step: int, focus: dict[str, float] | None = None):
        """Latents and captions of one shape; what batch `step` holds depends on the seed and on the shards present.

        `focus` says which share of a batch is taken from one style alone, for styles that are slow to come.
        """
        r = Random(f"{self.seed}/{step}")
        shape = r.choices(list(SIZES), [0.84, 0.08, 0.08])[0]
        shape = shape if self.known[shape] else "square"
        rows, texts = [], []
        for _ in range(size):
            _, latents, scenes = r.choice(self.known[shape])
            style = r.choices([*focus, None], [*focus.values(), 1 - sum(focus.values())])[0] if focus else None
            i = r.choice([i for i in range(256, len(scenes)) if scenes[i].style == style] if style else range(256, len(scenes)))
            rows.append(latents[i])
            texts.append("" if r.random() < 0.1 else with_strange_words(caption(scenes[i], r), r))
        return torch.from_numpy(np.stack(rows)).float(), texts


def shares(text: str) -> dict[str, float]:
    """`oil=0.1,pixel art=0.2` as a table; at most the whole batch."""
    table = {name.strip(): float(share) for name, share in (part.split("=") for part in text.split(",") if part)}
    unknown = [name for name in table if name not in STYLES]
    if unknown or min(table.values(), default=0) < 0 or sum(table.values()) > 1:
        raise ValueError(f"shares of {', '.join(STYLES)} that come to one at most, not {text}")
    return table


def loss_weight(alphas: torch.Tensor) -> torch.Tensor:
    """Min-SNR with gamma 5 for v-prediction, kept above a floor because the last timestep holds no signal at all."""
    snr = alphas / (1 - alphas)
    return (snr.clamp(max=5.0) / (snr + 1)).clamp(min=0.25)


def rate_at(step: int, steps: int, cool: float) -> float:
    """Share of the full learning rate: a short rise, level, then falling to a fiftieth over the last `cool` of all steps.

    Level for long, so that a run can be prolonged by starting it again with more steps without having cooled too early.
    """
    fall = max(1.0, cool * steps)
    return min(1.0, (step + 1) / 150) * max(0.02, min(1.0, (steps - step) / fall))


@torch.no_grad()
def sample(unet, text, vae, tokens: Tokens, prompts: list[str], guidance=4.0, steps=20, seed=0, shape="square", kind=None) -> torch.Tensor:
    """Pictures for `prompts` as uint8 (n, h, w, 3); one seed for all of them."""
    scheduler = kind or DDIMScheduler(**SCHEDULE)
    scheduler.set_timesteps(steps)
    width, height = SIZES[shape]
    noise = torch.Generator().manual_seed(seed)
    x = torch.randn(len(prompts), 4, height // LATENT_FACTOR, width // LATENT_FACTOR, generator=noise)
    x = x * scheduler.init_noise_sigma
    states = text(tokens([NEGATIVE] * len(prompts) + prompts))[0]
    for t in scheduler.timesteps:
        with bf16():
            a, b = unet(scheduler.scale_model_input(torch.cat([x, x]), t), t, states).sample.float().chunk(2)
        x = scheduler.step(a + guidance * (b - a), t, x).prev_sample
    with bf16():
        pixels = vae.decode(x).sample.float()
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1)


def save_grid(pictures: torch.Tensor, columns: int, file: Path, zoom: int = 3):
    rows = [np.concatenate(list(pictures[i:i + columns].numpy()), axis=1) for i in range(0, len(pictures), columns)]
    image = Image.fromarray(np.concatenate(rows, axis=0))
    image.resize((image.width * zoom, image.height * zoom), Image.Resampling.BICUBIC).save(file)


def main():
    o = arguments("diffusion", steps=12000, batch=32, rate=7e-4, cool=0.35, log_every=25, grid_minutes=6.0, minutes=1000.0, shards=12, focus="", compile=False)
    run = Run(o.runs, "diffusion")
    run.stop_on_signal()
    folder = o.runs / "tokenizer"
    if not (folder / "vocab.json").exists():
        write_tokenizer(folder)
    tokens, unet, text = Tokens(folder), build_unet(), build_text_encoder(folder)
    both = torch.nn.ModuleList([unet, text])
    state = run.load() or {"step": 0, "samples": 0}
    if "model" in state:
        both.load_state_dict(state["model"])
    average = Average(both, 0.999)
    if "average" in state:
        average.module.load_state_dict(state["average"])
    optimizer = torch.optim.AdamW([{"params": unet.parameters(), "weight_decay": 1e-2}, {"params": text.parameters(), "weight_decay": 1e-3}],
                                  lr=o.rate, betas=(0.9, 0.98), fused=True)
    if "optimizer" in state:
        optimizer.load_state_dict(state["optimizer"])
    alphas = DDIMScheduler(**SCHEDULE).alphas_cumprod
    step, samples = state["step"], state["samples"]
    latents = Latents(o.runs, f"{o.seed}")
    latents.refresh(o.shards)
    focus = shares(o.focus)
    forward = torch.compile(unet, dynamic=False) if o.compile else unet
    began = grid = time.monotonic()
    while step < o.steps and not run.stopping and time.monotonic() - began < o.minutes * 60:
        x, texts = latents.batch(o.batch, step, focus)
        noise = torch.Generator().manual_seed(o.seed * 1_000_003 + step)
        spread = (torch.arange(o.batch) + torch.rand(o.batch, generator=noise)) / o.batch
        t = (spread * 1000).long().clamp(max=999)
        a = alphas[t].view(-1, 1, 1, 1)
        eps = torch.randn(x.shape, generator=noise)
        noisy, target = a.sqrt() * x + (1 - a).sqrt() * eps, a.sqrt() * eps - (1 - a).sqrt() * x
        for group in optimizer.param_groups:
            group["lr"] = o.rate * rate_at(step, o.steps, o.cool)
        with bf16():
            guess = forward(noisy, t, text(tokens(texts))[0]).sample
        each = F.mse_loss(guess.float(), target, reduction="none").mean((1, 2, 3))
        loss = (each * loss_weight(alphas[t])).mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimizer.step()
        step, samples = step + 1, samples + o.batch
        average.update(both, step)
        run.note(loss=loss.detach(), mse=each.detach().mean(), norm=norm)
        if step % o.log_every == 0:
            run.flush(step, samples)
        if time.monotonic() - grid > o.grid_minutes * 60 or step in (o.steps, 100):
            grid = time.monotonic()
            keep(run, step, samples, both, average, optimizer)
            pictures = sample(*average.module, load_vae(o.runs), tokens, PROMPTS)
            save_grid(pictures, 6, run.path / f"grid-{step:06d}.png")
            latents.refresh(1)
    keep(run, step, samples, both, average, optimizer)
    run.end()


def keep(run: Run, step: int, samples: int, both, average: Average, optimizer):
    run.save(step=step, samples=samples, model=both.state_dict(), average=average.module.state_dict(), optimizer=optimizer.state_dict())


if __name__ == "__main__":
    main()
