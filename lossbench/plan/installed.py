"""What other packages provide by entry points, and objects at import paths that a user gives."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from lossbench.errors import InputError, PluginError

TASKS, SOURCES, MODELS = "lossbench.tasks", "lossbench.data", "lossbench.models"
LAUNCHERS = "lossbench.launchers"
"""Groups of entry points, in addition to those of losses and metrics."""


def installed(group: str) -> tuple[str, ...]:
    """The names in a group of entry points of installed packages; nothing is imported."""
    return tuple(sorted({point.name for point in entry_points(group=group)}))


def imported(group: str, name: str) -> Any:
    """What an entry point names. Raises PluginError where it cannot be imported."""
    (point, *_) = entry_points(group=group, name=name)
    try:
        return point.load()
    except (Exception, SystemExit) as error:
        raise PluginError(f"'{name}' of {point.value}, in {group}, cannot be imported: {error}.") from error


def load(group: str, name: str) -> Any:
    """What an entry point names, made without arguments. Raises PluginError where that fails."""
    make = imported(group, name)
    try:
        return make()
    except Exception as error:
        raise PluginError(f"'{name}' of {path_of(group, name)}, in {group}, cannot be made: {error}.") from error


def path_of(group: str, name: str) -> str:
    """The dotted path of what an entry point names."""
    (point, *_) = entry_points(group=group, name=name)
    return point.value.replace(":", ".").replace(" ", "")


def import_target(path: str, what: str) -> Any:
    """The object at a dotted path, looked for in the current folder too. InputError says which part is missing."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    module, _, attribute = path.replace(":", ".").rpartition(".")
    if not module:
        raise InputError(f"{what}={path} is not a dotted path such as my.module.MyLoss.")
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{what}={path}: there is no module '{error.name}' here or among the installed packages."
        ) from error
    except (Exception, SystemExit) as error:
        raise InputError(f"{what}={path} broke on import: {type(error).__name__}: {error}") from error
    if not hasattr(found, attribute):
        raise InputError(f"{what}={path}: the module '{module}' has no '{attribute}'.")
    return getattr(found, attribute)
