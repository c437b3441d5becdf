"""Cross-entropies that know how rare each class is, from the training targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Prediction, Range
from lossbench_standard.cross_entropy import one_against_the_rest
from lossbench_standard.numerics import against, centred, cross_entropy, not_negative, onehot, positive, share, wide

OBSERVES = "class counts"


class _Observing(Loss):
    """A loss that has counted classes, and takes over another's counts whatever their number."""

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        for name, own in list(self.named_buffers(recurse=False)):
            found = state_dict.get(prefix + name)
            if isinstance(found, Tensor) and found.shape != own.shape:
                setattr(self, name, own.new_empty(found.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)


class ClassBalanced(Loss):
    """Asks which class, each by what a further example of it would add: rare classes weigh more.

    The cross-entropy times w_y, w_c as (1 - beta)/(1 - beta^n_c), scaled to a mean of 1 over the two classes; n_c
    counts the training targets. logit: [n]; target: [n] in {0, 1}. 0 ≤ beta < 1; beta = 0 weighs both alike. Cui et
    al., CVPR 2019.
    """

    kind = Kind.BINARY
    bounded, convex, zero = False, True, True
    observes = OBSERVES
    monotone = True
    reference = "(1-β)/(1-β^n_y) · cross-entropy; Cui et al. 2019"
    special_cases = {"beta=0": "bce"}
    units = {"beta": "share of an example that those before it hold already"}
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
    """The cross-entropy of logits that each class's frequency has been added to, and that predictions go without."""

    bounded, convex, zero = False, True, True
    observes = OBSERVES
    units = {"tau": "times the logarithm of the class's share"}
    monotone = True
    reference = "cross-entropy of z + τ log π; Menon et al. 2021"

    def __init__(self, tau: float = 1.0) -> None:
        super().__init__()
        self.tau = not_negative("tau", tau)

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.tau == 0 else "distorted probability"


class BinaryLogitAdjusted(_LogitAdjusted):
    """Asks for the class as if both were equally frequent: the balanced error is what it makes small.

    The cross-entropy of logit + tau (log π_1 - log π_0), π the classes' shares of the training targets; predictions use
    the logit alone. logit: [n]; target: [n] in {0, 1}. Menon et al., ICLR 2021.
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
    """Asks for the class as if all were equally frequent: the balanced error is what it makes small.

    The cross-entropy of logits + tau log π, π the classes' shares of the training targets; predictions use the logits
    alone. logits: [n, classes]; target: [n] int. A class that never occurs counts as half an example. Menon et al.,
    ICLR 2021.
    """

    kind = Kind.CLASSES
    special_cases = {"tau=0": "cross_entropy"}
    log_count: Tensor

    def __init__(self, tau: float = 1.0) -> None:
        super().__init__(tau)
        # counts will do for shares, and go on for classes that only the model knows of: the softmax is the same
        self.register_buffer("log_count", torch.zeros(0))

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        self.log_count = torch.bincount(target).double().clamp(min=0.5).log().to(self.log_count)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        unseen = max(0, output.shape[1] - len(self.log_count))
        known = functional.pad(self.log_count, (0, unseen), value=math.log(0.5))
        return cross_entropy(centred(wide(output)) + self.tau * known, target)


class _MarginByCount(_Observing):
    """The cross-entropy with the true class's logit made smaller by a margin that is larger for rare classes."""

    bounded, convex, zero = False, True, True
    observes = OBSERVES
    search = {"max_margin": Range(0.05, 3.0, log=True)}
    units = {"max_margin": "logits, for the rarest class", "scale": "times all logits"}
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
    """Asks which class, with a wider margin around the rarer one.

    softplus(-scale (s - m_y)), s the logit for a target of 1, less the logit for 0; m_c as n_c^(-1/4), the larger of
    both max_margin. logit: [n]; target: [n] in {0, 1}. max_margin ≥ 0. The paper's scale of 30 is for normalised
    outputs. Cao et al., NeurIPS 2019.
    """

    kind = Kind.BINARY
    special_cases = {"max_margin=0, scale=1": "bce"}

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        self.learn(torch.stack([(target == 0).sum(), (target == 1).sum()]).double())

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        first, last = self.shrink[0], self.shrink[-1]
        due = self.max_margin * (first + (last - first) * target)
        return functional.softplus(self.scale * (against(wide(output), target) + due))


class ClassesLDAM(_MarginByCount):
    """Asks which class, with wider margins around rarer ones.

    The cross-entropy of scale · (logits less m_y at the true class), m_c as n_c^(-1/4), the largest max_margin. logits:
    [n, classes]; target: [n] int. The paper's scale of 30 is for normalised outputs. Cao et al., NeurIPS 2019.
    """

    kind = Kind.CLASSES
    special_cases = {"max_margin=0, scale=1": "cross_entropy"}

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        self.learn(torch.bincount(target).double())

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        unseen = max(0, output.shape[1] - len(self.shrink))
        due = self.max_margin * functional.pad(self.shrink, (0, unseen), value=1.0)[target]
        z = centred(wide(output))
        chosen = onehot(target, z)
        return cross_entropy(self.scale * (z - due[:, None] * chosen), target)


class _WeightedPositives(Loss):
    """The binary cross-entropy with positives that weigh `pos_weight` times as much as negatives."""

    bounded, convex, zero = False, True, True
    monotone = True
    search = {"pos_weight": Range(0.3, 30.0, log=True)}
    units = {"pos_weight": "times a negative's weight; None: as many as there are negatives for each positive"}

    def __init__(self, pos_weight: float | None = None) -> None:
        super().__init__()
        # NaN for None: trainings of a stack may differ in a number, but not in whether there is one
        self.given = math.nan if pos_weight is None else positive("pos_weight", pos_weight)

    @property
    def pos_weight(self) -> float | None:
        return None if math.isnan(self.given) else self.given

    @property
    def elicits(self) -> str:  # type: ignore[override]  # told by a parameter
        return "probability" if self.given == 1 else "distorted probability"

    def or_else(self, balanced: Tensor | float) -> Tensor | float:
        """The weight of a positive: the one that was given, or else this one."""
        if isinstance(self.given, Tensor):
            return torch.where(self.given.isnan(), balanced, self.given)
        return balanced if math.isnan(self.given) else self.given


class WeightedBinaryCrossEntropy(_WeightedPositives):
    """Asks which class, with positives that weigh more: the probabilities of a rare class come out too high.

    w · y · softplus(-z) + (1 - y) · softplus(z), w = pos_weight: `bce` with its weight tuned. logit z: [n]; target y:
    [n] in {0, 1}. pos_weight > 0; None is the number of negatives over that of positives among the training targets, so
    that both classes weigh the same in all. King and Zeng, Political Analysis 9, 2001.
    """

    kind = Kind.BINARY
    reference = "-w y log p - (1 - y) log(1 - p), p = sigmoid(z); King & Zeng 2001"
    special_cases = {"pos_weight=1": "bce"}
    raises = {"pos_weight": "positives"}
    balanced: Tensor

    def __init__(self, pos_weight: float | None = None) -> None:
        super().__init__(pos_weight)
        self.register_buffer("balanced", torch.ones(()))

    @property
    def observes(self) -> str:  # type: ignore[override]  # told by a parameter
        return OBSERVES if self.pos_weight is None else ""

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        if not self.observes:
            return
        positives = target.double().sum()
        self.balanced = ((len(target) - positives).clamp(min=1) / positives.clamp(min=1)).to(self.balanced)

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        weight = self.or_else(self.balanced)
        return (weight * target + (1 - target)) * functional.softplus(against(wide(output), target))


class WeightedOneAgainstTheRest(_WeightedPositives):
    """Asks of every class by itself whether it is the one, and weighs the one more than the rest.

    Σ_c of the binary cross-entropy of logit c against [c = target], its positives times `pos_weight`: `bce` with its
    weight tuned. logits: [n, classes]; target: [n] int. pos_weight > 0; None is classes - 1, the number of negatives
    for each positive.
    """

    kind = Kind.CLASSES
    reference = "Σ_c weighted binary cross-entropy of z_c against [c = y]"
    special_cases = {"pos_weight=1": "bce"}

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        z = wide(output)
        chosen = onehot(target, z)
        weight = self.or_else(torch.full((), z.shape[1] - 1.0, dtype=z.dtype, device=z.device))
        if isinstance(weight, Tensor) and weight.ndim:
            weight = weight[:, None]
        return ((weight * chosen + (1 - chosen)) * functional.softplus(against(z, chosen))).sum(1)

    def predict(self, output: Tensor) -> Prediction:
        return one_against_the_rest(output)


class WeightedCrossEntropy(_Observing):
    """Asks which class, each weighed by how rare it is: the probabilities of rare classes come out too high.

    w_y^power · -log softmax(logits)_y, w_c = n/(classes · n_c) of the training targets (as scikit-learn's "balanced"),
    or `weight` where it is given. logits: [n, classes]; target y: [n] int. power ≥ 0: 1 makes every class weigh the
    same in all, 0 is the cross-entropy. A class that never occurs weighs as much as the rarest. King and Zeng,
    Political Analysis 9, 2001.
    """

    kind = Kind.CLASSES
    bounded, convex, zero = False, True, True
    monotone = True
    reference = "-w_y^k log softmax(z)_y, w_c = n/(K n_c); King & Zeng 2001"
    special_cases = {"power=0": "cross_entropy"}
    search = {"power": Range(0.1, 1.5)}
    units = {"weight": "of each class, times its loss", "power": "of the weights: 0 for all alike"}
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
