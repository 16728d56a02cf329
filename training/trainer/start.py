"""Starts a run from an exported model instead of from nothing: `python -m trainer.start --model ../models/easel-tiny`.

Weights only: optimizers begin anew, and stages that have a state already are left alone.
"""

import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file

from .diffusion import build_unet
from .run import Run, arguments
from .text import build_text_encoder
from .vae import build


def weights_of(module: torch.nn.Module, found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """`found` in f32 under the module's own names, which may lack the prefix that files carry."""
    names = set(module.state_dict())
    plain = {name if name in names else name.removeprefix("text_model."): w.float() for name, w in found.items()}
    module.load_state_dict(plain)
    return module.state_dict()


def main():
    o = arguments("start", model="../models/easel-tiny")
    model = Path(o.model)
    shutil.copytree(model / "tokenizer", o.runs / "tokenizer", dirs_exist_ok=True)
    vae = weights_of(build(), AutoencoderKL.from_pretrained(model / "vae", variant="fp16", torch_dtype=torch.float32).state_dict())
    unet = weights_of(build_unet(), UNet2DConditionModel.from_pretrained(model / "unet", variant="fp16", torch_dtype=torch.float32).state_dict())
    text = weights_of(build_text_encoder(o.runs / "tokenizer"), load_file(model / "text_encoder" / "model.fp16.safetensors"))
    net = {name: w.float() for name, w in load_file(model / "upscaler" / "model.safetensors").items()}
    both = {f"0.{name}": w for name, w in unet.items()} | {f"1.{name}": w for name, w in text.items()}
    for stage, state in (("vae", vae), ("diffusion", both), ("upscaler", net)):
        run = Run(o.runs, stage)
        if run.load() is None:
            run.save(step=0, samples=0, frozen=False, model=state, average=state)
            print(stage, "starts from", model)


if __name__ == "__main__":
    main()
