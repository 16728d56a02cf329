"""Writes a model directory in the diffusers layout: `python -m trainer.export --to ../models/easel-tiny`.

`--random` writes random weights of the same shapes instead, for tests of the loader.
"""

import json
import shutil
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from . import data, diffusion, vae as autoencoder
from .run import Run, arguments
from .text import Tokens, build_text_encoder, write_tokenizer
from .upscaler import CONFIG as UPSCALER_CONFIG, Upscaler

PROFILE = {
    "id": "easel-tiny", "native_width": 64, "native_height": 64, "default_steps": 20, "default_guidance": 4.0, "default_sampler": "ddim",
    "safe": True, "finish_scale": 4, "max_side": 96,
}


@torch.no_grad()
def preview_factors(vae, pictures: torch.Tensor) -> dict:
    """The linear map from latents to the mean colour (-1..1) of the pixels under them, by least squares."""
    z = vae.encode(pictures).latent_dist.mode()
    rgb = F.avg_pool2d(pictures, pictures.shape[-1] // z.shape[-1])
    rows = torch.cat([z, torch.ones_like(z[:, :1])], 1).permute(0, 2, 3, 1).reshape(-1, z.shape[1] + 1)
    solution = torch.linalg.lstsq(rows, rgb.permute(0, 2, 3, 1).reshape(-1, 3)).solution
    rounded = [[round(v, 5) for v in row] for row in solution.tolist()]
    return {"latent_rgb_factors": rounded[:-1], "latent_rgb_bias": rounded[-1]}


def parts(runs: Path, is_random: bool):
    folder = runs / "tokenizer"
    if not (folder / "vocab.json").exists():
        write_tokenizer(folder)
    unet, text, net = diffusion.build_unet(), build_text_encoder(folder), Upscaler()
    if is_random:
        torch.nn.init.normal_(net.conv_out.weight, std=0.02)
        return unet, text, autoencoder.build(), net
    both = torch.nn.ModuleList([unet, text])
    both.load_state_dict(Run(runs, "diffusion").load()["average"])
    state = Run(runs, "upscaler").load()
    if state:
        net.load_state_dict(state["average"])
    return unet, text, diffusion.load_vae(runs), net


def nest(file: Path):
    """Names the text encoder's weights `text_model.…`, as every reader of this layout knows them."""
    weights = load_file(file)
    save_file({name if name.startswith("text_model.") else f"text_model.{name}": w for name, w in weights.items()}, file, {"format": "pt"})


def main():
    o = arguments("export", to="../models/easel-tiny", random=False, guidance=PROFILE["default_guidance"])
    target = Path(o.to)
    unet, text, vae, net = parts(o.runs, o.random)
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler", "upscaler"):
        shutil.rmtree(target / name, ignore_errors=True)
    tokens = Tokens(o.runs / "tokenizer")
    pipeline = StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokens.tokenizer, unet=unet, scheduler=DDIMScheduler(**diffusion.SCHEDULE),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).to(dtype=torch.float16)
    pipeline.save_pretrained(target, variant="fp16", safe_serialization=True)
    (target / "scheduler" / "scheduler_config.json").write_text(json.dumps({"_class_name": "DDIMScheduler", **diffusion.SCHEDULE}, indent=2) + "\n")
    nest(target / "text_encoder" / "model.fp16.safetensors")
    shutil.rmtree(target / "tokenizer")
    shutil.copytree(o.runs / "tokenizer", target / "tokenizer")
    (target / "upscaler").mkdir()
    (target / "upscaler" / "config.json").write_text(json.dumps(UPSCALER_CONFIG, indent=2) + "\n")
    save_file({name: w.half().contiguous() for name, w in net.state_dict().items()}, target / "upscaler" / "model.safetensors")
    (target / "easel.json").write_text(json.dumps(PROFILE | {"default_guidance": o.guidance}, indent=2) + "\n")
    pictures = data.held_out(o.runs / "data", "square", 256)
    (target / "preview.json").write_text(json.dumps(preview_factors(vae.float(), pictures), indent=2) + "\n")
    for file in target.rglob("*.safetensors"):
        file.chmod(0o644)
    size = sum(f.stat().st_size for f in target.rglob("*") if f.is_file())
    print(f"{target}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
