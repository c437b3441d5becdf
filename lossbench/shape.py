"""What a loss looks like: its value and its pull on one target, along the raw output."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lossbench.loss import Kind, Loss, Sequences

SHAPE_POINTS = 201


def loss_shape(loss: Loss) -> dict[str, NDArray[np.float64]]:
    """The loss's value and gradient on 201 points: residuals -5..5, or logits -10..10 of the class at hand.

    `shape/x`, `shape/value`, `shape/gradient`, and for binary targets `..._negative` for a target of 0. Other outputs,
    as a variance or further classes, stay at 0. Empty where the loss cannot be called on one target.
    """
    span = 5.0 if loss.kind is Kind.CONTINUOUS else 10.0
    x = np.linspace(-span, span, SHAPE_POINTS)
    found = {"shape/x": x}
    for suffix, label in (("", 1), ("_negative", 0)) if loss.kind is Kind.BINARY else (("", 0),):
        try:
            pairs = [_at(loss, value, label) for value in x]
        except Exception:  # a loss that needs more than one target has no such shape; the training says the rest
            return {}
        found[f"shape/value{suffix}"] = np.array([value for value, _ in pairs])
        found[f"shape/gradient{suffix}"] = np.array([gradient for _, gradient in pairs])
    return found


def _at(loss: Loss, value: float, label: int) -> tuple[float, float]:
    """The loss of one target with the first output at `value`, and its derivative there."""
    classes = 3 if loss.kind in (Kind.CLASSES, Kind.SEQUENCES) else 1
    output = torch.zeros(1, loss.outputs(classes))
    output[0, 0] = value
    if loss.kind in (Kind.CONTINUOUS, Kind.BINARY) and output.shape[1] == 1:
        output = output.squeeze(1)
    output.requires_grad_()
    target = torch.tensor([label]) if classes > 1 else torch.tensor([float(label)])
    one = torch.tensor([1])
    pair = (Sequences(output, one), Sequences(target, one)) if loss.kind is Kind.SEQUENCES else (output, target)
    result = loss(*pair).sum()
    (gradient,) = torch.autograd.grad(result, output)
    return float(result.detach()), float(gradient.flatten()[0])
