"""Initial weights that are the same for every loss, however many outputs it needs.

A loss may want more outputs than another (a variance beside the mean). The model is built twice from one seed, with one
output and with as many as asked for; what both share is taken from the first: whole tensors where shapes agree,
first rows where the second has more of them. So bodies and first output rows agree across losses, and a model's own
initialisation is kept, whatever it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import torch
from torch import Tensor, nn


def paired_model(build: Callable[[int], nn.Module], outputs: int, seed: int) -> tuple[nn.Module, str]:
    """`build(outputs)` with paired weights, and sixteen hex digits over the weights that all losses must share."""
    reference = _built(build, 1, seed)
    model = reference if outputs == 1 else _built(build, outputs, seed)
    shared = _tensors(reference)
    state = hashlib.sha256()
    with torch.no_grad():
        for name, tensor in _tensors(model).items():
            own = shared.get(name)
            if own is None or own.shape[1:] != tensor.shape[1:] or own.ndim != tensor.ndim:
                state.update(f"{name} has no counterpart".encode())
                continue
            rows = tensor if own.ndim == 0 else tensor[: len(own)]
            rows.copy_(own)
            state.update(name.encode() + rows.detach().cpu().double().numpy().tobytes())
    return model, state.hexdigest()[:16]


def _built(build: Callable[[int], nn.Module], outputs: int, seed: int) -> nn.Module:
    """A model drawn from this seed alone; the global random state is left unchanged."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return build(outputs)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}
