"""Cross-entropies for labels that may be wrong, and against over-confidence."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Range
from lossbench_standard.numerics import against, log_likelihood, not_negative, share, wide
from lossbench_standard.poly import BinaryPoly, ClassesPoly

ZERO_LOG = math.log(1e-4)
"""The value of log 0 in the reverse cross-entropy, as in the authors' code."""


class _Smoothed(Loss):
    """A label with the share epsilon spread evenly over the classes; epsilon = 0 leaves it as it is."""

    search = {"epsilon": Range(0.005, 0.5, log=True)}
    bounded, convex = False, True

    def __init__(self, epsilon: float = 0.1) -> None:
        super().__init__()
        self.epsilon = share("epsilon", epsilon, ends=(True, False))

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.epsilon == 0 else "distorted probability"

    @property
    def monotone(self) -> bool:  # type: ignore[override]  # a prediction more confident than the smoothed label costs more
        return self.epsilon == 0


class LabelSmoothing(_Smoothed):
    """Estimates the probability, pulled slightly towards one half: no label is treated as certain.

    The binary cross-entropy against y (1 - epsilon) + epsilon/2, y the target.

    Args:
        epsilon: share of the label that is spread over both classes; at least 0 and below 1.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Szegedy et al., CVPR 2016.
    """

    kind = Kind.BINARY
    reference = "cross-entropy against y (1 - ε) + ε/2; Szegedy et al. 2016"
    special_cases = {"epsilon=0": "bce"}
    units = {"epsilon": "share of the label that is spread over both classes"}

    @property
    def zero(self) -> bool:  # type: ignore[override]
        return self.epsilon == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        wrong = against(wide(output), target)
        # (1 - ε/2) softplus(w) + ε/2 softplus(-w), and softplus(-w) = softplus(w) - w
        return functional.softplus(wrong) - self.epsilon / 2 * wrong


class _Generalised(Loss):
    """(1 - p^q)/q of the probability p of the true class: the cross-entropy for q = 0, its limit, 1 - p for q = 1."""

    search = {"q": Range(0.1, 0.95)}
    units = {"q": "from 0, the cross-entropy, to 1, the absolute error of the probability"}
    zero = True
    monotone = True
    reference = "(1 - p^q)/q; Zhang & Sabuncu 2018"

    def __init__(self, q: float = 0.7) -> None:
        super().__init__()
        self.q = share("q", q, ends=(True, True))

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return {0.0: "probability", 1.0: "sign"}.get(self.q, "distorted probability")

    @property
    def bounded(self) -> bool:  # type: ignore[override]
        return self.q > 0

    @property
    def convex(self) -> bool:  # type: ignore[override]
        return self.q == 0

    def of(self, log_p: Tensor) -> Tensor:
        if not isinstance(self.q, Tensor) and self.q == 0:
            return -log_p
        return -torch.expm1(self.q * log_p) / self.q


class BinaryGCE(_Generalised):
    """Classifies; learns hardly anything from examples that stay confidently wrong, since their labels may be wrong.

    (1 - p^q)/q, p the probability of the true class. The predicted odds are the true odds to the power 1/(1 - q).

    Args:
        q: from 0, the cross-entropy, to 1, the absolute error of the probability.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Zhang and Sabuncu, NeurIPS 2018.
    """

    kind = Kind.BINARY
    special_cases = {"q=0": "bce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.of(-functional.softplus(against(wide(output), target)))


class ClassesGCE(_Generalised):
    """Classifies; learns hardly anything from examples that stay confidently wrong, since their labels may be wrong.

    (1 - p^q)/q, p the softmax of the true class.

    Args:
        q: from 0, the cross-entropy, to 1, the absolute error of the probability.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Zhang and Sabuncu, NeurIPS 2018.
    """

    kind = Kind.CLASSES
    special_cases = {"q=0": "cross_entropy", "classes=2": "gce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.of(log_likelihood(wide(output), target)[1])


class _Symmetric(Loss):
    """alpha · cross-entropy + beta · (-A)(1 - p): the second is the reverse cross-entropy, with A for log 0."""

    search = {"alpha": Range(0.01, 10.0, log=True), "beta": Range(0.1, 10.0, log=True)}
    units = {"alpha": "weight of the cross-entropy", "beta": "weight of the reverse", "A": "value of log 0"}
    zero = True
    monotone = True
    reference = "α CE + β (-A)(1 - p); Wang et al. 2019"

    def __init__(self, alpha: float = 0.1, beta: float = 1.0, A: float = ZERO_LOG) -> None:  # noqa: N803  # the paper's
        super().__init__()
        self.alpha, self.beta = _weights(alpha, beta)
        self.A = _log_of_zero(A)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by parameters
        if self.alpha == 0:  # the reverse alone is the absolute error of the probability
            return "sign"
        return "probability" if self.beta == 0 else "distorted probability"

    @property
    def bounded(self) -> bool:  # type: ignore[override]
        return self.alpha == 0

    @property
    def convex(self) -> bool:  # type: ignore[override]  # as Poly, its multiple with epsilon = -beta A/alpha
        return -self.beta * self.A <= self.alpha

    def of(self, log_p: Tensor) -> Tensor:
        return -self.alpha * log_p + self.beta * self.A * torch.expm1(log_p)


class BinarySCE(_Symmetric):
    """Cross-entropy plus a noise-robust term that keeps the model from memorising wrong labels.

    alpha · -log p + beta · (-A)(1 - p), p the probability of the true class. alpha and beta are not both 0.

    Args:
        alpha: weight of the cross-entropy, at least 0; 0 leaves the reverse cross-entropy alone.
        beta: weight of the reverse cross-entropy, at least 0.
        A: value used for log 0, below 0.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Wang et al., ICCV 2019.
    """

    kind = Kind.BINARY
    special_cases = {"alpha=1, beta=0": "bce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.of(-functional.softplus(against(wide(output), target)))


class ClassesSCE(_Symmetric):
    """Cross-entropy plus a noise-robust term that keeps the model from memorising wrong labels.

    alpha · -log p + beta · (-A)(1 - p), p the softmax of the true class. alpha and beta are not both 0.

    Args:
        alpha: weight of the cross-entropy, at least 0; 0 leaves the reverse cross-entropy alone.
        beta: weight of the reverse cross-entropy, at least 0.
        A: value used for log 0, below 0.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Wang et al., ICCV 2019.
    """

    kind = Kind.CLASSES
    special_cases = {"alpha=1, beta=0": "cross_entropy", "classes=2": "sce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.of(log_likelihood(wide(output), target)[1])


def _weights(alpha: float, beta: float) -> tuple[float, float]:
    """Returns both unchanged. Raises ValueError if one is below 0 or both are 0."""
    not_negative("alpha", alpha), not_negative("beta", beta)
    if alpha == beta == 0:
        raise ValueError("alpha and beta must not both be 0: nothing would be learned")
    return alpha, beta


def _log_of_zero(A: float) -> float:  # noqa: N803  # the paper's
    if not -math.inf < A < 0:
        raise ValueError(f"A must be below 0 and finite, not {A}")
    return A


class NormalisedAndReverse(Loss):
    """Classifies with two noise-robust losses: one learns the label, the other rules out the remaining classes.

    alpha · log p / Σ_c log p_c + beta · (-A)(1 - p), p the softmax of the true class. Summed over all possible labels,
    each part is constant; the optimum is therefore full confidence in the most likely class. alpha and beta are not
    both 0.

    Args:
        alpha: weight of the normalised cross-entropy, at least 0.
        beta: weight of the reverse cross-entropy, at least 0.
        A: value used for log 0, below 0.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Ma et al., ICML 2020.
    """

    kind = Kind.CLASSES
    bounded, convex, zero = True, False, True
    elicits = "sign"
    monotone = True
    reference = "α log p / Σ_c log p_c + β (-A)(1 - p); Ma et al. 2020"
    search = {"alpha": Range(0.1, 10.0, log=True), "beta": Range(0.1, 10.0, log=True)}
    units = {"alpha": "weight of the normalised", "beta": "weight of the reverse", "A": "value of log 0"}

    def __init__(self, alpha: float = 1.0, beta: float = 1.0, A: float = ZERO_LOG) -> None:  # noqa: N803  # the paper's
        super().__init__()
        self.alpha, self.beta = _weights(alpha, beta)
        self.A = _log_of_zero(A)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        every, own = log_likelihood(wide(output), target)
        return self.alpha * own / every.sum(1) + self.beta * self.A * torch.expm1(own)


class Bootstrap(Loss):
    """Classifies, with the model's own prediction mixed into the label: what the model is sure of can overrule a wrong
    label.

    The binary cross-entropy against beta · y + (1 - beta) · p, y the target, p = sigmoid(logit). Gradients flow through
    p too.

    Args:
        beta: share of the label in that mix, above 0 and at most 1; 1 is the cross-entropy.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Reed et al., ICLR workshop 2015.
    """

    kind = Kind.BINARY
    bounded = False
    reference = "cross-entropy against β y + (1 - β) p; Reed et al. 2015"
    special_cases = {"beta=1": "bce"}
    search = {"beta": Range(0.5, 0.99)}
    units = {"beta": "share of the label in what is learned"}
    zero = True

    def __init__(self, beta: float = 0.95) -> None:
        super().__init__()
        self.beta = share("beta", beta, ends=(False, True))

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.beta == 1 else "distorted probability"

    @property
    def convex(self) -> bool:  # type: ignore[override]  # the entropy bends down by no more than log p bends up
        return self.beta >= 0.5

    @property
    def monotone(self) -> bool:  # type: ignore[override]
        # the slope is -(1 - p)(β + (1 - β) p z), and p z = z sigmoid(z) is never below -W(1/e) = -0.27846
        return self.beta >= 0.27846454 * (1 - self.beta)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        wrong = against(wide(output), target)
        # cross-entropy against the mixed label: softplus(w) minus w times the label's share on the wrong side
        return functional.softplus(wrong) - (1 - self.beta) * torch.sigmoid(wrong) * wrong


class SmoothedDivergence(_Smoothed):
    """Estimates the probability of every class, pulled slightly towards equal probabilities.

    Σ_c t_c (log t_c - log p_c), t = (1 - epsilon) [c = y] + epsilon/classes, p = softmax(logits): the Kullback-Leibler
    divergence from the smoothed label, 0 where they agree.

    Args:
        epsilon: share of the label that is spread over all classes; at least 0 and below 1.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Kullback and Leibler 1951.
    """

    kind = Kind.CLASSES
    zero = True
    reference = "Σ_c t_c log(t_c / p_c), t = (1 - ε) onehot(y) + ε/classes"
    special_cases = {"epsilon=0": "cross_entropy"}
    units = {"epsilon": "share of the label that is spread over all classes"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        every, own = log_likelihood(wide(output), target)
        classes = output.shape[1]
        low = self.epsilon / classes
        high = 1 - self.epsilon + low
        entropy = high * math.log(high) + ((classes - 1) * low * math.log(low) if low > 0 else 0.0)
        return entropy - (high - low) * own - low * every.sum(1)


gce = (BinaryGCE, ClassesGCE)
sce = (BinarySCE, ClassesSCE)
poly1 = (BinaryPoly, ClassesPoly)
