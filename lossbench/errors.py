"""The exception classes: every message says what is wrong, where it comes from and what to do next.

`InputError` is for the user to fix and ends the program with exit code 2, without a traceback.
`PluginError` is for a plugin's author: the cell that uses the plugin is recorded as failed, the sweep continues.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LossbenchError(Exception):
    """The base class of all errors that lossbench raises itself."""


class InputError(LossbenchError):
    """A request that cannot be fulfilled; the message names the next step."""


class UnknownName(InputError):
    """A name that is neither installed nor configured; the message suggests close matches, ignoring case.

    For dotted keys the last part counts: `max_epochs` is close to `training.max_epochs`.
    """

    def __init__(self, what: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(known)
        close = [_shown(n) for n in _close(name, names)]
        guess = f" Did you mean {' or '.join(close)}?" if close else ""
        listed = f"\nKnown: {', '.join(map(_shown, names))}." if names else ""
        super().__init__(f"There is no {what} '{name}'.{guess}{listed}{chr(10) + hint if hint else ''}")


def _close(name: str, names: list[str]) -> list[str]:
    """Up to three similar names, the most similar first."""

    def bare(text: str) -> str:
        return text.strip().casefold().replace("-", "_")

    same = [n for n in names if bare(n) == bare(name)]
    same = same or [n for n in names if bare(n).rpartition(".")[2] == bare(name).rpartition(".")[2]]
    if same:
        return same[:3]
    by_bare: dict[str, list[str]] = {}
    for known in names:
        for text in {bare(known), bare(known).rpartition(".")[2]}:
            by_bare.setdefault(text, []).append(known)
    near = get_close_matches(bare(name), by_bare, n=3, cutoff=0.6 if len(name) > 3 else 0.5)
    return list(dict.fromkeys(known for text in near for known in by_bare[text]))[:3]


def _shown(name: str) -> str:
    """The name, with leading and trailing spaces made visible."""
    return name if name == name.strip() and name else repr(name)


class DataError(InputError):
    """A data file, column or number of rows that the task cannot use; the message names the file."""


class NoSuchMetric(LossbenchError):
    """A metric that cannot be computed from a loss's predictions, such as the log loss of margins: the cell is
    skipped."""


class PluginError(LossbenchError):
    """A loss that failed on import, on construction or in a batch; the message names its distribution."""
