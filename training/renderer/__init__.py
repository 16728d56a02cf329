"""Procedural, seeded, anti-aliased scenes with captions: the only data the shipped model has ever seen."""

from .captions import caption
from .scene import Scene, draw, sample_scene

__all__ = ["Scene", "caption", "draw", "sample_scene"]
