"""Losses made of other losses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from lossbench.loss import Kind, Loss, Prediction, Sequences


class WeightedSum(Loss):
    """Several losses at once, each by its weight: `loss.params.terms={mse: 1, mae: 0.5}`.

    Σ weight · term. All terms judge the same raw outputs; the first decides how they are read as predictions. With a
    set loss among the terms the sum is a set loss too, and the others count by their mean.
    """

    reference = "Σ weight · term"

    def __init__(self, terms: Mapping[Loss, float]) -> None:
        super().__init__()
        if not terms:
            raise ValueError("terms names at least one loss")
        if {term.kind for term in terms} != {self.kind}:
            raise ValueError(f"all terms are {self.kind.value} losses")
        if len({(term.outputs(1), term.outputs(3)) for term in terms}) > 1:
            raise ValueError("all terms take the same number of raw outputs")
        if len({term.domain for term in terms}) > 1:
            raise ValueError("all terms take targets in the same unit")
        self.terms = nn.ModuleList(terms)
        self.weights = list(terms.values())
        self.names = [term.title or type(term).__name__ for term in terms]
        self.pointwise = all(term.pointwise for term in terms)
        self.domain = next(iter(terms)).domain
        self.last: dict[str, Tensor] = {}

    @property
    def elicits(self) -> str:  # type: ignore[override]  # that of its terms, where they agree
        told = {term.elicits for term in self._terms()}
        return told.pop() if len(told) == 1 else ""

    def outputs(self, classes: int) -> int:
        return self._terms()[0].outputs(classes)

    def observe(self, target: Tensor | Sequences) -> None:
        for term in self._terms():
            term.observe(target)

    def advance(self, progress: float) -> None:
        for term in self._terms():
            term.advance(progress)

    def parts(self) -> Mapping[str, Tensor]:
        return self.last

    def forward(self, output: Any, target: Any) -> Tensor:
        values = [term(output, target) for term in self._terms()]
        if not self.pointwise:
            values = [value.mean() for value in values]
        self.last = {name: value.detach() for name, value in zip(self.names, values, strict=True)}
        total = self.weights[0] * values[0]
        for weight, value in zip(self.weights[1:], values[1:], strict=True):
            total = total + weight * value
        return total

    def predict(self, output: Any) -> Prediction:
        return self._terms()[0].predict(output)

    def _terms(self) -> list[Loss]:
        return list(self.terms)  # type: ignore[arg-type]  # a ModuleList does not say of what


class Scaled(Loss):
    """Another loss times a constant: the same minimum, and with its rate tuned the same training.

    factor · loss. A loss that beats its own multiple shows how much a comparison is owed to the learning rate.
    """

    reference = "factor · loss"
    units = {"factor": "times the loss"}

    def __init__(self, loss: Loss, factor: float) -> None:
        super().__init__()
        if loss.kind is not self.kind:
            raise ValueError(f"the loss is one for {self.kind.value} targets")
        if not 0 < factor < math.inf:
            raise ValueError(f"factor is above 0 and finite, not {factor}")
        self.loss, self.factor = loss, factor
        self.pointwise, self.domain = loss.pointwise, loss.domain

    @property
    def elicits(self) -> str:  # type: ignore[override]  # that of the loss
        return self.loss.elicits

    def outputs(self, classes: int) -> int:
        return self.loss.outputs(classes)

    def observe(self, target: Tensor | Sequences) -> None:
        self.loss.observe(target)

    def advance(self, progress: float) -> None:
        self.loss.advance(progress)

    def parts(self) -> Mapping[str, Tensor]:
        return self.loss.parts()

    def forward(self, output: Any, target: Any) -> Tensor:
        return self.factor * self.loss(output, target)

    def predict(self, output: Any) -> Prediction:
        return self.loss.predict(output)


class ContinuousSum(WeightedSum):
    __doc__ = WeightedSum.__doc__
    kind = Kind.CONTINUOUS


class BinarySum(WeightedSum):
    __doc__ = WeightedSum.__doc__
    kind = Kind.BINARY


class ClassesSum(WeightedSum):
    __doc__ = WeightedSum.__doc__
    kind = Kind.CLASSES


class SequencesSum(WeightedSum):
    __doc__ = WeightedSum.__doc__
    kind = Kind.SEQUENCES


class ContinuousScaled(Scaled):
    __doc__ = Scaled.__doc__
    kind = Kind.CONTINUOUS


class BinaryScaled(Scaled):
    __doc__ = Scaled.__doc__
    kind = Kind.BINARY


class ClassesScaled(Scaled):
    __doc__ = Scaled.__doc__
    kind = Kind.CLASSES


class SequencesScaled(Scaled):
    __doc__ = Scaled.__doc__
    kind = Kind.SEQUENCES


scaled = (ContinuousScaled, BinaryScaled, ClassesScaled, SequencesScaled)
weighted_sums = (ContinuousSum, BinarySum, ClassesSum, SequencesSum)
