"""Values that are text whatever they look like: `task.data.target=CO(GT)` needs no quotes of Hydra's."""

from __future__ import annotations

import shlex
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Override, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf

from lossbench.plan.overrides import LIST_KEYS, TEXT_KEYS, hydra_word

MISSING = "???"
"""OmegaConf's mark of a missing value; some files write it for an unknown one."""


def as_text(override: str, multirun: bool) -> str:
    """The same override, its value in Hydra's quotes where the key holds text and Hydra would read something else.

    That is: numbers and truth values (a column called 2024), blanks at the ends, and whatever the grammar cannot read.
    Commas still separate the values of a sweep.
    """
    key, _, value = override.partition("=")
    name = key.lstrip("+")
    if name in LIST_KEYS:
        inside = _unwrapped(value)
        if inside is not None:
            return f"{key}=[{','.join(map(_one, _parts(inside)))}]"
        if name == "task.data.columns":  # a generated set takes their number by the same key
            return override
    elif name not in TEXT_KEYS:
        return override
    if not value:
        return override
    parsed, parts = _parsed(value), _parts(value)
    if parsed is None and multirun and len(parts) > 1 and all(parts):
        return f"{key}={','.join(map(_one, parts))}"
    if parsed is not None and parsed.is_sweep_override():
        simple = multirun and isinstance(parsed.value(), ChoiceSweep) and parsed.value().simple_form
        return f"{key}={','.join(map(_one, parts))}" if simple else override
    return f"{key}={value if value == 'null' else _one(value)}"


def plain(value: str | None) -> str:
    """The text that a value stands for, without Hydra's quotes."""
    parsed = _parsed(value or "")
    if parsed is None or parsed.is_sweep_override() or not isinstance(parsed.value(), str):
        return value or ""
    return str(parsed.value())


def register_texts() -> None:
    """The resolver behind values that OmegaConf would take for missing."""
    OmegaConf.register_new_resolver("as_written", lambda text: text, replace=True)


def _one(value: str) -> str:
    """One text, written so that Hydra and OmegaConf read exactly this; text that already has Hydra's quotes is kept."""
    parsed = _parsed(value)
    found: Any = None if parsed is None else parsed._value
    text = found.text if isinstance(found, QuotedString) else found if isinstance(found, str) else value
    if text == MISSING:
        return f"\"${{as_written:'{MISSING}'}}\""
    asis = isinstance(found, QuotedString) or (isinstance(found, str) and (found == value or set(value) & {"\\", "$"}))
    return value if asis else hydra_word(value)


def _unwrapped(value: str) -> str | None:
    """What stands between the brackets of a list; None for anything else. Shell quotes that are still on come off."""
    if value.startswith(r"\["):  # pasted where there is no shell, as into overrides= in Python
        try:
            words = shlex.split(value)
        except ValueError:
            words = []
        value = words[0] if len(words) == 1 else value
    value = value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == "[" and value[-1] == "]" else None


def _parts(value: str) -> list[str]:
    """A value split at its commas outside quotes, without blanks around each part."""
    parts, start, mark, escaped = [], 0, "", False
    for place, sign in enumerate(value):
        if mark:
            mark = "" if sign == mark and not escaped else mark
        elif sign in "'\"" and not value[start:place].strip():
            mark = sign
        elif sign == "," and not escaped:
            parts.append(value[start:place].strip())
            start = place + 1
        escaped = sign == "\\" and not escaped
    return [*parts, value[start:].strip()] if value.strip() else []


def _parsed(value: str) -> Override | None:
    """A value as Hydra's grammar reads it; None if it cannot."""
    try:
        return OverridesParser.create().parse_override(f"key={value}")
    except (HydraException, ValueError):  # ValueError: a number of thousands of digits
        return None
