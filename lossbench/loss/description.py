"""An installed loss in full, in words: what `lossbench losses NAME` prints and the pages of the catalogue show."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lossbench.errors import LossbenchError
from lossbench.loss import Domain, Kind, Loss, Range, Schedule
from lossbench.loss.adapter import Family, Member
from lossbench.loss.parameters import Parameter

ASKS = {
    "mean": "the mean",
    "median": "the median",
    "centre": "a centre that outliers hardly move",
    "probability": "the probability of each class",
    "distorted probability": "the likelier class; its probabilities are distorted",
    "order": "the order: who ranks above whom, and no probability",
    "sign": "the likelier class, and no probability",
}
"""What a loss elicits, in words; `quantile 0.9` and `expectile 0.9` read as they are."""
YES_OR_NO: Mapping[str, tuple[str, str, str]] = {
    "bounded": (
        "bounded",
        "yes: no answer costs more than some largest value, so one that is surely wrong may hardly pull",
        "no: a worse answer may cost any amount",
    ),
    "convex": ("convex", "yes, in the raw outputs", "no, not in the raw outputs"),
    "zero": ("zero", "never below 0, and 0 for a perfect answer", "not 0 for a perfect answer, or below 0 for some"),
    "monotone": (
        "monotone",
        "yes: a better answer never costs more",
        "no: some answers cost more than worse ones do",
    ),
}
DEPENDS = object()
"""A trait that is told by parameters which have no default."""
SEVERAL = 3
"""Classes where a loss is looked at for its own sake."""


@dataclass(frozen=True)
class Described:
    """One parameter, in words; `search` is empty where it is not tuned."""

    name: str
    default: str
    type: str
    unit: str
    search: str


@dataclass(frozen=True)
class Description:
    """One loss for one or more kinds that it says the same of.

    formula, citation: the two halves of its reference. summary: the first sentence of its docstring, body: the rest.
    traits: what it is, at its defaults, by a word and a phrase each; special_cases: which other losses it becomes.
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
    """All that a family tells of itself; kinds with the same to say stand together."""
    found: list[Description] = []
    for kind in family:
        one = _one(family, family[kind])
        same = next((i for i, other in enumerate(found) if replace(other, kinds=()) == replace(one, kinds=())), None)
        if same is None:
            found.append(one)
        else:
            found[same] = replace(found[same], kinds=(*found[same].kinds, *one.kinds))
    return found


def built(family: Family, kind: Kind) -> Loss | None:
    """The loss with its defaults; None where a parameter is required or it cannot be built."""
    if any(parameter.required for parameter in family[kind].parameters):
        return None
    try:
        return family.build(kind, {})
    except LossbenchError:
        return None


def _one(family: Family, member: Member) -> Description:
    loss = built(family, member.kind)
    formula, citation = _halves(member.reference)
    summary, _, body = _docstring(member.published).partition("\n\n")
    return Description(
        kinds=(member.kind,),
        formula=formula,
        citation=citation,
        summary=" ".join(summary.split()),
        body=body,
        parameters=tuple(_parameter(each, member.search.get(each.name)) for each in member.parameters),
        traits=tuple(_traits(loss, member)),
        special_cases=tuple(_special_cases(_told(loss, member, "special_cases", {}))),
    )


def _docstring(thing: object) -> str:
    """Its own: one that it inherits tells of another class."""
    own = vars(thing).get("__doc__") if isinstance(thing, type) else getattr(thing, "__doc__", None)
    return inspect.cleandoc(own) if isinstance(own, str) else ""


def _halves(reference: str) -> tuple[str, str]:
    """Formula and citation: what follows the last semicolon, where it ends in a year; or all of it, if it is that."""
    head, semicolon, tail = reference.rpartition("; ")
    if re.search(r"\b(1[89]|20)\d\d\b", tail):
        return (head, tail) if semicolon else ("", tail)
    return reference, ""


# Parameters -----------------------------------------------------------------------------------------------------------


def _parameter(parameter: Parameter, search: Range | None) -> Described:
    default = "required" if parameter.required else f"{parameter.default}"
    return Described(parameter.name, default, _type(parameter.type), parameter.unit, _range(search))


def _range(search: Range | None) -> str:
    return f"{search.low:g} to {search.high:g}{', log' if search.log else ''}" if search else ""


def _type(hint: Any) -> str:
    """`float`, `float or None`, `a loss`, `losses with weights`; empty where nothing is known."""
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


def _told(loss: Loss | None, member: Member, name: str, unknown: Any) -> Any:
    """What a loss says of itself at its defaults, or its class where it has none."""
    said = getattr(member.published if loss is None else loss, name, unknown)
    return DEPENDS if isinstance(said, property) else said


def _traits(loss: Loss | None, member: Member) -> Iterator[tuple[str, str]]:
    def told(name: str, unknown: Any) -> Any:
        return _told(loss, member, name, unknown)

    elicits = told("elicits", "")
    if elicits:
        text = "what its parameters make of it" if elicits is DEPENDS else ASKS.get(elicits, f"the {elicits}")
        yield "asks for", text + _by_parameters(loss, "elicits")
    depending = []
    for name, (word, yes, no) in YES_OR_NO.items():
        said = told(name, None)
        if said is DEPENDS:
            depending.append(word)
        elif said is not None:
            yield word, (yes if said else no) + _by_parameters(loss, name)
    if depending:
        yield ", ".join(depending), "by its parameters"
    if isinstance(given_up := told("gives_up_on", ""), str) and given_up:
        yield "gives up on", f"{given_up} that are surely wrong: they hardly pull"
    raises = told("raises", {})
    for name, what in raises.items() if isinstance(raises, Mapping) else ():
        yield f"larger {name}", f"pulls more {what if what.endswith('wards') else f'on {what}'}"
    if isinstance(observes := told("observes", ""), str) and observes:
        yield "observes", f"{observes}, from the training targets before each training"
    if told("pointwise", True) is False:
        yield "judges", "a batch as one (a set loss): one value, and sample weights are refused"
    elif loss is not None:
        yield "judges", "each sequence by itself" if member.kind is Kind.SEQUENCES else "each target by itself"
    if told("domain", Domain.REAL) is Domain.NONNEGATIVE:
        yield "targets", "never below 0, divided by their training mean"
    if loss is not None:
        yield from _size(loss)


def _by_parameters(loss: Loss | None, name: str) -> str:
    """A trait that is a property is another with other parameters."""
    changes = isinstance(inspect.getattr_static(type(loss), name, None), property)
    return " (at its defaults)" if loss is not None and changes else ""


def _size(loss: Loss) -> Iterator[tuple[str, str]]:
    """How many outputs it wants of a model, and what it learns itself."""
    many = loss.kind in (Kind.CLASSES, Kind.SEQUENCES)
    try:
        outputs = loss.outputs(SEVERAL if many else 1)
    except Exception:  # a stranger's; what is wrong with it is told where it trains
        return
    if not many and outputs != 1:
        yield "outputs", f"{outputs} for each target"
    if many and outputs != SEVERAL:
        yield "outputs", f"{outputs} for each target of {SEVERAL} classes"
    learned = [name for name, _ in loss.named_parameters()]
    if learned:
        yield "learns", f"{', '.join(learned)}, with the model"


def _special_cases(cases: Any) -> Iterator[str]:
    for key, other in cases.items() if isinstance(cases, Mapping) else ():
        name = other.replace("≈", "nearly").replace(" * ", " · ")
        if key == "classes=2":
            yield f"two classes: {name} of the difference of the two logits"
        else:
            yield f"{key}: {name}"
