"""MONAI's focal loss, for two classes and for many. MONAI computes it in float32."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import monai.losses
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction, Range
from lossbench_monai.volume import IGNORED, ignoring

REFERENCE = "(1 - p)^γ · -log p; Lin et al. 2017; monai.losses.FocalLoss"
SEARCH = {"gamma": Range(0.1, 5.0, log=True)}
UNITS = {"gamma": "exponent of 1 - p", "alpha": "weight of a positive; of a negative: 1 - alpha"}


class BinaryFocal(Loss):
    """Classifies, with the focus on examples that are still uncertain (MONAI's `FocalLoss`, one channel).

    (1 - p)^gamma · -log p, p the probability of the true class. With `alpha`, times alpha for positives and 1 - alpha
    for negatives.

    Args:
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        alpha: weight of a positive; a negative weighs 1 - alpha. None weighs both 1.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.BINARY
    bounded, zero, monotone = False, True, True
    special_cases = {"gamma=0": "bce"}
    raises = {"alpha": "positives"}
    reference = REFERENCE
    search = SEARCH
    units = UNITS

    def __init__(self, gamma: float = 2.0, alpha: float | None = None) -> None:
        super().__init__()
        self.gamma, self.alpha = gamma, alpha
        self.given = {"gamma": gamma, "alpha": alpha}
        self.each = monai.losses.FocalLoss(reduction="none", **self.given)

    @property
    def elicits(self) -> str:
        return "probability" if self.gamma == 0 and self.alpha in (None, 0.5) else "distorted probability"

    @property
    def convex(self) -> bool:
        return self.gamma == 0

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output[:, None], target[:, None])[:, 0]

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`."""
        mean = monai.losses.FocalLoss(ignore_index=IGNORED, **self.given)
        return mean(output[:, None], ignoring(target, mask)[:, None])


class ClassesFocal(Loss):
    """Classifies, with the focus on examples that are still uncertain (MONAI's `FocalLoss`, one channel per class).

    The mean over channels, as MONAI takes it, of (1 - p)^gamma · -log p. With `use_softmax`, p is the softmax of the
    true class and all other channels are 0; without, each channel is one class against the rest.

    Args:
        include_background: whether the first class counts.
        gamma: focus on uncertain examples: exponent of 1 - p; 0 is the cross-entropy.
        alpha: weight of positives; with `use_softmax`, of every class except the first.
        weight: one factor per class, for its channel.
        use_softmax: whether p is a softmax or a sigmoid per class.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Lin et al., ICCV 2017.
    """

    kind = Kind.CLASSES
    bounded, zero, monotone = False, True, True
    reference = REFERENCE
    search = SEARCH
    units = {**UNITS, "weight": "factor of each class's channel"}

    def __init__(
        self,
        include_background: bool = True,
        gamma: float = 2.0,
        alpha: float | None = None,
        weight: Sequence[float] | None = None,
        use_softmax: bool = False,
    ) -> None:
        super().__init__()
        self.include_background, self.gamma, self.alpha = include_background, gamma, alpha
        self.weight, self.use_softmax = weight, use_softmax
        self.given = {
            "include_background": include_background,
            "gamma": gamma,
            "alpha": alpha,
            "weight": weight,
            "use_softmax": use_softmax,
            "to_onehot_y": True,
        }
        self.each = monai.losses.FocalLoss(reduction="none", **self.given)

    @property
    def elicits(self) -> str:
        even = self.weight is None and self.alpha is None and self.include_background
        return "probability" if self.gamma == 0 and even else "distorted probability"

    @property
    def convex(self) -> bool:
        return self.gamma == 0

    @property
    def special_cases(self) -> Mapping[str, str]:
        return {"gamma=0": "cross_entropy" if self.use_softmax else "bce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return self.each(output, target[:, None]).mean(1)

    def native(self, output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """By `ignore_index`."""
        mean = monai.losses.FocalLoss(ignore_index=IGNORED, **self.given)
        return mean(output, ignoring(target, mask)[:, None])

    def predict(self, output: Tensor) -> Prediction:
        if self.use_softmax:
            return super().predict(output)
        # sigmoids divided by their sum, by logarithms: finite even if all of them underflow
        return Prediction(output, output.argmax(-1), functional.logsigmoid(output).softmax(-1))


focal = (BinaryFocal, ClassesFocal)
