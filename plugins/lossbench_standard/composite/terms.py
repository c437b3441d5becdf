"""What composite losses share: checks that terms can be added, traits derived from the terms, a class per kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lossbench.loss import Kind, Loss, Prediction, Sequences

C = TypeVar("C", bound="Composite")
CLASSES = 3
"""Number of classes of the made-up targets on which terms show how they read raw outputs."""


class Composite(Loss):
    """Abstract: Σ weight · term. A subclass gives the current weights, and may add to the sum.

    All terms are of one kind, take the same raw outputs and read them as the same predictions. If one of them is a set
    loss, the whole is a set loss too, and the other terms count by their mean.
    """

    signs_kept = True
    """Whether no weight is ever below 0."""

    def __init__(self, terms: Iterable[Loss]) -> None:
        super().__init__()
        given = list(terms)
        self.names = _names(given)
        _check(self.kind, given, self.names)
        self.terms: Any = nn.ModuleList(given)
        self.pointwise = all(term.pointwise for term in given)
        self.domain = given[0].domain
        self.last: dict[str, Tensor] = {}

    def weights(self) -> Sequence[float | Tensor]:
        """The current weight of each term."""
        # nn.Module is no ABC; a composite that leaves this out must fail by its name, and never weigh terms by chance
        raise NotImplementedError(f"{type(self).__name__} does not define the weights of its terms")

    def lasting(self) -> Sequence[Loss]:
        """The terms whose weight is not 0 at the end of training."""
        return list(self.terms)

    def outputs(self, classes: int) -> int:
        wanted = [term.outputs(classes) for term in self.terms]  # called on each: some create their parameters then
        return wanted[0]

    def observe(self, target: Tensor | Sequences) -> None:
        for term in self.terms:
            term.observe(target)

    def advance(self, progress: float) -> None:
        for term in self.terms:
            term.advance(progress)

    def parts(self) -> Mapping[str, Tensor]:
        return self.last

    def forward(self, output: Any, target: Any) -> Tensor:
        values = [term(output, target) for term in self.terms]
        if not self.pointwise:
            values = [value.mean() for value in values]
        self.last = {name: value.detach() for name, value in zip(self.names, values, strict=True)}
        weighed = list(zip(self.terms, self.weights(), values, strict=True))
        counting = [weight * value for term, weight, value in weighed if not _idle(term, weight)]
        return sum(counting[1:], counting[0]) if counting else 0 * values[0]

    def predict(self, output: Any) -> Prediction:
        return self.terms[0].predict(output)

    # What follows from the terms ------------------------------------------------------------------------------------

    @property
    def elicits(self) -> str:  # type: ignore[override]  # what minimises each term minimises their sum
        aims = {term.elicits for term in self.lasting()}
        return aims.pop() if len(aims) == 1 and self.signs_kept else ""

    @property
    def bounded(self) -> bool | None:  # type: ignore[override]
        bounded = [term.bounded for term in self.terms]
        if all(bounded) or (len(bounded) == 1 and self.signs_kept):
            return bounded[0]
        # terms that are never below 0 cannot make up for one without a bound
        return False if False in bounded and self.signs_kept and all(term.zero for term in self.terms) else None

    @property
    def convex(self) -> bool | None:  # type: ignore[override]
        return self._all_are("convex")

    @property
    def zero(self) -> bool | None:  # type: ignore[override]
        return self._all_are("zero")

    @property
    def monotone(self) -> bool | None:  # type: ignore[override]
        return self._all_are("monotone")

    @property
    def observes(self) -> str:  # type: ignore[override]
        return " and ".join(dict.fromkeys(term.observes for term in self.terms if term.observes))

    def _all_are(self, trait: str) -> bool | None:
        """True if it holds for each term, and so for their sum; otherwise unknown, unless there is only one term."""
        values = [getattr(term, trait) if self.signs_kept else None for term in self.terms]
        return values[0] if len(values) == 1 else True if all(values) else None


def for_every_kind(composite: type[C], name: str) -> tuple[type[C], type[C], type[C], type[C]]:
    """The concrete classes of a composite, one per kind: `Continuous<name>`, `Binary<name>`, ..."""
    continuous, binary, classes, sequences = (
        type(
            f"{kind.value.capitalize()}{name}",
            (composite,),
            {"kind": kind, "__doc__": composite.__doc__, "__module__": composite.__module__},
        )
        for kind in Kind
    )
    return continuous, binary, classes, sequences


def _idle(term: Loss, weight: float | Tensor) -> bool:
    """Whether a term of weight 0 is left out: if it overflows, 0 times it would be NaN.

    A term with parameters stays: to an optimizer, a gradient of 0 is not the same as none.
    """
    return isinstance(weight, float) and weight == 0 and not any(True for _ in term.parameters())


def _names(terms: Iterable[Loss]) -> list[str]:
    """Titles, numbered where two terms have the same one: `huber`, `huber 2`."""
    names: list[str] = []
    for term in terms:
        title = term.title or type(term).__name__
        again = sum(name == title or name.startswith(f"{title} ") for name in names)
        names.append(f"{title} {again + 1}" if again else title)
    return names


# Whether terms can be added -------------------------------------------------------------------------------------------


def _check(kind: Kind, terms: Sequence[Loss], names: Sequence[str]) -> None:
    """Raises ValueError for terms of another kind, or that read raw outputs differently."""
    if not terms:
        raise ValueError("terms must name at least one loss")
    if {term.kind for term in terms} != {kind}:
        raise ValueError(f"all terms must be {kind.value} losses")
    if len({term.domain for term in terms}) > 1:
        raise ValueError("all terms must take targets in the same unit")
    with torch.random.fork_rng(devices=[]):  # terms may draw parameters, here in copies
        if len({(deepcopy(term).outputs(1), deepcopy(term).outputs(CLASSES)) for term in terms}) > 1:
            raise ValueError("all terms must take the same number of raw outputs")
        if len(terms) == 1 or all(type(term).predict is Loss.predict for term in terms):
            return
        read = [_read(kind, deepcopy(term), name) for term, name in zip(terms, names, strict=True)]
    for (first, a), (second, b) in pairwise(zip(names, read, strict=True)):
        if difference := _difference(a, b):
            raise ValueError(
                f"'{first}' and '{second}' read raw outputs as different predictions ({difference}), but a model "
                f"trained on both can be judged by only one reading; choose terms that share it"
            )


def _read(kind: Kind, term: Loss, name: str) -> Prediction:
    """A term's prediction from a few raw outputs, after it has seen unevenly distributed made-up targets."""
    try:
        many = kind in (Kind.CLASSES, Kind.SEQUENCES)
        width = term.outputs(CLASSES if many else 1)
        values = torch.linspace(-2.5, 3.5, 8 * width).roll(3).view(8, width)
        target = torch.tensor([0, 0, 1, 0, 2, 0, 1, 0]) if many else torch.tensor([0.0, 1, 0, 0, 1, 0, 0, 0])
        output: Any = values if many or width > 1 else values.squeeze(1)
        if kind is Kind.SEQUENCES:
            lengths = torch.tensor([5, 3])
            term.observe(Sequences(target, lengths))
            return term.predict(Sequences(output, lengths))
        term.observe(target)
        return term.predict(output)
    except Exception as error:  # any kind: the code is the term's own
        raise ValueError(f"'{name}' cannot predict from raw outputs: {type(error).__name__}: {error}") from error


def _difference(one: Prediction, other: Prediction) -> str:
    """What differs between two predictions; empty if nothing does."""
    for what, a, b in _pairs(one, other):
        if (a is None) != (b is None):
            return f"only one gives a {what}"
        if a is not None and b is not None and not (a.shape == b.shape and torch.allclose(a.double(), b.double())):
            return f"the {what} differs"
    return ""


def _pairs(one: Prediction, other: Prediction) -> Iterator[tuple[str, Tensor | None, Tensor | None]]:
    yield "score", one.score, other.score
    yield "label", one.label, other.label
    yield "probability", one.probability, other.probability
    for place in (0, 1):
        yield "interval", *(p.interval[place] if p.interval else None for p in (one, other))  # type: ignore[misc]
