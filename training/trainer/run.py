"""What every stage shares: seeds, a run directory that can be resumed, averaged weights and a loss log."""

import argparse
import copy
import os
import signal
import time
from pathlib import Path

import torch

SIZES = {"square": (64, 64), "wide": (80, 48), "tall": (48, 80)}
LATENT_FACTOR = 4


def arguments(stage: str, **defaults) -> argparse.Namespace:
    """Options common to all stages; `defaults` adds the stage's own numbers."""
    parser = argparse.ArgumentParser(prog=f"python -m trainer.{stage}")
    parser.add_argument("--runs", type=Path, default=Path(os.environ.get("EASEL_RUNS", "runs")))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    for name, value in defaults.items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=type(value), default=value)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    return options


def seed_step(seed: int, step: int):
    """Makes what the next step draws depend on the seed and on its number, so that a resumed run repeats an unbroken one."""
    torch.manual_seed(seed * 1_000_003 + step)


class Average:
    """Exponential moving average of a module's weights, short-sighted at first so that it is useful early."""

    def __init__(self, module: torch.nn.Module, decay: float):
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, source: torch.nn.Module, step: int):
        decay = min(self.decay, (1 + step) / (10 + step))
        pairs = list(zip(self.module.parameters(), source.parameters()))
        torch._foreach_lerp_([a for a, _ in pairs], [b.detach() for _, b in pairs], 1 - decay)


class Run:
    """A stage's directory: `state.pt` to resume from, `loss.csv`, and whatever pictures the stage leaves."""

    def __init__(self, root: Path, stage: str):
        self.path = root / stage
        self.path.mkdir(parents=True, exist_ok=True)
        self.started = time.monotonic()
        self.sums: dict[str, float] = {}
        self.count = 0
        self.stopping = False

    def stop_on_signal(self):
        """Lets SIGTERM and SIGINT end the stage after the step in hand, with its state kept."""
        def stop(*_):
            self.stopping = True

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)

    def end(self):
        """To be called when a stage's state is kept: a stage that was told to stop says so with its exit code (75, try again)."""
        if self.stopping:
            print(f"{self.path.name}: stopped; start it again to go on", flush=True)
            raise SystemExit(75)

    def load(self) -> dict | None:
        file = self.path / "state.pt"
        return torch.load(file, weights_only=False, map_location="cpu") if file.exists() else None

    def save(self, **state):
        torch.save(state, self.path / "state.new")
        os.replace(self.path / "state.new", self.path / "state.pt")

    def note(self, **figures: float):
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(value)
        self.count += 1

    def flush(self, step: int, samples: int):
        """Appends the means since the last call to the log and prints them."""
        if not self.count:
            return
        means = {name: value / self.count for name, value in self.sums.items()}
        seconds = time.monotonic() - self.started
        line = f"{step},{samples},{seconds:.0f}," + ",".join(f"{name}={value:.5f}" for name, value in means.items())
        with open(self.path / "loss.csv", "a") as log:
            log.write(line + "\n")
        print(line, flush=True)
        self.sums, self.count = {}, 0


def bf16():
    """Mixed precision: on processors with AMX it trains 2.5 times as fast."""
    return torch.autocast("cpu", torch.bfloat16)
