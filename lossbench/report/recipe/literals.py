"""What a record says, as Python code: plain values as literals, module paths as imports, titles within a comment.

Records may come from anybody: only literals and dotted names are written, and no text becomes code.
"""

from __future__ import annotations

import ast
import keyword
import math
from collections.abc import Iterable, Mapping
from pprint import pformat
from typing import Any

from lossbench.errors import InputError

WIDTH = 110
"""Columns of a printed line, where a literal can be broken."""


def literal(value: Any) -> str:
    """A plain value as Python that stands for it and does nothing else. InputError for anything but plain values."""
    try:
        text = pformat(value, width=WIDTH, sort_dicts=False)
        if ast.literal_eval(text) == value:
            return text
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # nested or long beyond anything written by hand
        pass
    raise InputError(f"The record holds a {type(value).__name__} that cannot be written as Python: train it again.")


def keywords(params: Mapping[str, Any]) -> str:
    """`, delta=1.5`: keyword arguments; names that Python does not allow there go into a mapping."""
    plain = {name: value for name, value in params.items() if name.isidentifier() and not keyword.iskeyword(name)}
    strange = {name: value for name, value in params.items() if name not in plain}
    words = "".join(f", {name}={literal(value)}" for name, value in plain.items())
    return f"{words}, **{literal(strange)}" if strange else words


def imported(path: str, what: str, taken: Iterable[str]) -> tuple[str, str]:
    """The line that imports a dotted path, and the name that it has then. InputError for anything else."""
    parts = path.replace(":", ".").split(".")
    if len(parts) < 2 or not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        raise InputError(f"{what} of the record is {one_line(path)[:80]!r}, which is no path such as my.module.Name.")
    name = f"own_{parts[-1]}" if parts[-1] in taken else parts[-1]
    renamed = f" as {name}" if name != parts[-1] else ""
    return f"from {'.'.join(parts[:-1])} import {parts[-1]}{renamed}", name


def nested(params: Mapping[str, Any]) -> dict[str, Any]:
    """`{loss: bce, loss.pos_weight: 2}` as `{loss: {name: bce, pos_weight: 2}}`."""
    found = {name: value for name, value in params.items() if "." not in name}
    for name, value in params.items():
        outer, _, inner = name.partition(".")
        if inner:
            own = found.get(outer)
            found[outer] = {**(own if isinstance(own, Mapping) else {"name": own}), inner: value}
    return found


def number(value: Any, what: str) -> float:
    """A finite number. InputError for anything else, by what it should have been."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"The record's {what} is {one_line(repr(value))[:80]}, not a number: it is damaged.")
    return value


def one_line(text: object) -> str:
    """Text that stays in its comment: line ends and unprintable characters become spaces."""
    return "".join(c if c.isprintable() else " " for c in str(text))
