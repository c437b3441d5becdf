"""A loss times a constant, as a negative control."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from lossbench.loss import Loss
from lossbench_standard.composite.terms import Composite, for_every_kind
from lossbench_standard.numerics import positive


class Scaled(Composite):
    """Another loss times a constant, as a negative control: with a tuned learning rate it should train alike.

    factor · loss. If a loss beats its own multiple, the difference comes from the learning rate and not from the loss.

    Args:
        loss: the loss to scale.
        factor: multiplies the loss, above 0.
    """

    reference = "factor · loss"
    units = {"factor": "multiple of the loss"}

    def __init__(self, loss: Loss, factor: float) -> None:
        super().__init__([loss])
        self.factor = positive("factor", factor)

    def weights(self) -> Sequence[float | Tensor]:
        return [self.factor]

    def parts(self) -> Mapping[str, Tensor]:
        return self.terms[0].parts()


scaled = for_every_kind(Scaled, "Scaled")
ContinuousScaled, BinaryScaled, ClassesScaled, SequencesScaled = scaled
