"""The error tree: every message says what is wrong, whose it is and what to do next.

`InputError` is the user's to mend and ends the program with exit code 2 and no traceback.
`PluginError` is a plugin author's: the cell that chose the plugin is recorded as failed, the sweep goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class LossbenchError(Exception):
    """Anything that lossbench itself has to say about what went wrong."""


class InputError(LossbenchError):
    """Something that was asked for cannot be done; the message names the next step."""


class UnknownName(InputError):
    """A name that is not among those installed or configured; close matches are named."""

    def __init__(self, what: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = sorted(known)
        close = get_close_matches(name, names, n=3, cutoff=0.6 if len(name) > 3 else 0.5)
        guess = f" Did you mean {' or '.join(close)}?" if close else ""
        listed = f"\nKnown: {', '.join(names)}." if names else ""
        super().__init__(f"There is no {what} '{name}'.{guess}{listed}{chr(10) + hint if hint else ''}")


class DataError(InputError):
    """A data file, a column or a row count that the task cannot use; names the file."""


class NoSuchMetric(LossbenchError):
    """A metric that a loss's predictions do not allow, such as the log loss of margins: its cell is skipped."""


class PluginError(LossbenchError):
    """A loss that broke on import, on construction or in a batch; names its distribution."""
