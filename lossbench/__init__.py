"""lossbench: which loss function should I train with, is the difference real, what does it cost, where does it break?

The public names are loaded when they are used: importing lossbench imports nothing heavy.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lossbench.api import compare
    from lossbench.compose.composition import cells
    from lossbench.loss.catalogue import load_loss
    from lossbench.records.record import read_records
    from lossbench.runs.cell import run_cell
    from lossbench.runs.study import run

__version__ = "0.1.0"
__all__ = ["cells", "compare", "load_loss", "read_records", "run", "run_cell"]

_HOMES = {
    "cells": "lossbench.compose.composition",
    "compare": "lossbench.api",
    "load_loss": "lossbench.loss.catalogue",
    "read_records": "lossbench.records.record",
    "run": "lossbench.runs.study",
    "run_cell": "lossbench.runs.cell",
}
_FORMER = {"lossbench.plugins": "lossbench.loss.catalogue"}
"""Names that the tests of published plugins import, and where what they name is now."""


class _FormerNames(MetaPathFinder, Loader):
    """Gives a module under its former name too: the very same module, loaded when it is asked for."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in _FORMER else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(_FORMER[spec.name])
        self._own = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._own  # which the import under the former name has replaced


sys.meta_path.append(_FormerNames())


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lossbench' has no attribute '{name}'")
