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
from lossbench.plan import Target


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows of a table as they come from their source: features and target in one frame, or the target apart.

    name: what the data set is called where the command does not say. source: where it is from, for people to read.
    whose: how errors call it. columns: how each column was read, by name. notes: what is odd about the whole.
    target: [n] in its own unit or the numbers of classes, of a source that knows what is predicted; then with its name,
    and the names of classes 0, 1, ... where there are any.
    """

    frame: pd.DataFrame
    name: str
    source: str
    whose: str
    columns: Mapping[str, ColumnNote] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    target: NDArray[np.float64] | None = None
    target_name: str = ""
    classes: tuple[str, ...] = ()
    split: str | None = None
    """How its rows are split by default, such as `column:part`."""

    @property
    def predicts(self) -> Target:
        """What a known target is."""
        return Target.TWO_CLASSES if self.classes else Target.NUMBERS


@runtime_checkable
class Source(Protocol):
    """One way to get rows. It has no state: everything is in the options."""

    options: Mapping[str, Any]
    """The keys of `task.data` that it reads besides the shared ones, with their defaults; `???` if one is required."""

    def rows(self, options: Mapping[str, Any]) -> Rows:
        """The rows of a table. Raises DataError where it has none, naming the key to change."""
        ...


@runtime_checkable
class TextSource(Source, Protocol):
    """A source that also has tagged sentences."""

    def corpus(self, options: Mapping[str, Any]) -> Corpus:
        """Tagged sentences. Raises DataError if it has none."""
        ...
