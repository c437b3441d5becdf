"""Figures of the verdict on one task: every repeat, and every pair.

Each function draws one figure, or gives None where there is nothing to draw; each has a `said_` function
with the same content in words and numbers, for screen readers and for print.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from lossbench.metrics.catalogue import written as spoken
from lossbench.report.figures.matrix import STRONGEST, cell, cell_text, matrix
from lossbench.report.figures.style import (
    BAND,
    BETTER,
    FULL,
    GRID,
    INK,
    MUTED,
    NEUTRAL,
    PANEL,
    WORSE,
    Colours,
    canvas,
    reach,
    short,
    tick,
)
from lossbench.verdicts.comparison import Contender, Contest, Difference
from lossbench.verdicts.words import amount, listed, several, span

Values = NDArray[np.float64]
MOST_PAIRS = 14
"""The most losses in a matrix; with more its cells are too small to read."""


# Every repeat -----------------------------------------------------------------------------------------------------


def repeats(contest: Contest, colours: Colours) -> Figure | None:
    """Every repeat of every loss as a dot, relative to the baseline's same repeat, with both intervals of the mean."""
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
                beside = f"{'·'.join(map(str, contender.difference.outcomes))}, {mean}"
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
        axes.set_title("Every repeat relative to the baseline's same repeat")
        axes.text(1.01, 1.02, "won·tied·lost, mean gain", transform=axes.transAxes, color=MUTED, fontsize=8)
        figure.legend(handles=_legend(contest), loc="outside lower center", ncols=5, handlelength=1.6, borderaxespad=0)
    return figure


def said_repeats(contest: Contest) -> str:
    """For each loss, how many repeats it won, tied and lost, and its gain."""
    told = []
    for contender in _rows(contest):
        difference = contender.difference
        if difference is None:
            continue
        said = f"{contender.title} {_repeats(difference)}, mean gain "
        said += f"{amount(difference.test.mean, contest, sign=True)} (95 % on this test part "
        said += span(difference.test.interval(), contest)
        if difference.new_rows:
            said += f", for new rows {span(difference.new_rows.interval(), contest)}"
        told.append(f"{said})")
    unit = f"Gains in {spoken(contest.metric)} over {contest.baseline}, above 0 is better"
    margin = f"within {amount(contest.margin, contest)} is the same in practice"
    return f"{unit}, {margin}: {'; '.join(told)}." if told else f"No repeats to compare with {contest.baseline}."


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
    if difference.new_rows:
        axes.plot(difference.new_rows.interval(), [below] * 2, color=colour, linewidth=1.1, zorder=3)
    axes.plot(difference.test.interval(), [below] * 2, color=colour, linewidth=3.4, solid_capstyle="butt", zorder=3)
    if low <= difference.test.mean <= high:
        axes.plot([difference.test.mean] * 2, [place - 0.34, place + 0.4], color=colour, linewidth=2, zorder=5)


def _legend(contest: Contest) -> list[Any]:
    return [
        Line2D([], [], color=NEUTRAL, marker="o", linestyle="none", markersize=5.5, label="one repeat"),
        Line2D([], [], color=NEUTRAL, marker="|", linestyle="none", markersize=10, markeredgewidth=2, label="mean"),
        Line2D([], [], color=NEUTRAL, linewidth=3.6, solid_capstyle="butt", label="95 % on this test part"),
        Line2D([], [], color=NEUTRAL, linewidth=1.1, label="95 % for new rows like it"),
        Patch(facecolor=BAND, label=f"same in practice (up to {amount(contest.margin, contest)})"),
    ]


def _repeats(difference: Difference) -> str:
    """`won 7, tied 1 and lost 2 of 10 repeats`."""
    won, tied, lost = difference.outcomes
    return f"won {won}, tied {tied} and lost {lost} of {several(len(difference.gains), 'repeat')}"


def _extent(difference: Difference) -> tuple[float, float]:
    ends = [*difference.gains, *difference.test.interval()]
    ends += difference.new_rows.interval() if difference.new_rows else ()
    return float(min(ends)), float(max(ends))


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
    """Titles, P(better) of row against column, and -1, 0, 1 where that is shown."""
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
    """P(better) of the row against the column; bold where the difference is shown after Holm over all pairs."""
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
                cell(axes, j, i, BAND if i == j else BETTER if share > 0.5 else WORSE, strength)
                if i != j:
                    cell_text(axes, j, i, f"{100 * share:.0f}", real=bool(sign))
        matrix(axes, [short(t, 20) for t in titles], [short(t, 20) for t in titles], turned=True)
        of = several(len(contest.differences) // 2, "pair")
        figure.suptitle("P(better): row against column, %", x=0.01, ha="left", size=9.5, weight="bold")
        figure.supxlabel(
            f"bold: shown after Holm over {of}; counts repeats won and half of those tied", size=8, color=MUTED
        )
    return figure


def said_pairs(contest: Contest) -> str:
    """Which losses are shown to beat which; for few losses also how often each wins."""
    titles, shares, signs = win_shares(contest)
    if len(titles) < 2 or np.isnan(shares).all():
        return "Fewer than two losses to compare."
    won = [listed([titles[j] for j in np.nonzero(row > 0)[0]]) for row in signs]
    told = [f"{title} beats {others}" for title, others in zip(titles, won, strict=True) if others]
    first = f"Of the first {len(titles)} losses, " if len(contest.ranked) > len(titles) else "Of all losses, "
    count = several(len(titles) * (len(titles) - 1) // 2, "pair")
    shown = f"{first}{int((signs > 0).sum())} of {count} differ after Holm over all pairs"
    often = [
        f"P(better) of {titles[i]} against {titles[j]} is {100 * shares[i, j]:.0f} %"
        for i, j in zip(*np.nonzero(np.triu(np.isfinite(shares), 1)), strict=True)
    ]
    return f"{'; '.join([shown, *told])}. {'; '.join(often)}." if len(titles) <= 4 else f"{'; '.join([shown, *told])}."
