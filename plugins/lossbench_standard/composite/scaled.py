"""A loss times a constant, as a control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from lossbench.loss import Loss
from lossbench_standard.composite.terms import Composite, for_every_kind
from lossbench_standard.numerics import positive


class Scaled(Composite):
    """Another loss times a constant: the same minimum, and with its rate tuned the same training.

    factor · loss. A loss that beats its own multiple shows how much a comparison is owed to the learning rate.
    """

    reference = "factor · loss"
    units = {"factor": "times the loss"}

    def __init__(self, loss: Loss, factor: float) -> None:
        super().__init__([loss])
        self.factor = positive("factor", factor)

    def weights(self) -> Sequence[float | Tensor]:
        return [self.factor]

    def parts(self) -> Mapping[str, Tensor]:
        return self.terms[0].parts()


scaled = for_every_kind(Scaled, "Scaled")
ContinuousScaled, BinaryScaled, ClassesScaled, SequencesScaled = scaled
