"""Figures of regression errors: on the usual row, and on the worst ones."""

from __future__ import annotations

from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lossbench.report.evidence.calibration import LEVELS, TAILS, Residuals, Tails
from lossbench.report.figures.style import BAND, INK, MUTED, PANEL, Colours, canvas


def residuals(found: Tails, colours: Colours) -> Figure:
    """Left, the spread of each loss's residuals; right, the size of its errors against the baseline's."""
    compared = [(loss, ratios) for loss in found.losses if (ratios := found.ratios(loss)) is not None]
    compared = [(loss, ratios) for loss, ratios in compared if loss.title != found.baseline]
    columns = 2 if compared else 1
    height = max(1.3 + 0.36 * len(found.losses), 2.9 if compared else 0)
    with canvas(10 if compared else 5.5, height, 1, columns, squeeze=False) as (figure, axes):
        _spread(axes[0, 0], found, colours)
        if compared:
            _against(axes[0, 1], compared, str(found.baseline), colours)
            handles = axes[0, 1].get_legend_handles_labels()
            figure.legend(*handles, loc="outside right center", handlelength=2.6)
    return figure


def _spread(axes: Axes, found: Tails, colours: Colours) -> None:
    reference, (low, high) = found.reference, (LEVELS.index(0.05), LEVELS.index(0.95))
    if reference is not None:
        axes.axvspan(reference.quantiles[low], reference.quantiles[high], color=BAND, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=0.9)
    for place, loss in enumerate(found.losses):
        q, colour = loss.quantiles, colours.colour(loss.title)
        for (start, end), width in (((0, -1), 0.8), ((low, high), 2.2), ((2, 4), 6.5)):
            axes.plot([q[start], q[end]], [place, place], color=colour, linewidth=width, solid_capstyle="butt")
        axes.plot(
            q[3], place, colours.marker(loss.title), color=colour, markerfacecolor=PANEL, markersize=5.5, zorder=4
        )
    axes.set_yticks(range(len(found.losses)), [fill(loss.title, 24) for loss in found.losses])
    axes.set_ylim(len(found.losses) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.tick_params(axis="x", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title("Residuals: median, middle 50, 90 and 98 %")
    axes.set_xlabel("← too low    prediction − truth, target's unit    too high →")


def _against(
    axes: Axes, compared: list[tuple[Residuals, NDArray[np.float64]]], baseline: str, colours: Colours
) -> None:
    x = np.arange(len(TAILS))
    axes.axhline(0, color=MUTED, linewidth=0.9)
    for loss, ratios in compared:
        axes.plot(
            x,
            100 * (ratios - 1),
            color=colours.colour(loss.title),
            marker=colours.marker(loss.title),
            linestyle=colours.dashes(loss.title),
            markersize=4.5,
            label=fill(loss.title, 24),
        )
    axes.set_xticks(x, ["median", *(f"{100 * level:.0f} %" for level in TAILS[1:])])
    axes.tick_params(length=0)
    axes.set_xlim(-0.25, len(TAILS) - 0.75)
    axes.set_title(f"Size of errors against {baseline}")
    axes.set_xlabel("quantile of |residual|: from the usual row to the worst")
    axes.set_ylabel("% larger (above 0) or smaller")


def said_residuals(found: Tails) -> str:
    parts = []
    for loss in found.losses:
        low, middle, high = (_amount(loss.quantiles[LEVELS.index(level)]) for level in (0.05, 0.5, 0.95))
        text = (
            f"{loss.title}: residuals from {low} (5 %) over {middle} (median) to {high} (95 %); half of the errors "
            f"are below {_amount(loss.sizes[0])}, 95 % below {_amount(loss.sizes[TAILS.index(0.95)])}; the worst 1 % "
            f"of rows carry {100 * loss.worst[0]:.0f} % of the squared error, the worst 5 % {100 * loss.worst[1]:.0f} %"
        )
        ratios = found.ratios(loss)
        if ratios is not None and loss.title != found.baseline:
            usual, worst = (f"{100 * (ratios[place] - 1):+.0f} %".replace("-", "−") for place in (0, -1))
            text += f"; against {found.baseline} the median error is {usual}, the 99 % quantile {worst}"
        if loss.coverage is not None:
            text += f"; its 90 % intervals hold {100 * loss.coverage.share:.0f} % of the test rows"
        parts.append(f"{text}.")
    return " ".join(parts)


def _amount(value: float) -> str:
    return f"{value:,.3g}".replace("-", "−") if abs(value) < 1000 else f"{value:,.0f}".replace("-", "−")
