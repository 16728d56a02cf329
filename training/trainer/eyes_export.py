"""Writes the model with eyes as hubs have a `CLIPModel`, with its phrases: `python -m trainer.eyes_export --to ../models/easel-eyes`."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from . import phrases
from .eyes import SIDE, build
from .run import Run, arguments
from .text import Tokens

# As the network has learnt to see: -1..1. Pictures are made as small as it is by their shorter side, and cut to its square.
PREPARATION = {
    "image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "do_resize": True, "size": {"shortest_edge": SIDE}, "resample": 3,
    "do_center_crop": True, "crop_size": {"height": SIDE, "width": SIDE}, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
}


@torch.no_grad()
def main():
    o = arguments("eyes_export", to="../models/easel-eyes", weights="average")
    target = Path(o.to)
    target.mkdir(parents=True, exist_ok=True)
    model = build(len(Tokens(o.runs / "tokenizer").tokenizer))
    state = Run(o.runs, "eyes").load()
    # After few steps the average still remembers the beginning: `--weights model` exports those of the last step.
    model.load_state_dict(state[o.weights])
    model.config.architectures, model.config.dtype = ["CLIPModel"], "float16"
    model.config.save_pretrained(target)
    weights = {name: w.half().contiguous() for name, w in model.state_dict().items() if not name.endswith("position_ids")}
    save_file(weights, target / "model.safetensors", {"format": "pt"})
    (target / "model.safetensors").chmod(0o644)
    (target / "preprocessor_config.json").write_text(json.dumps(PREPARATION, indent=2) + "\n")
    for file in (o.runs / "tokenizer").iterdir():
        shutil.copy(file, target / file.name)
    phrases.write(target)
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{target}: {size / 1e6:.1f} MB after {state['step']} steps")


if __name__ == "__main__":
    main()
