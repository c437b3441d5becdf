"""Warnings about a loss before training, found on its training targets.

None of them is an error: the loss is trained anyway, since it may be meant that way.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lossbench.loss import Domain, Kind, Loss, Sequences
from lossbench.loss.adapted import Adapted
from lossbench.probe.law import process_kept

SIZE = 4.0
"""Largest output tried: confident, but within reach of training."""
SHOWN = 32
"""Number of targets tried, evenly spaced among the sorted ones."""
FEW = 0.05
"""Problems with a smaller share of the training targets are not mentioned."""


@dataclass(frozen=True)
class Answers:
    """A loss on a grid of outputs, for every target that was tried.

    value, slope: [targets, outputs]; slope by the first raw output (for classes, the largest of all).
    right: [targets, outputs], larger for better outputs. share: [targets], of the training targets.
    """

    targets: Sequence[str]
    outputs: Sequence[str]
    value: Tensor
    slope: Tensor
    right: Tensor
    share: Tensor


def doubts(loss: Loss, target: Tensor | Sequences, classes: int) -> list[str]:
    """Warnings about a loss, without its name, most important first; none for sequences, or if the loss fails.

    loss: ready for training. target: the training targets as the loss gets them [n]. classes: 1 except for classes.
    """
    with process_kept():
        try:
            if swapped := _targets_first(loss):
                return [swapped]
            if isinstance(target, Sequences):
                return []
            if not loss.pointwise:
                return list(_of_sets(loss, target, classes))
            return list(_of_rows(loss, _answers(loss, target, classes)))
        except Exception:  # of any kind: training will report it
            return []


TRUE = frozenset(["y_true", "true", "target", "targets", "label", "labels", "truth", "ground_truth", "gt"])
PREDICTED = frozenset(
    [stem + end for stem in ("output", "input", "logit", "pred", "prediction") for end in ("", "s")]
    + ["y_pred", "y_hat", "yhat", "predicted"]
)
"""Common names of the two arguments of a loss."""


def _targets_first(loss: Loss) -> str | None:
    """A warning if the names of a custom loss's arguments suggest that targets come first, and `order` is not set."""
    if not isinstance(loss, Adapted) or loss.true_first:
        return None
    call = loss.function if loss.module is None else loss.module.forward
    assert call is not None
    names = list(inspect.signature(call).parameters)[:2]
    if len(names) == 2 and names[0].lower() in TRUE and names[1].lower() in PREDICTED:
        return f"takes ({', '.join(names)}), which looks as if targets come first: if so, add loss.order=true_pred"
    return None


def _of_rows(loss: Loss, found: Answers) -> Iterator[str]:
    finite = torch.isfinite(found.value) & torch.isfinite(found.slope)
    if not finite.all():
        yield from _not_finite(loss, found, finite)
        return
    if (found.value - found.value[:1]).abs().max() <= 1e-6 * found.value.abs().max():
        yield "gives the same values for all targets: does it use them?"
        return
    silent = (found.slope == 0).all(1)
    if share := float(found.share[silent].sum()):
        if loss.kind is Kind.CONTINUOUS:
            if share >= FEW:
                yield f"has no gradient for {share:.0%} of the training targets, whatever the model predicts"
        else:
            names = " and ".join(name for name, quiet in zip(found.targets, silent.tolist(), strict=True) if quiet)
            yield f"has no gradient for targets of {names} ({share:.0%} of the training rows){_signs(loss)}"
    best, worst = found.right.argmax(1, keepdim=True), found.right.argmin(1, keepdim=True)
    falling = (found.value.gather(1, best) > found.value.gather(1, worst)).squeeze(1)
    if float(found.share[falling].sum()) > 0.5:
        yield FALLS


FALLS = (
    "is larger for correct predictions than for wrong ones. Does it take its arguments in the other order "
    "(loss.order=true_pred), or is it a score that should be maximised?"
)


def _signs(loss: Loss) -> str:
    if loss.kind is not Kind.BINARY or not isinstance(loss, Adapted) or loss.labels is not None:
        return ""
    return ". If it takes labels of -1 and 1, add 'loss.labels=[-1,1]'"


def _not_finite(loss: Loss, found: Answers, finite: Tensor) -> Iterator[str]:
    """Warnings about NaN and infinity, caused by targets or by outputs."""
    bad = ~finite.any(1)
    if loss.kind is Kind.CONTINUOUS and bad.any() and not bad.all():
        share = float(found.share[bad].sum())
        amounts = loss.kind is Kind.CONTINUOUS and loss.domain is Domain.REAL and isinstance(loss, Adapted)
        advice = ". If it needs targets of 0 and above, add loss.domain=nonnegative" if amounts else ""
        yield f"is NaN or infinite for {share:.0%} of the training targets{advice}"
        return
    some = [name for name, fine in zip(found.outputs, finite.all(0).tolist(), strict=True) if not fine]
    advice = ""
    if isinstance(loss, Adapted) and loss.input == "raw":
        advice = {
            Kind.CONTINUOUS: ". If it needs outputs above 0, add loss.link=softplus loss.input=prediction",
        }.get(loss.kind, ". If it takes probabilities, add loss.input=probability")
    yield f"is NaN or infinite at outputs such as {some[0]}{advice}"


# Answers --------------------------------------------------------------------------------------------------------------


def _answers(loss: Loss, target: Tensor, classes: int) -> Answers:
    match loss.kind:
        case Kind.CONTINUOUS:
            return _of_numbers(loss, target)
        case Kind.BINARY:
            grid = torch.linspace(-SIZE, SIZE, 9)
            labels, share = torch.tensor([0.0, 1.0]), torch.stack([1 - target.mean(), target.mean()])
            value, slope = _called(loss, grid.repeat(2), labels.repeat_interleave(len(grid)), len(grid))
            right = torch.stack([-grid, grid])
            return Answers(["0", "1"], [f"{z:g}" for z in grid.tolist()], value, slope, right, share)
    return _of_classes(loss, target, classes)


def _of_numbers(loss: Loss, target: Tensor) -> Answers:
    spaced = torch.linspace(0, len(target) - 1, min(SHOWN, len(target))).long()
    shown, grid = target.sort().values[spaced], torch.linspace(-SIZE, SIZE, 33)
    count = loss.outputs(1)
    output = grid.repeat(len(shown))
    if count > 1:
        output = torch.nn.functional.pad(output[:, None], (0, count - 1))
    value, slope = _called(loss, output, shown.repeat_interleave(len(grid)), len(grid))
    with torch.no_grad():
        predicted = loss.predict(output).score.view(len(shown), -1)
    right = -(predicted - shown[:, None]).abs()
    share = torch.full((len(shown),), 1 / len(shown))
    return Answers([f"{y:.3g}" for y in shown.tolist()], [f"{z:g}" for z in grid.tolist()], value, slope, right, share)


def _of_classes(loss: Loss, target: Tensor, classes: int) -> Answers:
    """For every class, outputs that are confident in each class, and one that is confident in none."""
    columns = loss.outputs(classes)
    output = torch.cat([SIZE * torch.eye(classes, columns), torch.zeros(1, columns)])
    labels = torch.arange(classes)
    value, slope = _called(loss, output.repeat(classes, 1), labels.repeat_interleave(len(output)), len(output))
    right = torch.cat([2 * torch.eye(classes), torch.ones(classes, 1)], 1)
    names = [*(f"{SIZE:g} for class {label}" for label in labels.tolist()), "0 for every class"]
    share = torch.bincount(target, minlength=classes) / len(target)
    return Answers([str(label) for label in labels.tolist()], names, value, slope, right, share)


def _called(loss: Loss, output: Tensor, target: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Values and slopes [targets, width] of a loss at outputs [targets * width] or [targets * width, columns]."""
    output = output.clone().requires_grad_()
    losses = loss(output, target)
    (slope,) = torch.autograd.grad(losses.sum(), output)
    largest = slope if slope.ndim == 1 else slope.abs().amax(1)
    return losses.detach().view(-1, width), largest.view(-1, width)


# Sets -----------------------------------------------------------------------------------------------------------------


def _of_sets(loss: Loss, target: Tensor, classes: int) -> Iterator[str]:
    """A set loss on 64 real targets, with correct and wrong outputs."""
    spaced = torch.linspace(0, len(target) - 1, min(64, len(target))).long()
    shown = target.sort().values[spaced]
    noise = 0.1 * torch.randn(len(shown))
    match loss.kind:
        case Kind.BINARY:
            right = SIZE * (2 * shown - 1) + noise
            wrong = -right
        case Kind.CONTINUOUS:
            right = shown + noise
            wrong = shown.mean() - (shown - shown.mean()) + noise
        case _:
            wide = torch.nn.functional.one_hot(shown, classes).float()
            right = SIZE * wide + noise[:, None]
            wrong = SIZE * wide.roll(1, 1) + noise[:, None]
    if loss.outputs(classes) != (1 if right.ndim == 1 else right.shape[1]):
        return
    with torch.no_grad():
        for_right, for_wrong = float(loss(right, shown)), float(loss(wrong, shown))
        turned = float(loss(right, shown.flip(0)))
    if for_right == for_wrong == turned:
        yield "gives the same value for all outputs and targets"
    elif for_right > for_wrong:
        yield FALLS
