"""Formulas that several losses share, written to stay accurate where the textbook form overflows or cancels."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

NO_LABEL = -(2**63)
"""Passed to torch as `ignore_index` so that it ignores nothing."""


def wide(output: Tensor) -> Tensor:
    """Half precision as float32, in which exponentials keep their digits; float32 and float64 as they are."""
    return output.float() if output.dtype in (torch.float16, torch.bfloat16) else output


def margin(output: Tensor, target: Tensor) -> Tensor:
    """The logit on the side of the target: z for a target of 1, -z for 0. Both [n]."""
    return torch.rsub(target, -1, alpha=-2) * output  # 2 target - 1, in one operation


def against(output: Tensor, target: Tensor) -> Tensor:
    """The negative margin, the logit of the wrong side: -z for a target of 1, z for 0. Both [n].

    Its softplus is the cross-entropy, finite for any logit: softplus(-z) = -log sigmoid(z).
    """
    return torch.rsub(target, 1, alpha=2) * output  # 1 - 2 target, in one operation


def log1p_square(x: Tensor) -> Tensor:
    """log(1 + x²) without computing x², which would overflow long before its logarithm.

    It is 2 log h with h = √(1 + x²), and h - 1 = x²/(h + 1) keeps its digits next to 0.
    """
    h = torch.hypot(x, torch.ones((), dtype=x.dtype, device=x.device))
    return 2 * torch.log1p(x * (x / (h + 1)))


def centred(output: Tensor) -> Tensor:
    """Logits minus the largest of their row: the same softmax, and adding small terms to them loses no digits."""
    return output - output.detach().amax(1, keepdim=True)


def onehot(target: Tensor, like: Tensor) -> Tensor:
    """One-hot targets [n, classes], shaped as `like`; a label out of range is an error.

    torch's own version inspects the values first, which neither `vmap` nor a compiler can trace.
    """
    return torch.zeros_like(like).scatter(1, target[:, None], 1.0)


def cross_entropy(output: Tensor, target: Tensor, smoothing: float = 0.0, weight: Tensor | None = None) -> Tensor:
    """-log p of the true class, [n]; `smoothing` is the share of the label spread over all classes.

    weight: [classes], a factor of each class's share of the label. No label is ignored, whereas torch by default
    takes -100 for padding.
    """
    return functional.cross_entropy(
        output, target, weight, reduction="none", ignore_index=NO_LABEL, label_smoothing=smoothing
    )


def log_likelihood(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """log p of every class, [n, classes], and of the true class, [n]. No label is ignored."""
    every = output.log_softmax(1)
    return every, -functional.nll_loss(every, target, reduction="none", ignore_index=NO_LABEL)


def log_of_the_rest(every: Tensor, target: Tensor) -> Tensor:
    """log(1 - p) of the true class, as the sum of the others, which stays accurate for p close to 1.

    every: log p [n, classes]; target: [n] int. Returns [n].
    """
    return every.scatter(1, target[:, None], -math.inf).logsumexp(1)


def positive(name: str, value: float) -> float:
    """Returns the value. Raises ValueError unless it is above 0 and finite."""
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be above 0 and finite, not {value}")
    return value


def not_negative(name: str, value: float) -> float:
    """Returns the value. Raises ValueError unless it is at least 0 and finite."""
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be at least 0 and finite, not {value}")
    return value


def share(name: str, value: float, *, ends: tuple[bool, bool] = (False, False)) -> float:
    """Returns the value. Raises ValueError unless it lies between 0 and 1; `ends` says whether 0 and 1 are allowed."""
    low, high = ends
    if not (0 < value < 1 or (low and value == 0) or (high and value == 1)):
        words = {(False, False): "above 0 and below 1", (True, False): "at least 0 and below 1"}
        words |= {(False, True): "above 0 and at most 1", (True, True): "from 0 to 1"}
        raise ValueError(f"{name} must be {words[ends]}, not {value}")
    return value
