"""Figures of several tasks together: mean ranks, and every gain on every task."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from lossbench.metrics.catalogue import written as spoken
from lossbench.report.figures.matrix import STRONGEST, cell, cell_text, matrix
from lossbench.report.figures.style import (
    BAND,
    BETTER,
    FULL,
    INK,
    MUTED,
    NEUTRAL,
    WORSE,
    Colours,
    canvas,
    quiet,
    short,
)
from lossbench.verdicts.comparison import Across
from lossbench.verdicts.ranks import cliques
from lossbench.verdicts.verdict import Verdict
from lossbench.verdicts.words import amount, several


def critical_difference(across: Across, colours: Colours | None = None) -> Figure | None:
    """Mean ranks over tasks; a bar joins losses whose ranks are too close to differ. From five tasks on."""
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


WIDEST, MOST_TASKS = 8, 30
"""Beyond this many tasks they are rows, not columns; and the most that are drawn."""


def heat(across: Across) -> Figure | None:
    """Each loss's gain on each task in the task's own unit, coloured by margins; bold where it is shown."""
    contests, titles = across.contests[:MOST_TASKS], across.titles
    if not contests or not titles:
        return None
    below = len(contests) > WIDEST
    wide, high = (len(titles), len(contests)) if below else (len(contests), len(titles))
    with canvas(min(FULL, 2.2 + (0.8 if below else 1.5) * wide), 1.25 + (0.3 if below else 0.36) * high) as (
        figure,
        axes,
    ):
        for j, contest in enumerate(contests):
            for i, title in enumerate(titles):
                x, y = (i, j) if below else (j, i)
                gain, contender = float(across.gains[j, i]), contest.find(title)
                strength = STRONGEST * min(1.0, abs(gain) / 5)
                if contender.difference is None:
                    cell(axes, x, y, BAND, 1.0)
                    mean = contender.mean
                    cell_text(axes, x, y, "" if mean is None else amount(mean, contest), real=False)
                    continue
                verdict = contender.difference.verdict
                cell(axes, x, y, BETTER if gain > 0 else WORSE, strength)
                text = f"{amount(gain * contest.margin, contest, sign=True)}{_mark(verdict)}"
                cell_text(axes, x, y, text, real=verdict.sign != 0)
        losses = [short(title, 20 if below else 26) for title in titles]
        named = [f"{short(c.name, 24)}{', ' if below else chr(10)}{spoken(c.metric)}" for c in contests]
        matrix(axes, *((named, losses) if below else (losses, named)), turned=wide > 6)
        figure.suptitle(
            f"Gain over each task's baseline{_left_out(across)}", x=0.01, ha="left", size=9.5, weight="bold"
        )
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
    for j, contest in enumerate(across.contests[:MOST_TASKS]):
        found = []
        for i, title in enumerate(across.titles):
            if difference := contest.find(title).difference:
                gain = amount(float(across.gains[j, i]) * contest.margin, contest, sign=True)
                found.append(f"{title} {gain} ({difference.verdict.value})")
        told.append(f"{contest.name}, gain in {spoken(contest.metric)} over {contest.baseline}: {', '.join(found)}")
    return f"{'. '.join(told)}.{_left_out(across)}"


def _left_out(across: Across) -> str:
    tasks = len(across.contests)
    return f" (the first {MOST_TASKS} of {tasks} tasks)" if tasks > MOST_TASKS else ""


def _mark(verdict: Verdict) -> str:
    return {Verdict.SAME: " =", Verdict.UNCLEAR: " ?"}.get(verdict, "")
