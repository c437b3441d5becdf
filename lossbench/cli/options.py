"""What subcommands share: their parsers, and the folder of results."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lossbench.errors import InputError
from lossbench.plan.installed import import_target
from lossbench.plan.overrides import RESERVED

if TYPE_CHECKING:
    from lossbench.probe.subject import Subject

KINDS = ("continuous", "binary", "classes", "sequences")


def results_folder(overrides: Sequence[str]) -> Path:
    """The folder given by `results=`. Raises InputError for any other word, and for a file."""
    given = texts(overrides, ("results", "tracking.uri"))
    results = Path(given.get("results") or "results").expanduser()
    if results.exists() and not results.is_dir():
        raise InputError(f"results={results} is a file, not a folder.")
    return results


def texts(overrides: Sequence[str], keys: Sequence[str]) -> dict[str, str]:
    """`key=value` words by key; values are read as in a sweep, without Hydra's quotes."""
    for word in overrides:
        if "=" not in word or word.partition("=")[0] not in keys:
            raise InputError(f"'{word}': only results=DIR (and tracking.uri= for ui) can be given here.")
    return {key: _text(word, value) for word in overrides for key, _, value in [word.partition("=")]}


def _text(word: str, value: str) -> str:
    """The text of a value; Hydra, which loads slowly, is used only if the value may contain quotes."""
    if re.fullmatch(r"[\w./:-]+", value, re.ASCII) and value.lower() not in RESERVED:
        return value
    from lossbench.compose.texts import as_text, plain

    return plain(as_text(word, False).partition("=")[2])


def no_file(folder: Path | None, option: str) -> None:
    """Raises InputError if a file is in the way of a folder to be written."""
    place = folder
    while place is not None and not place.exists() and place != place.parent:
        place = place.parent
    if place is not None and not place.is_dir():
        raise InputError(f"{option} {folder}: {place} is a file, not a folder.")


class Parser(argparse.ArgumentParser):
    """argparse, but its errors are one-line InputErrors like all others."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}. See `{self.prog} --help`.")


def parser(name: str, text: str) -> argparse.ArgumentParser:
    return Parser(prog=f"lossbench {name}", description=text)


def loss_parameters(words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Splits words into parameters such as `loss.params.gamma=2`, read as Hydra does, and names."""
    from lossbench.compose.arguments import value_of

    prefix, given, names = "loss.params.", {}, []
    for word in words:
        key, equals, _ = word.partition("=")
        if not equals:
            names.append(word)
        elif key.startswith(prefix):
            given[key.removeprefix(prefix)] = value_of(word)
        else:
            raise InputError(f"'{word}': only names and {prefix}NAME=VALUE can be given here.")
    return given, names


def loss_subjects(name: str, kind: str | None, given: dict[str, Any]) -> list[Subject]:
    """The losses of a name, or of the object at my.module:MyLoss, one per kind. Raises InputError if there is none."""
    from lossbench.probe.checking import subjects

    thing = import_target(name, "NAME") if ":" in name else name
    if thing is not name and kind is None and not hasattr(thing, "kind") and not hasattr(thing, "__lossbench__"):
        raise InputError(f"'{name}' does not state what it predicts: add --kind binary ({', '.join(KINDS)}).")
    found = subjects(thing, kind, **given)
    if not found:
        raise InputError(f"'{name}' is not for {kind} targets.")
    return found
