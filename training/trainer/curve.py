"""Draws a stage's `loss.csv` as an SVG: `python -m trainer.curve --log diffusion --figure mse --to samples/loss.svg`."""

from pathlib import Path

from .run import arguments

WIDTH, HEIGHT, EDGE = 720, 300, 48


def read(file: Path, figure: str) -> list[tuple[int, float]]:
    """(samples, figure) of every line that has it."""
    points = []
    for line in file.read_text().splitlines():
        _, samples, _, *figures = line.split(",")
        values = dict(pair.split("=") for pair in figures)
        if figure in values:
            points.append((int(samples), float(values[figure])))
    return points


def smoothed(points: list[tuple[int, float]], over: int) -> list[tuple[int, float]]:
    """Running means, so that the trend shows through the noise of single batches."""
    return [(points[i][0], sum(v for _, v in points[max(0, i - over):i + 1]) / len(points[max(0, i - over):i + 1])) for i in range(len(points))]


def svg(points: list[tuple[int, float]], title: str) -> str:
    last = points[-1][0]
    values = sorted(v for _, v in points)
    low, high = values[0], values[int(0.98 * (len(values) - 1))]
    low, high = low - 0.05 * (high - low), high + 0.1 * (high - low) + 1e-9

    def at(samples: float, value: float) -> str:
        x = EDGE + (WIDTH - 2 * EDGE) * samples / last
        y = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (min(value, high) - low) / (high - low)
        return f"{x:.1f},{y:.1f}"

    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>', f'<text x="{EDGE}" y="24">{title}</text>']
    for i in range(5):
        value = low + (high - low) * i / 4
        x, y = at(0, value).split(",")
        lines.append(f'<line x1="{x}" x2="{WIDTH - EDGE}" y1="{y}" y2="{y}" stroke="#ddd"/><text x="4" y="{y}">{value:.3f}</text>')
        samples = last * i / 4
        lines.append(f'<text x="{at(samples, low).split(",")[0]}" y="{HEIGHT - EDGE + 18}" text-anchor="middle">{samples / 1000:.0f}k</text>')
    for data, colour, width in ((points, "#b8cbe8", 1), (smoothed(points, 20), "#1f4fa0", 2)):
        lines.append(f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" points="{" ".join(at(*p) for p in data)}"/>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def main():
    o = arguments("curve", log="diffusion", figure="mse", to="samples/loss.svg")
    points = read(o.runs / o.log / "loss.csv", o.figure)
    Path(o.to).write_text(svg(points, f"{o.log}: {o.figure} over samples seen"))


if __name__ == "__main__":
    main()
