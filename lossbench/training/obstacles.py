"""Finds the layer that keeps a model from being trained as a stack."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from lossbench.training.layers import agrees, has_ways_of_its_own, layer_by_layer, mapped, sample_of, stack_models


def obstacle(model: nn.Module, rows: Tensor) -> str | None:
    """What keeps such models from stacking, such as `nn.GRU (encoder)`; None if they stack.

    rows: [n, ...] some of what the model takes.
    """
    if stack_models([model], rows, [0]) is not None:
        return None
    for name, module in model.named_modules():
        if has_ways_of_its_own(module):
            return _named(name, module)
    with torch.random.fork_rng(devices=[]):
        inputs = _inputs(model, rows)
        unknown = None
        for name, module in model.named_modules():
            if name not in inputs:
                continue
            if not _stacks(layer_by_layer, module, inputs[name]):
                if not _stacks(mapped, module, inputs[name]):
                    return _named(name, module)
                unknown = unknown or _named(name, module)
    dropout = next((_named(n, m) for n, m in model.named_modules() if isinstance(m, nn.Dropout) and m.p), None)
    if dropout:
        return dropout if unknown is None else f"{dropout} beside {unknown}"
    return f"the forward of {type(model).__name__}"


def _named(name: str, module: nn.Module) -> str:
    kind = type(module)
    short = f"nn.{kind.__name__}" if kind.__module__.startswith("torch.nn.") else kind.__name__
    return f"{short} ({name})" if name else short


def _inputs(model: nn.Module, rows: Tensor) -> dict[str, Any]:
    """The inputs of each leaf layer, by its name."""
    model = deepcopy(model).double()
    found: dict[str, Any] = {}
    for name, module in model.named_modules():
        if not module._modules:
            module.register_forward_pre_hook(lambda layer, args, name=name: found.setdefault(name, args))
    with torch.no_grad(), suppress(Exception):  # up to the layer that breaks
        model(rows.double() if rows.is_floating_point() else rows)
    return {name: args for name, args in found.items() if args}


def _stacks(build: Callable[..., Any], layer: nn.Module, args: Any) -> bool:
    """Whether a single layer stacks; its weights and random draws are checked elsewhere."""
    if len(args) != 1 or not isinstance(args[0], Tensor):
        return False
    if not any(True for _ in layer.parameters()):  # whose gradient has to lead somewhere
        layer = nn.Sequential(nn.Linear(args[0].shape[-1], args[0].shape[-1]), layer)
    return agrees(build, sample_of([layer]), args[0])
