"""An installed loss in full, in words: printed by `lossbench losses NAME` and shown in the catalogue."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lossbench.errors import LossbenchError
from lossbench.loss import Domain, Kind, Loss, Range, Schedule
from lossbench.loss.adapter import Family, Member
from lossbench.loss.parameters import Parameter

ASKS = {
    "mean": "the mean",
    "median": "the median",
    "centre": "a centre that outliers hardly affect",
    "probability": "the probability of each class",
    "distorted probability": "the more likely class; its probabilities are distorted",
    "order": "the ranking alone, without probabilities",
    "sign": "the more likely class, without probabilities",
}
"""What a loss elicits, in words; `quantile 0.9` and `expectile 0.9` read as they are."""
YES_OR_NO: Mapping[str, tuple[str, str, str]] = {
    "bounded": (
        "bounded",
        "yes, the loss has a largest value, so a confident mistake may get almost no gradient",
        "no, the loss of a bad prediction grows without limit",
    ),
    "convex": ("convex", "yes, in the raw outputs", "no, not in the raw outputs"),
    "zero": (
        "zero",
        "never below 0, and 0 for a perfect prediction",
        "not 0 for a perfect prediction, or sometimes below 0",
    ),
    "monotone": (
        "monotone",
        "yes, a better prediction never costs more",
        "no, some predictions cost more than worse ones",
    ),
}
DEPENDS = object()
"""A trait that depends on parameters without a default."""
ARGUMENTS = "Args:\n"
SEVERAL = 3
"""Number of classes when a loss is described outside a task."""


@dataclass(frozen=True)
class Described:
    """One parameter, in words; `meaning` is from the docstring, `search` is empty if it is not tuned."""

    name: str
    default: str
    type: str
    unit: str
    search: str
    meaning: str = ""


@dataclass(frozen=True)
class Description:
    """One loss, for all kinds of target that have the same description.

    formula, citation: the two halves of its reference. summary: the first paragraph of its docstring; body: the rest,
    without `Args`. traits: its properties at its defaults, each a word and a phrase; special_cases: which other losses
    it becomes.
    """

    kinds: tuple[Kind, ...]
    formula: str
    citation: str
    summary: str
    body: str
    parameters: tuple[Described, ...]
    traits: tuple[tuple[str, str], ...]
    special_cases: tuple[str, ...]


def described(family: Family) -> list[Description]:
    """The descriptions of a family, one for each group of kinds that have the same."""
    groups: list[Description] = []
    for kind in family:
        new = _description(family, family[kind])
        same = next((i for i, other in enumerate(groups) if replace(other, kinds=()) == replace(new, kinds=())), None)
        if same is None:
            groups.append(new)
        else:
            groups[same] = replace(groups[same], kinds=(*groups[same].kinds, *new.kinds))
    return groups


def built(family: Family, kind: Kind) -> Loss | None:
    """The loss with its defaults; None if a parameter is required or it cannot be built."""
    if any(parameter.required for parameter in family[kind].parameters):
        return None
    try:
        return family.build(kind, {})
    except LossbenchError:
        return None


def _description(family: Family, member: Member) -> Description:
    loss = built(family, member.kind)
    formula, citation = _halves(member.reference)
    summary, *paragraphs = _docstring(member.published).split("\n\n")
    meanings = _arguments(paragraphs)
    return Description(
        kinds=(member.kind,),
        formula=formula,
        citation=citation,
        summary=" ".join(summary.split()),
        body="\n\n".join(p for p in paragraphs if not p.startswith(ARGUMENTS)),
        parameters=tuple(
            _parameter(each, member.search.get(each.name), meanings.get(each.name, "")) for each in member.parameters
        ),
        traits=tuple(_traits(loss, member)),
        special_cases=tuple(_special_cases(_trait(loss, member, "special_cases", {}))),
    )


def _docstring(thing: object) -> str:
    """Its own docstring: an inherited one describes another class."""
    own = vars(thing).get("__doc__") if isinstance(thing, type) else getattr(thing, "__doc__", None)
    return inspect.cleandoc(own) if isinstance(own, str) else ""


def _arguments(paragraphs: Iterable[str]) -> dict[str, str]:
    """Parameters and what the `Args` section of a docstring says of them."""
    meanings: dict[str, str] = {}
    name = ""
    for line in next((p.splitlines()[1:] for p in paragraphs if p.startswith(ARGUMENTS)), []):
        if entry := re.match(r" {1,4}(\w+)(?: \(.*?\))?:\s*(.*)", line):
            name, text = entry.groups()
            meanings[name] = text.strip()
        elif name:
            meanings[name] += f" {line.strip()}"
    return {key: text.rstrip(".") for key, text in meanings.items()}


def _halves(reference: str) -> tuple[str, str]:
    """Formula and citation: the citation follows the last semicolon and has a year, or is the whole reference."""
    head, semicolon, tail = reference.rpartition("; ")
    if re.search(r"\b(1[89]|20)\d\d\b", tail):
        return (head, tail) if semicolon else ("", tail)
    return reference, ""


# Parameters -----------------------------------------------------------------------------------------------------------


def _parameter(parameter: Parameter, search: Range | None, meaning: str) -> Described:
    default = "required" if parameter.required else f"{parameter.default}"
    return Described(parameter.name, default, _type(parameter.type), parameter.unit, _range(search), meaning)


def _range(search: Range | None) -> str:
    return f"{search.low:g} to {search.high:g}{', log' if search.log else ''}" if search else ""


def _type(hint: Any) -> str:
    """`float`, `float or None`, `a loss`, `losses with weights`; empty if the type is not known."""
    if hint is Any:
        return ""
    if hint is Loss:
        return "a loss"
    parts = typing.get_args(hint)
    if Loss in parts:
        scheduled = Schedule in typing.get_args(parts[-1])
        return f"losses with weights{' or schedules' if scheduled else ''}" if len(parts) > 1 else "losses"
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return " or ".join("None" if part is type(None) else _type(part) for part in parts)
    if parts:
        return f"{_type(typing.get_origin(hint))} of {', '.join(_type(part) for part in parts)}"
    return str(getattr(hint, "__name__", hint)).lower() if isinstance(hint, type) else str(hint)


# Traits ---------------------------------------------------------------------------------------------------------------


def _trait(loss: Loss | None, member: Member, name: str, unknown: Any) -> Any:
    """A trait of a loss at its defaults, or of its class if it has required parameters."""
    value = getattr(member.published if loss is None else loss, name, unknown)
    return DEPENDS if isinstance(value, property) else value


def _traits(loss: Loss | None, member: Member) -> Iterator[tuple[str, str]]:
    def trait(name: str, unknown: Any) -> Any:
        return _trait(loss, member, name, unknown)

    elicits = trait("elicits", "")
    if elicits:
        text = "depends on its parameters" if elicits is DEPENDS else ASKS.get(elicits, f"the {elicits}")
        yield "estimates", text + _by_parameters(loss, "elicits")
    depending = []
    for name, (word, yes, no) in YES_OR_NO.items():
        value = trait(name, None)
        if value is DEPENDS:
            depending.append(word)
        elif value is not None:
            yield word, (yes if value else no) + _by_parameters(loss, name)
    if depending:
        yield ", ".join(depending), "depends on its parameters"
    if isinstance(given_up := trait("gives_up_on", ""), str) and given_up:
        yield "gives up on", f"{given_up} that are confidently wrong: they get almost no gradient"
    raises = trait("raises", {})
    for name, what in raises.items() if isinstance(raises, Mapping) else ():
        effect = f"moves predictions {what}" if what.endswith("wards") else f"gives {what} more weight"
        yield f"larger {name}", effect
    if isinstance(observes := trait("observes", ""), str) and observes:
        yield "observes", f"{observes}, in the training targets before training starts"
    if trait("pointwise", True) is False:
        yield "judges", "the batch as a whole (a set loss): one value; takes no sample weights"
    elif loss is not None:
        yield "judges", "each sequence separately" if member.kind is Kind.SEQUENCES else "each target separately"
    if trait("domain", Domain.REAL) is Domain.NONNEGATIVE:
        yield "targets", "never below 0, in multiples of their training mean"
    if loss is not None:
        yield from _size(loss)


def _by_parameters(loss: Loss | None, name: str) -> str:
    """Marks a trait that is a property, and so may change with the parameters."""
    changes = isinstance(inspect.getattr_static(type(loss), name, None), property)
    return " (at its defaults)" if loss is not None and changes else ""


def _size(loss: Loss) -> Iterator[tuple[str, str]]:
    """How many raw outputs it needs, and which parameters of its own it learns."""
    many = loss.kind in (Kind.CLASSES, Kind.SEQUENCES)
    try:
        outputs = loss.outputs(SEVERAL if many else 1)
    except Exception:  # a plugin's own code; training reports what is wrong with it
        return
    if not many and outputs != 1:
        yield "outputs", f"{outputs} per target"
    if many and outputs != SEVERAL:
        yield "outputs", f"{outputs} per target of {SEVERAL} classes"
    learned = [name for name, _ in loss.named_parameters()]
    if learned:
        yield "learns", f"{', '.join(learned)}, with the model"


def _special_cases(cases: Any) -> Iterator[str]:
    for key, other in cases.items() if isinstance(cases, Mapping) else ():
        name = other.replace("≈", "nearly").replace(" * ", " · ")
        if key == "classes=2":
            yield f"two classes: {name} of the difference between the two logits"
        else:
            yield f"{key}: {name}"
