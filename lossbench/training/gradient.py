"""Checks that a loss can train anything: its values must depend on the model's outputs."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from lossbench.errors import PluginError
from lossbench.loss import Sequences, reduce
from lossbench.plan import Part
from lossbench.training.differences import copied
from lossbench.training.prepared import PreparedTraining
from lossbench.training.single import whole

ROWS = 256
"""How many training rows it is tried on: enough for every class, so that all parts of the loss are used."""


def check_gradient(prepared: PreparedTraining) -> None:
    """Raises PluginError for a loss whose values do not depend on the outputs; one that breaks fails in training.

    It uses copies: batch norm would remember the batch, and a loss may count its calls.
    """
    rows = torch.arange(min(ROWS, len(prepared.fold.splits.rows(Part.TRAIN))))
    model, loss = deepcopy(prepared.model), copied(prepared.loss)
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.no_grad():
                scored = whole(prepared.fold.score(model, prepared.fold.batch(Part.TRAIN, rows), loss.kind))
            values, output = _leaf(scored.output)
            mean = reduce(loss(output, scored.target))
            found = mean.requires_grad and torch.autograd.grad(mean, values, allow_unused=True)[0] is not None
        except Exception:  # any error: training reports it, with its step
            return
    if not found:
        raise PluginError(
            "returns values that do not depend on the model's outputs, so there is nothing to learn from them. Compute "
            "them from `output` with torch operations only: torch.tensor(), .detach(), .item(), .numpy(), float() and "
            "comparisons block the gradient."
        )


def _leaf(output: Any) -> tuple[Tensor, Any]:
    """The raw outputs as a tensor that asks for a gradient, and as a loss takes them."""
    if isinstance(output, Sequences):
        values = output.values.detach().requires_grad_()
        return values, Sequences(values, output.lengths)
    values = output.detach().requires_grad_()
    return values, values
