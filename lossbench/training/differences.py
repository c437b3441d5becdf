"""How modules of one architecture differ apart from their parameters; and copies of modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Place = tuple[str, str]
"""Where something lies in a module: the dotted name of a part of it, and the attribute, buffer or parameter there."""
TORCHS = frozenset(vars(nn.Module()))
"""Attributes that every module has."""
M = TypeVar("M", bound=nn.Module)


def variation(modules: Sequence[nn.Module], *, buffers: bool = True) -> dict[Place, Tensor] | None:
    """The numbers and tensors in which modules differ, [R, ...] each; None where they differ in more than that.

    Parameters are left out, since training changes them; so is what a forward pass leaves behind: tensors with a
    gradient, and collections of tensors.
    """
    found: dict[Place, Tensor] = {}
    for prefix, first in modules[0].named_modules():
        try:
            parts = [module.get_submodule(prefix) for module in modules]
        except AttributeError:
            return None
        if any(type(part) is not type(first) or list(part._modules) != list(first._modules) for part in parts):
            return None
        told = [_told(part, buffers=buffers) for part in parts]
        for name in sorted({name for each in told for name in each}):
            values: list[Any] = [each.get(name) for each in told]
            if _equal(values) or any(_left_behind(value) for value in values):
                continue
            if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
                found[prefix, name] = torch.tensor(values, dtype=torch.double)
            elif all(isinstance(v, Tensor) and v.shape == values[0].shape for v in values):
                found[prefix, name] = torch.stack(values)
            else:
                return None
    return found


def changed(before: nn.Module, after: nn.Module) -> bool:
    """Whether a number, string, tensor or buffer of a module differs from its earlier copy."""
    for prefix, part in after.named_modules():
        own, earlier = _told(part), _told(before.get_submodule(prefix))
        if any(not _equal([own[name], earlier.get(name)]) for name in own if not _left_behind(own[name])):
            return True
    return False


def copied(module: M) -> M:
    """A copy of a module; tensors with a gradient left by a forward pass are detached."""
    loose = [tensor for part in module.modules() for tensor in _tensors(_told(part).values()) if not tensor.is_leaf]
    return deepcopy(module, {id(tensor): tensor.detach().clone() for tensor in loose})


def _told(part: nn.Module, *, buffers: bool = True) -> dict[str, Any]:
    own = {name: value for name, value in vars(part).items() if name not in TORCHS}
    return {**own, **part._buffers} if buffers else own


def _left_behind(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.is_leaf
    return any(True for _ in _tensors([value]))


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping):
            yield from _tensors(value.values())
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _equal(values: Sequence[Any]) -> bool:
    if all(isinstance(value, Tensor) for value in values):
        return all(value.shape == values[0].shape and torch.equal(value, values[0]) for value in values)
    return len({repr(value.tolist() if hasattr(value, "tolist") else value) for value in values}) == 1
