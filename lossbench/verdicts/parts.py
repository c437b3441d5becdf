"""What each test example, or group of them, contributes to a record's metric, from stored predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import InputError
from lossbench.metrics import influence
from lossbench.metrics.influence import INFLUENCE
from lossbench.records.record import Record

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Parts:
    """What each test example contributes to a loss's metric, repeat by repeat [R, n], and its row numbers [n]."""

    parts: Values
    rows: NDArray[Any]
    examples: int


def parts_of(record: Record, metric: str) -> Parts | None:
    """The contributions in a record's test predictions; None where they cannot be computed."""
    found, rows = [], []
    with record.stored() as stored:
        groups = stored.get("legend/groups")
        for repeat in record.repeats:
            arrays = Part(stored, "test", repeat.repeat)
            one = influence.parts(metric, arrays, repeat.decision) if "target" in arrays else None
            if one is None or (groups is not None and _by_chance(metric, arrays, one, groups)):
                return None
            found.append(one if groups is None else by_group(one, groups))
            rows.append(arrays["rows"])
    if any(not np.array_equal(rows[0], other) for other in rows[1:]):
        raise InputError(f"{record.title}: its repeats were judged on different test rows.")
    return Parts(np.stack(found), rows[0], len(np.unique(rows[0] if groups is None else groups)))


def _by_chance(metric: str, arrays: Part, parts: Values, groups: NDArray[np.int64]) -> bool:
    """Whether parts belong to groups of rows drawn at random, not to the data's own groups."""
    return metric == "ece" or f"{INFLUENCE}/{metric}" in arrays or len(parts) != len(groups)


def by_group(parts: Values, groups: NDArray[np.int64]) -> Values:
    """What each group of test rows contributes to a metric: [n] to [groups], with the same mean.

    Rows of one group are alike, so that groups are what is drawn by chance: an interval over rows would be too short.
    """
    names, numbers = np.unique(groups, return_inverse=True)
    mean = parts.mean()  # a group's influence on a mean over rows is that of its rows: its size alone has none
    return np.asarray(mean + np.bincount(numbers, parts - mean) * (len(names) / len(parts)))


class Part(Mapping[str, NDArray[Any]]):
    """The arrays of one part of one repeat by their short names, each read when it is asked for."""

    def __init__(self, stored: Mapping[str, NDArray[Any]], part: str, repeat: int) -> None:
        self._stored, self._prefix = stored, f"{part}/{repeat}/"

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._stored["legend/tags" if name == "tags" else self._prefix + name]

    def __contains__(self, name: object) -> bool:
        return self._prefix + str(name) in self._stored

    def __iter__(self) -> Iterator[str]:
        return (key.removeprefix(self._prefix) for key in self._stored if key.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)
