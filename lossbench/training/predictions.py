"""Predictions of many trainings side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lossbench.loss import Loss, Prediction, check_prediction

FULL = 64
"""Rows in a flat call are filled up to a multiple of it: vectorised kernels round the rest in another way."""


def predicted(loss: Loss, output: Tensor) -> Prediction:
    """Of outputs [r, n, ...] that one loss may read in one call; on the CPU, where metrics are computed."""
    rows = len(output) * output.shape[1]
    raw = output.flatten(0, 1)
    raw = torch.cat([raw, raw[torch.arange(-rows % FULL, device=raw.device) % rows]])
    prediction = loss.predict(raw)
    check_prediction(loss.kind, prediction, raw)
    return prediction.each(lambda values: values[:rows].unflatten(0, (len(output), -1)).cpu())


def joined(pieces: Sequence[Prediction]) -> Prediction:
    """The concatenated predictions of replicas that all have the same parts."""

    def one(read: Callable[[Prediction], Tensor | None]) -> Tensor | None:
        there = [value for piece in pieces if (value := read(piece)) is not None]
        return torch.cat(there) if len(there) == len(pieces) else None

    def both(read: Callable[[Prediction], tuple[Tensor, Tensor] | None]) -> tuple[Tensor, Tensor] | None:
        there = [pair for piece in pieces if (pair := read(piece)) is not None]
        if len(there) < len(pieces):
            return None
        one, other = (torch.cat(side) for side in zip(*there, strict=True))
        return one, other

    levels = {piece.quantiles[0] for piece in pieces if piece.quantiles is not None}
    values = one(lambda p: None if p.quantiles is None else p.quantiles[1]) if len(levels) == 1 else None
    return Prediction(
        torch.cat([piece.score for piece in pieces]),
        one(lambda p: p.label),
        one(lambda p: p.probability),
        both(lambda p: p.interval),
        None if values is None else (levels.pop(), values),
        both(lambda p: p.density),
    )
