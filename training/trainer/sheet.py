"""A page of pictures from an exported model, read back with diffusers: `python -m trainer.sheet --model DIR --to FILE`."""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import StableDiffusionPipeline
from PIL import Image
from safetensors.torch import load_file

from .diffusion import PROMPTS
from .run import arguments
from .upscaler import Upscaler


def main():
    o = arguments("sheet", model="../models/easel-tiny", to="samples/model.png", each=1, guidance=4.0, steps=20, width=64, height=64, prompts="",
                  upscale=1)
    pipeline = StableDiffusionPipeline.from_pretrained(o.model, variant="fp16", torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    net = Upscaler()
    net.load_state_dict({name: w.float() for name, w in load_file(Path(o.model) / "upscaler" / "model.safetensors").items()})
    prompts = [p for p in o.prompts.split("|") if p] or PROMPTS
    prompts = [p for p in prompts for _ in range(o.each)]
    made = pipeline(prompts, width=o.width, height=o.height, num_inference_steps=o.steps, guidance_scale=o.guidance, output_type="pt",
                    generator=torch.Generator().manual_seed(o.seed)).images
    with torch.no_grad():
        large = net(made) if o.upscale else F.interpolate(made, scale_factor=4, mode="nearest")
    pixels = (large * 255).round().byte().permute(0, 2, 3, 1).numpy()
    columns = 4
    rows = [np.concatenate(list(pixels[i:i + columns]), axis=1) for i in range(0, len(pixels), columns)]
    Path(o.to).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(rows)).quantize(256, method=Image.Quantize.MEDIANCUT).save(o.to, optimize=True)
    for i in range(0, len(prompts), columns):
        print(" | ".join(prompts[i:i + columns]))


if __name__ == "__main__":
    main()
