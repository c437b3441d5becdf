"""Losses whose minimiser is another than they say."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid, softplus

from lossbench.loss import Kind, Loss, Prediction, Range, Sequences
from tests.mutants.registry import breaks, crossentropy

ELICITS = "elicits_what_it_says"
SEARCH = "search_keeps_what_it_elicits"


@breaks(ELICITS, r"elicits the quantile 0.9, 10 of .* but is least at 0\.")
class QuantileUpsideDown(Loss):
    """awslabs/gluonts#1784: the residual of a pinball loss with the wrong sign is the other quantile."""

    kind = Kind.CONTINUOUS
    elicits = "quantile 0.9"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = output - target
        return torch.maximum(0.9 * r, (0.9 - 1) * r)


@breaks(ELICITS, r"elicits the mean, 2.37 of \[0.0, 1.0, 2.0, 4.0, 10.0\] .* but is least at 1")
class AbsoluteSaysMean(Loss):
    kind = Kind.CONTINUOUS
    elicits = "mean"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).abs()


@breaks(ELICITS, "elicits the expectile 0.9, .* but is least at")
class ExpectileUpsideDown(Loss):
    kind = Kind.CONTINUOUS
    elicits = "expectile 0.9"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = target - output
        return torch.where(r < 0, 0.9, 0.1) * r.square()


@breaks(ELICITS, "elicits the centre, 0 of .* but is least at 0.[0-9]")
class SkewedSaysCentre(Loss):
    kind = Kind.CONTINUOUS
    elicits = "centre"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = target - output
        return torch.where(r > 0, 0.9, 0.1) * r.square()


@breaks(ELICITS, "'average' is not a valid `elicits` for a loss of numbers")
class UnknownWord(Loss):
    kind = Kind.CONTINUOUS
    elicits = "average"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square()


@breaks(ELICITS, "'calibrated' is not a valid `elicits` for a loss of classes")
class UnknownWordOfClasses(Loss):
    kind = Kind.BINARY
    elicits = "calibrated"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)


@breaks(ELICITS, "elicits the probability, but for 0.[0-9]+ its minimum is at 0.[0-9]+")
class FocalSaysProbability(Loss):
    kind = Kind.BINARY
    elicits = "probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        signs = 2 * target - 1
        return torch.sigmoid(-signs * output).square() * -logsigmoid(signs * output)


@breaks(ELICITS, "elicits the probability, but `predict` gives none")
class ProbabilityWithoutOne(Loss):
    kind = Kind.BINARY
    elicits = "probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)

    def predict(self, output: Tensor) -> Prediction:
        return Prediction(output, (output > 0).long())


@breaks(ELICITS, "states distorted probability, but its minimiser is the probability itself")
class CrossEntropySaysDistorted(Loss):
    kind = Kind.BINARY
    elicits = "distorted probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)


@breaks(ELICITS, "elicits only the sign, but its minimiser depends on the probability")
class CrossEntropySaysSign(Loss):
    kind = Kind.BINARY
    elicits = "sign"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)


@breaks(ELICITS, "elicits the sign, but its minimiser is on the less likely side")
class HingeUpsideDown(Loss):
    kind = Kind.BINARY
    elicits = "sign"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (1 + (2 * target - 1) * output).clamp(min=0)


@breaks(ELICITS, "For three classes at .5, .3, .2 its minimiser is off by .*, though it is right for two")
class RightForTwoClasses(Loss):
    """One class against the second alone: of two classes that is all there is."""

    kind = Kind.CLASSES
    elicits = "probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        first, others = output[:, 0], output[:, 1:].mean(1)
        return softplus(torch.where(target == 0, others - first, first - others))


@breaks(ELICITS, "elicits the probability, but for 0.[0-9]+ its minimum is at 0.[0-9]+")
class SmoothedSaysProbability(Loss):
    kind = Kind.CLASSES
    elicits = "probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return cross_entropy(output, target, reduction="none", label_smoothing=0.1)


@breaks(ELICITS, "For one word with labels at .5, .3, .2 its minimiser is off by 0.[0-9]+")
class SmoothedSequences(Loss):
    kind = Kind.SEQUENCES
    elicits = "probability"

    def forward(self, output: Sequences, target: Sequences) -> Tensor:
        words = cross_entropy(output.values, target.values, reduction="none", label_smoothing=0.1)
        return torch.stack([piece.sum() for piece in words.split(output.lengths.tolist())])


@breaks(ELICITS, "elicits the order, but positives above negatives do not cost less")
class OrderUpsideDown(Loss):
    kind = Kind.BINARY
    pointwise = False
    elicits = "order"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        pairs = target[:, None] * (1 - target)
        ahead = output[:, None] - output
        return (pairs * softplus(ahead)).sum() / pairs.sum().clamp(min=1)


@breaks(ELICITS, "elicits only the order, but changes if the same number is added to all scores")
class CrossEntropySaysOrder(Loss):
    kind = Kind.BINARY
    elicits = "order"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return crossentropy(output, target)


@breaks(
    SEARCH, "reaches pos_weight=0.3, where it elicits the distorted probability; at its defaults .* the probability"
)
class TunesItsWeight(Loss):
    """The plain cross-entropy under its own name, tuned into a weighted one."""

    kind = Kind.BINARY
    search = {"pos_weight": Range(0.3, 30.0, log=True)}

    def __init__(self, pos_weight: float = 1.0) -> None:
        super().__init__()
        if not 0 < pos_weight < float("inf"):
            raise ValueError("pos_weight must be above 0 and finite")
        self.pos_weight = pos_weight

    @property
    def elicits(self) -> str:  # type: ignore[override]
        return "probability" if self.pos_weight == 1 else "distorted probability"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return (1 + (self.pos_weight - 1) * target) * crossentropy(output, target)


@breaks(
    SEARCH,
    "reaches gamma=0.1, where it no longer elicits the probability: .* but for 0.[0-9]+ its minimum is at",
)
class TunesInSilence(Loss):
    """Says of every gamma what is true of 0 alone."""

    kind = Kind.BINARY
    elicits = "probability"
    search = {"gamma": Range(0.1, 4.0)}

    def __init__(self, gamma: float = 0.0) -> None:
        super().__init__()
        if not 0 <= gamma < float("inf"):
            raise ValueError("gamma must be at least 0 and finite")
        self.gamma = gamma

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return torch.exp(-self.gamma * softplus((2 * target - 1) * output)) * crossentropy(output, target)


@breaks(SEARCH, "reaches q=0.1, where it no longer elicits the centre: .* but is least at -1")
class TunesItsQuantile(Loss):
    """Says nothing, and is the absolute error at its defaults."""

    kind = Kind.CONTINUOUS
    search = {"q": Range(0.1, 0.9)}

    def __init__(self, q: float = 0.5) -> None:
        super().__init__()
        if not 0 < q < 1:
            raise ValueError("q is between 0 and 1")
        self.q = q

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = target - output
        return torch.where(r > 0, self.q, self.q - 1) * r


@breaks(
    SEARCH, "reaches below=0.1, above=0.9, where it elicits the quantile 0.9; at its defaults it elicits the median"
)
class TunesTwoSides(Loss):
    """With both at the same end it is still the median's loss."""

    kind = Kind.CONTINUOUS
    search = {"below": Range(0.1, 0.9), "above": Range(0.1, 0.9)}

    def __init__(self, below: float = 0.5, above: float = 0.5) -> None:
        super().__init__()
        if not (0 < below < float("inf") and 0 < above < float("inf")):
            raise ValueError("below and above must be above 0 and finite")
        self.below, self.above = below, above

    @property
    def elicits(self) -> str:  # type: ignore[override]
        q = self.above / (self.below + self.above)
        return "median" if q == 0.5 else f"quantile {q:g}"

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        r = target - output
        return torch.where(r > 0, self.above, -self.below) * r
