"""Set losses: how well the predictions of a whole batch overlap with its positives, however many negatives it has."""

from __future__ import annotations

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss, Range
from lossbench_standard.numerics import log_of_the_rest, not_negative, onehot, positive, wide


class Tversky(Loss):
    """Overlap with separate weights for false positives and false negatives; true negatives do not count.

    1 - (TP + smooth)/(TP + alpha FP + beta FN + smooth), with soft counts by p = sigmoid(logit), pooled over the batch.
    alpha = beta = ½ is Dice, alpha = beta = 1 Jaccard. Without positives and with smooth = 0 it is 1.

    Args:
        alpha: weight of false positives, at least 0.
        beta: weight of false negatives, above 0.
        smooth: positives added to numerator and denominator, at least 0.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Salehi, Erdogmus and Gholipour, MLMI 2017.
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
        "smooth": "positives, added to numerator and denominator",
    }

    def __init__(self, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1.0) -> None:
        super().__init__()
        self.alpha, self.beta = not_negative("alpha", alpha), positive("beta", beta)
        self.smooth = not_negative("smooth", smooth)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return overlap(output, target, self.alpha, self.beta, self.smooth)


class Dice(Loss):
    """Overlap of predictions and positives, as a soft F1; true negatives do not count.

    1 - (TP + smooth)/(TP + FP/2 + FN/2 + smooth), with soft counts by p = sigmoid(logit), pooled over the batch:
    Tversky's loss with alpha = beta = ½.

    Args:
        smooth: positives added to numerator and denominator, at least 0.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Milletari, Navab and Ahmadi, 3DV 2016.
    """

    kind = Kind.BINARY
    pointwise = False
    bounded, convex, zero = True, False, True
    elicits = "distorted probability"
    reference = "1 - (TP + s)/(TP + FP/2 + FN/2 + s); Milletari et al. 2016"
    units = {"smooth": "positives, added to numerator and denominator"}

    def __init__(self, smooth: float = 1.0) -> None:
        super().__init__()
        self.smooth = not_negative("smooth", smooth)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return overlap(output, target, 0.5, 0.5, self.smooth)


class Jaccard(Loss):
    """Overlap of predictions and positives, as a soft intersection over union; true negatives do not count.

    1 - (TP + smooth)/(TP + FP + FN + smooth), with soft counts by p = sigmoid(logit), pooled over the batch: Tversky's
    loss with alpha = beta = 1.

    Args:
        smooth: positives added to numerator and denominator, at least 0.

    Shape: logit [n], target [n] of 0 and 1; returns one value [].

    Source: Rahman and Wang, ISVC 2016.
    """

    kind = Kind.BINARY
    pointwise = False
    bounded, convex, zero = True, False, True
    elicits = "distorted probability"
    reference = "1 - (TP + s)/(TP + FP + FN + s); Rahman & Wang 2016"
    units = {"smooth": "positives, added to numerator and denominator"}

    def __init__(self, smooth: float = 1.0) -> None:
        super().__init__()
        self.smooth = not_negative("smooth", smooth)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return overlap(output, target, 1.0, 1.0, self.smooth)


class SelfAdjustingDice(Loss):
    """Dice loss per row that plays down confident predictions: for rare tags among many others.

    The mean over classes of 1 - (2 w y + gamma)/(w + y + gamma), w = (1 - p)^alpha p, p = softmax(logits), y one-hot.
    With alpha > 0 a certain and correct prediction does not reach 0. With alpha = 1 and only two classes, both have the
    same w and nothing is learned. Follows equation 11 of the paper, which the authors' code does not.

    Args:
        alpha: how much confident predictions are played down: exponent of 1 - p, at least 0.
        gamma: added to numerator and denominator, above 0.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Li et al., ACL 2020.
    """

    kind = Kind.CLASSES
    bounded, convex = True, False
    elicits = "distorted probability"
    reference = "1 - (2wy + γ)/(w + y + γ), w = (1-p)^α p; Li et al. 2020"
    search = {"gamma": Range(0.01, 10.0, log=True)}
    units = {"alpha": "exponent of 1 - p", "gamma": "added to numerator and denominator"}

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
    """log(1 - p) of every class, [n, classes]; of the most likely one as the sum of the others, which is accurate."""
    first = log_p.argmax(1)
    likeliest = onehot(first, log_p).bool()
    others = torch.log1p(-torch.exp(log_p.masked_fill(likeliest, -1.0)))  # no other class has more than one half
    return torch.where(likeliest, log_of_the_rest(log_p, first)[:, None], others)


def overlap(output: Tensor, target: Tensor, alpha: float, beta: float, smooth: float) -> Tensor:
    """1 - (TP + smooth)/(TP + alpha FP + beta FN + smooth), soft counts over the batch; [].

    Computed as the share that is wrong: 1 minus a share close to 1 would lose its digits.
    """
    z = wide(output)
    p, rest = torch.sigmoid(z), torch.sigmoid(-z)
    wrong = alpha * (p * (1 - target)).sum() + beta * (rest * target).sum()
    whole = (p * target).sum() + wrong + smooth
    if smooth > 0:
        return wrong / whole
    some = target.sum() > 0  # without positives `wrong` equals `whole`, and both may be 0
    return torch.where(some, wrong / torch.where(some, whole, 1.0), 1.0)


dice = (Dice, SelfAdjustingDice)
