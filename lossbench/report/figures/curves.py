"""How the chosen trainings went, epoch by epoch.

Each function draws one figure, or gives None where there is nothing to draw; each has a `said_` function
with the same content in words and numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lossbench.metrics.catalogue import written as spoken
from lossbench.report.evidence.curves import Curve, learning_curves
from lossbench.report.figures.lines import banded, metric_axis, named_ends, way, window
from lossbench.report.figures.style import FULL, Colours, canvas, short
from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.words import amount, listed, several

Values = NDArray[np.float64]


def curves(contest: Contest, colours: Colours) -> Figure | None:
    """The task's metric on validation data by epoch: the median over repeats, and the range of 8 in 10 repeats."""
    found = learning_curves(contest)
    if not found or max(len(curve.median) for curve in found) < 2:
        return None
    with canvas(FULL, max(3.2, 1.1 + 0.19 * len(found))) as (figure, axes):
        shown = banded([curve.title for curve in found], contest)
        for curve in found:
            colour = colours.colour(curve.title)
            if curve.title in shown:
                axes.fill_between(curve.epochs, curve.low, curve.high, color=colour, alpha=0.12, linewidth=0)
            axes.plot(curve.epochs, curve.median, color=colour, linestyle=colours.dashes(curve.title))
            axes.plot(
                curve.epochs[-1], curve.median[-1], colours.marker(curve.title), color=colour, markersize=5, zorder=4
            )
        axes.set_ylim(*window(_settled(found)))
        axes.set_xlim(1, max(len(curve.median) for curve in found) * 1.01)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        axes.set_xlabel("epoch (a curve ends where fewer than half of its repeats still train)")
        metric_axis(axes, contest)
        shaded = listed([short(title) for title in shown])
        axes.set_title(f"The chosen trainings: median over repeats (shaded: 8 of 10 repeats of {shaded})")
        named_ends(axes, [(float(curve.median[-1]), curve.title) for curve in found], colours)
    return figure


def said_curves(contest: Contest) -> str:
    """Where each curve starts and ends, and how long it is."""
    told = [
        f"{curve.title} from {amount(float(curve.median[0]), contest)} to {amount(float(curve.median[-1]), contest)} "
        f"in {several(len(curve.median), 'epoch')}"
        for curve in learning_curves(contest)
    ]
    head = f"Median validation {spoken(contest.chosen_by)} of the chosen trainings, {way(contest)}"
    return f"{head}: {'; '.join(told)}." if told else "No learning curves were stored."


def _settled(found: Sequence[Curve]) -> Values:
    """The drawn values without the first tenth of the epochs, which would compress the rest."""
    start = max(1, max(len(curve.median) for curve in found) // 10)
    parts = [part[min(start, len(part) - 1) :] for c in found for part in (c.low, c.median, c.high)]
    return np.concatenate(parts)
