"""Cross-entropies that use class frequencies, counted in the training targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Range
from lossbench_standard.numerics import against, centred, cross_entropy, not_negative, onehot, positive, share, wide
from lossbench_standard.positives import WeightedBinaryCrossEntropy, WeightedOneAgainstTheRest

OBSERVES = "class counts"


class _Observing(Loss):
    """A loss that counts classes; it loads the counts of another one even if that saw another number of classes."""

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        for name, own in list(self.named_buffers(recurse=False)):
            loaded = state_dict.get(prefix + name)
            if isinstance(loaded, Tensor) and loaded.shape != own.shape:
                setattr(self, name, own.new_empty(loaded.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class ClassBalanced(Loss):
    """Cross-entropy that gives rare classes more weight, by the effective number of examples of each class.

    The cross-entropy times w_y, with w_c proportional to (1 - beta)/(1 - beta^n_c) and a mean of 1 over both classes;
    n_c counts class c in the training targets.

    Args:
        beta: at least 0 and below 1: 0 weighs both classes alike; close to 1, weights approach inverse class
            frequencies.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Cui et al., CVPR 2019.
    """

    kind = Kind.BINARY
    bounded, convex, zero = False, True, True
    observes = OBSERVES
    monotone = True
    reference = "(1-β)/(1-β^n_y) · cross-entropy; Cui et al. 2019"
    special_cases = {"beta=0": "bce"}
    units = {"beta": "0: equal class weights; close to 1: inverse class frequencies"}
    weight: Tensor

    def __init__(self, beta: float = 0.999) -> None:
        super().__init__()
        self.beta = share("beta", beta, ends=(True, False))
        self.register_buffer("weight", torch.ones(2))

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.beta == 0 else "distorted probability"

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        counts = torch.stack([(target == 0).sum(), (target == 1).sum()]).double()
        weight = (1 - self.beta) / (1 - self.beta ** counts.clamp(min=1))
        self.weight = (2 * weight / weight.sum()).to(self.weight)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        weight = self.weight[0] + (self.weight[1] - self.weight[0]) * target
        return weight * functional.softplus(against(wide(output), target))


class _LogitAdjusted(_Observing):
    """The cross-entropy of logits to which log class frequencies are added; predictions use the logits alone."""

    bounded, convex, zero = False, True, True
    observes = OBSERVES
    units = {"tau": "multiple of the log class frequency"}
    monotone = True
    reference = "cross-entropy of z + τ log π; Menon et al. 2021"

    def __init__(self, tau: float = 1.0) -> None:
        super().__init__()
        self.tau = not_negative("tau", tau)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.tau == 0 else "distorted probability"


class BinaryLogitAdjusted(_LogitAdjusted):
    """Classifies as if both classes were equally frequent: minimises the balanced error.

    The cross-entropy of logit + tau (log π_1 - log π_0), π the class frequencies in the training targets. Predictions
    use the logit alone.

    Args:
        tau: strength of the adjustment, at least 0; 0 is the cross-entropy.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Menon et al., ICLR 2021.
    """

    kind = Kind.BINARY
    special_cases = {"tau=0": "bce"}
    log_odds: Tensor

    def __init__(self, tau: float = 1.0) -> None:
        super().__init__(tau)
        self.register_buffer("log_odds", torch.zeros(()))

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        positives = target.double().sum()
        self.log_odds = (positives.clamp(min=0.5) / (len(target) - positives).clamp(min=0.5)).log().to(self.log_odds)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.softplus(against(wide(output) + self.tau * self.log_odds, target))


class ClassesLogitAdjusted(_LogitAdjusted):
    """Classifies as if all classes were equally frequent: minimises the balanced error.

    The cross-entropy of logits + tau log π, π the class frequencies in the training targets. Predictions use the logits
    alone. A class without training examples counts as half an example.

    Args:
        tau: strength of the adjustment, at least 0; 0 is the cross-entropy.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Menon et al., ICLR 2021.
    """

    kind = Kind.CLASSES
    special_cases = {"tau=0": "cross_entropy"}
    log_count: Tensor

    def __init__(self, tau: float = 1.0) -> None:
        super().__init__(tau)
        # Counts give the same softmax as frequencies, and extend to classes that only the model knows.
        self.register_buffer("log_count", torch.zeros(0))

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        self.log_count = torch.bincount(target).double().clamp(min=0.5).log().to(self.log_count)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        unseen = max(0, output.shape[1] - len(self.log_count))
        known = functional.pad(self.log_count, (0, unseen), value=math.log(0.5))
        return cross_entropy(centred(wide(output)) + self.tau * known, target)


class _MarginByCount(_Observing):
    """The cross-entropy after subtracting a margin from the true class's logit, a larger one for rarer classes."""

    bounded, convex, zero = False, True, True
    observes = OBSERVES
    search = {"max_margin": Range(0.05, 3.0, log=True)}
    units = {"max_margin": "logits, for the rarest class", "scale": "factor of all logits"}
    monotone = True
    reference = "cross-entropy of z_y - C/n_y^¼; Cao et al. 2019"
    shrink: Tensor

    def __init__(self, max_margin: float = 0.5, scale: float = 1.0) -> None:
        super().__init__()
        self.max_margin, self.scale = not_negative("max_margin", max_margin), positive("scale", scale)
        self.register_buffer("shrink", torch.ones(1))

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by parameters
        return "probability" if self.max_margin == 0 and self.scale == 1 else "distorted probability"

    def learn(self, counts: Tensor) -> None:
        wide_for_rare = counts.clamp(min=1) ** -0.25
        self.shrink = (wide_for_rare / wide_for_rare.max()).to(self.shrink)


class BinaryLDAM(_MarginByCount):
    """Cross-entropy with a margin that is wider for the rarer class.

    softplus(-scale (s - m_y)), s = logit for a target of 1, -logit for 0. The margin m_c is proportional to n_c^(-1/4),
    n_c the number of training targets of class c; the larger of both is max_margin.

    Args:
        max_margin: margin of the rarer class, in logits, at least 0.
        scale: multiplies all logits, above 0. The paper's 30 is for normalised outputs.

    Shape: logit [n], target [n] of 0 and 1; returns [n].

    Source: Cao et al., NeurIPS 2019.
    """

    kind = Kind.BINARY
    special_cases = {"max_margin=0, scale=1": "bce"}

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        self.learn(torch.stack([(target == 0).sum(), (target == 1).sum()]).double())

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        first, last = self.shrink[0], self.shrink[-1]
        margin = self.max_margin * (first + (last - first) * target)
        return functional.softplus(self.scale * (against(wide(output), target) + margin))


class ClassesLDAM(_MarginByCount):
    """Cross-entropy with margins that are wider for rarer classes.

    The cross-entropy of scale · (logits, minus m_y at the true class). The margin m_c is proportional to n_c^(-1/4),
    n_c the number of training targets of class c; the largest is max_margin.

    Args:
        max_margin: margin of the rarest class, in logits, at least 0.
        scale: multiplies all logits, above 0. The paper's 30 is for normalised outputs.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: Cao et al., NeurIPS 2019.
    """

    kind = Kind.CLASSES
    special_cases = {"max_margin=0, scale=1": "cross_entropy"}

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        self.learn(torch.bincount(target).double())

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        unseen = max(0, output.shape[1] - len(self.shrink))
        margin = self.max_margin * functional.pad(self.shrink, (0, unseen), value=1.0)[target]
        z = centred(wide(output))
        chosen = onehot(target, z)
        return cross_entropy(self.scale * (z - margin[:, None] * chosen), target)


class WeightedCrossEntropy(_Observing):
    """Cross-entropy weighted by inverse class frequency: finds more of rare classes, and overestimates their
    probabilities.

    w_y^power · -log softmax(logits)_y. By default w_c = n/(classes · n_c) from the training targets, as scikit-learn's
    "balanced". A class without training examples weighs as much as the rarest one.

    Args:
        weight: one factor per class, above 0, instead of the frequencies.
        power: exponent of the weights, at least 0: 1 gives every class the same total weight, 0 is the cross-entropy.

    Shape: logits [n, classes], target [n] int; returns [n].

    Source: King and Zeng, Political Analysis 9, 2001.
    """

    kind = Kind.CLASSES
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "-w_y^k log softmax(z)_y, w_c = n/(K n_c); King & Zeng 2001"
    special_cases = {"power=0": "cross_entropy"}
    search = {"power": Range(0.1, 1.5)}
    units = {"weight": "factor of the loss, per class", "power": "exponent of the weights; 0: equal weights"}
    balanced: Tensor

    def __init__(self, weight: Sequence[float] | None = None, power: float = 1.0) -> None:
        super().__init__()
        self.weight = None if weight is None else tuple(positive("each of weight", w) for w in weight)
        self.power = not_negative("power", power)
        self.register_buffer("balanced", torch.ones(1))

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by parameters
        even = self.power == 0 or (self.weight is not None and len(set(self.weight)) == 1)
        return "probability" if even else "distorted probability"

    @property
    def observes(self) -> str:  # type: ignore[override]  # told by a parameter
        return OBSERVES if self.weight is None else ""

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        if not self.observes:
            return
        counts = torch.bincount(target).double()
        seen = counts > 0
        counts = torch.where(seen, counts, counts[seen].min())
        self.balanced = (len(target) / (seen.sum() * counts)).to(self.balanced)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        z = wide(output)
        if self.weight is None:
            unseen = max(0, z.shape[1] - len(self.balanced))
            weight = torch.cat([self.balanced, self.balanced.amax().expand(unseen)]).to(z.dtype)
        elif len(self.weight) == z.shape[1]:
            weight = torch.tensor(self.weight, dtype=z.dtype, device=z.device)
        else:
            raise ValueError(f"weight has {len(self.weight)} numbers for {z.shape[1]} classes")
        return weight[target] ** self.power * cross_entropy(z, target)


ldam = (BinaryLDAM, ClassesLDAM)
logit_adjusted = (BinaryLogitAdjusted, ClassesLogitAdjusted)
weighted_bce = (WeightedBinaryCrossEntropy, WeightedOneAgainstTheRest)
