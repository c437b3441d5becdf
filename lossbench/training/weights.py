"""Initial weights that are the same for every loss: each layer draws from a random stream of its own.

A loss may ask for more outputs than another (a variance beside the mean), so the rows of the output layer have a stream
each: bodies and first output rows agree whatever the number of outputs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import torch
from torch import nn

from lossbench.plan import stream


def draw_weights(model: nn.Module, seed: int, outputs: int) -> None:
    """Draws all weights of a model anew, each layer by its own `reset_parameters` under its own stream."""
    last = _output_layer(model, outputs)
    with torch.random.fork_rng(devices=[]):
        for name, module in model.named_modules():
            if module is last:
                _draw_rows(last, seed, name)
            elif reset := _reset(module):
                _seed(stream(seed, "weights", name))
                reset()


def weights_digest(model: nn.Module, outputs: int) -> str:
    """Sixteen hex digits over all weights, of the output layer its first row alone."""
    state = hashlib.sha256()
    last = _output_layer(model, outputs)
    heads = {id(p) for p in last.parameters()} if last is not None else set()
    for name, tensor in _tensors(model):
        shown = tensor[:1] if id(tensor) in heads else tensor
        state.update(name.encode() + shown.detach().cpu().double().numpy().tobytes())
    return state.hexdigest()[:16]


def _reset(module: nn.Module) -> Callable[[], None] | None:
    """How a layer draws its own weights: the method's name has an underscore in attention layers."""
    found = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
    return found if callable(found) else None


def _seed(seed: int) -> None:
    """Seeds the CPU's generator alone: weights are drawn there, and a card's own stream is nobody's to touch."""
    torch.default_generator.manual_seed(seed)


def _tensors(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    yield from model.named_parameters()
    yield from model.named_buffers()


def _output_layer(model: nn.Module, outputs: int) -> nn.Linear | None:
    """The layer called `output`, else the last linear one that gives as many values as the loss asks for."""
    named = getattr(model, "output", None)
    if isinstance(named, nn.Linear):
        return named
    fitting = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == outputs]
    return fitting[-1] if fitting else None


def _draw_rows(layer: nn.Linear, seed: int, name: str) -> None:
    row = nn.Linear(layer.in_features, 1, bias=layer.bias is not None, dtype=layer.weight.dtype)
    with torch.no_grad():
        for index in range(layer.out_features):
            _seed(stream(seed, "weights", name, index))
            row.reset_parameters()
            layer.weight[index] = row.weight[0]
            if layer.bias is not None:
                layer.bias[index] = row.bias[0]
