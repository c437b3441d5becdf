"""python docs/catalogue.py: writes docs/losses/, a page for every built-in loss, from what it tells of itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lossbench.adapter import Family
from lossbench.description import Description, built, described
from lossbench.errors import LossbenchError
from lossbench.loss import Kind, Loss
from lossbench.plugins import catalogue
from lossbench.shape import loss_shape
from lossbench.testing.subject import seeded
from lossbench.verdicts.figures.style import MUTED, Colours, canvas, saved

FOLDER = Path(__file__).parent / "losses"
HEADINGS = {
    Kind.CONTINUOUS: "Numbers (continuous)",
    Kind.BINARY: "Two classes (binary)",
    Kind.CLASSES: "Several classes",
    Kind.SEQUENCES: "Sequences of labels",
}
ALONG = {
    Kind.CONTINUOUS: "output - target",
    Kind.BINARY: "logit, dotted for a target of 0",
    Kind.CLASSES: "logit of the class, of three",
    Kind.SEQUENCES: "logit of the label, of three",
}
REACH = 8.0
"""Values beyond it are cut off: a square would leave nothing of the others."""


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    made = files()
    for path in FOLDER.iterdir():
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        (FOLDER / name).write_bytes(content)


def files() -> dict[str, bytes]:
    """The content of every file of the catalogue by its name."""
    found: dict[str, bytes] = {}
    index: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for name in sorted(plugin.name for plugin in catalogue().plugins if plugin.built_in):
        family = catalogue().find(name).load()
        drawn = {kind: picture(family, kind) for kind in family}
        found |= {f"{name}-{kind.value}.svg": svg for kind, svg in drawn.items() if svg}
        told = described(family)
        found[f"{name}.md"] = "\n".join(page(name, told, {kind for kind, svg in drawn.items() if svg})).encode()
        for one in told:
            for kind in one.kinds:
                index[kind].append(f"| [`{name}`]({name}.md) | {cell(one.summary)} | {cell(one.formula)} |")
    found["README.md"] = "\n".join(overview(index)).encode()
    return found


def overview(index: Mapping[Kind, list[str]]) -> Iterator[str]:
    """The losses of each kind in a table."""
    yield "# The losses\n"
    yield "Every loss that comes with lossbench, by what it predicts. `lossbench losses NAME` prints the same. What a"
    yield "page says of a loss below its parameters, `lossbench check NAME` tries. `make docs` writes these pages.\n"
    for kind, rows in index.items():
        yield f"## {HEADINGS[kind]}\n"
        yield "| loss | | formula |\n|---|---|---|"
        yield from rows
        yield ""


def page(name: str, told: list[Description], drawn: set[Kind]) -> Iterator[str]:
    """One loss, kind by kind."""
    yield f"# {name}\n"
    for one in told:
        yield f"## {', '.join(kind.value for kind in one.kinds)}\n"
        yield f"{one.summary}\n"
        if one.formula:
            yield f"    {one.formula}\n"
        if one.citation:
            yield f"{one.citation}\n"
        if one.body:
            yield f"{one.body}\n"
        for kind in one.kinds:
            if kind in drawn:
                yield f"![Value and slope of {name} along the {ALONG[kind]}]({name}-{kind.value}.svg)\n"
        if one.parameters:
            yield "| parameter | default | type | unit | tuned from |\n|---|---|---|---|---|"
            for p in one.parameters:
                yield f"| `{p.name}` | {cell(p.default)} | {cell(p.type)} | {cell(p.unit)} | {p.search} |"
            yield ""
        yield from (f"- **{word}**: {phrase}" for word, phrase in one.traits)
        yield from (f"- **special case**: {case}" for case in one.special_cases)
        yield ""
    yield "[All losses](README.md)\n"


def cell(text: str) -> str:
    """In a row of a table, where a bar would end the cell."""
    return text.replace("|", "\\|")


def settings(family: Family, kind: Kind) -> list[tuple[str, Loss]]:
    """The loss at its defaults, and at both ends of the first parameter that is tuned."""
    plain = built(family, kind)
    if plain is None:
        return []
    found = [("defaults", plain)]
    for name, range_ in list(family[kind].search.items())[:1]:
        for end in (range_.low, range_.high):
            try:
                found.append((f"{name} = {end:g}", family.build(kind, {name: end})))
            except LossbenchError:
                continue
    return found


def picture(family: Family, kind: Kind) -> bytes | None:
    """Value and slope along one output, as SVG; None for a loss that judges a set or has no defaults."""
    curves: list[tuple[str, dict[str, Any]]] = []
    for title, loss in settings(family, kind):
        if loss.pointwise:
            many = kind in (Kind.CLASSES, Kind.SEQUENCES)
            with seeded(0):  # parameters of a loss may be drawn
                loss.outputs(3 if many else 1)
            curves += [(title, shape)] if (shape := loss_shape(loss)) else []
    if not curves:
        return None
    colours = Colours([title for title, _ in curves])
    with canvas(8, 2.6, 1, 2) as (figure, axes):
        for axis, what in zip(axes, ("value", "gradient"), strict=True):
            axis.axhline(0, color=MUTED, linewidth=0.8)
            axis.axvline(0, color=MUTED, linewidth=0.8)
            for title, shape in curves:
                for suffix, width in (("", 1.5), ("_negative", 0.8)):
                    if f"shape/{what}{suffix}" in shape:
                        y = np.clip(shape[f"shape/{what}{suffix}"], -REACH, REACH)
                        label = title if not suffix else "_"
                        dashes = colours.dashes(title) if not suffix else (0, (1, 1.5))
                        axis.plot(
                            shape["shape/x"], y, color=colours.colour(title), linewidth=width, ls=dashes, label=label
                        )
            axis.set_title("Value" if what == "value" else "Slope")
            axis.set_xlabel(ALONG[kind])
        if len(curves) > 1:
            axes[0].legend()
    return saved(figure, "svg")


if __name__ == "__main__":
    main()
