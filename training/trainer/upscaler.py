"""The upscaler, ×4 over nearest-neighbour: `python -m trainer.upscaler`.

forward(x), x in 0..1 of shape (n, 3, h, w):
    y = relu(conv_in(x)); y = relu(body.i(y)) for i in 0..layers-1; y = conv_out(y)   (3×3, padding 1, with bias)
    result = clamp(pixel_shuffle(y, 4) + nearest(x, 4), 0, 1)
"""

from pathlib import Path
from random import Random

import torch
import torch.nn.functional as F
from torch import nn

from renderer import draw, sample_scene

from . import data, vae as autoencoder
from .diffusion import load_vae
from .run import Average, Run, arguments, bf16, seed_step

SCALE, CHANNELS, LAYERS = 4, 48, 6
CONFIG = {"_class_name": "EaselSuperResolution", "scale": SCALE, "channels": CHANNELS, "layers": LAYERS, "in_channels": 3}


class Upscaler(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_in = nn.Conv2d(3, CHANNELS, 3, padding=1)
        self.body = nn.ModuleList(nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1) for _ in range(LAYERS))
        self.conv_out = nn.Conv2d(CHANNELS, 3 * SCALE * SCALE, 3, padding=1)
        # PyTorch's default shrinks the signal by √3 per layer, and six layers without skips would not learn.
        for layer in (self.conv_in, *self.body):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.conv_out.weight, std=0.004)
        nn.init.zeros_(self.conv_out.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.conv_in(x))
        for layer in self.body:
            y = F.relu(layer(y))
        return (F.pixel_shuffle(self.conv_out(y), SCALE) + F.interpolate(x, scale_factor=SCALE, mode="nearest")).clamp(0, 1)


def render_pairs(folder: Path, count: int, seed: int):
    """Pictures at 256², kept as bytes; the small ones are made from them by averaging 4×4 pixels."""
    import numpy as np

    file = folder / f"large-{count}.npy"
    if not file.exists():
        r = Random(f"{seed}/large")
        np.save(file, np.stack([np.asarray(draw(sample_scene(r), 256, 256, 2)) for _ in range(count)]))
    return np.load(file, mmap_mode="r")


def edge_loss(made: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    pairs = zip(autoencoder.edges(made), autoencoder.edges(real))
    return 0.5 * sum(F.l1_loss(a, b) for a, b in pairs)


def mean_psnr(made: torch.Tensor, real: torch.Tensor) -> float:
    return (-10 * ((made - real) ** 2).mean((1, 2, 3)).log10()).mean().item()


def main():
    import numpy as np

    o = arguments("upscaler", steps=3000, batch=8, rate=1e-3, pictures=1200, log_every=100, decoded=0.5)
    run = Run(o.runs, "upscaler")
    run.stop_on_signal()
    large = render_pairs(run.path, o.pictures, o.seed)
    net = Upscaler()
    state = run.load() or {"step": 0}
    average = Average(net, 0.998)
    if "model" in state:
        net.load_state_dict(state["model"])
        average.module.load_state_dict(state["average"])
    optimizer = torch.optim.Adam(net.parameters(), lr=o.rate)
    if "optimizer" in state:
        optimizer.load_state_dict(state["optimizer"])
    vae, step = load_vae(o.runs), state["step"]

    def keep():
        run.save(step=step, model=net.state_dict(), average=average.module.state_dict(), optimizer=optimizer.state_dict())

    while step < o.steps and not run.stopping:
        seed_step(o.seed, step)
        r = np.random.default_rng((o.seed, step))
        rows = np.stack([large[i] for i in r.integers(128, len(large), o.batch)])
        real = (data.to_tensor(rows) + 1) / 2
        small = F.avg_pool2d(real, SCALE)
        # Half of the time the net sees what the autoencoder makes of the picture, which is what it meets in service.
        if r.random() < o.decoded:
            with torch.no_grad(), bf16():
                small = (vae.decode(vae.encode(small * 2 - 1).latent_dist.mode()).sample.float() / 2 + 0.5).clamp(0, 1)
        y, x = r.integers(0, 33, 2)
        small = small[..., y:y + 32, x:x + 32]
        real = real[..., 4 * y:4 * y + 128, 4 * x:4 * x + 128]
        for group in optimizer.param_groups:
            group["lr"] = o.rate * min(1.0, (step + 1) / 50) * max(0.03, 1 - step / o.steps)
        with bf16():
            made = net(small)
        made = made.float()
        # Squared error leads: with L1 and edges alone "change nothing" is a minimum that the net never leaves.
        loss = F.l1_loss(made, real) + 20.0 * F.mse_loss(made, real)
        if step > o.steps // 2:
            loss = loss + edge_loss(made, real)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        step += 1
        average.update(net, step)
        run.note(loss=loss.detach())
        if step % o.log_every == 0:
            run.flush(step, step * o.batch)
        if step % 200 == 0 or step == o.steps:
            real = (data.to_tensor(np.array(large[:64])) + 1) / 2
            small = F.avg_pool2d(real, SCALE)
            with torch.no_grad():
                ours, bicubic = average.module(small), F.interpolate(small, scale_factor=4, mode="bicubic", antialias=False).clamp(0, 1)
            print("psnr", step, f"ours {mean_psnr(ours, real):.2f} bicubic {mean_psnr(bicubic, real):.2f}", flush=True)
            keep()
    keep()
    run.end()


if __name__ == "__main__":
    main()
