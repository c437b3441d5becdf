"""Figures of which entity types are confused."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from lossbench.report.evidence.tags import Confusion
from lossbench.report.figures.style import BETTER, INK, MUTED, WORSE, Colours, canvas, quiet

COLUMNS = 5


def confusion(found: Sequence[Confusion], colours: Colours) -> Figure:
    """One square per loss: rows are the truth, columns what was predicted, numbers per cent of the row's words."""
    columns = min(COLUMNS, len(found))
    if len(found[0].types) > 8:
        columns = min(2, columns)
    elif len(found[0].types) > 5:
        columns = min(3, columns)
    rows = -(-len(found) // columns)
    side = 10 / columns if columns > 2 else min(4.6, 0.5 * len(found[0].types) + 1.3)
    lines = max(fill(one.title, 24).count("\n") for one in found)
    with canvas(side * columns, (side + 0.1 + 0.22 * lines) * rows + 0.35, rows, columns, squeeze=False) as (
        figure,
        axes,
    ):
        for place, panel in enumerate(axes.ravel()):
            if place >= len(found):
                panel.set_visible(False)
                continue
            _square(panel, found[place], first=place % columns == 0)
            panel.set_title(fill(found[place].title, 24))
        figure.supxlabel("taken for", fontsize=8.5, color=MUTED)
        figure.supylabel("truly", fontsize=8.5, color=MUTED)
    return figure


def _square(axes: Axes, one: Confusion, *, first: bool) -> None:
    quiet(axes)
    k = len(one.types)
    tints: dict[tuple[str, float], list[Path]] = {}
    for true, row in enumerate(one.shares):
        for predicted, share in enumerate(row):
            if share > 0:
                tint = 0.06 * max(1, round(7 * share**0.6))
                cell = Path.unit_rectangle().transformed(
                    Affine2D().scale(0.94).translate(predicted - 0.47, true - 0.47)
                )
                tints.setdefault((BETTER if true == predicted else WORSE, tint), []).append(cell)
            text, ink = (f"{100 * share:.0f}", INK) if share >= 0.005 else ("·", MUTED)
            axes.text(predicted, true, text, ha="center", va="center", fontsize=8, color=ink)
    for (colour, tint), cells in tints.items():  # one path per tint: the report holds many of these
        axes.add_patch(PathPatch(Path.make_compound_path(*cells), facecolor=colour, alpha=tint, linewidth=0))
    axes.set_xlim(-0.5, k - 0.5)
    axes.set_ylim(k - 0.5, -0.5)
    axes.set_aspect("equal")
    short = [kind if len(kind) <= 6 else f"{kind[:5]}…" for kind in one.types]
    axes.set_xticks(range(k), short, rotation=0 if k <= 5 and max(map(len, short)) <= 4 else 90)
    axes.set_yticks(range(k), short if first else [""] * k)


def said_confusion(found: Sequence[Confusion]) -> str:
    parts = []
    for one in found:
        right = ", ".join(f"{kind} {100 * one.shares[i, i]:.0f} %" for i, kind in enumerate(one.types))
        text = f"{one.title}: right for {right}"
        if one.worst is not None:
            true, predicted, share = one.worst
            text += f"; most often wrong: {true} taken for {predicted}, {100 * share:.0f} %"
        parts.append(f"{text}.")
    return "Of the words of each true type. " + " ".join(parts)
