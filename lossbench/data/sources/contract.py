"""The contract of a source of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.data.sentences import Corpus
from lossbench.data.texts import ColumnNote


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table as they come from their source: features and target in one frame, or the target apart.

    name: what the data set is called where the command does not say. source: where it is from, for people to read.
    whose: how errors call it. columns: how each column was read, by name. notes: what is odd about the whole.
    target: [n] in its own unit or 0 and 1, of a source that knows what is predicted; then with its name, and for 0 and
    1 what is positive.
    """

    frame: pd.DataFrame
    name: str
    source: str
    whose: str
    columns: Mapping[str, ColumnNote] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    target: NDArray[np.float64] | None = None
    target_name: str = ""
    positive: str | None = None
    split: str | None = None
    """How its rows are split by default, such as `column:part`."""


@runtime_checkable
class Source(Protocol):
    """One way to get rows. It has no state: everything is in the options."""

    options: Mapping[str, Any]
    """The keys of `task.data` that it reads besides the shared ones, with their defaults; `???` if one is required."""

    def rows(self, options: Mapping[str, Any], *, binary: bool) -> Rows:
        """The rows of a table. Raises DataError, naming the key to change, if it has none."""
        ...


@runtime_checkable
class TextSource(Source, Protocol):
    """A source that also has tagged sentences."""

    def corpus(self, options: Mapping[str, Any]) -> Corpus:
        """Tagged sentences. Raises DataError if it has none."""
        ...
