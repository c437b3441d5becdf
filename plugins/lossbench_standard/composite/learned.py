"""Terms whose weights are learned with the model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lossbench.loss import Kind, Loss
from lossbench_standard.composite.terms import Composite, for_every_kind


class UncertaintyWeighting(Composite):
    """Several losses whose weights are learned with the model: a term that stays large gets a smaller weight.

    Σ exp(-s) · term + s/2, for continuous targets Σ exp(-s)/2 · term + s/2. Each term has one s, its log variance,
    which starts at 0. At the optimum exp(s) is the term's mean, or twice that for class labels, so that all terms count
    the same. The sum can go below 0, as likelihoods can: s becomes negative once a term is small. The weights are
    derived for terms that are likelihoods up to scale (mse, bce, cross_entropy); for other terms they are a heuristic.

    Args:
        terms: losses of one kind that read raw outputs as the same predictions.

    Source: Kendall, Gal and Cipolla, CVPR 2018, equations 7 and 10.
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
