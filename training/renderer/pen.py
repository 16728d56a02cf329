"""A pen that draws in scene units onto a supersampled picture.

Units: the shorter side of the picture is 1, x grows to the right and y downwards. `Pen.at` gives a local
pen with its origin at the foot of a thing, y upwards and the thing's height as 1, so a thing is
described once and drawn anywhere.
"""

import math
from dataclasses import dataclass

from PIL import ImageDraw

from .palette import Rgb, scaled


@dataclass
class Pen:
    draw: ImageDraw.ImageDraw
    pixels_per_unit: float
    ambient: tuple[float, float, float] = (1.0, 1.0, 1.0)
    x0: float = 0.0
    y0: float = 0.0
    size: float = 1.0
    up: float = 1.0
    mirror: float = 1.0

    def at(self, x: float, y: float, size: float, mirror: float = 1.0) -> "Pen":
        return Pen(self.draw, self.pixels_per_unit, self.ambient, x, y, size, -1.0, mirror)

    def _px(self, x: float, y: float) -> tuple[float, float]:
        k = self.pixels_per_unit
        return ((self.x0 + self.mirror * x * self.size) * k, (self.y0 + self.up * y * self.size) * k)

    def _ink(self, colour: Rgb, glow: bool, alpha: int):
        return (*(colour if glow else scaled(colour, self.ambient)), alpha)

    def polygon(self, points, colour: Rgb, glow=False, alpha=255):
        self.draw.polygon([self._px(x, y) for x, y in points], fill=self._ink(colour, glow, alpha))

    def ellipse(self, x, y, rx, ry, colour: Rgb, glow=False, alpha=255):
        (ax, ay), (bx, by) = self._px(x - rx, y - ry), self._px(x + rx, y + ry)
        box = [min(ax, bx), min(ay, by), max(ax, bx), max(ay, by)]
        self.draw.ellipse(box, fill=self._ink(colour, glow, alpha))

    def rect(self, x, y, w, h, colour: Rgb, glow=False, alpha=255):
        self.polygon([(x, y), (x + w, y), (x + w, y + h), (x, y + h)], colour, glow, alpha)

    def line(self, points, width, colour: Rgb, glow=False, alpha=255):
        thick = max(1, round(width * self.size * self.pixels_per_unit))
        self.draw.line([self._px(x, y) for x, y in points], fill=self._ink(colour, glow, alpha), width=thick,
                       joint="curve")

    def petal(self, x, y, length, width, angle, colour: Rgb):
        """An ellipse that starts at (x, y) and points along `angle`."""
        c, s = math.cos(angle), math.sin(angle)
        points = []
        for i in range(20):
            a = 2 * math.pi * i / 20
            u, v = length / 2 + length / 2 * math.cos(a), width / 2 * math.sin(a)
            points.append((x + u * c - v * s, y + u * s + v * c))
        self.polygon(points, colour)
