"""The parameters of a loss, read from the signature of its constructor or function."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lossbench.loss import Loss, Schedule

REQUIRED: Any = inspect.Parameter.empty
REDUCTIONS = {"reduction", "size_average", "reduce"}
"""Parameters of torch's own losses that choose a reduction: hidden, since a loss here never reduces."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a loss: its type (Any if unknown), default (`REQUIRED` if none) and unit."""

    name: str
    type: Any
    default: Any
    unit: str = ""

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @property
    def optional(self) -> bool:
        return type(None) in typing.get_args(self.type)

    @property
    def scalar(self) -> type | None:
        """float, int, bool or str if the type is one of them, possibly optional; else None."""
        plain = [t for t in typing.get_args(self.type) if t is not type(None)] if self.optional else [self.type]
        return plain[0] if len(plain) == 1 and plain[0] in (float, int, bool, str) else None

    def accepts(self, value: Any) -> bool:
        if value is None:
            return self.optional or self.default is None or self.type is Any
        match self.scalar:
            case None:
                return True
            case t if t is float:
                return isinstance(value, (int, float)) and not isinstance(value, bool)
            case t if t is int:
                return isinstance(value, int) and not isinstance(value, bool)
            case t:
                return isinstance(value, t)


def read_parameters(thing: Callable[..., Any], units: Mapping[str, str], skip: int) -> tuple[Parameter, ...]:
    """The parameters of a constructor, or of a function after its first two, from its signature."""
    try:
        found = list(inspect.signature(thing).parameters.values())[skip:]
    except ValueError:  # a built-in without a signature takes none
        return ()
    try:
        constructor = thing.__init__ if isinstance(thing, type) else thing  # type: ignore[misc]  # only read
        hints = typing.get_type_hints(constructor)
    except Exception:  # unresolvable annotations are ignored
        hints = {}
    named = [p for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in REDUCTIONS]
    return tuple(Parameter(p.name, _hint(p, hints), p.default, units.get(p.name, "")) for p in named)


def _hint(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    if parameter.name in hints:
        hint = hints[parameter.name]
        return typing.Union[typing.get_args(hint)] if isinstance(hint, types.UnionType) else hint  # noqa: UP007
    default = parameter.default
    return type(default) if isinstance(default, (bool, float, str)) else Any


def holds_losses(parameter: Parameter) -> bool:
    """True for a parameter whose names the loader resolves: `Loss`, `Sequence[Loss]` or `Mapping[Loss, float]`."""
    return parameter.type is Loss or lists_losses(parameter) or weighs_losses(parameter)


def lists_losses(parameter: Parameter) -> bool:
    """True if a parameter is annotated `Sequence[Loss]`."""
    return typing.get_origin(parameter.type) in (Sequence, list) and typing.get_args(parameter.type) == (Loss,)


def weighs_losses(parameter: Parameter) -> bool:
    """True if a parameter is annotated `Mapping[Loss, float]` or `Mapping[Loss, float | Schedule]`."""
    return typing.get_origin(parameter.type) in (Mapping, dict) and typing.get_args(parameter.type)[0] is Loss


def schedules_weights(parameter: Parameter) -> bool:
    """True if the weight of a loss may be a schedule: `Mapping[Loss, float | Schedule]`."""
    return weighs_losses(parameter) and Schedule in typing.get_args(typing.get_args(parameter.type)[1])
