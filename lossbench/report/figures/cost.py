"""What a gain costs: time and memory of a step, and the names beside their points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from lossbench.metrics.catalogue import written as spoken
from lossbench.report.figures.style import BAND, FULL, NEUTRAL, PANEL, Colours, canvas, laid_out, reach, short, tick
from lossbench.verdicts.comparison import Contender, Contest
from lossbench.verdicts.costs import Times, times
from lossbench.verdicts.ranks import pareto_front
from lossbench.verdicts.words import amount

Values = NDArray[np.float64]


def costs(contest: Contest, cost: Callable[[Contender], float | None]) -> list[tuple[Contender, float]]:
    """The losses whose gain over the baseline and whose cost are known, with the cost relative to the baseline's."""
    baseline = next((c for c in contest.ranked if c.title == contest.baseline), None)
    unit = cost(baseline) if baseline else None
    if not unit:
        return []
    known = [(c, cost(c)) for c in contest.ranked if c.difference or c is baseline]
    return [(c, value / unit) for c, value in known if value is not None]


def step_times(contest: Contest) -> list[tuple[Contender, Times]]:
    """The losses whose gain over the baseline is known and whose step was run in turn with the baseline's."""
    known = [(c, times(contest, c)) for c in contest.ranked if c.difference or c.title == contest.baseline]
    return [(c, found) for c, found in known if found is not None]


def step_bytes(contender: Contender) -> float | None:
    return contender.step_bytes


def pareto(contest: Contest, colours: Colours) -> Figure | None:
    """What a gain costs: gain over the baseline against the time of a step, and against the memory it keeps."""
    timed = step_times(contest)
    spread = {c.title: found for c, found in timed}
    by_time, by_memory = [(c, found.ratio) for c, found in timed], costs(contest, step_bytes)
    panels = [
        (points, what)
        for points, what in ((by_time, "time of one step"), (by_memory, "memory of one step"))
        if len(points) > 1
    ]
    if not panels:
        return None
    options: dict[str, Any] = {"squeeze": False, "sharey": True}
    if len(panels) > 1:
        options["width_ratios"] = [1.6, 1]
    with canvas(FULL, 3.5, 1, len(panels), **options) as (figure, grid):
        limits = reach([c.difference.test.interval() for c, _ in panels[0][0] if c.difference], contest.margin)
        for axes, (points, what) in zip(grid[0], panels, strict=True):
            axes.set_ylim(*limits)
            axes.axhspan(-contest.margin, contest.margin, color=BAND, linewidth=0, zorder=0)
            axes.axhline(0, color=NEUTRAL, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
            ends = [ratio for _, ratio in points]
            for contender, ratio in points:
                _point(axes, contender, ratio, colours)
                if points is by_time and ratio != 1:
                    _spread(axes, contender, spread[contender.title], colours)
                    ends += [spread[contender.title].low, spread[contender.title].high]
            _ratio_axis(axes, ends)
            axes.set_xlabel(f"{what}, relative to {short(str(contest.baseline), 18)}")
            axes.yaxis.set_major_formatter(lambda value, _: tick(value))
        grid[0][0].set_ylabel(f"gain in {spoken(contest.metric)}  better →")
        grid[0][0].set_title("Gain against cost (bars: 95 % on this test part, and the spread of the clock)")
        laid_out(figure)
        for axes, (points, _) in zip(grid[0], panels, strict=True):
            _labels(axes, points, contest, colours)
    return figure


def said_pareto(contest: Contest) -> str:
    """What each loss gains and costs, and which losses no other beats in both."""
    timed = step_times(contest)
    if len(timed) < 2:
        return "Fewer than two losses have a measured step time."
    memory = {c.title: ratio for c, ratio in costs(contest, step_bytes)}
    told = []
    for contender, found in timed:
        if contender.difference:
            time = (
                f"{'no clear difference in' if found.vague else 'about the same'} time (spread {found.spread})"
                if found.same
                else f"{found.ratio:.2f} times the time (spread {found.spread})"
            )
            said = f"{contender.title} {amount(_gain(contender), contest, sign=True)} with {time}"
            kept = f" and {memory[contender.title]:.2f} times the memory" if contender.title in memory else ""
            told.append(said + kept)
    front = [contender.title for contender, _ in _front([(c, 1.0 if t.same else t.ratio) for c, t in timed])]
    return (
        f"Gain in {spoken(contest.metric)} over {contest.baseline} and cost of a step relative to it: "
        f"{'; '.join(told)}. By their means no other loss is both better and faster than {' or '.join(front)}."
    )


def _front(points: Sequence[tuple[Contender, float]]) -> list[tuple[Contender, float]]:
    """The points that no other beats in gain and cost."""
    return [points[place] for place in pareto_front([(_gain(contender), -cost) for contender, cost in points])]


def _gain(contender: Contender) -> float:
    return contender.difference.test.mean if contender.difference else 0.0


def _shown(axes: Axes, gain: float) -> float:
    """Where a gain is drawn: at the edge where it lies beyond."""
    low, high = axes.get_ylim()
    return min(max(gain, low + 0.03 * (high - low)), high - 0.03 * (high - low))


def _point(axes: Axes, contender: Contender, ratio: float, colours: Colours) -> None:
    colour, gain = colours.colour(contender.title), _gain(contender)
    if contender.difference:
        axes.plot([ratio] * 2, contender.difference.test.interval(), color=colour, linewidth=1.3, zorder=3, alpha=0.75)
    shown = _shown(axes, gain)
    marker = colours.marker(contender.title) if shown == gain else "v" if gain < shown else "^"
    axes.plot(ratio, shown, marker, color=colour, markersize=7, markeredgecolor=PANEL, markeredgewidth=0.6, zorder=4)


def _spread(axes: Axes, contender: Contender, found: Times, colours: Colours) -> None:
    """A bar across, as long as the clock's own noise."""
    at, colour = _shown(axes, _gain(contender)), colours.colour(contender.title)
    axes.plot([found.low, found.high], [at] * 2, color=colour, linewidth=1.3, zorder=3, alpha=0.75)


def _ratio_axis(axes: Axes, ratios: Sequence[float]) -> None:
    """Room for labels on both sides, and never so fine that noise looks like a difference."""
    low, high = min(ratios), max(ratios)
    middle, half = (low + high) / 2, max((high - low) / 2, 0.05)
    axes.set_xlim(middle - 1.35 * half, middle + 1.6 * half)
    axes.xaxis.set_major_locator(_locator())
    digits = 1 if half > 0.3 else 2
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.{digits}f}×")


def _locator() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=6, steps=[1, 2, 5, 10])


def _labels(axes: Axes, points: Sequence[tuple[Contender, float]], contest: Contest, colours: Colours) -> None:
    """Writes each name next to its point, if possible without covering another point, name or line."""
    drawn: Any = axes.figure.canvas
    renderer = drawn.get_renderer()
    unit = renderer.points_to_pixels(1)
    frame = np.array([axes.get_window_extent(renderer).extents])
    zero = axes.transData.transform((0, 0))[1]
    taken, names = [(frame[0, 0], zero - 0.7, frame[0, 2], zero + 0.7)], [(0.0, 0.0, 0.0, 0.0)]
    for contender, ratio in points:
        x, y = axes.transData.transform((ratio, _shown(axes, _gain(contender))))
        taken.append((x - 7, y - 7, x + 7, y + 7))
        if contender.difference:
            ends = axes.transData.transform([(ratio, bound) for bound in contender.difference.test.interval()])[:, 1]
            taken.append((x - 1, min(ends), x + 1, max(ends)))
    for contender, ratio in points:
        at = (ratio, _shown(axes, _gain(contender)))
        beyond = "" if at[1] == _gain(contender) else f" ({amount(_gain(contender), contest, sign=True)})"
        text = axes.annotate(
            short(contender.title, 14 if beyond else 22) + beyond,
            at,
            (0, 0),
            textcoords="offset points",
            color=colours.colour(contender.title),
            weight="bold",
            size=8.5,
            zorder=6,
        )
        text.set_in_layout(False)
        boxes = _boxes(axes.transData.transform(at), text.get_window_extent(renderer), unit)
        size = (boxes[0, 2] - boxes[0, 0]) * (boxes[0, 3] - boxes[0, 1])
        outside = size - _overlaps(boxes, frame)
        hidden = 3 * outside + _overlaps(boxes, np.array(taken)) + 4 * _overlaps(boxes, np.array(names))
        best = int(np.argmin(np.round(hidden, 3)))
        right, up, across, along = OFFSETS[best]
        text.xyann = (right, up)
        text.set(ha=across, va=along)
        names.append(tuple(boxes[best]))


def _boxes(point: Any, size: Bbox, unit: float) -> Values:
    """Where a text of this size would lie, [offsets, 4] as left, bottom, right, top, with a pixel of room."""
    share = {"left": 0.0, "center": 0.5, "right": 1.0, "bottom": 0.0, "top": 1.0}
    x = [point[0] + right * unit - size.width * share[across] for right, _, across, _ in OFFSETS]
    y = [point[1] + up * unit - size.height * share[along] for _, up, _, along in OFFSETS]
    return np.array([(a - 1, b - 1, a + size.width + 1, b + size.height + 1) for a, b in zip(x, y, strict=True)])


OFFSETS = (
    *((8, 0, "left", "center"), (-8, 0, "right", "center")),
    *((6, 6, "left", "bottom"), (6, -6, "left", "top"), (-6, 6, "right", "bottom"), (-6, -6, "right", "top")),
    *((0, 8, "center", "bottom"), (0, -8, "center", "top")),
    *((8, up, "left", "center") for up in (14, -14, 24, -24, 34, -34)),
    *((-8, up, "right", "center") for up in (14, -14, 24, -24, 34, -34)),
)
"""Offsets of a name from its point, in points, in order of preference."""


def _overlaps(boxes: Values, others: Values) -> Values:
    """The area of each box [n, 4] that others [m, 4] cover, counted as often as they do: [n]."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    found: Values = np.clip(high - low, 0, None).prod(2).sum(1)
    return found
