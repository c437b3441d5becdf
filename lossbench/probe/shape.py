"""The shape of a loss: its value and gradient for one target, along the raw output."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench.loss import Kind, Loss, Sequences
from lossbench.tasks.contract import Scored

SHAPE_POINTS = 201


def loss_shape(loss: Loss) -> dict[str, NDArray[np.float64]]:
    """The loss's value and gradient at 201 points: residuals -5..5, or logits -10..10 of the true class.

    `shape/x`, `shape/value`, `shape/gradient`, and for binary targets `..._negative` for a target of 0. Other outputs,
    such as a variance or further classes, stay at 0. Empty if the loss cannot be called on one target.
    """
    span = 5.0 if loss.kind is Kind.CONTINUOUS else 10.0
    x = np.linspace(-span, span, SHAPE_POINTS)
    found = {"shape/x": x}
    for suffix, label in (("", 1), ("_negative", 0)) if loss.kind is Kind.BINARY else (("", 0),):
        try:
            pairs = [_at(loss, x, label)] if loss.pointwise else []
            if not pairs or not _alone(loss, x, label, pairs[0]):
                pairs = [_at(loss, x[place : place + 1], label) for place in range(len(x))]
        except Exception:  # a loss that needs more than one target has no such shape; training reports other errors
            return {}
        found[f"shape/value{suffix}"] = np.concatenate([values for values, _ in pairs])
        found[f"shape/gradient{suffix}"] = np.concatenate([gradients for _, gradients in pairs])
    return found


def pull(loss: Loss, scored: Scored) -> dict[str, NDArray[Any]]:
    """The gradient of each training row at the end of training, and how difficult the row still is.

    `pull/size`: [n] the absolute gradient of the loss with respect to the row's raw outputs, summed over them.
    `pull/target`: [n]. `pull/difficulty`: [n] 1 - probability of the true class, or the absolute residual in the
    loss's unit. For texts, rows are words. Empty if the loss has no gradient, or no probability of classes.
    """
    values = scored.output.values if isinstance(scored.output, Sequences) else scored.output
    target = scored.target.values if isinstance(scored.target, Sequences) else scored.target
    values = values.detach().clone().requires_grad_()
    output = Sequences(values, scored.output.lengths) if isinstance(scored.output, Sequences) else values
    prediction = loss.predict(scored.output)
    p = prediction.probability
    if loss.kind is Kind.CONTINUOUS:
        difficulty = (prediction.score - target).abs()
    elif p is None:
        return {}
    elif loss.kind is Kind.BINARY:
        difficulty = 1 - torch.where(target > 0.5, p, 1 - p)
    else:
        difficulty = 1 - p.gather(1, target[:, None]).squeeze(1)
    target = target.clone()  # the loss may write into its own copy
    losses = loss(output, scored.target)
    (gradient,) = torch.autograd.grad(losses.sum(), values)
    size = gradient.abs().view(len(target), -1).sum(1)
    found = {"size": size.float(), "target": target, "difficulty": difficulty.detach().float()}
    return {f"pull/{name}": tensor.numpy() for name, tensor in found.items()}


def _alone(loss: Loss, x: NDArray[np.float64], label: int, found: tuple[NDArray[np.float64], ...]) -> bool:
    """Whether single points have the same values and slopes as among all others."""
    some = (0, len(x) // 3, len(x) - 1)
    return all(
        np.allclose(one[0], all_[place], rtol=1e-4, atol=1e-6)
        for place in some
        for one, all_ in zip(_at(loss, x[place : place + 1], label), found, strict=True)
    )


def _at(loss: Loss, x: NDArray[np.float64], label: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The losses [n] of targets of one label with their first outputs at x [n], and their derivatives there."""
    n, classes = len(x), 3 if loss.kind in (Kind.CLASSES, Kind.SEQUENCES) else 1
    output = torch.zeros(n, loss.outputs(classes))
    output[:, 0] = torch.from_numpy(x)
    if loss.kind in (Kind.CONTINUOUS, Kind.BINARY) and output.shape[1] == 1:
        output = output.squeeze(1)
    output.requires_grad_()
    target = torch.full((n,), label) if classes > 1 else torch.full((n,), float(label))
    ones = torch.ones(n, dtype=torch.long)
    pair = (Sequences(output, ones), Sequences(target, ones)) if loss.kind is Kind.SEQUENCES else (output, target)
    losses = loss(*pair)
    (gradient,) = torch.autograd.grad(losses.sum(), output)
    return losses.detach().view(n).double().numpy(), gradient.view(n, -1)[:, 0].double().numpy()
