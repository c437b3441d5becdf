"""The front of several weightings of one loss by two metrics."""

from __future__ import annotations

from matplotlib.figure import Figure

from lossbench.metrics.catalogue import written as spoken
from lossbench.report.evidence.weightings import Tradeoff
from lossbench.report.figures.style import FULL, INK, NEUTRAL, PANEL, Colours, canvas, laid_out, short
from lossbench.verdicts.words import listed


def front(found: Tradeoff, colours: Colours) -> Figure:
    """One point per weighting; a line through those that no other beats."""
    with canvas(FULL, 3.5) as (figure, axes):
        best = found.front
        axes.plot(*zip(*(w.values for w in best), strict=True), color=NEUTRAL, linewidth=1.2, zorder=2)
        by_first = sorted(found.weightings, key=lambda w: w.values)
        for place, one in enumerate(by_first):
            colour, marker = colours.colour(one.title), colours.marker(one.title)
            axes.plot(*one.values, marker, color=colour, markersize=7, markeredgecolor=PANEL, zorder=4)
            across = "left" if place < len(by_first) / 2 else "right"  # into the picture, away from its edge
            axes.annotate(
                short(one.weights, 32),
                one.values,
                (7 if across == "left" else -7, 7 if place % 2 else -7),
                textcoords="offset points",
                ha=across,
                va="bottom" if place % 2 else "top",
                color=INK,
                size=8.5,
                weight="bold" if one in best else "normal",
                zorder=6,
                bbox={"facecolor": PANEL, "edgecolor": "none", "pad": 0.5},
            )
        axes.margins(0.12, 0.2)
        axes.set_xlabel(_axis(found, 0))
        axes.set_ylabel(_axis(found, 1))
        axes.set_title(f"Weights of {found.loss} (bold, on the line: no other weighting beats it in both)")
        laid_out(figure)
    return figure


def said_front(found: Tradeoff) -> str:
    """Every weighting with its two values, and which of them no other beats."""
    names = [spoken(name) for name in found.metrics]
    told = [f"{w.weights}: {w.values[0]:.4g} and {w.values[1]:.4g}" for w in found.weightings]
    best = listed([f"({w.weights})" for w in found.front])
    return f"Means of {names[0]} and {names[1]} by weights: {'; '.join(told)}. No other weighting beats {best} in both."


def _axis(found: Tradeoff, place: int) -> str:
    name = spoken(found.metrics[place])
    return f"{name}  {'better →' if found.signs[place] > 0 else '← better'}"
