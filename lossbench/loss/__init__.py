"""The contract of a loss, and how installed losses are found. Plugin authors import only from here.

Names are loaded when they are used: the installed losses can be listed without importing torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossbench.loss.contract import (
        CONTRACT,
        Domain,
        Kind,
        Loss,
        Prediction,
        Sequences,
        check,
        check_prediction,
        check_targets,
        reduce,
        untouched,
    )
    from lossbench.loss.schedule import Schedule
    from lossbench.plan import Range

__all__ = [
    "CONTRACT",
    "Domain",
    "Kind",
    "Loss",
    "Prediction",
    "Range",
    "Schedule",
    "Sequences",
    "check",
    "check_prediction",
    "check_targets",
    "reduce",
    "untouched",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from lossbench.loss import contract

        return getattr(contract, name)
    raise AttributeError(f"module 'lossbench.loss' has no attribute '{name}'")
