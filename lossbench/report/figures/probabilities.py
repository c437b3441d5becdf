"""Figures of what remains after tuning threshold and temperature, and reliability diagrams."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lossbench.metrics.catalogue import written
from lossbench.report.evidence.calibration import Calibration, Calibrations
from lossbench.report.evidence.thresholds import Remains, Remedied, Thresholds
from lossbench.report.figures.style import BAND, GRID, INK, MUTED, NEUTRAL, PANEL, Colours, canvas
from lossbench.verdicts import words
from lossbench.verdicts.aims import NOT_CALIBRATED
from lossbench.verdicts.comparison import places
from lossbench.verdicts.statistics import Estimate

COLUMNS = 5
"""Reliability diagrams per row."""


# Loss or merely threshold ---------------------------------------------------------------------------------------------


def thresholds(found: Thresholds, colours: Colours) -> Figure:
    """How far each loss lies from the baseline at .5, and how far once each has its own threshold."""
    names = ("at .5", "at the threshold from validation data")
    return _dumbbells(found, colours, lambda loss: loss.threshold, names)


def said_thresholds(found: Thresholds) -> str:
    return _said(found, lambda loss: loss.threshold, ("at .5", "at the threshold chosen on validation data"))


def temperature(found: Thresholds, colours: Colours) -> Figure:
    """How far each loss lies from the baseline as trained, and after temperature scaling of both."""
    return _dumbbells(found, colours, lambda loss: loss.temperature, ("as trained", "after temperature scaling"))


def said_temperature(found: Thresholds) -> str:
    return _said(found, lambda loss: loss.temperature, ("as trained", "after temperature scaling"))


Table = Callable[[Remedied], Mapping[str, Remains] | None]


def _dumbbells(found: Thresholds, colours: Colours, table: Table, names: tuple[str, str]) -> Figure:
    """One panel per metric, one row per loss: hollow mark as trained, full mark after the remedy, 95 % bars."""
    losses = [(loss.title, rows) for loss in found.losses if (rows := table(loss))]
    metrics = list(dict.fromkeys(metric for _, rows in losses for metric in rows))
    with canvas(10, 1.25 + 0.46 * len(losses), 1, len(metrics), sharey=True, squeeze=False) as (figure, axes):
        for panel, metric in zip(axes[0], metrics, strict=True):
            margin = max((rows[metric].margin for _, rows in losses if metric in rows), default=0.0)
            panel.axvspan(-margin, margin, color=BAND, linewidth=0)
            panel.axvline(0, color=MUTED, linewidth=0.9)
            for place, (title, rows) in enumerate(losses):
                if metric in rows:
                    _dumbbell(panel, place, rows[metric], colours.colour(title), colours.marker(title))
            panel.set_title(f"{written(metric)}: gain over {found.baseline}")
            panel.set_xlabel("← worse    better →")
            panel.set_ylim(len(losses) - 0.45, -0.6)
            panel.set_yticks(range(len(losses)), [fill(title, 24) for title, _ in losses])
            panel.tick_params(axis="y", length=0, labelcolor=INK)
            panel.tick_params(axis="x", length=0)
            panel.xaxis.set_major_locator(MaxNLocator(4))
            panel.grid(visible=False, axis="y")
            panel.spines["left"].set_visible(False)
            _remain(panel, [rows.get(metric) for _, rows in losses])
        marks = [
            axes[0, 0].plot([], [], "o", color=NEUTRAL, markerfacecolor=face, markersize=5.5)[0]
            for face in (PANEL, NEUTRAL)
        ]
        figure.legend(marks, names, loc="outside lower left", ncols=2, handletextpad=0.3)
    return figure


def _dumbbell(axes: Axes, place: int, one: Remains, colour: str, marker: str) -> None:
    above, below = place - 0.15, place + 0.15
    axes.plot([one.before.mean, one.after.mean], [above, below], color=colour, linewidth=1, alpha=0.45, zorder=2)
    for estimate, y, face, width in ((one.before, above, PANEL, 1.0), (one.after, below, colour, 1.8)):
        low, high = estimate.interval()
        axes.plot([low, high], [y, y], color=colour, linewidth=width, solid_capstyle="butt", zorder=3)
        axes.plot(
            estimate.mean, y, marker, color=colour, markerfacecolor=face, markersize=5.5, markeredgewidth=1.2, zorder=4
        )


def _remain(axes: Axes, rows: Sequence[Remains | None]) -> None:
    """Writes what remains to the right of the panel; pale, with a question mark, where it is within noise."""
    head: dict[str, Any] = {"transform": axes.transAxes, "color": MUTED, "fontsize": 8, "va": "bottom"}
    axes.text(1.02, 1.01, "remains", **head)
    for place, one in enumerate(rows):
        if one is None:
            continue
        low, high = one.after.interval()
        sure = one.share is not None and not low <= 0 <= high
        look: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": 8.5, "va": "center"}
        axes.text(1.02, place, _short(one, sure=sure), color=INK if sure else MUTED, **look)


def _short(one: Remains, *, sure: bool) -> str:
    if one.share is None or one.said == "gone":
        return "–" if one.share is None else "gone"
    return f"{100 * one.share:.0f} %{'' if sure else ' ?'}".replace("-", "−")


def _said(found: Thresholds, table: Table, names: tuple[str, str]) -> str:
    parts = []
    for loss in found.losses:
        rows = table(loss)
        told = [
            f"{written(metric)} {_gain(one.before)} {names[0]}, {_gain(one.after)} {names[1]}: {one.said}"
            for metric, one in (rows or {}).items()
        ]
        parts.append(f"{loss.title}: {'; '.join(told) or 'nothing can be said'}.")
    return f"Gain over {found.baseline} with 95 % intervals over {words.several(found.repeats, 'repeat')}. " + " ".join(
        parts
    )


def _gain(estimate: Estimate) -> str:
    low, high = estimate.interval()
    digits = min(3, places(0.0, [estimate.mean, low, high]))  # of metrics in euros or counts none
    return f"{estimate.mean:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})".replace("-", "−")


# Reliability ----------------------------------------------------------------------------------------------------------


def reliability(found: Calibrations, colours: Colours) -> Figure:
    """One square per loss: below the diagonal it is overconfident. Hollow: after temperature scaling."""
    titles = [*(loss.title for loss in found.losses), *found.without]
    columns = min(COLUMNS, len(titles))
    rows = -(-len(titles) // columns)
    lines = max(fill(title, 22).count("\n") for title in titles)
    height = (2.05 + 0.17 * lines) * rows + 0.4
    width = 2 * columns + 0.2 if columns > 1 else 2.6
    options: dict[str, Any] = {"sharex": True, "sharey": True, "squeeze": False}
    with canvas(width, height, rows, columns, **options) as (figure, axes):
        panels = axes.ravel()
        for panel in panels[len(titles) :]:
            panel.set_visible(False)
        for place, panel in enumerate(panels[: len(titles)]):
            panel.set_title(fill(titles[place], 22), color=INK)
            if titles[place] in found.distorted and place < len(found.losses):
                panel.text(0.02, 0.98, fill(NOT_CALIBRATED, 15), va="top", color=MUTED, fontsize=7.5)
            panel.set_xlim(-0.03, 1.03)
            panel.set_ylim(-0.03, 1.03)
            panel.set_aspect("equal")
            ticks = ([0, 0.5, 1], ["0", ".5", "1"])
            panel.set_xticks(*ticks)
            panel.set_yticks(*ticks)
            panel.tick_params(length=0, labelbottom=place + columns >= len(titles))
            if place < len(found.losses):
                _diagram(panel, found.losses[place], colours)
            else:
                panel.text(0.5, 0.5, "no probabilities", ha="center", va="center", color=MUTED, fontsize=8.5)
                panel.grid(visible=False)
        what = "the likeliest class" if found.top_label else "the positive class"
        figure.supxlabel(f"probability given to {what}", fontsize=8.5, color=MUTED)
        figure.supylabel(
            "how often it was right" if found.top_label else "share of positives", fontsize=8.5, color=MUTED
        )
    return figure


def _diagram(axes: Axes, loss: Calibration, colours: Colours) -> None:
    colour, marker = colours.colour(loss.title), colours.marker(loss.title)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1)
    bins, after = loss.before, loss.after
    gap = np.full(len(bins.low), np.nan)  # one path for all bars: the report holds many of these
    bars = np.column_stack([bins.low, bins.high, gap]).ravel()
    axes.plot(np.repeat(bins.probability, 3), bars, color=colour, linewidth=0.9, alpha=0.55, zorder=2)
    axes.plot(bins.probability, bins.share, marker, color=colour, linestyle="-", linewidth=1, markersize=3.2, zorder=4)
    axes.plot(
        after.probability, after.share, marker, color=colour, markerfacecolor=PANEL, markersize=3, markeredgewidth=0.7,
        linestyle="none", alpha=0.8, zorder=2.5,
    )  # fmt: skip
    label = f"ECE {_digits(loss.ece[0])} → {_digits(loss.ece[1])}"
    axes.text(
        0.98, 0.03, label, ha="right", va="bottom", fontsize=8, color=INK, zorder=5,
        bbox={"facecolor": PANEL, "edgecolor": GRID, "linewidth": 0.5, "pad": 1.5},
    )  # fmt: skip


def said_reliability(found: Calibrations) -> str:
    parts = [
        f"{loss.title}: {loss.reading}{_by_design(loss.title, found)}, ECE {_digits(loss.ece[0])}, log loss "
        f"{_digits(loss.log_loss[0])}, Brier score {_digits(loss.brier[0])}; after temperature scaling "
        f"{_digits(loss.ece[1])}, {_digits(loss.log_loss[1])}, {_digits(loss.brier[1])}."
        for loss in found.losses
    ]
    if found.without:
        parts.append(f"No probabilities: {words.listed(found.without)}.")
    what = "Top-label reliability" if found.top_label else "Reliability"
    return f"{what}, means over {words.several(found.repeats, 'repeat')}. " + " ".join(parts)


def _by_design(title: str, found: Calibrations) -> str:
    return f" ({NOT_CALIBRATED})" if title in found.distorted else ""


def _digits(value: float) -> str:
    """`.034`, `1.204`."""
    return f"{value:.3f}".removeprefix("0") if value < 1 else f"{value:.3f}"
