"""The shape of each loss, and which rows drive the gradient at the end of training."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from lossbench.report.evidence.shapes import FIFTHS, Pull, Pulls, Shape, Shapes
from lossbench.report.figures.style import GRID, INK, MUTED, NEUTRAL, PANEL, SERIES, Colours, canvas, quiet

Values = NDArray[np.float64]
MOST_SEGMENTS = 3
"""With more classes a table of tinted cells replaces bars too thin to read."""
TINTS = (0.06, 0.16, 0.28, 0.42, 1.0)
"""From the easiest fifth to the hardest, which stands out."""
CAPS = {"value": 14.0, "slope": 5.5}
"""Curves of losses that explode are cut off here, in units of the slope at the standard point."""
RAW_CAPS = {"value": 26.0, "slope": 11.0}
"""And here in the loss's own: the square of a residual of 5 and its slope are seen whole."""


def shapes(found: Shapes, colours: Colours) -> Figure:
    """Value and slope of every loss, made comparable; dashed where the negative class has another shape."""
    with canvas(10, 3.6, 1, 2) as (figure, axes):
        for panel, name in zip(axes, ("value", "slope"), strict=True):
            panel.axhline(0, color=MUTED, linewidth=0.8)
            panel.axvline(0, color=MUTED, linewidth=0.8)
            low, high = 0.0, 0.0
            for loss in found.losses:
                low, high = _curve(panel, loss, name, colours, (low, high))
            cap = (RAW_CAPS if found.raw else CAPS)[name]
            low, high = max(low, -cap), min(high, cap)
            room = 0.05 * (high - low or 1)
            panel.set_ylim(low - room, high + room)
            panel.set_xlim(found.losses[0].x[0], found.losses[0].x[-1])
            panel.set_xlabel(found.along)
            panel.tick_params(length=0)
            panel.xaxis.set_major_locator(MaxNLocator(5))
        axes[0].set_title("Value")
        axes[1].set_title("Slope")
        if not found.raw:
            axes[0].set_ylabel("in units of the slope at " + ("0" if found.margin else "-1 and 1"))
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", handlelength=3)
    return figure


def _curve(axes: Axes, loss: Shape, name: str, colours: Colours, reach: tuple[float, float]) -> tuple[float, float]:
    y = loss.value if name == "value" else loss.slope
    colour = colours.colour(loss.title)
    label = fill(_with_params(loss), 26)
    axes.plot(loss.x, y, color=colour, linestyle=colours.dashes(loss.title), label=label)
    all_ = [y]
    if loss.other is not None:
        other = loss.other[0 if name == "value" else 1]
        axes.plot(
            loss.x,
            other,
            color=colour,
            linewidth=0.9,
            linestyle=(0, (1, 1.5)),
            label=f"{fill(loss.title, 26)}, negative",
        )
        all_.append(other)
    finite = np.concatenate(all_)
    finite = finite[np.isfinite(finite)]
    return min(reach[0], float(finite.min(initial=0))), max(reach[1], float(finite.max(initial=0)))


def _with_params(loss: Shape) -> str:
    """The title, with what repeat 0 chose where the title does not say it."""
    tuned = {k: v for k, v in loss.params.items() if isinstance(v, int | float) and f"{k}=" not in loss.title}
    return f"{loss.title} ({', '.join(f'{k}={v:.3g}' for k, v in tuned.items())})" if tuned else loss.title


def said_shapes(found: Shapes) -> str:
    points = (-4.0, 4.0) if found.margin else (1.0, 4.0)
    parts = []
    for loss in found.losses:
        told = ", ".join(f"{_at(loss.x, np.abs(loss.slope), x)} at {x:+.0f}".replace("-", "−") for x in points)
        text = f"{_with_params(loss)}: {told}"
        if loss.other is not None:
            told = ", ".join(f"{_at(loss.x, np.abs(loss.other[1]), x)} at {x:+.0f}".replace("-", "−") for x in points)
            text += f"; for the negative class {told}"
        parts.append(f"{text}.")
    return f"Steepness along the {found.along}, divided by {found.standard}. " + " ".join(parts)


def _at(x: Values, y: Values, point: float) -> str:
    return f"{float(np.interp(point, x, y)):.2g}"


# Which rows drive the gradient ----------------------------------------------------------------------------------------


def pulls(found: Pulls, colours: Colours) -> Figure:
    """Shares of the gradient at the end of training: by how hard rows still are, and by class if there are any."""
    with_classes = [loss for loss in found.losses if loss.by_class is not None]
    wide = len(found.classes) > MOST_SEGMENTS
    columns = 2 if with_classes else 1
    rows = len(found.losses) + bool(with_classes)
    ratios = ([1, 1.35] if wide else [1, 1]) if with_classes else [1]
    options: dict[str, Any] = {"squeeze": False, "width_ratios": ratios}
    with canvas(10 if with_classes else 6, 1.3 + 0.36 * rows, 1, columns, **options) as (figure, axes):
        equal = np.full(len(FIFTHS), 1 / len(FIFTHS))
        bars = [("all rows alike", equal)] if with_classes else []
        bars += [(loss.title, loss.by_difficulty) for loss in found.losses]
        _bars(axes[0, 0], bars, FIFTHS, [(NEUTRAL, tint) for tint in TINTS])
        axes[0, 0].set_title("Share of the gradient by difficulty")
        if with_classes:
            assert found.rows is not None
            told = [
                ("share of rows", found.rows),
                *((p.title, p.by_class) for p in with_classes if p.by_class is not None),
            ]
            if wide:
                _cells(axes[0, 1], told, found.classes, found.rows)
            else:
                looks = [(NEUTRAL, 0.16), (NEUTRAL, 1.0), (NEUTRAL, 0.42)]
                _bars(axes[0, 1], told, found.classes, looks[: len(found.classes)])
            axes[0, 1].set_title("Share of the gradient by " + ("tag" if wide else "class"))
    return figure


def _bars(
    axes: Axes, rows: Sequence[tuple[str, Values]], names: Sequence[str], looks: Sequence[tuple[str, float]]
) -> None:
    quiet(axes)
    handles = []
    for segment, (colour, tint) in enumerate(looks):
        starts = [float(shares[:segment].sum()) for _, shares in rows]
        widths = [float(shares[segment]) for _, shares in rows]
        bars = axes.barh(
            range(len(rows)), widths, 0.68, starts, color=colour, alpha=tint, label=names[segment], linewidth=0
        )
        handles.append(bars)
        for place, (start, width) in enumerate(zip(starts, widths, strict=True)):
            if width >= 0.07:
                text, ink = f"{100 * width:.0f} %", PANEL if tint > 0.6 else INK
                axes.text(start + width / 2, place, text, ha="center", va="center", color=ink, fontsize=8)
    for place in range(len(rows)):
        axes.barh(place, 1, 0.68, color="none", edgecolor=GRID, linewidth=0.6)
    axes.set_xlim(0, 1)
    axes.set_xticks([])
    _rows(axes, [title for title, _ in rows])
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(0, 0), ncols=len(names), handlelength=1, columnspacing=1,
        borderaxespad=0.2, handletextpad=0.4, borderpad=0,
    )  # fmt: skip


def _cells(axes: Axes, rows: Sequence[tuple[str, Values]], names: Sequence[str], share: Values) -> None:
    """A table: the more a class's share of the gradient exceeds its share of rows, the stronger the tint."""
    quiet(axes)
    for place, (_, shares) in enumerate(rows):
        for column, value in enumerate(shares):
            more = float(value / share[column]) if share[column] > 0 and place else 1.0
            tint = float(np.clip(np.log2(max(more, 1)) / 4, 0, 1)) * 0.5
            if tint > 0:
                axes.barh(place, 0.94, 0.86, column - 0.47, color=SERIES[0], alpha=tint, linewidth=0)
            ink = INK if place else MUTED
            axes.text(column, place, f"{100 * value:.0f}", ha="center", va="center", color=ink, fontsize=8.5)
    axes.set_xticks(range(len(names)), [fill(name, 9) for name in names])
    axes.tick_params(axis="x", labeltop=True, labelbottom=False)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_xlabel("% of the gradient; darker: further above the class's share of rows", color=MUTED)
    _rows(axes, [title for title, _ in rows])


def _rows(axes: Axes, titles: Sequence[str]) -> None:
    axes.set_ylim(len(titles) - 0.5, -0.6)
    axes.set_yticks(range(len(titles)), [fill(title, 24) for title in titles])
    axes.tick_params(axis="y", labelcolor=INK)


def said_pulls(found: Pulls) -> str:
    parts = [_pulling(loss, found.classes) for loss in found.losses]
    head = "Share of the gradient at the end of training."
    if found.rows is not None:
        head += f" Share of rows: {_named(found.classes, found.rows)}."
    return f"{head} {' '.join(parts)}"


def _pulling(loss: Pull, classes: Sequence[str]) -> str:
    text = f"{loss.title}: by difficulty {_named(FIFTHS, loss.by_difficulty)}"
    return f"{text}; by class {_named(classes, loss.by_class)}." if loss.by_class is not None else f"{text}."


def _named(names: Sequence[str], shares: Values) -> str:
    return ", ".join(f"{name} {100 * share:.0f} %" for name, share in zip(names, shares, strict=True))
