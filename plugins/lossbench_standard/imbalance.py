"""Cross-entropies that know how rare each class is, from the training targets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Range
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

    elicits = "distorted probability"
    bounded, convex, zero = False, True, True
    observes = OBSERVES
    search = {"max_margin": Range(0.05, 3.0, log=True)}
    units = {"max_margin": "logits, for the rarest class", "scale": "times all logits"}
    monotone = True
    reference = "cross-entropy of z_y - C/n_y^¼; Cao et al. 2019"
    shrink: Tensor

    def __init__(self, max_margin: float = 0.5, scale: float = 1.0) -> None:
        super().__init__()
        self.max_margin, self.scale = positive("max_margin", max_margin), positive("scale", scale)
        self.register_buffer("shrink", torch.ones(1))

    def learn(self, counts: Tensor) -> None:
        wide_for_rare = counts.clamp(min=1) ** -0.25
        self.shrink = (wide_for_rare / wide_for_rare.max()).to(self.shrink)


class BinaryLDAM(_MarginByCount):
    """Asks which class, with a wider margin around the rarer one.

    softplus(-scale (s - m_y)), s the logit for a target of 1, less the logit for 0; m_c as n_c^(-1/4), the larger of
    both max_margin. logit: [n]; target: [n] in {0, 1}. The paper's scale of 30 is for normalised outputs. Cao et al.,
    NeurIPS 2019.
    """

    kind = Kind.BINARY
    special_cases = {"max_margin=1e-9, scale=1": "≈ bce"}

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
    special_cases = {"max_margin=1e-9, scale=1": "≈ cross_entropy"}

    def observe(self, target: Tensor) -> None:  # type: ignore[override]  # of its kind
        self.learn(torch.bincount(target).double())

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        unseen = max(0, output.shape[1] - len(self.shrink))
        due = self.max_margin * functional.pad(self.shrink, (0, unseen), value=1.0)[target]
        z = centred(wide(output))
        chosen = onehot(target, z)
        return cross_entropy(self.scale * (z - due[:, None] * chosen), target)


ldam = (BinaryLDAM, ClassesLDAM)
logit_adjusted = (BinaryLogitAdjusted, ClassesLogitAdjusted)
