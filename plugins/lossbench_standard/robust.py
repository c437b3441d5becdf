"""Losses that a few targets far off cannot sway: large residuals count by size, by logarithm, or not at all."""

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
    """Asks for something between the mean and the median, as Huber's loss without a corner in its slope.

    log cosh r, r = output - target, as |r| + softplus(-2|r|) - log 2. output, target: [n] in training standard
    deviations. Chen et al. 2019.
    """

    kind = Kind.CONTINUOUS
    elicits = "centre"
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "log cosh(ŷ - y); Chen et al. 2019"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        residual = wide(output) - target
        size = residual.abs()
        # near 0 the three terms cancel to nothing: cosh r = 1 + 2 sinh²(r/2) keeps the digits there
        near = torch.log1p(2 * torch.sinh(size.clamp(max=1.0) / 2) ** 2)
        return torch.where(size <= 1, near, size + functional.softplus(-2 * size) - math.log(2))


class _Scaled(Loss):
    """A square as far as about c from the target, and less beyond."""

    elicits = "centre"
    convex, zero = False, True
    monotone = True
    search = {"c": Range(0.1, 3.0, log=True)}
    units = SCALE

    def __init__(self, c: float = 1.0) -> None:
        super().__init__()
        self.c = positive("c", c)


class Cauchy(_Scaled):
    """Asks for the centre; a target ten times as far off costs little more.

    log(1 + (r/c)²/2), r = output - target. output, target: [n] in training standard deviations. c > 0, where it turns
    from a square to a logarithm. Black and Anandan 1996; as `barron` with alpha = 0.
    """

    kind = Kind.CONTINUOUS
    bounded = False
    reference = "log(1 + (r/c)²/2); Black & Anandan 1996"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return log1p_square((wide(output) - target) / (math.sqrt(2) * self.c))


class Welsch(_Scaled):
    """Asks for where targets are dense; one far off hardly pulls, and costs no more than 1.

    1 - exp(-(r/c)²/2), r = output - target. output, target: [n] in training standard deviations. c > 0. Dennis and
    Welsch 1978; as `barron` with alpha = -∞.
    """

    kind = Kind.CONTINUOUS
    bounded = True
    reference = "1 - exp(-(r/c)²/2); Dennis & Welsch 1978"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return -torch.expm1(-(((wide(output) - target) / self.c) ** 2) / 2)


class Tukey(Loss):
    """Asks for where targets are dense; beyond c a target does not pull at all.

    c²/6 (1 - (1 - (r/c)²)³), and c²/6 beyond c; r = output - target. output, target: [n] in training standard
    deviations. c > 0. For the first share `warm_up` of a training it is r²/2, its own form near 0: a training that
    begins further off than c would never come nearer. Beaton and Tukey, Technometrics 16, 1974.
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
            raise ValueError(f"warm_up is at least 0 and below 1, not {warm_up}")
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
    """Asks for the centre, by one family that holds the squared error, Cauchy's, Geman and McClure's and Welsch's.

    |a - 2|/a (((r/c)²/|a - 2| + 1)^(a/2) - 1), a = alpha, with its limits: (r/c)²/2 at 2, log(1 + (r/c)²/2) at 0,
    1 - exp(-(r/c)²/2) at -∞; 1 is the pseudo-Huber loss, -2 Geman and McClure's. r = output - target. output, target:
    [n] in training standard deviations. alpha at most 2: lower is more robust. c > 0. Barron, CVPR 2019.
    """

    kind = Kind.CONTINUOUS
    zero = True
    monotone = True
    reference = "|α-2|/α (((r/c)²/|α-2| + 1)^(α/2) - 1); Barron 2019"
    special_cases = {"alpha=2": "0.5 * mse", "alpha=0": "cauchy(c=1)", "alpha=-inf": "welsch(c=1)"}
    search = {"c": Range(0.1, 3.0, log=True)}
    units = {"alpha": "shape: 2 squares, 1 sizes, 0 logarithms, below 0 a largest value", **SCALE}

    def __init__(self, alpha: float = 1.0, c: float = 1.0) -> None:
        super().__init__()
        if not alpha <= 2:
            raise ValueError(f"alpha is at most 2, not {alpha}")
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
    """Asks for the centre, and learns how robust to be: alpha and c of `barron` are trained with the model.

    The negative log-likelihood log c + log Z(alpha) + barron(r; alpha, c), without which alpha and c would run to where
    nothing costs anything. 0 < alpha < 2 begins at 1, c at 1. output, target: [n] in training standard deviations. Z is
    the integral of exp(-barron), by 64-point Gauss-Legendre after x = √2 tan t. Barron, CVPR 2019, section 2.
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
        """Between .001 and 1.999, where the general form has no special case."""
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
    """Barron's loss where alpha is below 2 and neither 0 nor -∞.

    By logarithms: next to 0 and 2 a power less 1 would lose its digits, and the square of a large residual overflow.
    """
    distance = 2 - alpha
    x = residual / (c * (distance.sqrt() if isinstance(distance, Tensor) else math.sqrt(distance)))
    bounded = not isinstance(alpha, Tensor) and alpha < 0  # an infinite square costs just the most that anything does
    logarithm = torch.log1p(x.square()) if bounded else log1p_square(x)
    return distance / alpha * torch.expm1(alpha / 2 * logarithm)
