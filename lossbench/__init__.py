"""lossbench: which loss function should I train with, is the difference real, what does it cost, where does it break?

The public names are loaded when they are used: importing lossbench imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossbench.compose.composition import cells
    from lossbench.interactive import compare
    from lossbench.plugins import load_loss
    from lossbench.record import read_records
    from lossbench.study import run

__version__ = "0.1.0"
__all__ = ["cells", "compare", "load_loss", "read_records", "run"]

_HOMES = {
    "cells": "lossbench.compose.composition",
    "compare": "lossbench.interactive",
    "load_loss": "lossbench.plugins",
    "read_records": "lossbench.record",
    "run": "lossbench.study",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lossbench' has no attribute '{name}'")
