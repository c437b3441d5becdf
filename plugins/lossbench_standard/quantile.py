"""Losses that estimate another point of the distribution than its middle, or several points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss, Prediction
from lossbench_standard.numerics import share, wide


class Quantile(Loss):
    """Estimates a quantile: an error costs q per unit if the prediction is too low, 1 - q if it is too high.

    max(q r, (q - 1) r), r = target - output: the pinball loss. q = .5 is half the absolute error.

    Args:
        q: share of targets that should lie below the prediction; above 0 and below 1.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Koenker and Bassett, Econometrica 46, 1978.
    """

    kind = Kind.CONTINUOUS
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "max(q r, (q - 1) r), r = y - ŷ; Koenker & Bassett 1978"
    special_cases = {"q=0.5": "0.5 * mae"}
    raises = {"q": "upwards"}
    units = {"q": "share of targets below the prediction"}

    def __init__(self, q: float = 0.5) -> None:
        super().__init__()
        self.q = share("q", q)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "median" if self.q == 0.5 else f"quantile {self.q:g}"

    @property
    def proper_score(self) -> str:  # type: ignore[override]  # told by a parameter
        return "" if self.q == 0.5 else f"pinball_{self.q!r}"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        residual = target - output
        return torch.maximum(self.q * residual, (self.q - 1) * residual)


class MultiQuantile(Loss):
    """Estimates several quantiles at once, one raw output each; the middle one is the point prediction.

    Σ over quantiles of the pinball loss. `predict` sorts outputs that cross, and returns the lowest and highest as
    interval where they enclose 90 %.

    Args:
        quantiles: increasing numbers between 0 and 1, an odd number of them.

    Shape: output [n, quantiles], target [n], in training standard deviations of the target; returns [n].

    Source: Koenker and Bassett, Econometrica 46, 1978; sorting: Chernozhukov, Fernández-Val and Galichon 2010.
    """

    kind = Kind.CONTINUOUS
    bounded, convex, zero = False, True, True
    reference = "Σ_q max(q r, (q - 1) r), r = y - ŷ_q; Koenker & Bassett 1978"
    units = {"quantiles": "shares of targets below each prediction"}

    def __init__(self, quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> None:
        super().__init__()
        levels = [share("each of quantiles", level) for level in quantiles]
        if len(levels) % 2 == 0 or any(a >= b for a, b in pairwise(levels)):
            raise ValueError(f"quantiles must be increasing and an odd number of them, not {list(quantiles)}")
        self.quantiles = tuple(levels)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        middle = self.quantiles[len(self.quantiles) // 2]
        return "median" if middle == 0.5 else f"quantile {middle:g}"

    proper_score = "mean_pinball"

    def outputs(self, classes: int) -> int:
        return len(self.quantiles)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        # q - 1 is computed before rounding to the type of the outputs, which has few digits close to 1
        low = torch.tensor(self.quantiles, dtype=output.dtype, device=output.device)
        high = torch.tensor([q - 1 for q in self.quantiles], dtype=output.dtype, device=output.device)
        residual = target[:, None] - output
        return torch.maximum(low * residual, high * residual).sum(1)

    def predict(self, output: Tensor) -> Prediction:
        ordered = output.sort(1).values
        enclosed = self.quantiles[-1] - self.quantiles[0]
        interval = (ordered[:, 0], ordered[:, -1]) if abs(enclosed - 0.9) < 1e-9 else None
        middle = ordered[:, len(self.quantiles) // 2]
        return Prediction(middle, interval=interval, quantiles=(self.quantiles, ordered))


class Expectile(Loss):
    """Estimates an expectile, which is to the mean what a quantile is to the median: squared errors, weighted by their
    sign.

    |tau - [r < 0]| r², r = target - output. tau = .5 is half the squared error.

    Args:
        tau: weight of errors where the prediction is too low; errors where it is too high weigh 1 - tau. Above 0 and
            below 1.

    Shape: output, target [n], in training standard deviations of the target; returns [n].

    Source: Newey and Powell, Econometrica 55, 1987.
    """

    kind = Kind.CONTINUOUS
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "|τ - [r < 0]| r², r = y - ŷ; Newey & Powell 1987"
    special_cases = {"tau=0.5": "0.5 * mse"}
    raises = {"tau": "upwards"}
    units = {"tau": "weight of targets above the prediction; below it: 1 - tau"}

    def __init__(self, tau: float = 0.5) -> None:
        super().__init__()
        self.tau = share("tau", tau)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "mean" if self.tau == 0.5 else f"expectile {self.tau:g}"

    @property
    def proper_score(self) -> str:  # type: ignore[override]  # told by a parameter
        return "" if self.tau == 0.5 else f"expectile_score_{self.tau!r}"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        # Both sides as tensors: torch.where on plain numbers would work in float32.
        square = (target - wide(output)) ** 2
        return torch.where(target < output, (1 - self.tau) * square, self.tau * square)
