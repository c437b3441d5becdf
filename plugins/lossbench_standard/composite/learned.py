"""Terms whose weights are learned with the model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lossbench.loss import Kind, Loss
from lossbench_standard.composite.terms import Composite, for_every_kind


class UncertaintyWeighting(Composite):
    """Several losses whose weights are learned with the model: what is hard to get right comes to count less.

    Σ exp(-s) · term + s/2, for continuous targets Σ exp(-s)/2 · term + s/2; one s a term, its log variance, begins at
    0. At its best exp(s) is the term's mean, for classes twice that: every term ends up counting the same. It can go
    below 0, as a likelihood can: terms that become small make s negative. The weights suit terms that are likelihoods,
    up to a scale (mse, bce, cross_entropy); with others they are a way of balancing. Kendall, Gal and Cipolla, CVPR
    2018, equations 7 and 10.
    """

    reference = "Σ exp(-s) · term + s/2, s learned; ½ exp(-s) for continuous targets; Kendall et al. 2018"

    def __init__(self, terms: Sequence[Loss]) -> None:
        super().__init__(terms)
        self.log_variances = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in terms)

    @property
    def zero(self) -> bool:  # type: ignore[override]
        return False

    def weights(self) -> Sequence[float | Tensor]:
        factor = 0.5 if self.kind is Kind.CONTINUOUS else 1.0
        return [factor * torch.exp(-s) for s in self.log_variances]

    def forward(self, output: object, target: object) -> Tensor:
        weighed = super().forward(output, target)
        return sum((s / 2 for s in self.log_variances), weighed)


uncertainty_weighting = for_every_kind(UncertaintyWeighting, "UncertaintyWeighting")
ContinuousUncertaintyWeighting, BinaryUncertaintyWeighting = uncertainty_weighting[:2]
ClassesUncertaintyWeighting, SequencesUncertaintyWeighting = uncertainty_weighting[2:]
