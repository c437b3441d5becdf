"""The catalogue of built-in losses: `make docs` writes docs/losses, one page per loss with its shape.

Nothing on these pages is written by hand: docstrings, signatures and traits are the source, and a test checks that the
pages agree with them.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import lossbench.report
from lossbench.errors import LossbenchError
from lossbench.loss import Domain, Kind, Loss
from lossbench.loss.adapter import Family
from lossbench.loss.catalogue import catalogue
from lossbench.loss.description import Description, described
from lossbench.probe.shape import loss_shape
from lossbench.report.evidence.shapes import Shape, Shapes
from lossbench.report.figures.shapes import shapes as draw
from lossbench.report.figures.style import Colours, svg

FOLDER = Path(__file__).parent / "losses"
KINDS = {
    Kind.CONTINUOUS: ("Numbers", "regression"),
    Kind.BINARY: ("Two classes", "binary"),
    Kind.CLASSES: ("Several classes", "ner"),
    Kind.SEQUENCES: ("Sequences of labels", "ner"),
}
"""The heading of each kind, and a task that has such targets."""
COUNTS = "raw output, for a target of 0"
"""For losses of amounts, whose link may not be the identity."""
ALONG = {
    Kind.CONTINUOUS: "residual: prediction less target",
    Kind.BINARY: "margin: logit on the side of the true class",
    Kind.CLASSES: "logit of the true class, all others at 0",
    Kind.SEQUENCES: "logit of the true label, all others at 0",
}
SETTINGS = {"quantile": ("q", 0.1, 0.9), "expectile": ("tau", 0.1, 0.9), "bce": ("pos_weight", 0.3, 30.0)}
"""Other settings worth showing, for losses that are never tuned."""
SEEN: Mapping[Kind, tuple[torch.Tensor, str]] = {
    Kind.BINARY: (torch.tensor([1.0] + [0.0] * 9), "1 positive and 9 negatives"),
    Kind.CLASSES: (torch.tensor([0] + [1] * 3 + [2] * 6), "the true class once, the two others 3 and 6 times"),
}
"""The training targets shown to losses that observe them, before they are drawn."""
EVERY = 2
"""Every so many points of a shape are drawn: few enough that matplotlib does not simplify the curve."""
HEAD = "<!-- Written by `make docs` from the loss itself: change its docstring, not this page. -->\n"


def main() -> None:
    """Writes all pages and drawings, and deletes those of losses that no longer exist."""
    made = files()
    for path in [path for path in FOLDER.rglob("*") if path.is_file()]:
        if str(path.relative_to(FOLDER)) not in made:
            path.unlink()
    for name, text in made.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    print(f"{len(made)} files in {FOLDER}", file=sys.stderr)


def files() -> dict[str, str]:
    """Every page and drawing, by its path in docs/losses."""
    families = {plugin.name: plugin.load() for plugin in catalogue().plugins if plugin.built_in}
    descriptions = {name: described(family) for name, family in families.items()}
    pages = {"README.md": _index(descriptions)}
    for name, family in families.items():
        drawings = dict(_drawings(name, family))
        pages |= {f"shapes/{name}-{kind.value}.svg": drawing for kind, (drawing, _) in drawings.items()}
        captions = {kind: caption for kind, (_, caption) in drawings.items()}
        pages[f"{name}.md"] = _page(name, descriptions[name], captions, set(families))
    return pages


# Pages ----------------------------------------------------------------------------------------------------------------


def _index(losses: Mapping[str, list[Description]]) -> str:
    text = f"{HEAD}\n# The built-in losses\n\nGrouped by kind of target. In the terminal: `lossbench losses NAME`.\n"
    for kind, (heading, _) in KINDS.items():
        text += f"\n## {heading} (`{kind.value}`)\n\n| loss | what it does | formula |\n|---|---|---|\n"
        for name, descriptions in sorted(losses.items()):
            for each in descriptions:
                if kind in each.kinds:
                    text += f"| [`{name}`]({name}.md) | {_cell(_escaped(each.summary))} | {_code(each.formula)} |\n"
    return text


def _page(name: str, descriptions: list[Description], captions: Mapping[Kind, str], known: set[str]) -> str:
    text = f"{HEAD}\n# {name}\n"
    for loss in descriptions:
        kinds = ", ".join(kind.value for kind in loss.kinds)
        text += f"\n## {kinds}\n\n{_escaped(loss.summary)}\n"
        text += f"\n```text\n{loss.formula}\n```\n" if loss.formula else ""
        text += f"\n{_escaped(loss.citation)}\n" if loss.citation else ""
        for kind in loss.kinds:
            if kind in captions:
                text += f"\n![{name}: value and slope](shapes/{name}-{kind.value}.svg)\n\n{captions[kind]}\n"
        for paragraph in filter(None, loss.body.split("\n\n")):
            text += f"\n{_escaped(' '.join(paragraph.split()))}\n"
        text += _parameters(loss)
        text += "\n### Traits\n\n" + "".join(f"- {word}: {_escaped(phrase)}\n" for word, phrase in loss.traits)
        if loss.special_cases:
            cases = "".join(f"- {_linked(_escaped(case), name, known)}\n" for case in loss.special_cases)
            text += f"\n### Special cases\n\n{cases}"
        text += _use(name, loss, several=len(descriptions) > 1 or len(loss.kinds) > 1)
    return f"{text}\n[All losses](README.md)\n"


def _parameters(loss: Description) -> str:
    if not loss.parameters:
        return ""
    text = "\n### Parameters\n\n| parameter | default | type | meaning | tuned |\n|---|---|---|---|---|\n"
    for each in loss.parameters:
        cells = [f"`{each.name}`", each.default, each.type, each.meaning or each.unit, each.search]
        text += f"| {' | '.join(_cell(_escaped(cell)) for cell in cells)} |\n"
    return text


def _use(name: str, loss: Description, *, several: bool) -> str:
    if any(each.default == "required" for each in loss.parameters):
        return ""
    kind = loss.kinds[0]
    said = f', kind="{kind.value}"' if several else ""
    return (
        f'\n### Use\n\n```bash\nlossbench +loss={name} task={KINDS[kind][1]}\n```\n\n'
        f'```python\nloss = lossbench.load_loss("{name}"{said})\n```\n'
    )  # fmt: skip


def _escaped(text: str) -> str:
    """Text for Markdown: signs in formulas become neither emphasis nor tags, code stays code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*_<~\\])", r"\\\1", part) for part in parts[::2]]
    text = "`".join(parts)
    return re.sub(r"^([-+#>]) ", r"\\\1 ", text)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _code(text: str) -> str:
    return f"`{_cell(text)}`" if text else ""


def _linked(text: str, own: str, known: set[str]) -> str:
    """Names of losses as links to their pages."""
    plain = {name.replace("_", r"\_"): name for name in known if name != own}
    names = "|".join(re.escape(name) for name in sorted(plain, key=len, reverse=True))
    return re.sub(rf"(?<![\w\\])({names})(?![\w\\])", lambda m: f"[{m[1]}]({plain[m[1]]}.md)", text)


# Shapes ---------------------------------------------------------------------------------------------------------------


def _drawings(name: str, family: Family) -> Iterator[tuple[Kind, tuple[str, str]]]:
    """The SVG and the caption of each kind that can be drawn."""
    for kind in family:
        curves, caption = _curves(name, family, kind)
        if curves:
            along = _along(family, kind)
            found = Shapes(tuple(curves), along, "", margin=kind is not Kind.CONTINUOUS, raw=True)
            figure = draw(found, Colours([curve.title for curve in curves]))
            alternative = f"Value and slope of {name} for {kind.value} targets, along the {along}"
            yield kind, (_alone(svg(figure, f"{name}-{kind.value}", alternative)), caption)


def _curves(name: str, family: Family, kind: Kind) -> tuple[list[Shape], str]:
    """The curves of a loss at its defaults and at two other values of its first tuned parameter, and their caption."""
    member = family[kind]
    if any(parameter.required for parameter in member.parameters):
        return [], ""
    parameter, *others = SETTINGS.get(name, ("",))
    for searched, reach in list(member.search.items())[:1]:
        parameter, others = searched, [reach.low, reach.high]
    default = next((each.default for each in member.parameters if each.name == parameter), None)
    settings: list[tuple[str, dict[str, Any]]] = [
        ("at its defaults" if default is None else f"{parameter}={default:g}", {})
    ]
    settings += [(f"{parameter}={value:g}", {parameter: value}) for value in others if value != default]
    curves = []
    for title, params in settings:
        loss = _observing(family, kind, params)
        arrays = {key: values[::EVERY] for key, values in loss_shape(loss).items()} if loss else {}
        curve = _curve(title, arrays)
        curves += [curve] if curve else []
    sentences = [f"Value and slope against the {_along(family, kind)}"]
    if len(curves) > 1:
        sentences[0] += f"; the first curve at the defaults, the others at other values of `{parameter}`"
    if any(curve.other is not None for curve in curves):
        sentences.append("Dotted: a target of the negative class")
    loss = _observing(family, kind, {})
    if loss is not None and not loss.pointwise:
        sentences.append("For a single target, although the loss judges a batch as a whole")
    if loss is not None and loss.observes and kind in SEEN:
        sentences.append(f"Training targets it has seen: {SEEN[kind][1]}")
    if loss is not None and kind is Kind.CONTINUOUS and loss.outputs(1) > 1:
        sentences.append("The other raw outputs stay at 0")
    return curves, f"{'. '.join(sentences)}."


def _along(family: Family, kind: Kind) -> str:
    loss = _observing(family, kind, {})
    return COUNTS if loss is not None and loss.domain is Domain.NONNEGATIVE else ALONG[kind]


def _observing(family: Family, kind: Kind, params: Mapping[str, Any]) -> Loss | None:
    """The loss as it is when training starts: its own parameters created, targets observed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        try:
            loss = family.build(kind, params)
        except LossbenchError:
            return None
        loss.outputs(3 if kind in (Kind.CLASSES, Kind.SEQUENCES) else 1)
    if kind in SEEN:
        loss.observe(SEEN[kind][0])
    return loss


def _curve(title: str, arrays: Mapping[str, NDArray[np.float64]]) -> Shape | None:
    """One curve; None for a loss that cannot be called on a single target, or is flat there."""
    if not arrays or not np.any(np.nan_to_num(arrays["shape/gradient"])):
        return None
    value, slope = arrays["shape/value"], arrays["shape/gradient"]
    other = None
    if "shape/gradient_negative" in arrays:  # mirrored: a lower logit is a larger margin for the negative class
        mirrored = arrays["shape/value_negative"][::-1], -arrays["shape/gradient_negative"][::-1]
        same = np.allclose(mirrored[0], value, rtol=1e-3, atol=1e-5) and np.allclose(mirrored[1], slope, atol=1e-3)
        other = None if same else mirrored
    return Shape(title, {}, arrays["shape/x"], value, slope, other)


def _alone(text: str) -> str:
    """A drawing of the report as a stand-alone file, with the report's light and dark colours."""
    css = (Path(lossbench.report.__file__).parent / "templates" / "report.css.j2").read_text("utf-8")
    light, dark = (
        "".join(f"{name}:{colour};" for name, colour in re.findall(r"(--[\w-]+): (#\w+)", block) if f"({name})" in text)
        for block in (re.search(r":root \{(.*?)\}", css, re.DOTALL)[1], css.partition("{% endset")[0])  # type: ignore[index]
    )
    style = f"svg{{{light}font-family:system-ui,sans-serif}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}"
    text = text.replace(" \nL ", "L")  # one path per line
    end = text.index(">") + 1
    return f"{text[:end]}\n<style>{style} text{{white-space:pre}}</style>{text[end:]}".rstrip() + "\n"


if __name__ == "__main__":
    main()
