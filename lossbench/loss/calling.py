"""How a custom function or class is called, read from its signature: as a loss, or as a factory of losses."""

from __future__ import annotations

import collections.abc
import inspect
import typing
from collections.abc import Callable
from typing import Any

from torch import nn

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
GIVEN = "a loss gets only (output, target)"


def makes_losses(thing: Callable[..., Any]) -> bool:
    """True for a function that returns a loss instead of being one: its first arguments are not (output, target).

    `def make(gamma=2.0): ...` is one, and so is anything annotated as returning a module, a class or a callable.
    """
    if isinstance(thing, (type, nn.Module)):
        return False
    signature = _signature(thing)
    if signature is None:
        return False
    if _returns_a_callable(thing, signature):
        return True
    parameters = list(signature.parameters.values())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return False
    first = [p for p in parameters if p.kind in POSITIONAL][:2]
    return len(first) < 2 or any(p.default is not p.empty for p in first)


def wrong_arguments(thing: Any) -> str | None:
    """Why a class's instances, or a module, cannot be called as `loss(output, target)`; None if they can.

    Further arguments of a function are its parameters, so only classes and modules are checked.
    """
    if isinstance(thing, type):
        call, own = getattr(thing, "forward" if issubclass(thing, nn.Module) else "__call__", None), 1
    elif isinstance(thing, nn.Module):
        call, own = thing.forward, 0
    else:
        return None
    signature = None if call is None else _signature(call)
    if signature is None:
        return None
    parameters = list(signature.parameters.values())[own:]
    required = [p.name for p in parameters if p.default is p.empty and p.kind in (*POSITIONAL, p.KEYWORD_ONLY)]
    positional = [p for p in parameters if p.kind in POSITIONAL]
    taken = f"it is called with ({', '.join(p.name for p in parameters)})"
    many = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    fits = (len(positional) >= 2 or many) and len(required) <= 2
    return None if fits else f"{taken}, but {GIVEN}"


def _signature(thing: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(thing)
    except (ValueError, TypeError):  # built in, without a signature
        return None


def _returns_a_callable(thing: Callable[..., Any], signature: inspect.Signature) -> bool:
    try:
        said = typing.get_type_hints(thing).get("return")
    except Exception:  # unresolvable annotations are ignored
        said = signature.return_annotation
    if typing.get_origin(said) is collections.abc.Callable or said in (Callable, typing.Callable):
        return True
    return isinstance(said, type) and issubclass(said, nn.Module)
