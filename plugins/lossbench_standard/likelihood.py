"""Negative log-likelihoods and relatives, for numbers; Gaussian and Student's t also judge the predicted spread."""

from __future__ import annotations

import math

import torch
from scipy.special import stdtrit
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Domain, Kind, Loss, Prediction, Range
from lossbench_standard.numerics import log1p_square, positive, wide

NORMAL_95 = 1.6448536269514722
"""The standard normal's .95 quantile: the central 90 % lie within this distance of the mean."""
FLOOR = 1e-6
"""Lower bound of variances and scales: as they approach 0, the likelihood of an exact hit grows without limit."""


class GaussianNLL(Loss):
    """Estimates mean and variance (two raw outputs per target): an error costs less where the predicted variance is
    large.

    (log v + (y - m)²/v)/2, m the first output, v = softplus of the second + 1e-6, y the target. Goes below 0 for a
    small v and a close prediction.

    Shape: output [n, 2], target [n], in training standard deviations of the target; returns [n].

    Source: Nix and Weigend 1994.
    """

    kind = Kind.CONTINUOUS
    elicits = "mean"
    bounded, convex, zero = False, False, False
    reference = "(log v + (y - m)²/v)/2; Nix & Weigend 1994"

    def outputs(self, classes: int) -> int:
        return 2

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        mean, variance = _two(wide(output))
        return (variance.log() + ((target - mean) / variance.sqrt()) ** 2) / 2

    def predict(self, output: Tensor) -> Prediction:
        mean, variance = _two(wide(output))
        scale = variance.sqrt()
        density = (scale, torch.full_like(scale, math.inf))
        return Prediction(mean, interval=(mean - NORMAL_95 * scale, mean + NORMAL_95 * scale), density=density)


class StudentTNLL(Loss):
    """Estimates centre and scale of a heavy-tailed distribution: robust to outliers, and it predicts its own
    uncertainty.

    -log density of Student's t with nu degrees of freedom, location m (first output) and scale s = softplus of the
    second + 1e-6.

    Args:
        nu: degrees of freedom, above 0: the fewer, the heavier the tails.

    Shape: output [n, 2], target [n], in training standard deviations of the target; returns [n].

    Source: Lange, Little and Taylor, JASA 84, 1989.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero = False, False, False
    reference = "-log t_ν((y - m)/s) + log s; Lange et al. 1989"
    search = {"nu": Range(1.0, 30.0, log=True)}
    units = {"nu": "degrees of freedom; fewer: heavier tails"}

    def __init__(self, nu: float = 4.0) -> None:
        super().__init__()
        self.nu = positive("nu", nu)

    def outputs(self, classes: int) -> int:
        return 2

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        centre, scale = _two(wide(output))
        constant = math.lgamma(self.nu / 2) - math.lgamma((self.nu + 1) / 2) + math.log(math.pi * self.nu) / 2
        ratio = (target - centre) / scale
        return (self.nu + 1) / 2 * log1p_square(ratio / math.sqrt(self.nu)) + scale.log() + constant

    def predict(self, output: Tensor) -> Prediction:
        centre, scale = _two(wide(output))
        reach = float(stdtrit(self.nu, 0.95)) * scale
        density = (scale, torch.full_like(scale, self.nu))
        return Prediction(centre, interval=(centre - reach, centre + reach), density=density)


class PoissonNLL(Loss):
    """Estimates the mean of counts and other amounts, on a log scale; an error weighs less where the expected amount is
    large.

    exp(f) - y f, without the term that depends on y alone. The prediction is exp(f).

    Shape: output f [n]; target y [n], at least 0, in multiples of the training mean; returns [n].

    Source: McCullagh and Nelder 1989.
    """

    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE
    elicits = "mean"
    bounded, convex, zero = False, True, False
    monotone = True
    reference = "exp(f) - y f; McCullagh & Nelder 1989"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        rate = wide(output)
        return rate.exp() - target * rate

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output.exp())


class SquaredLogError(Loss):
    """Estimates the mean of log(1 + y): errors count by their ratio, so that large targets do not outweigh small ones.

    (f - log(1 + y))². The prediction is exp(f) - 1, for which this is the squared difference of log(1 + .). It is not
    the mean, so a model trained with it is not optimal for RMSE.

    Shape: output f [n]; target y [n], at least 0, in multiples of the training mean; returns [n].
    """

    kind = Kind.CONTINUOUS
    domain = Domain.NONNEGATIVE
    elicits = "mean logarithm"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "(log(1 + ŷ) - log(1 + y))²"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (wide(output) - torch.log1p(wide(target))) ** 2

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(torch.expm1(output).clamp(min=0))


def _two(output: Tensor) -> tuple[Tensor, Tensor]:
    """The first output as it is, and the second made positive."""
    return output[:, 0], functional.softplus(output[:, 1]) + FLOOR
