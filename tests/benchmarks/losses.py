"""Every pointwise loss that somebody else has too, against the fastest of the others: forward and backward, in turn."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.errors import LossbenchError
from lossbench.loss import Kind
from lossbench.testing import subjects
from lossbench.testing.subject import Batch, Subject
from lossbench.testing.timing import Setting, in_turn, step_of
from tests.benchmarks.measure import Line, spread

BATCH, CLASSES = 4096, 9
GOAL = 1.15
Unreduced = Callable[[Tensor, Tensor], Tensor]


def gaussian(output: Tensor, target: Tensor) -> Tensor:
    variance = functional.softplus(output[:, 1]) + 1e-6
    return functional.gaussian_nll_loss(output[:, 0], target, variance, reduction="none")


def focal(output: Tensor, target: Tensor) -> Tensor:
    """As torchvision has it, without alpha."""
    p = torch.sigmoid(output)
    ce = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    return ce * (1 - (p * target + (1 - p) * (1 - target))) ** 2


TORCHS: dict[tuple[str, Kind], Unreduced] = {
    ("mse", Kind.CONTINUOUS): lambda z, y: functional.mse_loss(z, y, reduction="none"),
    ("mae", Kind.CONTINUOUS): lambda z, y: functional.l1_loss(z, y, reduction="none"),
    ("huber", Kind.CONTINUOUS): lambda z, y: functional.huber_loss(z, y, reduction="none"),
    ("poisson_nll", Kind.CONTINUOUS): lambda z, y: functional.poisson_nll_loss(z, y, reduction="none"),
    ("gaussian_nll", Kind.CONTINUOUS): gaussian,
    ("bce", Kind.BINARY): lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="none"),
    ("focal", Kind.BINARY): focal,
    ("cross_entropy", Kind.CLASSES): lambda z, y: functional.cross_entropy(z, y, reduction="none"),
}
LIBRARIES: dict[tuple[str, Kind], tuple[str, ...]] = {
    ("huber", Kind.CONTINUOUS): ("keras_huber",),
    ("log_cosh", Kind.CONTINUOUS): ("keras_log_cosh",),
    ("cauchy", Kind.CONTINUOUS): ("kornia_cauchy",),
    ("welsch", Kind.CONTINUOUS): ("kornia_welsch",),
    ("msle", Kind.CONTINUOUS): ("keras_msle",),
    ("hinge", Kind.BINARY): ("keras_hinge",),
    ("squared_hinge", Kind.BINARY): ("keras_squared_hinge",),
    ("focal", Kind.BINARY): ("keras_focal", "kornia_focal", "monai_focal", "imbalanced_focal"),
    ("focal", Kind.CLASSES): ("keras_focal", "kornia_focal", "monai_focal", "imbalanced_focal"),
    ("gce", Kind.CLASSES): ("keras_gce",),
}
"""By the plugin packages that bring them; those that are not installed are left out."""


def losses(rounds: int) -> Iterator[Line]:
    """One line a loss: its time over that of the fastest rival, at 4,096 targets on one thread."""
    for name, kind in sorted({*TORCHS, *LIBRARIES}, key=lambda one: (one[1].value, one[0])):
        (subject,) = subjects(name, kind)
        setting = Setting(BATCH, CLASSES if kind is Kind.CLASSES else 3)
        steps = {"ours": step_of(subject, setting)[0]}
        if (name, kind) in TORCHS:
            steps["torch"] = _plain(TORCHS[name, kind], subject, setting)
        for library in LIBRARIES.get((name, kind), ()):
            try:
                (rival,) = subjects(library, kind)
                steps[library] = step_of(rival, setting)[0]
            except (LossbenchError, ValueError):
                continue
        if len(steps) == 1:
            continue
        times = dict(zip(steps, in_turn(list(steps.values()), rounds=5 * rounds), strict=True))
        best = min((other for other in times if other != "ours"), key=lambda other: statistics.median(times[other]))
        ratios = [a / b for a, b in zip(times["ours"], times[best], strict=True)]
        found = (statistics.median(ratios), min(ratios), max(ratios))
        what = f"`{name}` ({kind.value}), {BATCH:,} targets"
        yield Line(
            what, f"{spread(found)} x", f"{best}, the fastest of {len(steps) - 1}", f"≤ {GOAL}", found[0] <= GOAL
        )


def _plain(loss: Unreduced, subject: Subject, setting: Setting) -> Callable[[], None]:
    batch: Batch = subject.batch(setting.batch, classes=setting.classes).to(torch.float32)
    values = batch.values.detach().clone().requires_grad_()

    def step() -> None:
        torch.autograd.grad(loss(values, batch.target).sum(), values)

    return step
