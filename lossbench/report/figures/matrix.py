"""Coloured cells with numbers in them, rows and columns named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from lossbench.report.figures.style import INK, MUTED, quiet

STRONGEST = 0.42
"""How opaque a cell is at most: text on it stays readable in both themes."""


def cell(axes: Axes, x: float, y: float, colour: str, strength: float) -> None:
    # as an artist: a patch would move limits that `matrix` sets
    axes.add_artist(Rectangle((x - 0.48, y - 0.48), 0.96, 0.96, facecolor=colour, alpha=strength, linewidth=0))


def cell_text(axes: Axes, x: float, y: float, text: str, *, real: bool, size: float = 9) -> None:
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


def matrix(axes: Axes, rows: Sequence[str], columns: Sequence[str], *, turned: bool) -> None:
    """Rows from above, columns named above them."""
    quiet(axes)
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), rows, color=INK, size=8.5)
    axes.xaxis.tick_top()
    turn: dict[str, Any] = {"rotation": 35, "ha": "left", "rotation_mode": "anchor"} if turned else {}
    axes.set_xticks(range(len(columns)), columns, color=INK, size=8.5, **turn)
