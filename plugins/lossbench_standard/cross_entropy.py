"""Cross-entropies: the log loss of two classes, of many, and of many seen one against the rest."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction, Range


class BinaryCrossEntropy(Loss):
    """Asks for the probability, and pays without bound for being surely wrong.

    pos_weight · y · softplus(-z) + (1 - y) · softplus(z). logit z: [n]; target y: [n] in {0, 1}. pos_weight > 0 is what
    a positive counts against a negative; other than 1, probabilities come out shifted.
    """

    kind = Kind.BINARY
    reference = "-y log p - (1 - y) log(1 - p), p = sigmoid(z)"
    search = {"pos_weight": Range(0.3, 30.0, log=True)}
    units = {"pos_weight": "times a negative's weight"}

    def __init__(self, pos_weight: float = 1.0) -> None:
        super().__init__()
        self.pos_weight = _positive(pos_weight)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter, not an attribute that replicas differ in
        return "probability" if self.pos_weight == 1 else "distorted probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        # softplus(-z) = -log sigmoid(z) and softplus(z) = -log(1 - sigmoid(z)), finite for any z
        return self.pos_weight * target * functional.softplus(-output) + (1 - target) * functional.softplus(output)


class OneAgainstTheRest(Loss):
    """Asks of every class by itself whether it is the one; `predict` makes the answers sum to 1.

    Σ_c of the binary cross-entropy of logit c against [c = target]. logits: [n, classes]; target: [n] int.
    """

    kind = Kind.CLASSES
    reference = "Σ_c binary cross-entropy of z_c against [c = y]"
    search = {"pos_weight": Range(0.3, 30.0, log=True)}
    units = {"pos_weight": "times a negative's weight"}

    def __init__(self, pos_weight: float = 1.0) -> None:
        super().__init__()
        self.pos_weight = _positive(pos_weight)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter, not an attribute that replicas differ in
        return "probability" if self.pos_weight == 1 else "distorted probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        chosen = functional.one_hot(target, output.shape[1]).to(output.dtype)
        each = self.pos_weight * chosen * functional.softplus(-output) + (1 - chosen) * functional.softplus(output)
        return each.sum(1)

    def predict(self, output: Tensor) -> Prediction:
        # log p_c - logsumexp log p: the shares of the sigmoids, finite even where all of them underflow
        probability = functional.logsigmoid(output).softmax(-1)
        return Prediction(output, output.argmax(-1), probability)


class CrossEntropy(Loss):
    """Asks for the probability of every class, and pays without bound for being surely wrong.

    -log softmax(logits)[target]. logits: [n, classes]; target: [n] int.
    """

    kind = Kind.CLASSES
    elicits = "probability"
    reference = "-log softmax(z)_y"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        # gathered by hand: torch's own would take a target of -100 for padding and give it a loss of 0
        return -output.log_softmax(1).gather(1, target[:, None]).squeeze(1)


def _positive(pos_weight: float) -> float:
    if not 0 < pos_weight < math.inf:
        raise ValueError(f"pos_weight is above 0 and finite, not {pos_weight}")
    return pos_weight


bce = (BinaryCrossEntropy, OneAgainstTheRest)
