"""Figures of the verdict: every repeat, every pair, ranks and gains over tasks, and what the gain costs.

Each function draws one figure, or gives None where there is nothing to draw; beside each stands a `said_` function
with the same in words and numbers, which is read aloud and printed in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from lossbench.verdicts.comparison import Across, Contender, Contest, Difference
from lossbench.verdicts.figures.style import (
    BAND,
    BETTER,
    GRID,
    INK,
    MUTED,
    NEUTRAL,
    PANEL,
    WORSE,
    Colours,
    canvas,
    quiet,
)
from lossbench.verdicts.ranks import cliques
from lossbench.verdicts.verdict import Verdict
from lossbench.verdicts.words import amount, listed, several, span
from lossbench.verdicts.words import metric as spoken

Values = NDArray[np.float64]
FULL, HALF = 10.0, 5.0
"""Inches: the width of the page, and of one of two columns."""
MOST_PAIRS = 14
"""Losses in a matrix; with more its cells are too small to read."""
STRONGEST = 0.42
"""How opaque a cell is at most: text on it stays readable in both themes."""


# Every repeat -----------------------------------------------------------------------------------------------------


def repeats(contest: Contest, colours: Colours) -> Figure | None:
    """Every repeat of every loss as a dot beside the baseline's same repeat, with both intervals of the mean."""
    rows = _rows(contest)
    if not rows or len(rows) < 2:
        return None
    rivals = [(c, c.difference) for c in rows if c.difference]
    low, high = reach([_extent(difference) for _, difference in rivals], contest.margin)
    controls = sum(c.role == "control" for c in rows)
    with canvas(FULL, 1.15 + 0.36 * len(rows)) as (figure, axes):
        axes.axvspan(-contest.margin, contest.margin, color=BAND, linewidth=0, zorder=0)
        axes.axvline(0, color=NEUTRAL, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
        axes.set_xlim(low, high)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        for place, contender in enumerate(rows):
            colour = MUTED if contender.role == "control" else colours.colour(contender.title)
            if contender.difference is None:
                axes.plot(0, place, colours.marker(contender.title), color=colour, markersize=6, zorder=4)
                beside = "baseline"
            else:
                _repeats_of(axes, place, contender.difference, colour, colours.marker(contender.title))
                mean = amount(contender.difference.test.mean, contest, sign=True)
                beside = f"{_won(contender.difference)} · {mean}"
            axes.text(1.01, place, beside, transform=axes.get_yaxis_transform(), va="center", color=INK)
        if controls:
            axes.axhline(len(rows) - controls - 0.5, color=GRID, linewidth=0.8)
        axes.set_yticks(range(len(rows)), [short(c.title) for c in rows], size=9)
        for label, contender in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_color(MUTED if contender.role == "control" else INK)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(lambda value, _: tick(value))
        axes.set_xlabel(f"← worse      gain in {spoken(contest.metric)} over {contest.baseline}      better →")
        axes.set_title("Every repeat beside the baseline's same repeat")
        axes.text(1.01, 1.02, "repeats won · mean gain", transform=axes.transAxes, color=MUTED, fontsize=8)
        figure.legend(handles=_legend(contest), loc="outside lower center", ncols=5, handlelength=1.6, borderaxespad=0)
    return figure


def said_repeats(contest: Contest) -> str:
    """For each loss, how many repeats it won and by how much."""
    told = []
    for contender in _rows(contest):
        difference = contender.difference
        if difference is None:
            continue
        said = f"{contender.title} won {_won(difference)} repeats, mean gain "
        said += f"{amount(difference.test.mean, contest, sign=True)} (95 % on this test set "
        said += span(difference.test.interval(), contest)
        if difference.population:
            said += f", on data like these {span(difference.population.interval(), contest)}"
        told.append(f"{said})")
    unit = f"Gains in {spoken(contest.metric)} over {contest.baseline}, above 0 is better"
    margin = f"within {amount(contest.margin, contest)} is the same in practice"
    return f"{unit}, {margin}: {'; '.join(told)}." if told else f"No repeats to set beside {contest.baseline}."


def _rows(contest: Contest) -> list[Contender]:
    """The losses that can be paired with the baseline, the baseline itself, and the controls last."""
    losses = [c for c in contest.contenders if c.difference or (c.title == contest.baseline and not c.apart)]
    controls = [c for c in contest.controls if c.difference]
    paired = any(c.difference for c in (*losses, *controls))
    return [*losses, *controls] if paired else []


def _repeats_of(axes: Axes, place: int, difference: Difference, colour: str, marker: str) -> None:
    low, high = axes.get_xlim()
    gains = difference.gains
    inside = (gains >= low) & (gains <= high)
    mark: dict[str, Any] = {"color": colour, "markeredgecolor": PANEL, "markeredgewidth": 0.5, "linestyle": "none"}
    heights = place - 0.12 + 0.2 * jitter(len(gains))
    axes.plot(
        gains[inside], heights[inside], marker=marker, markersize=6.5 if marker in "PX" else 5.5, zorder=4, **mark
    )
    beyond: dict[str, Any] = {"color": colour, "size": 8, "va": "center", "weight": "bold"}
    if left := int((gains < low).sum()):
        axes.annotate(
            f"◀ {several(left, 'repeat')} further", (low, place), (4, 0), textcoords="offset points", **beyond
        )
    if right := int((gains > high).sum()):
        text, end = f"{several(right, 'repeat')} further ▶", beyond | {"ha": "right"}
        axes.annotate(text, (high, place), (-4, 0), textcoords="offset points", **end)
    below = place + 0.27
    if difference.population:
        axes.plot(difference.population.interval(), [below] * 2, color=colour, linewidth=1.1, zorder=3)
    axes.plot(difference.test.interval(), [below] * 2, color=colour, linewidth=3.4, solid_capstyle="butt", zorder=3)
    if low <= difference.test.mean <= high:
        axes.plot([difference.test.mean] * 2, [place - 0.34, place + 0.4], color=colour, linewidth=2, zorder=5)


def _legend(contest: Contest) -> list[Any]:
    return [
        Line2D([], [], color=NEUTRAL, marker="o", linestyle="none", markersize=5.5, label="one repeat"),
        Line2D([], [], color=NEUTRAL, marker="|", linestyle="none", markersize=10, markeredgewidth=2, label="mean"),
        Line2D([], [], color=NEUTRAL, linewidth=3.6, solid_capstyle="butt", label="95 % on this test set"),
        Line2D([], [], color=NEUTRAL, linewidth=1.1, label="95 % on data like these"),
        Patch(facecolor=BAND, label=f"same in practice (± {amount(contest.margin, contest)})"),
    ]


def _won(difference: Difference) -> str:
    """Ties count half, as they do in the probability of improvement."""
    return f"{difference.improvement * len(difference.gains):g} of {len(difference.gains)}"


def _extent(difference: Difference) -> tuple[float, float]:
    ends = [*difference.gains, *difference.test.interval()]
    ends += difference.population.interval() if difference.population else ()
    return float(min(ends)), float(max(ends))


def reach(extents: Sequence[tuple[float, float]], margin: float) -> tuple[float, float]:
    """From where to where an axis goes so that a loss far off does not press all others together.

    At most a third of the losses lie outside, and only those three times as far as the next one; the margin band
    shows whole unless it is far wider than all that there is to see.
    """
    ordered = sorted(extents, key=lambda ends: max(abs(ends[0]), abs(ends[1])))
    sizes = [max(abs(low), abs(high)) for low, high in ordered]
    kept = len(ordered)
    for place in range(len(ordered) - 1, len(ordered) - 1 - len(ordered) // 3, -1):
        if sizes[place] > 3 * max(sizes[place - 1], margin):
            kept = place
    low = min([0.0, *(low for low, _ in ordered[:kept])])
    high = max([0.0, *(high for _, high in ordered[:kept])])
    size = max(high, -low)
    shown = min(margin, 3 * size) if size > 0 and margin > 0 else size or margin or 1.0
    low, high = min(low, -1.1 * shown), max(high, 1.1 * shown)
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def jitter(count: int) -> Values:
    """Heights in [-1, 1] for so many dots, well spread and always the same (van der Corput's sequence)."""
    found = []
    for place in range(1, count + 1):
        value, step = 0.0, 0.5
        while place:
            value, place, step = value + step * (place % 2), place // 2, step / 2
        found.append(2 * value - 1)
    return np.array(found)


# Every pair -------------------------------------------------------------------------------------------------------


def win_shares(contest: Contest) -> tuple[list[str], Values, NDArray[np.int64]]:
    """Titles, the share of repeats in which row beats column (ties half), and -1, 0, 1 where that is shown."""
    titles = [c.title for c in contest.ranked][:MOST_PAIRS]
    shares = np.full((len(titles), len(titles)), np.nan)
    signs = np.zeros((len(titles), len(titles)), dtype=np.int64)
    for i, one in enumerate(titles):
        for j, other in enumerate(titles):
            if difference := contest.differences.get((one, other)):
                shares[i, j] = difference.improvement
                signs[i, j] = 0 if contest.no_verdict else difference.verdict.sign
    return titles, shares, signs


def pairs(contest: Contest) -> Figure | None:
    """How often the row beats the column; bold where the difference is shown after Holm over all pairs."""
    titles, shares, signs = win_shares(contest)
    if len(titles) < 2 or np.isnan(shares).all():
        return None
    count = len(titles)
    longest = max(len(short(title, 20)) for title in titles)
    side = 0.5 if count <= 8 else 0.4
    size = (max(4.2, 1.0 + side * count + 0.13 * longest), 0.85 + side * count + 0.042 * longest)
    with canvas(*size) as (figure, axes):
        for i in range(count):
            for j in range(count):
                share, sign = shares[i, j], signs[i, j]
                strength = STRONGEST * abs(share - 0.5) * 2 if i != j else 1.0
                _cell(axes, j, i, BAND if i == j else BETTER if share > 0.5 else WORSE, strength)
                if i != j:
                    _cell_text(axes, j, i, f"{100 * share:.0f}", real=bool(sign))
        _matrix(axes, [short(t, 20) for t in titles], [short(t, 20) for t in titles], turned=True)
        of = several(len(contest.differences) // 2, "pair")
        figure.suptitle("How often the row beats the column, % of repeats", x=0.01, ha="left", size=9.5, weight="bold")
        figure.supxlabel(f"bold: shown, by Holm over {of}; ties count half", size=8, color=MUTED)
    return figure


def said_pairs(contest: Contest) -> str:
    """Who is shown to beat whom; for few losses also how often each wins."""
    titles, shares, signs = win_shares(contest)
    if len(titles) < 2 or np.isnan(shares).all():
        return "Fewer than two losses to set beside each other."
    won = [listed([titles[j] for j in np.nonzero(row > 0)[0]]) for row in signs]
    told = [f"{title} beats {others}" for title, others in zip(titles, won, strict=True) if others]
    first = f"Of the first {len(titles)} losses, " if len(contest.ranked) > len(titles) else "Of all losses, "
    count = several(len(titles) * (len(titles) - 1) // 2, "pair")
    shown = f"{first}{int((signs > 0).sum())} of {count} are told apart by Holm over all pairs"
    often = [
        f"{titles[i]} wins {100 * shares[i, j]:.0f} % of repeats against {titles[j]}"
        for i, j in zip(*np.nonzero(np.triu(np.isfinite(shares), 1)), strict=True)
    ]
    return f"{'; '.join([shown, *told])}. {'; '.join(often)}." if len(titles) <= 4 else f"{'; '.join([shown, *told])}."


def _cell(axes: Axes, x: float, y: float, colour: str, strength: float) -> None:
    axes.add_patch(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, facecolor=colour, alpha=strength, linewidth=0))


def _cell_text(axes: Axes, x: float, y: float, text: str, *, real: bool, size: float = 9) -> None:
    axes.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        size=size,
        weight="bold" if real else "normal",
        color=INK if real else MUTED,
    )


def _matrix(axes: Axes, rows: Sequence[str], columns: Sequence[str], *, turned: bool) -> None:
    """Rows from above, columns named above them."""
    quiet(axes)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows, color=INK, size=8.5)
    axes.xaxis.tick_top()
    turn: dict[str, Any] = {"rotation": 35, "ha": "left", "rotation_mode": "anchor"} if turned else {}
    axes.set_xticks(range(len(columns)), columns, color=INK, size=8.5, **turn)


# Over tasks -------------------------------------------------------------------------------------------------------


def critical_difference(across: Across, colours: Colours | None = None) -> Figure | None:
    """Mean ranks over tasks; a bar joins losses whose ranks are too close to be told apart. From five tasks on."""
    ranking = across.ranking
    if ranking is None or ranking.critical is None:
        return None
    count, critical = len(across.titles), ranking.critical
    order = [int(i) for i in np.argsort(ranking.mean, kind="stable")]
    bars = cliques(ranking.mean, critical)
    left = (count + 1) // 2
    depth = 0.62 + 0.2 * len(bars)
    bottom = depth + 0.42 * (left - 1)
    with canvas(8.6, 0.7 + 0.5 * (bottom + 1.0)) as (figure, axes):
        quiet(axes)
        axes.set_axis_off()
        axes.set_xlim(1 - 0.75 * (count - 1), count + 0.75 * (count - 1))
        axes.set_ylim(bottom + 0.3, -1.1)
        axes.plot([1, count], [0, 0], color=INK, linewidth=1)
        for tick in range(1, count + 1):
            axes.plot([tick] * 2, [0, -0.1], color=INK, linewidth=1)
            axes.text(tick, -0.16, f"{tick}", ha="center", va="bottom", color=MUTED, size=8)
        width = min(critical, count - 1)
        axes.plot([1, 1 + width], [-0.72] * 2, color=NEUTRAL, linewidth=2.5, solid_capstyle="butt")
        more = ", wider than the axis" if critical > count - 1 else ""
        axes.text(1, -0.8, f"critical difference {critical:.2f}{more}", va="bottom", color=MUTED, size=8)
        for level, bar in enumerate(bars):
            ends = [min(ranking.mean[i] for i in bar) - 0.04, max(ranking.mean[i] for i in bar) + 0.04]
            axes.plot(ends, [0.24 + 0.2 * level] * 2, color=INK, linewidth=3.2, solid_capstyle="butt", zorder=5)
        for place, loss in enumerate(order):
            mean, title = float(ranking.mean[loss]), across.titles[loss]
            on_left = place < left
            height = depth + 0.42 * (place if on_left else count - 1 - place)
            end = 1 - 0.03 * count if on_left else count + 0.03 * count
            colour = colours.colour(title) if colours else NEUTRAL
            axes.plot([mean, mean, end], [0, height, height], color=colour, linewidth=1.1, solid_joinstyle="miter")
            label = f"{short(title)}  {mean:.2f} " if on_left else f" {mean:.2f}  {short(title)}"
            axes.text(end, height, label, ha="right" if on_left else "left", va="center", color=INK)
        figure.suptitle(
            f"Mean rank over {several(len(across.contests), 'task')}, 1 the best",
            x=0.01,
            ha="left",
            size=9.5,
            weight="bold",
        )
    return figure


def said_critical_difference(across: Across) -> str:
    """Mean ranks, the critical difference and who is within it."""
    ranking = across.ranking
    if ranking is None:
        return "Ranks need at least two tasks and two losses."
    order = np.argsort(ranking.mean, kind="stable")
    ranks = ", ".join(f"{across.titles[i]} {ranking.mean[i]:.2f}" for i in order)
    told = f"Mean ranks over {several(len(across.contests), 'task')}, 1 the best: {ranks}."
    if ranking.critical is None:
        return f"{told} A critical difference needs five tasks."
    bars = [", ".join(across.titles[i] for i in bar) for bar in cliques(ranking.mean, ranking.critical)]
    joined = "; ".join(f"{bar} cannot be told apart" for bar in bars) or "all can be told apart"
    return f"{told} Critical difference {ranking.critical:.2f}: {joined}."


def heat(across: Across) -> Figure | None:
    """Each loss's gain on each task in the task's own unit, coloured by margins; bold where it is shown."""
    tasks, count = len(across.contests), len(across.titles)
    if not tasks or not count:
        return None
    with canvas(min(FULL, 2.2 + 1.5 * tasks), 1.25 + 0.36 * count) as (figure, axes):
        for j, contest in enumerate(across.contests):
            for i, title in enumerate(across.titles):
                gain, difference = float(across.gains[j, i]), contest.find(title).difference
                strength = STRONGEST * min(1.0, abs(gain) / 5)
                if difference is None:
                    _cell(axes, j, i, BAND, 1.0)
                    mean = contest.find(title).mean
                    _cell_text(axes, j, i, "" if mean is None else amount(mean, contest), real=False)
                    continue
                _cell(axes, j, i, BETTER if gain > 0 else WORSE, strength)
                text = f"{amount(gain * contest.margin, contest, sign=True)}{_mark(difference.verdict)}"
                _cell_text(axes, j, i, text, real=difference.verdict.sign != 0)
        columns = [f"{short(c.name, 24)}\n{spoken(c.metric)}" for c in across.contests]
        _matrix(axes, [short(t) for t in across.titles], columns, turned=tasks > 6)
        figure.suptitle("Gain over each task's baseline", x=0.01, ha="left", size=9.5, weight="bold")
        figure.supxlabel(
            "bold: shown    = same in practice    ? can't tell    grey: the baseline's own value\n"
            "full colour from 5 margins of practical equivalence on",
            size=8,
            color=MUTED,
        )
    return figure


def said_heat(across: Across) -> str:
    """The gains, task by task."""
    told = []
    for j, contest in enumerate(across.contests):
        found = []
        for i, title in enumerate(across.titles):
            if difference := contest.find(title).difference:
                gain = amount(float(across.gains[j, i]) * contest.margin, contest, sign=True)
                found.append(f"{title} {gain} ({difference.verdict.value})")
        told.append(f"{contest.name}, gain in {spoken(contest.metric)} over {contest.baseline}: {', '.join(found)}")
    return f"{'. '.join(told)}."


def _mark(verdict: Verdict) -> str:
    return {Verdict.SAME: " =", Verdict.UNCLEAR: " ?"}.get(verdict, "")


# What it costs ----------------------------------------------------------------------------------------------------


def costs(contest: Contest, cost: Callable[[Contender], float | None]) -> list[tuple[Contender, float]]:
    """The losses whose gain over the baseline and whose cost are known, with the cost relative to the baseline's."""
    baseline = next((c for c in contest.ranked if c.title == contest.baseline), None)
    unit = cost(baseline) if baseline else None
    if not unit:
        return []
    known = [(c, cost(c)) for c in contest.ranked if c.difference or c is baseline]
    return [(c, value / unit) for c, value in known if value is not None]


def step_seconds(contender: Contender) -> float | None:
    return contender.step_seconds


def step_bytes(contender: Contender) -> float | None:
    return contender.step_bytes


def pareto(contest: Contest, colours: Colours) -> Figure | None:
    """What a gain costs: gain over the baseline against the time of a step, and against the memory it keeps."""
    by_time, by_memory = costs(contest, step_seconds), costs(contest, step_bytes)
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
            for contender, ratio in points:
                _point(axes, contender, ratio, colours)
            _ratio_axis(axes, [ratio for _, ratio in points])
            axes.set_xlabel(f"{what}, relative to {short(str(contest.baseline), 18)}")
            axes.yaxis.set_major_formatter(lambda value, _: tick(value))
        grid[0][0].set_ylabel(f"gain in {spoken(contest.metric)}  better →")
        grid[0][0].set_title(f"Gain against cost (bar: 95 % on this test set; shaded: same as {contest.baseline})")
        figure.draw_without_rendering()
        for axes, (points, _) in zip(grid[0], panels, strict=True):
            _labels(axes, points, contest, colours)
    return figure


def said_pareto(contest: Contest) -> str:
    """What each loss gains and costs, and which of them no other beats in both."""
    points = costs(contest, step_seconds)
    if len(points) < 2:
        return "The time of a step is not known for two losses."
    memory = {c.title: ratio for c, ratio in costs(contest, step_bytes)}
    told = []
    for contender, ratio in points:
        if contender.difference:
            said = f"{contender.title} {amount(_gain(contender), contest, sign=True)} at {ratio:.2f} times the time"
            kept = f" and {memory[contender.title]:.2f} times the memory" if contender.title in memory else ""
            told.append(said + kept)
    front = [contender.title for contender, _ in _front(points)]
    return (
        f"Gain in {spoken(contest.metric)} over {contest.baseline} and cost of a step beside it: {'; '.join(told)}. "
        f"By their means no other loss is both better and faster than {' or '.join(front)}."
    )


def _front(points: Sequence[tuple[Contender, float]]) -> list[tuple[Contender, float]]:
    """The points that no other beats in gain and cost."""

    def beaten(one: tuple[Contender, float]) -> bool:
        return any(
            _gain(other[0]) >= _gain(one[0])
            and other[1] <= one[1]
            and (_gain(other[0]), other[1]) != (_gain(one[0]), one[1])
            for other in points
        )

    return [point for point in points if not beaten(point)]


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


def _ratio_axis(axes: Axes, ratios: Sequence[float]) -> None:
    """Room for labels on both sides, and never so fine that noise looks like a difference."""
    low, high = min(ratios), max(ratios)
    middle, half = (low + high) / 2, max((high - low) / 2, 0.02)
    axes.set_xlim(middle - 1.35 * half, middle + 1.6 * half)
    axes.xaxis.set_major_locator(_locator())
    digits = 1 if half > 0.3 else 2
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.{digits}f}×")


def _locator() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=6, steps=[1, 2, 5, 10])


def _labels(axes: Axes, points: Sequence[tuple[Contender, float]], contest: Contest, colours: Colours) -> None:
    """Writes each name beside its point, where it covers no other point, name or line if that can be."""
    drawn: Any = axes.figure.canvas
    renderer = drawn.get_renderer()
    frame, taken, names = axes.get_window_extent(renderer), [], list[Bbox]()
    for contender, ratio in points:
        x, y = axes.transData.transform((ratio, _shown(axes, _gain(contender))))
        taken.append(Bbox.from_extents(x - 7, y - 7, x + 7, y + 7))
        if contender.difference:
            ends = axes.transData.transform([(ratio, bound) for bound in contender.difference.test.interval()])[:, 1]
            taken.append(Bbox.from_extents(x - 1, min(ends), x + 1, max(ends)))
    zero = axes.transData.transform((0, 0))[1]
    taken.append(Bbox.from_extents(frame.x0, zero - 0.7, frame.x1, zero + 0.7))
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
        size = text.get_window_extent(renderer)
        found = []
        for place, offset in enumerate(OFFSETS):
            box = _box(axes.transData.transform(at), offset, size, renderer.points_to_pixels(1))
            outside = box.width * box.height - _overlap(box, frame)
            hidden = 3 * outside + sum(_overlap(box, t) for t in taken) + 4 * sum(_overlap(box, n) for n in names)
            found.append((round(hidden, 3), place, box))
        _, place, box = min(found, key=lambda one: one[:2])
        right, up, across, along = OFFSETS[place]
        text.xyann = (right, up)
        text.set(ha=across, va=along)
        names.append(box)


def _box(point: Any, offset: tuple[int, int, str, str], size: Bbox, unit: float) -> Bbox:
    """Where a text of this size lies, so far from its point, with a pixel of room."""
    right, up, across, along = offset
    x = point[0] + right * unit - size.width * {"left": 0, "center": 0.5, "right": 1}[across]
    y = point[1] + up * unit - size.height * {"bottom": 0, "center": 0.5, "top": 1}[along]
    return Bbox.from_extents(x - 1, y - 1, x + size.width + 1, y + size.height + 1)


OFFSETS = (
    *((8, 0, "left", "center"), (-8, 0, "right", "center")),
    *((6, 6, "left", "bottom"), (6, -6, "left", "top"), (-6, 6, "right", "bottom"), (-6, -6, "right", "top")),
    *((0, 8, "center", "bottom"), (0, -8, "center", "top")),
    *((8, up, "left", "center") for up in (14, -14, 24, -24, 34, -34)),
    *((-8, up, "right", "center") for up in (14, -14, 24, -24, 34, -34)),
)
"""Where a name may stand beside its point, in points; earlier ones first."""


def _overlap(one: Bbox, other: Bbox) -> float:
    common = Bbox.intersection(one, other)
    return float(common.width * common.height) if common is not None else 0.0


# Names ------------------------------------------------------------------------------------------------


def tick(value: float) -> str:
    """A number on an axis of gains: `+0.005`, `−100`, `0`."""
    return f"{value:+,.6g}".replace("-", "−") if abs(value) > 1e-12 else "0"


def short(title: str, most: int = 26) -> str:
    """A title that fits beside a figure."""
    return title if len(title) <= most else f"{title[: most - 1]}…"
