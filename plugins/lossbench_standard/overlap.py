"""Losses of a set: how well the answers of a whole batch overlap with its positives, whatever the negatives' number."""

from __future__ import annotations

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss, Range
from lossbench_standard.numerics import log_of_the_rest, not_negative, onehot, positive, wide


class Tversky(Loss):
    """Asks for few misses and few false alarms among the positives, at a price for each; true negatives count nothing.

    1 - (TP + smooth)/(TP + alpha FP + beta FN + smooth), soft counts by p = sigmoid(logit), pooled over the batch.
    logit: [n]; target: [n] in {0, 1}; one value. alpha weighs false positives, beta false negatives; ½ and ½ is Dice, 1
    and 1 Jaccard. Without positives and `smooth` it is 1. Salehi, Erdogmus and Gholipour, MLMI 2017.
    """

    kind = Kind.BINARY
    pointwise = False
    bounded, convex, zero = True, False, True
    elicits = "distorted probability"
    reference = "1 - (TP + s)/(TP + α FP + β FN + s); Salehi et al. 2017"
    special_cases = {"alpha=0.5, beta=0.5": "dice", "alpha=1, beta=1": "jaccard"}
    raises = {"alpha": "negatives", "beta": "positives"}
    search = {"alpha": Range(0.05, 0.95), "beta": Range(0.05, 0.95)}
    units = {
        "alpha": "weight of a false positive",
        "beta": "weight of a false negative",
        "smooth": "positives, added above and below",
    }

    def __init__(self, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1.0) -> None:
        super().__init__()
        self.alpha, self.beta = not_negative("alpha", alpha), positive("beta", beta)
        self.smooth = not_negative("smooth", smooth)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return overlap(output, target, self.alpha, self.beta, self.smooth)


class Dice(Loss):
    """Asks for the overlap of answers and positives, the soft F1: true negatives count nothing.

    1 - (TP + smooth)/(TP + FP/2 + FN/2 + smooth), soft counts by p = sigmoid(logit), pooled over the batch; Tversky's
    with ½ and ½. logit: [n]; target: [n] in {0, 1}; one value. Milletari, Navab and Ahmadi, 3DV 2016.
    """

    kind = Kind.BINARY
    pointwise = False
    bounded, convex, zero = True, False, True
    elicits = "distorted probability"
    reference = "1 - (TP + s)/(TP + FP/2 + FN/2 + s); Milletari et al. 2016"
    units = {"smooth": "positives, added above and below"}

    def __init__(self, smooth: float = 1.0) -> None:
        super().__init__()
        self.smooth = not_negative("smooth", smooth)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return overlap(output, target, 0.5, 0.5, self.smooth)


class Jaccard(Loss):
    """Asks for the overlap of answers and positives as a share of both together, the soft intersection over union.

    1 - (TP + smooth)/(TP + FP + FN + smooth), soft counts by p = sigmoid(logit), pooled over the batch; Tversky's with
    1 and 1. logit: [n]; target: [n] in {0, 1}; one value. Rahman and Wang, ISVC 2016.
    """

    kind = Kind.BINARY
    pointwise = False
    bounded, convex, zero = True, False, True
    elicits = "distorted probability"
    reference = "1 - (TP + s)/(TP + FP + FN + s); Rahman & Wang 2016"
    units = {"smooth": "positives, added above and below"}

    def __init__(self, smooth: float = 1.0) -> None:
        super().__init__()
        self.smooth = not_negative("smooth", smooth)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return overlap(output, target, 1.0, 1.0, self.smooth)


class SelfAdjustingDice(Loss):
    """Asks which class, row by row, and loses interest in what is already sure: for rare tags among many others.

    The mean over classes of 1 - (2 w y + gamma)/(w + y + gamma), w = (1 - p)^alpha p, p = softmax(logits), y one-hot.
    logits: [n, classes]; target: [n] int. gamma > 0. With alpha > 0 a sure answer is not worth 0; with alpha = 1 two
    classes have the same w: of two alone nothing is learned. Li et al., ACL 2020, equation 11, which their code does
    not follow.
    """

    kind = Kind.CLASSES
    bounded, convex = True, False
    elicits = "distorted probability"
    reference = "1 - (2wy + γ)/(w + y + γ), w = (1-p)^α p; Li et al. 2020"
    search = {"gamma": Range(0.01, 10.0, log=True)}
    units = {"alpha": "power of 1 - p: how much a sure answer loses weight", "gamma": "added above and below"}

    def __init__(self, alpha: float = 1.0, gamma: float = 1.0) -> None:
        super().__init__()
        self.alpha, self.gamma = not_negative("alpha", alpha), positive("gamma", gamma)

    @property
    def zero(self) -> bool:  # type: ignore[override]  # told by a parameter
        return self.alpha == 0

    @property
    def monotone(self) -> bool:  # type: ignore[override]  # w = (1 - p)^alpha p falls again near p = 1
        return self.alpha == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        log_p = wide(output).log_softmax(1)
        chosen = onehot(target, log_p)
        w = torch.exp(log_p + self.alpha * _log_of_each_rest(log_p))
        return (1 - (2 * w * chosen + self.gamma) / (w + chosen + self.gamma)).mean(1)


def _log_of_each_rest(log_p: Tensor) -> Tensor:
    """log(1 - p) of every class, [n, classes]: of the likeliest by the others' sum, which keeps its digits."""
    first = log_p.argmax(1)
    likeliest = onehot(first, log_p).bool()
    others = torch.log1p(-torch.exp(log_p.masked_fill(likeliest, -1.0)))  # no other class has more than a half
    return torch.where(likeliest, log_of_the_rest(log_p, first)[:, None], others)


def overlap(output: Tensor, target: Tensor, alpha: float, beta: float, smooth: float) -> Tensor:
    """1 - (TP + smooth)/(TP + alpha FP + beta FN + smooth), soft counts over the batch; [].

    As the share of what was got wrong: 1 less a share next to 1 would lose its digits.
    """
    z = wide(output)
    p, rest = torch.sigmoid(z), torch.sigmoid(-z)
    wrong = alpha * (p * (1 - target)).sum() + beta * (rest * target).sum()
    whole = (p * target).sum() + wrong + smooth
    if smooth > 0:
        return wrong / whole
    some = target.sum() > 0  # without positives wrong and whole are the same, and may be 0
    return torch.where(some, wrong / torch.where(some, whole, 1.0), 1.0)


dice = (Dice, SelfAdjustingDice)
