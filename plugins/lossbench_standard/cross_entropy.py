"""Cross-entropies: of two classes, of many, and of many as one-vs-rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction
from lossbench_standard.numerics import against, cross_entropy, onehot, positive, share, wide


class BinaryCrossEntropy(Loss):
    """Estimates the probability; confident mistakes are penalised without limit.

    pos_weight · y · softplus(-z) + (1 - y) · softplus(z), for logit z and target y. `pos_weight` is never tuned here,
    so that this stays the plain cross-entropy; `weighted_bce` tunes it.

    Args:
        pos_weight: weight of a positive relative to a negative, above 0. Any value other than 1 biases the
            probabilities.

    Shape: logit [n], target [n] of 0 and 1; returns [n].
    """

    kind = Kind.BINARY
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "-y log p - (1 - y) log(1 - p), p = sigmoid(z)"
    raises = {"pos_weight": "positives"}
    units = {"pos_weight": "weight of a positive relative to a negative"}

    def __init__(self, pos_weight: float = 1.0) -> None:
        super().__init__()
        self.pos_weight = positive("pos_weight", pos_weight)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter, not an attribute that replicas differ in
        return "probability" if self.pos_weight == 1 else "distorted probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        losses = functional.softplus(against(output, target))
        if not isinstance(self.pos_weight, Tensor) and self.pos_weight == 1:
            return losses
        return (self.pos_weight * target + (1 - target)) * losses


class OneAgainstTheRest(Loss):
    """Estimates the probability of each class separately (one-vs-rest); `predict` rescales them to sum to 1.

    Σ_c binary cross-entropy of logit c against [c = target], with positives weighted by `pos_weight`. `pos_weight` is
    never tuned here; `weighted_bce` tunes it.

    Args:
        pos_weight: weight of a positive relative to a negative, above 0. Any value other than 1 biases the
            probabilities.

    Shape: logits [n, classes], target [n] int; returns [n].
    """

    kind = Kind.CLASSES
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "Σ_c binary cross-entropy of z_c against [c = y]"
    units = {"pos_weight": "weight of a positive relative to a negative"}

    def __init__(self, pos_weight: float = 1.0) -> None:
        super().__init__()
        self.pos_weight = positive("pos_weight", pos_weight)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter, not an attribute that replicas differ in
        return "probability" if self.pos_weight == 1 else "distorted probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        chosen = onehot(target, output)
        each = functional.softplus(against(output, chosen))
        return ((self.pos_weight * chosen + (1 - chosen)) * each).sum(1)

    def predict(self, output: Tensor) -> Prediction:
        return one_against_the_rest(output)


def one_against_the_rest(output: Tensor) -> Prediction:
    """The prediction of one-vs-rest logits [n, classes]: their sigmoids, divided by the sum."""
    # log p_c - logsumexp log p: finite even where all of the sigmoids underflow
    return Prediction(output, output.argmax(-1), functional.logsigmoid(output).softmax(-1))


class CrossEntropy(Loss):
    """Estimates the probability of every class; confident mistakes are penalised without limit.

    -Σ_c weight_c t_c log softmax(logits)_c, t = (1 - label_smoothing) [c = y] + label_smoothing/classes. Values are
    those of `torch.nn.functional.cross_entropy`, but a mean over rows is not divided by the sum of their weights.
    `weighted_cross_entropy` tunes its weights; here they are fixed.

    Args:
        weight: one factor per class, above 0, for the class's share of the label.
        label_smoothing: share of the label that is spread evenly over all classes; at least 0 and below 1.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: label smoothing: Szegedy et al., CVPR 2016.
    """

    kind = Kind.CLASSES
    bounded, convex = False, True
    reference = "-log softmax(z)_y"
    units = {
        "weight": "factor of its share of the label, per class",
        "label_smoothing": "share of the label spread over all classes",
    }

    def __init__(self, weight: Sequence[float] | None = None, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.weight = None if weight is None else tuple(positive("each of weight", w) for w in weight)
        self.label_smoothing = share("label_smoothing", label_smoothing, ends=(True, False))

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by parameters
        even = self.weight is None or len(set(self.weight)) == 1
        return "probability" if even and self.label_smoothing == 0 else "distorted probability"

    @property
    def special_cases(self) -> Mapping[str, str]:  # type: ignore[override]
        if self.weight is not None:
            return {}
        smoothed = f"label_smoothing_bce(epsilon={self.label_smoothing})"
        return {"classes=2": smoothed if self.label_smoothing else "bce"}

    @property
    def zero(self) -> bool:  # type: ignore[override]
        return self.label_smoothing == 0

    @property
    def monotone(self) -> bool:  # type: ignore[override]
        return self.label_smoothing == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        z = wide(output)
        if self.weight is None:
            return cross_entropy(z, target, self.label_smoothing)
        if len(self.weight) != z.shape[1]:
            raise ValueError(f"weight has {len(self.weight)} numbers for {z.shape[1]} classes")
        # a class's weight also applies to its share of a smoothed label, not only to the rows of that class
        weight = torch.tensor(self.weight, dtype=z.dtype, device=z.device)
        return cross_entropy(z, target, self.label_smoothing, weight)


bce = (BinaryCrossEntropy, OneAgainstTheRest)
