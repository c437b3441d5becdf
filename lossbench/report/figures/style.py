"""How all figures look, and how one becomes SVG that follows the page's light or dark colours."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK, MUTED, GRID, PANEL, BAND = "#1d2433", "#596275", "#d5dae3", "#fefefe", "#e4e9f3"
BETTER, WORSE, NEUTRAL = "#0a7a4a", "#b2410e", "#4a5a78"
SERIES = ("#0072b1", "#c1440c", "#0a7f5a", "#a6367f", "#8a6400", "#5b4fc4", "#127c8a", "#9c2b3d", "#4f6b1f", "#6b4e3d")
"""One colour per loss, in the order of the command; each at least 4.5 : 1 on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
"""Colour is never the only cue: lines differ in dashes, points in shape."""
FULL, HALF = 10.0, 5.0
"""Inches: the width of the page, and of one of two columns."""
VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PANEL: "panel",
    BAND: "band",
    BETTER: "better",
    WORSE: "worse",
    NEUTRAL: "neutral",
    **{colour: f"series-{place}" for place, colour in enumerate(SERIES)},
}
"""The page's CSS variable for each colour; matplotlib writes the colour, `svg` puts the variable in its place."""
FINE = re.compile(r"-?\d+\.\d{2,}")
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lossbench",
    "pdf.fonttype": 42,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib; it would search for others at every word
    "text.parse_math": False,
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.5,
    "figure.facecolor": PANEL,
    "axes.facecolor": PANEL,
    "savefig.facecolor": PANEL,
}


@contextmanager
def canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> Iterator[tuple[Figure, Any]]:
    """A figure of width × height inches in this style, with its axes (an array where there are several)."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        yield figure, figure.subplots(rows, columns, **options)


class Colours:
    """The colour, marker and dashes of each loss, the same in every figure of a report."""

    def __init__(self, titles: Sequence[str]) -> None:
        self._place = {title: place for place, title in enumerate(dict.fromkeys(titles))}

    def colour(self, title: str) -> str:
        return SERIES[self._place.get(title, 0) % len(SERIES)]

    def marker(self, title: str) -> str:
        return MARKERS[self._place.get(title, 0) % len(MARKERS)]

    def dashes(self, title: str) -> Any:
        place = self._place.get(title, 0)
        return DASHES[(place + place // len(SERIES)) % len(DASHES)]


def laid_out(figure: Figure) -> None:
    """Lays the figure out once; through `savefig`, matplotlib would draw each figure a second time for it."""
    if (engine := figure.get_layout_engine()) is not None:
        with mpl.rc_context(STYLE):
            engine.execute(figure)
            figure.set_layout_engine(None)


def svg(figure: Figure, name: str, alternative: str) -> str:
    """The figure as inline SVG: real text, colours by CSS variables, ids of its own, read aloud as `alternative`."""
    text = saved(figure, "svg").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', text))
    text = re.sub(r' ?\bid="([^"]*)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(|href=")#', rf"\1#{name}-", text)
    text = re.sub(r"<[^>]+>", lambda tag: FINE.sub(_rounded, tag[0]), text)  # in places, never in what is written
    for colour, variable in VARIABLES.items():
        text = text.replace(colour, f"var(--{variable})")
    for waste in (r" ?font-family: [^;\"]*;?", r' transform="rotate\(-0 [^"]*\)"', r' xmlns:\w+="[^"]*"'):
        text = re.sub(waste, "", text)
    text = text.replace("xlink:href", "href")
    text = re.sub(r"<g>\s*(<text[^>]*>[^<]*</text>)\s*</g>", r"\1", text)
    label = alternative.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    head = f'<svg role="img" aria-label="{label}" class="figure" '
    return re.sub(r"\n\s*", "\n", text.replace("<svg ", head, 1))


def _rounded(number: re.Match[str]) -> str:
    """To a tenth of a pixel."""
    return f"{float(number[0]):.1f}".removesuffix(".0")


def saved(figure: Figure, kind: str, dpi: int = 150) -> bytes:
    """The figure as png, pdf or svg; the same bytes for the same figure."""
    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}}
    laid_out(figure)
    with mpl.rc_context(STYLE):
        out = io.BytesIO()
        figure.savefig(out, format=kind, dpi=dpi, metadata=dates.get(kind))
        return out.getvalue()


def quiet(axes: Axes) -> None:
    """Axes without a frame, for tables of colours and diagrams."""
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0)


def reach(extents: Sequence[tuple[float, float]], margin: float) -> tuple[float, float]:
    """The limits of an axis, such that a far-off loss does not compress all others.

    At most a third of the losses lie outside, and only those three times as far as the next one; the margin band
    shows whole unless it is far wider than all that there is to see.
    """
    ordered = sorted(extents, key=lambda ends: max(abs(ends[0]), abs(ends[1])))
    sizes = [max(abs(low), abs(high)) for low, high in ordered]
    kept = len(ordered)
    for place in range(len(ordered) - 1, len(ordered) - 1 - len(ordered) // 3, -1):
        if sizes[place] > 3 * max(sizes[place - 1], margin):
            kept = place
    low = min([0.0, *(low for low, _ in ordered[:kept])])
    high = max([0.0, *(high for _, high in ordered[:kept])])
    size = max(high, -low)
    shown = min(margin, 3 * size) if size > 0 and margin > 0 else size or margin or 1.0
    low, high = min(low, -1.1 * shown), max(high, 1.1 * shown)
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def tick(value: float) -> str:
    """A number on an axis of gains: `+0.005`, `−100`, `0`."""
    return f"{value:+,.6g}".replace("-", "−") if abs(value) > 1e-12 else "0"


def short(title: str, most: int = 26) -> str:
    """A title that fits beside a figure."""
    return title if len(title) <= most else f"{title[: most - 1]}…"
