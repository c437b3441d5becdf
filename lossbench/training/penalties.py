"""Penalties added to a loss: on the weights, or on the raw outputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from lossbench.loss import Sequences
from lossbench.plan import Penalty

NORMALISATION = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def weights(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """The named parameters that a penalty shrinks: all except biases and normalisation layers."""
    seen: set[int] = set()  # tied weights count once
    for prefix, module in model.named_modules():
        if isinstance(module, NORMALISATION):
            continue
        for name, parameter in module.named_parameters(prefix=prefix, recurse=False):
            if "bias" not in name.rpartition(".")[2] and id(parameter) not in seen:
                seen.add(id(parameter))
                yield name, parameter


def penalty_of(penalty: Penalty, model: nn.Module, output: Tensor | Sequences | Any) -> Tensor:
    """What is added to the mean loss of a batch, a tensor [].

    of weights: strength · Σ |w|^power over `weights(model)`. With power 2 its gradient is 2 · strength · w, what
    SGD's weight_decay = 2 · strength adds to the gradient of the same weights.
    of outputs: strength times the mean over targets of Σ |output|^power.
    """
    if penalty.of == "weights":
        return penalty.strength * sum((_power(w, penalty.power).sum() for _, w in weights(model)), torch.zeros(()))
    values = output.values if isinstance(output, Sequences) else output
    return penalty.strength * _power(values, penalty.power).sum() / len(values)


def penalties_of(penalty: Penalty, shrunk: Iterable[Tensor], output: Tensor) -> Tensor:
    """The same for R trainings at once, a tensor [R].

    shrunk: the weights that a penalty shrinks, [R, ...] each. output: [R, n] or [R, n, outputs].
    """
    if penalty.of == "weights":
        sums = [_power(w, penalty.power).flatten(1).sum(1) for w in shrunk]
        return penalty.strength * torch.stack(sums).sum(0)
    return penalty.strength * _power(output, penalty.power).flatten(1).sum(1) / output.shape[1]


def _power(values: Tensor, power: int) -> Tensor:
    return values.abs() if power == 1 else values.square()
