"""What figures with one line per loss share: where axes go, whose bands are drawn, names at the lines' ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from lossbench.metrics.catalogue import written as spoken
from lossbench.report.figures.style import GRID, Colours, short
from lossbench.verdicts.comparison import Contest

Values = NDArray[np.float64]
MOST_BANDS = 2
"""With more losses the bands hide each other: then only those of the first and the baseline are drawn."""


def window(values: Values) -> tuple[float, float]:
    """From where to where an axis goes: not to what lies three times as far out as the middle half is wide."""
    sound = values[np.isfinite(values)]
    if not len(sound):
        return 0.0, 1.0
    low, lower, upper, high = (float(v) for v in np.quantile(sound, (0, 0.25, 0.75, 1)))
    if upper > lower:
        low, high = max(low, lower - 3 * (upper - lower)), min(high, upper + 3 * (upper - lower))
    room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def banded(titles: Sequence[str], contest: Contest) -> list[str]:
    """The losses whose bands are drawn."""
    return [t for t in titles if len(titles) <= MOST_BANDS or t in (titles[0], contest.baseline)]


def metric_axis(axes: Axes, contest: Contest) -> None:
    axes.set_ylabel(f"validation {spoken(contest.chosen_by)} ({way(contest)})")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.6g}".replace("-", "−"))
    axes.tick_params(length=0)
    axes.spines["left"].set_color(GRID)


def way(contest: Contest) -> str:
    return "lower is better" if contest.chosen_sign < 0 else "higher is better"


def named_ends(axes: Axes, ends: Sequence[tuple[float, str]], colours: Colours) -> None:
    """Names at the right of the axes, each as near the end of its line as the others allow."""
    low, high = axes.get_ylim()
    figure: Any = axes.figure
    gap = 0.155 / (figure.get_figheight() - 0.9)
    ordered = sorted(ends)
    wanted = [min(max((value - low) / (high - low), 0.0), 1.0) for value, _ in ordered]
    for (_, title), at, y in zip(ordered, wanted, spread(wanted, gap), strict=True):
        colour = colours.colour(title)
        axes.plot([1.0, 1.02], [at, y], color=colour, linewidth=0.8, transform=axes.transAxes, clip_on=False, zorder=3)
        axes.text(
            1.03, y, short(title, 20), transform=axes.transAxes, va="center", color=colour, weight="bold", size=8.5
        )


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Heights in [0, 1], in the order of those wanted and at least a gap apart, moved as little as that takes."""
    blocks: list[tuple[float, int]] = []  # the height of the middle of a block of names, and how many it holds

    def held(middle: float, count: int) -> float:
        half = gap * (count - 1) / 2
        return min(max(middle, half), max(1 - half, half))

    for height in wanted:
        middle, count = held(height, 1), 1
        while blocks and middle - blocks[-1][0] < gap * (count + blocks[-1][1]) / 2 - 1e-9:
            other, number = blocks.pop()
            middle, count = (middle * count + other * number) / (count + number), count + number
            middle = held(middle, count)
        blocks.append((middle, count))
    return [middle + gap * (i - (count - 1) / 2) for middle, count in blocks for i in range(count)]
