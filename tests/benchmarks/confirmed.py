"""What the kit found in other people's losses and somebody confirmed by calling the library itself, without the kit.

(distribution of the plugin, loss or "*", law): how it was confirmed. Only these findings are printed.
"""

from __future__ import annotations

CONFIRMED: dict[tuple[str, str, str], str] = {}


def confirmation(distribution: str, loss: str, law: str) -> str | None:
    """How a finding was confirmed; None where nobody has."""
    return CONFIRMED.get((distribution, loss, law)) or CONFIRMED.get((distribution, "*", law))
