"""Findings in other people's losses, seen again by calling the library itself, without lossbench and without its kit.

A module a library: functions that set up the smallest case by hand, assert what is wrong with it, and say in a sentence
what they saw. A finding that none of them has seen is counted, and not printed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

Seen = Callable[[str, str], str]
"""Sees the finding in one loss, by its name and kind as the plugin has them; gives a sentence, or AssertionError."""

MODULES = {
    "lossbench-entmax": ("entmax", "of_entmax"),
    "lossbench-imbalanced": ("imbalanced_losses", "of_imbalanced"),
    "lossbench-keras": ("keras", "of_keras"),
    "lossbench-kornia": ("kornia", "of_kornia"),
    "lossbench-monai": ("monai", "of_monai"),
}
"""Distribution of the plugin: the library that it wraps, and the module here with what was seen of it."""


@dataclass(frozen=True)
class Confirmation:
    """What breaks a law in some losses: `losses` are names, as `keras_dice`, or have a kind: `keras_dice (classes)`."""

    law: str
    losses: frozenset[str]
    seen: Seen

    def covers(self, law: str, name: str, kind: str) -> bool:
        return law == self.law and bool(self.losses & {name, f"{name} ({kind})"})


_ALL: dict[str, list[Confirmation]] = {}


def confirms(law: str, *losses: str) -> Callable[[Seen], Seen]:
    """Notes a function as the confirmation that these losses break a law."""

    def noted(seen: Seen) -> Seen:
        _ALL.setdefault(seen.__module__, []).append(Confirmation(law, frozenset(losses), seen))
        return seen

    return noted


def confirmations(distribution: str) -> list[Confirmation]:
    """All of a plugin's library; none where it is not installed."""
    library, module = MODULES.get(distribution, ("", ""))
    if not library or find_spec(library) is None:
        return []
    return _ALL.get(importlib.import_module(f"{__name__}.{module}").__name__, [])


def confirmed(distribution: str, law: str, name: str, kind: str) -> Iterator[str]:
    """The sentences of those that see it; what they fail to see is raised by name."""
    for one in confirmations(distribution):
        if one.covers(law, name, kind):
            try:
                yield one.seen(name, kind)
            except Exception as error:
                raise AssertionError(f"{one.seen.__name__} does not see {law} of {name} ({kind}): {error}") from error
