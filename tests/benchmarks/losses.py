"""Every built-in loss that somebody else has too, against the fastest of the others: forward and backward, in turn, by
the seconds that the one thread has computed.

Rivals are tried at the same batch first: one that gives other values is another loss, and an error here.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lossbench.loss import Kind, Loss, Sequences
from lossbench.loss.catalogue import catalogue
from lossbench.probe.subject import Batch, value
from lossbench.probe.timing import Setting, in_turn, step_of
from lossbench.testing import subjects
from tests.benchmarks.measure import Line, spread

BATCH, CLASSES = 4096, 9
GOAL = 1.15
CRF_GOAL = 0.5
Unreduced = Callable[[Tensor, Tensor], Tensor]
Step = Callable[[], object]


@dataclass(frozen=True)
class Rivals:
    """A loss at some parameters, torch's own function for it, and plugins with theirs, by name."""

    loss: str
    kind: Kind
    torchs: Unreduced | None = None
    libraries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.loss}({given})" if given else self.loss


def gaussian(output: Tensor, target: Tensor) -> Tensor:
    variance = functional.softplus(output[:, 1]) + 1e-6
    return functional.gaussian_nll_loss(output[:, 0], target, variance, reduction="none")


def focal(output: Tensor, target: Tensor) -> Tensor:
    """As torchvision has it, without alpha."""
    p = torch.sigmoid(output)
    ce = functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    return ce * (1 - (p * target + (1 - p) * (1 - target))) ** 2


def smoothed(output: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(output, 0.9 * target + 0.05, reduction="none")


def unreduced(function: Callable[..., Tensor], **params: Any) -> Unreduced:
    return lambda output, target: function(output, target, reduction="none", **params)


PLAIN: Mapping[str, Any] = {}
CONTINUOUS, BINARY, MANY = Kind.CONTINUOUS, Kind.BINARY, Kind.CLASSES
ALL = (
    Rivals("mse", CONTINUOUS, unreduced(functional.mse_loss), {"keras_mse": PLAIN}),
    Rivals("mae", CONTINUOUS, unreduced(functional.l1_loss), {"keras_mae": PLAIN}),
    Rivals("huber", CONTINUOUS, unreduced(functional.huber_loss), {"keras_huber": PLAIN}),
    Rivals("log_cosh", CONTINUOUS, None, {"keras_log_cosh": PLAIN}),
    Rivals("cauchy", CONTINUOUS, None, {"kornia_cauchy": PLAIN}),
    Rivals("welsch", CONTINUOUS, None, {"kornia_welsch": PLAIN}),
    Rivals("barron", CONTINUOUS, None, {"kornia_charbonnier": PLAIN}, {"alpha": 1.0}),
    Rivals("barron", CONTINUOUS, None, {"kornia_geman_mcclure": PLAIN}, {"alpha": -2.0}),
    Rivals("poisson_nll", CONTINUOUS, unreduced(functional.poisson_nll_loss), {"keras_poisson": PLAIN}),
    Rivals("gaussian_nll", CONTINUOUS, gaussian),
    Rivals("bce", BINARY, unreduced(functional.binary_cross_entropy_with_logits), {"keras_bce": PLAIN}),
    Rivals("label_smoothing_bce", BINARY, smoothed, {"keras_bce": {"label_smoothing": 0.1}}, {"epsilon": 0.1}),
    Rivals("focal", BINARY, focal, {"keras_focal": PLAIN, "kornia_focal": {"alpha": None}, "monai_focal": PLAIN}),
    Rivals(
        "focal",
        BINARY,
        None,
        {"kornia_focal": PLAIN, "monai_focal": {"alpha": 0.25}, "imbalanced_focal": PLAIN},
        {"alpha": 0.25},
    ),
    Rivals("hinge", BINARY, None, {"keras_hinge": PLAIN}),
    Rivals("squared_hinge", BINARY, None, {"keras_squared_hinge": PLAIN}),
    Rivals("cross_entropy", MANY, unreduced(functional.cross_entropy), {"keras_scce": PLAIN, "keras_cce": PLAIN}),
    Rivals(
        "cross_entropy",
        MANY,
        unreduced(functional.cross_entropy, label_smoothing=0.1),
        {"keras_cce": {"label_smoothing": 0.1}},
        {"label_smoothing": 0.1},
    ),
    Rivals("focal", MANY, None, {"imbalanced_focal": PLAIN}),
    Rivals("gce", MANY, None, {"keras_gce": {"q": 0.7}}),
)


def losses(rounds: int) -> Iterator[Line]:
    """One line a loss: its time over that of the fastest rival, at 4,096 targets on one thread."""
    known = {plugin.name for plugin in catalogue().plugins}
    for rivals in ALL:
        (subject,) = subjects(rivals.loss, rivals.kind, **rivals.params)
        setting = Setting(BATCH, CLASSES if rivals.kind is Kind.CLASSES else 3)
        batch = subject.batch(BATCH, classes=setting.classes).to(torch.float32)
        wanted = value(subject.loss(torch.float32, setting.classes), batch)
        steps: dict[str, Step] = {"ours": step_of(subject, setting)[0]}
        if rivals.torchs is not None:
            same(rivals, "torch", rivals.torchs(batch.values, batch.target), wanted)
            steps["torch"] = plain(rivals.torchs, batch)
        for library, params in rivals.libraries.items():
            if library in known:
                (rival,) = subjects(library, rivals.kind, **params)
                same(rivals, library, value(rival.loss(torch.float32, setting.classes), batch), wanted)
                steps[library] = step_of(rival, setting)[0]
        if len(steps) > 1:
            yield compared(f"`{rivals}` ({rivals.kind.value}), {BATCH:,} targets", steps, 5 * rounds, GOAL)


def crf(rounds: int) -> Iterator[Line]:
    """The time of `crf` over pytorch-crf's, called as its users call it: padded, with a mask, in float32."""
    if find_spec("torchcrf") is None:
        return
    (subject,) = subjects("crf", Kind.SEQUENCES)
    generator = torch.Generator().manual_seed(0)
    for what, lengths in {
        "all of 64 words": torch.full((32,), 64),
        "of 1 to 64 words": torch.cat([torch.tensor([64]), torch.randint(1, 65, (31,), generator=generator)]),
    }.items():
        n = int(lengths.sum())
        values = torch.randn(n, CLASSES, generator=generator)
        labels = torch.randint(CLASSES, (n,), generator=generator)
        loss = subject.loss(torch.float32, CLASSES)
        loss.trusts_targets = True
        ours, theirs = packed(loss, values, labels, lengths), padded(loss, values, labels, lengths)
        mine, other = ours(), theirs()
        if not torch.allclose(mine, other, rtol=1e-4):
            raise AssertionError(f"crf gives {mine[:3].tolist()} where pytorch-crf gives {other[:3].tolist()}")
        yield compared(f"`crf`, 32 sentences {what}, 9 labels", {"ours": ours, "pytorch-crf": theirs}, rounds, CRF_GOAL)


def compared(what: str, steps: Mapping[str, Step], rounds: int, goal: float) -> Line:
    times = dict(zip(steps, in_turn(list(steps.values()), rounds, time.thread_time), strict=True))
    best = min((other for other in times if other != "ours"), key=lambda other: statistics.median(times[other]))
    ratios = [a / b for a, b in zip(times["ours"], times[best], strict=True)]
    found = (statistics.median(ratios), min(ratios), max(ratios))
    fastest = best if len(steps) == 2 else f"{best}, the fastest of {len(steps) - 1}"
    return Line(what, f"{spread(found)} x", fastest, f"≤ {goal}", found[0] <= goal)


def same(rivals: Rivals, whose: str, theirs: Tensor, ours: Tensor) -> None:
    """Raises AssertionError unless both are the same loss, but for what probabilities clipped at 1e-7 lose."""
    if not torch.allclose(theirs.flatten(), ours, rtol=1e-4, atol=1e-4):
        raise AssertionError(f"{whose} is not {rivals}: {theirs.flatten()[:3].tolist()} for {ours[:3].tolist()}")


def plain(loss: Unreduced, batch: Batch) -> Step:
    values = batch.values.detach().clone().requires_grad_()
    return lambda: torch.autograd.grad(loss(values, batch.target).sum(), values)


def packed(loss: Loss, values: Tensor, labels: Tensor, lengths: Tensor) -> Callable[[], Tensor]:
    """A step of ours, which gives its losses."""
    output, target = Sequences(values.clone().requires_grad_(), lengths), Sequences(labels, lengths)
    learned = [output.values, *loss.parameters()]

    def step() -> Tensor:
        losses = loss(output, target)
        torch.autograd.grad(losses.sum(), learned)
        return losses

    return step


def padded(ours: Loss, values: Tensor, labels: Tensor, lengths: Tensor) -> Callable[[], Tensor]:
    """A step of pytorch-crf's with our parameters, which gives its losses."""
    import torchcrf

    crf = torchcrf.CRF(CLASSES, batch_first=True)
    crf.load_state_dict(
        {
            "start_transitions": ours.get_parameter("start").detach(),
            "end_transitions": ours.get_parameter("end").detach(),
            "transitions": ours.get_parameter("transitions").detach(),
        }
    )
    pieces = torch.split(values, lengths.tolist())
    emissions = torch.nn.utils.rnn.pad_sequence(list(pieces), batch_first=True).requires_grad_()
    tags = torch.nn.utils.rnn.pad_sequence(list(torch.split(labels, lengths.tolist())), batch_first=True)
    mask = torch.arange(emissions.shape[1]) < lengths[:, None]
    learned = [emissions, *crf.parameters()]

    def step() -> Tensor:
        losses: Tensor = -crf(emissions, tags, mask=mask, reduction="none")
        torch.autograd.grad(losses.sum(), learned)
        return losses

    return step
