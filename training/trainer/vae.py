"""The autoencoder: `python -m trainer.vae` trains it, then `--decoder-only` sharpens its decoder.

The first run ends by folding each latent channel's mean and deviation into the 1×1 convolutions around the latents, so
that latents have unit variance and `scaling_factor` is 1. From then on the encoder is frozen: latents that the
UNet learns stay valid while the decoder goes on improving.
"""

import math

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image

from .data import Pictures, held_out
from .run import Average, Run, arguments, bf16, seed_step

CONFIG = dict(
    in_channels=3, out_channels=3, latent_channels=4, layers_per_block=1, norm_num_groups=8, sample_size=64,
    block_out_channels=(16, 32, 64), down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
    scaling_factor=1.0, force_upcast=False,
)


def build() -> AutoencoderKL:
    return AutoencoderKL(**CONFIG)


def edges(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def distance(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """L1 on pixels plus L1 on their differences to neighbours, which is what keeps outlines sharp."""
    loss = F.l1_loss(made, real) + 2.0 * F.mse_loss(made, real)
    for a, b in zip(edges(made), edges(real)):
        loss = loss + 0.7 * F.l1_loss(a, b)
    return loss


def psnr(made: torch.Tensor, real: torch.Tensor) -> float:
    return 10 * math.log10(4.0 / F.mse_loss(made.clamp(-1, 1), real).item())


@torch.no_grad()
def examine(vae: AutoencoderKL, real: torch.Tensor, file) -> float:
    with bf16():
        made = vae.decode(vae.encode(real).latent_dist.mode()).sample.float()
    pair = torch.cat([real[:8], made[:8]])
    rows = [torch.cat(list(pair[i * 8:i * 8 + 8]), dim=2) for i in range(2)]
    pixels = ((torch.cat(rows, dim=1).clamp(-1, 1) + 1) * 127.5).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).resize((1536, 384), Image.Resampling.NEAREST).save(file)
    return psnr(made, real)


@torch.no_grad()
def normalise(vae: AutoencoderKL, pictures: torch.Tensor):
    """Makes each latent channel zero-mean and unit-variance without changing what the autoencoder does."""
    means = vae.encode(pictures).latent_dist.mode()
    mean, deviation = means.mean((0, 2, 3)), means.std((0, 2, 3))
    channels = mean.numel()
    out, back = vae.quant_conv, vae.post_quant_conv
    out.weight[:channels] /= deviation[:, None, None, None]
    out.bias[:channels] = (out.bias[:channels] - mean) / deviation
    out.bias[channels:] -= 2 * deviation.log()
    back.bias += (back.weight[:, :, 0, 0] @ mean)
    back.weight *= deviation[None, :, None, None]


def main():
    o = arguments("vae", steps=3000, batch=16, rate=1.5e-3, log_every=50, examine_every=250, decoder_only=False)
    run = Run(o.runs, "vae")
    run.stop_on_signal()
    state = run.load() or {"step": 0, "samples": 0, "frozen": False}
    if state["frozen"] and not o.decoder_only:
        return print("vae: its latents are frozen; only --decoder-only goes on from here")
    vae = build()
    if "model" in state:
        vae.load_state_dict(state["model"])
    if o.decoder_only:
        vae.encoder.requires_grad_(False)
        vae.quant_conv.requires_grad_(False)
    average = Average(vae, 0.997)
    if "average" in state:
        average.module.load_state_dict(state["average"])
    optimizer = torch.optim.AdamW([p for p in vae.parameters() if p.requires_grad], lr=o.rate, betas=(0.9, 0.98), weight_decay=1e-3)
    # Where this optimizer began, for its first gentle steps.
    first = state["step"]
    # The decoder-only run has fewer parameters than the first one and starts its own optimizer.
    if "optimizer" in state and len(state["optimizer"]["param_groups"][0]["params"]) == len(optimizer.param_groups[0]["params"]):
        optimizer.load_state_dict(state["optimizer"])
        first = state["first"]
    step, samples = state["step"], state["samples"]
    pictures = Pictures(o.runs / "data", o.seed)
    test = held_out(o.runs / "data", "square", 128)

    def keep(frozen: bool):
        run.save(step=step, samples=samples, first=first, frozen=frozen, model=vae.state_dict(), average=average.module.state_dict(), optimizer=optimizer.state_dict())

    while step < o.steps and not run.stopping:
        seed_step(o.seed, step)
        real = pictures.batch(o.batch, step)
        warm = min(1.0, (step - first + 1) / 100)
        cool = 1.0 if step < 0.6 * o.steps else 0.5 * (1 + math.cos(math.pi * (step - 0.6 * o.steps) / (0.4 * o.steps))) + 0.02
        for group in optimizer.param_groups:
            group["lr"] = o.rate * warm * cool
        with bf16():
            with torch.set_grad_enabled(not o.decoder_only):
                posterior = vae.encode(real).latent_dist
                latents = posterior.sample()
            made = vae.decode(latents).sample
        made = made.float()
        loss, more = distance(made, real), {}
        if not o.decoder_only:
            kl = posterior.kl().mean() / latents[0].numel()
            loss = loss + 3e-4 * kl
            more = {"kl": kl.detach()}
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        step, samples = step + 1, samples + o.batch
        average.update(vae, step)
        run.note(loss=loss.detach(), l1=F.l1_loss(made.detach(), real), norm=norm, **more)
        if step % o.log_every == 0:
            run.flush(step, samples)
        if step % o.examine_every == 0:
            print("psnr", step, f"{examine(average.module, test, run.path / 'pairs.png'):.2f}", flush=True)
            keep(o.decoder_only)
    if run.stopping:
        keep(o.decoder_only)
        run.end()
    if not o.decoder_only:
        vae.load_state_dict(average.module.state_dict())
        normalise(vae, test)
        average.module.load_state_dict(vae.state_dict())
    print("psnr", step, f"{examine(average.module, test, run.path / 'pairs.png'):.2f}", flush=True)
    keep(True)


if __name__ == "__main__":
    main()
