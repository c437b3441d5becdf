"""One training of a repeat."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EDGE_TRIALS = 5
"""With fewer trials the lowest or highest rate is chosen by chance too often to mean anything."""


@dataclass(frozen=True)
class Trial:
    """One training of a repeat: its own rate and loss parameters, the repeat's rows, weights and batch order."""

    repeat: int
    number: int
    learning_rate: float
    params: Mapping[str, Any] = field(default_factory=dict)
    half: tuple[int, int] | None = None
    """The half of the repeat's rows (0 or 1) and the number of the training on it; None for all rows."""
