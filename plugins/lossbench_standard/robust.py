"""Robust losses: a large residual counts linearly, by its logarithm, or not at all."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossbench.loss import Kind, Loss, Range
from lossbench_standard.numerics import log1p_square, positive, wide

SCALE = {"c": "training standard deviations of the target"}


class LogCosh(Loss):
    """Like Huber's loss, but smooth: squared for small errors, linear for large ones; estimates something between mean
    and median.

    log cosh r, r = output - target, computed as |r| + softplus(-2|r|) - log 2.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Chen et al. 2019.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "log cosh(ŷ - y); Chen et al. 2019"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        residual = wide(output) - target
        size = residual.abs()
        # near 0 the three terms cancel; cosh r = 1 + 2 sinh²(r/2) stays accurate there
        near = torch.log1p(2 * torch.sinh(size.clamp(max=1.0) / 2) ** 2)
        return torch.where(size <= 1, near, size + functional.softplus(-2 * size) - math.log(2))


class _Scaled(Loss):
    """About squared up to a residual of c, and less beyond."""

    elicits = "centre"
    convex, zero = False, True
    monotone = True
    search = {"c": Range(0.1, 3.0, log=True)}
    units = SCALE

    def __init__(self, c: float = 1.0) -> None:
        super().__init__()
        self.c = positive("c", c)


class Cauchy(_Scaled):
    """Robust: a large error counts by its logarithm; estimates the centre.

    log(1 + (r/c)²/2), r = output - target. The same as `barron` with alpha = 0.

    Args:
        c: error at which the loss turns from squared to logarithmic, above 0; in training standard deviations of the
            target.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Black and Anandan 1996.
    """

    kind = Kind.CONTINUOUS
    bounded = False
    reference = "log(1 + (r/c)²/2); Black & Anandan 1996"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return log1p_square((wide(output) - target) / (math.sqrt(2) * self.c))


class Welsch(_Scaled):
    """Very robust: a distant target gets almost no gradient and costs at most 1; estimates where targets are dense.

    1 - exp(-(r/c)²/2), r = output - target. The same as `barron` with alpha = -∞.

    Args:
        c: error up to which the loss is about squared, above 0; in training standard deviations of the target.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Dennis and Welsch 1978.
    """

    kind = Kind.CONTINUOUS
    bounded = True
    reference = "1 - exp(-(r/c)²/2); Dennis & Welsch 1978"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return -torch.expm1(-(((wide(output) - target) / self.c) ** 2) / 2)


class Tukey(Loss):
    """Ignores outliers: targets further away than c get no gradient; estimates where targets are dense.

    c²/6 (1 - (1 - (r/c)²)³), and c²/6 beyond c; r = output - target. It starts as r²/2, its own limit near 0: a model
    that starts further away than c would otherwise get no gradient.

    Args:
        c: error beyond which a target is ignored, above 0; in training standard deviations of the target.
        warm_up: share of the training that uses r²/2; at least 0 and below 1.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Beaton and Tukey, Technometrics 16, 1974.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero = True, False, True
    monotone = True
    reference = "c²/6 (1 - (1 - (r/c)²)³) up to c; Beaton & Tukey 1974"
    search = {"c": Range(0.5, 10.0, log=True)}
    units = {**SCALE, "warm_up": "share of the training"}

    def __init__(self, c: float = 4.685, warm_up: float = 0.2) -> None:
        super().__init__()
        self.c = positive("c", c)
        if not 0 <= warm_up < 1:
            raise ValueError(f"warm_up must be at least 0 and below 1, not {warm_up}")
        self.warm_up, self.warming = warm_up, False

    def advance(self, progress: float) -> None:
        self.warming = progress < self.warm_up

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        residual = wide(output) - target
        if self.warming:
            return residual**2 / 2
        square = (residual / self.c).clamp(-1, 1) ** 2
        return self.c**2 / 6 * square * (3 - square * (3 - square))


class Barron(Loss):
    """One family of robust losses, from squared error to Cauchy, Geman-McClure and Welsch; estimates the centre.

    |a - 2|/a (((r/c)²/|a - 2| + 1)^(a/2) - 1), a = alpha, r = output - target, and its limits: (r/c)²/2 at 2, log(1 +
    (r/c)²/2) at 0, 1 - exp(-(r/c)²/2) at -∞. alpha = 1 is the pseudo-Huber loss, -2 Geman-McClure.

    Args:
        alpha: robustness, at most 2: the lower, the less outliers count.
        c: error up to which the loss is about squared, above 0; in training standard deviations of the target.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Barron, CVPR 2019.
    """

    kind = Kind.CONTINUOUS
    zero = True
    monotone = True
    reference = "|α-2|/α (((r/c)²/|α-2| + 1)^(α/2) - 1); Barron 2019"
    special_cases = {"alpha=2": "0.5 * mse", "alpha=0": "cauchy(c=1)", "alpha=-inf": "welsch(c=1)"}
    search = {"c": Range(0.1, 3.0, log=True)}
    units = {"alpha": "2: squared, 1: linear, 0: logarithmic, below 0: bounded", **SCALE}

    def __init__(self, alpha: float = 1.0, c: float = 1.0) -> None:
        super().__init__()
        if not alpha <= 2:
            raise ValueError(f"alpha must be at most 2, not {alpha}")
        self.alpha, self.c = alpha, positive("c", c)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "mean" if self.alpha == 2 else "centre"

    @property
    def bounded(self) -> bool:  # type: ignore[override]
        return self.alpha < 0

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return self.alpha >= 1

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        residual = wide(output) - target
        if self.alpha == 2:
            return (residual / self.c) ** 2 / 2
        if self.alpha == 0:
            return log1p_square(residual / (math.sqrt(2) * self.c))
        if self.alpha == -math.inf:
            return -torch.expm1(-((residual / self.c) ** 2) / 2)
        return general(residual, self.alpha, self.c)


class AdaptiveBarron(Loss):
    """Learns how robust to be: alpha and c of `barron` are trained with the model; estimates the centre.

    The negative log-likelihood log c + log Z(alpha) + barron(r; alpha, c), r = output - target. Without the first two
    terms alpha and c would drift to where every error costs nothing. Starts at alpha = 1 and c = 1 and keeps 0 < alpha
    < 2. Z is the integral of exp(-barron), by 64-point Gauss-Legendre quadrature after x = √2 tan t.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Barron, CVPR 2019, section 2.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero = False, False, False
    monotone = True
    reference = "log c + log Z(α) + barron(r; α, c), α and c learned; Barron 2019"
    nodes: Tensor
    weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.shape, self.log_c = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        nodes, weights = np.polynomial.legendre.leggauss(64)
        self.register_buffer("nodes", torch.from_numpy(nodes * math.pi / 2), persistent=False)
        self.register_buffer("weights", torch.from_numpy(weights * math.pi / 2), persistent=False)

    @property
    def alpha(self) -> Tensor:
        """Between .001 and 1.999, where the general formula has no special cases."""
        return 1 + 0.999 * torch.tanh(self.shape)

    @property
    def c(self) -> Tensor:
        return self.log_c.exp()

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return general(wide(output) - target, self.alpha, self.c) + self.log_c + self.log_partition()

    def log_partition(self) -> Tensor:
        """log Z(alpha); log(√2 π) at 0 and log √(2π) at 2."""
        tangent, cosine = torch.tan(self.nodes), torch.cos(self.nodes)
        density = torch.exp(-general(tangent, self.alpha, 1 / math.sqrt(2)))
        return torch.log((self.weights * density * math.sqrt(2) / cosine**2).sum())


def general(residual: Tensor, alpha: Tensor | float, c: Tensor | float) -> Tensor:
    """Barron's loss for alpha below 2 and neither 0 nor -∞.

    Computed by logarithms: close to 0 and 2, a power minus 1 would lose its digits, and the square of a large residual
    would overflow.
    """
    distance = 2 - alpha
    x = residual / (c * (distance.sqrt() if isinstance(distance, Tensor) else math.sqrt(distance)))
    bounded = not isinstance(alpha, Tensor) and alpha < 0  # an infinite square gives just the upper bound
    logarithm = torch.log1p(x.square()) if bounded else log1p_square(x)
    return distance / alpha * torch.expm1(alpha / 2 * logarithm)
