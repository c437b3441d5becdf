"""The command line, put in the order that Hydra wants before Hydra sees it."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from lossbench.compose.texts import as_text, plain
from lossbench.errors import InputError

APPENDED = ("loss", "regularizer", "experiment", "controls")
"""Groups missing from the defaults list, for which Hydra requires a plus."""


@dataclass(frozen=True)
class Arguments:
    """Hydra's flags and overrides, apart: `flags` first, so that overrides may follow `-m` (Hydra refuses that)."""

    flags: tuple[str, ...]
    overrides: tuple[str, ...]
    multirun: bool
    asks: bool
    """True for --help, --cfg, --info, shell completion: Hydra answers, nothing is trained."""
    config_dir: str | None

    def with_overrides(self, *overrides: str) -> Arguments:
        return replace(self, overrides=tuple(overrides))

    def value(self, key: str) -> str | None:
        """The value of the last override of `key`, as written; None without one."""
        said = [o.partition("=")[2] for o in self.overrides if o.lstrip("+").partition("=")[0] == key]
        return said[-1] if said else None


def arrange(argv: Sequence[str]) -> Arguments:
    """Flags before overrides, `loss=` as `+loss=`, and the groups that other overrides imply."""
    from hydra._internal.utils import get_args_parser  # Hydra's own parser, so that both read the same

    def refuse(message: str) -> NoReturn:
        raise InputError(f"{message}. `lossbench --help` shows what can be given.")

    parser: argparse.ArgumentParser = get_args_parser()
    parser.error = refuse  # type: ignore[method-assign]  # argparse would print its usage and exit
    parsed = parser.parse_intermixed_args(list(argv))
    for flag in ("config_name", "config_path", "experimental_rerun"):
        if getattr(parsed, flag):
            raise InputError(
                f"--{flag.replace('_', '-')} is not available in lossbench; --config-dir adds your own files."
            )
    rest = list(parsed.overrides)
    flags = []
    for word in argv:
        if rest and word == rest[0]:
            rest.pop(0)
        else:
            flags.append(word)
    asks = any((parsed.help, parsed.hydra_help, parsed.cfg, parsed.info, parsed.shell_completion))
    for override in parsed.overrides:
        if "=" not in override and not override.startswith("~"):
            raise InputError(f"'{override}' is not an override: write key=value. `lossbench --help` shows the keys.")
    overrides = tuple(_plus(as_text(override, bool(parsed.multirun))) for override in parsed.overrides)
    if parsed.config_dir and not Path(parsed.config_dir).is_dir():
        raise InputError(f"--config-dir {parsed.config_dir}: there is no such folder.")
    arguments = Arguments(tuple(flags), overrides, bool(parsed.multirun), asks, parsed.config_dir)
    return _implied(arguments)


def value_of(override: str) -> Any:
    """The value in `key=value`, read by Hydra's grammar. Raises InputError for a sweep, or if it cannot be read."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        parsed = OverridesParser.create().parse_override(override)
    except HydraException as error:
        raise InputError(f"'{override}' cannot be read: {str(error).splitlines()[0]}.") from error
    if parsed.is_sweep_override():
        raise InputError(f"'{override}': only one value can be given here.")
    return parsed.value()


def _plus(override: str) -> str:
    bare = override.lstrip("+")
    return f"+{bare}" if bare.partition("=")[0] in APPENDED else override


def _implied(arguments: Arguments) -> Arguments:
    """`task.data.path=` means the data set `table` (or `conll`), `model.target=` the model `custom`."""
    extra: list[str] = []
    overrides = list(arguments.overrides)
    if arguments.value("task.data.path") is not None and arguments.value("task/data") is None:
        if arguments.value("task") is None and arguments.value("experiment") is None:
            path, target = plain(arguments.value("task.data.path")), plain(arguments.value("task.data.target"))
            raise InputError(f"task.data.path={path} needs a task. {_proposal(Path(path), target)}")
        extra.append("task/data=conll" if arguments.value("task") == "ner" else "task/data=table")
    if arguments.value("model.target") is not None and arguments.value("model") is None:
        extra.append("model=custom")
    overrides = [f"++{o}" if o.startswith("task.metric_params.") else o for o in overrides]
    if "model=custom" in [*overrides, *extra]:
        overrides = [f"++{o}" if o.startswith("model.params.") else o for o in overrides]
    if "custom" in (arguments.value("loss") or "").split(","):
        overrides = [f"++{o}" if o.startswith("loss.params.") else o for o in overrides]
    return arguments.with_overrides(*extra, *overrides)


def _proposal(path: Path, target: str) -> str:
    """The task that a file's first rows suggest."""
    every = "Say task=regression for a number, task=binary for a target with two values, task=ner for tagged sentences."
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row, _ in zip(csv.DictReader(file), range(1000), strict=False)]
        values = {row[target] for row in rows if target} - {"", None}
        numbers = [float(value) for value in values if value is not None and len(values) > 2]
    except (OSError, ValueError, KeyError, csv.Error):
        return every
    if len(values) == 2:
        return f"'{target}' has two values: add task=binary."
    return f"'{target}' is a number: add task=regression." if numbers else every
