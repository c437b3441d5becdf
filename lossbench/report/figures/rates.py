"""How much the learning rate and more trials matter to each loss.

Each function draws one figure, or gives None where there is nothing to draw; each has a `said_` function
with the same content in words and numbers.
"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

from lossbench.metrics.catalogue import written as spoken
from lossbench.report.evidence.rates import after_k_trials_of, sensitivity_of
from lossbench.report.figures.lines import banded, metric_axis, named_ends, way, window
from lossbench.report.figures.style import HALF, MUTED, Colours, canvas, short
from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.words import amount, listed

Values = NDArray[np.float64]


def sensitivity(contest: Contest, colours: Colours) -> Figure | None:
    """What each loss reaches on validation data by learning rate: median, and the range of 8 in 10 trainings."""
    found = sensitivity_of(contest)
    if not found:
        return None
    with canvas(HALF, max(3.2, 1.1 + 0.19 * len(found))) as (figure, axes):
        shown = banded([one.title for one in found], contest)
        ends = []
        for one in found:
            colour, there = colours.colour(one.title), np.isfinite(one.median)
            if not there.any():
                continue
            x, median = one.rates[there], one.median[there]
            if one.title in shown:
                axes.fill_between(x, one.best[there], one.worst[there], color=colour, alpha=0.12, linewidth=0)
            marker = colours.marker(one.title)
            axes.plot(x, median, color=colour, linestyle=colours.dashes(one.title), marker=marker, markersize=4.5)
            ends.append((float(median[-1]), one.title))
        if not ends:
            return None
        axes.set_xscale("log")
        rates = found[0].rates
        axes.set_xlim(rates[0] / 1.4, rates[-1] * 1.4)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(rates, [rate(value) for value in rates])
        axes.set_ylim(*window(np.concatenate([one.median for one in found])))
        for place, middle in enumerate(rates):
            if lost := sum(int(one.diverged[place]) for one in found):
                axes.text(
                    middle,
                    0.99,
                    f"{lost} diverged",
                    transform=axes.get_xaxis_transform(),
                    ha="center",
                    va="top",
                    color=MUTED,
                    size=7.5,
                )
        shaded = listed([short(title, 14) for title in shown])
        axes.set_xlabel(f"learning rate, middle of its band (shaded: 8 of 10\ntrainings of {shaded})")
        metric_axis(axes, contest)
        axes.set_title("Median by learning rate")
        named_ends(axes, ends, colours)
    return figure


def said_sensitivity(contest: Contest) -> str:
    """The best band of rates of each loss, and how far its medians range."""
    found = sensitivity_of(contest)
    if not found:
        return "All trainings used one learning rate."
    told = []
    for one in found:
        there = np.flatnonzero(np.isfinite(one.median))
        lost = f", {int(one.diverged.sum())} of {int(one.trainings.sum())} diverged" if one.diverged.any() else ""
        if not len(there):
            told.append(f"{one.title} has no band of rates in which half of its trainings finish{lost}")
            continue
        order = there[np.argsort(contest.chosen_sign * one.median[there], kind="stable")]
        best, worst = (
            f"{amount(float(one.median[i]), contest)} around {rate(float(one.rates[i]))}" for i in order[[-1, 0]]
        )
        told.append(f"{one.title} best with {best}, worst with {worst}{lost}")
    return f"Median validation {spoken(contest.chosen_by)} by learning rate, {way(contest)}: {'; '.join(told)}."


def after_k_trials(contest: Contest, colours: Colours) -> Figure | None:
    """The value of more trials: the best validation value after each trial, mean over repeats."""
    found = after_k_trials_of(contest)
    if not found:
        return None
    with canvas(HALF, max(3.2, 1.1 + 0.19 * len(found))) as (figure, axes):
        ends = []
        for title, values in found.items():
            if np.isfinite(values[-1]):
                axes.plot(
                    np.arange(1, len(values) + 1),
                    values,
                    color=colours.colour(title),
                    linestyle=colours.dashes(title),
                    marker=colours.marker(title),
                    markersize=4.5 if len(values) <= 16 else 0,
                )
                ends.append((float(values[-1]), title))
        if not ends:
            return None
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        axes.set_xlabel("trials in each repeat")
        metric_axis(axes, contest)
        axes.set_title("Best value after this many trials")
        named_ends(axes, ends, colours)
    return figure


def said_after_k_trials(contest: Contest) -> str:
    """From the first trial to the last."""
    found = after_k_trials_of(contest)
    if not found:
        return "One trial per repeat: nothing to choose from."
    told = [
        f"{title} {' to '.join(amount(float(v), contest) if np.isfinite(v) else 'diverged' for v in values[[0, -1]])}"
        for title, values in found.items()
    ]
    trials = max(len(values) for values in found.values())
    head = f"Best validation {spoken(contest.chosen_by)} after 1 and after {trials} trials, mean over repeats"
    return f"{head}, {way(contest)}: {'; '.join(told)}."


def rate(value: float) -> str:
    """A learning rate to one digit: `3e-5`."""
    digit, _, power = f"{value:.0e}".partition("e")
    return f"{digit}e{int(power)}".replace("-", "−")
