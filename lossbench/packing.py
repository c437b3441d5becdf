"""Many named arrays in one file: those whose names differ in their numbers alone lie in it as one.

A cell has some hundred arrays, most of them a few numbers long, as `trial/3/12/validation`. One entry of a zip file
each takes longer to write and to find again than to train some losses. `trial/*/*/validation` is one entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
LAYOUT = "layout"
"""The entry that tells, as JSON, the numbers in the names of a group's arrays, and their lengths where these differ."""
NUMBER = re.compile("0|[1-9][0-9]*")


def packed(arrays: Arrays) -> bytes:
    """The file's content: an npz that NumPy reads without pickle.

    Arrays of one group are stacked along a new first axis in the order of their numbers, or laid end to end where only
    their lengths differ. Raises ValueError for arrays of objects.
    """
    objects = [name for name, array in arrays.items() if np.asarray(array).dtype.hasobject]
    if objects:
        raise ValueError(f"The arrays {objects} hold objects, which only pickle could store.")
    groups: dict[tuple[str, np.dtype[Any], tuple[int, ...]], dict[tuple[int, ...], NDArray[Any]]] = {}
    for name, array in arrays.items():
        pattern, numbers = _pattern(name)
        groups.setdefault((pattern, array.dtype, array.shape[1:] if array.ndim else (-1,)), {})[numbers] = array
    entries: dict[str, NDArray[Any]] = {}
    layout: dict[str, Any] = {}
    for (pattern, _, _), members in groups.items():
        if () in members or pattern in entries:  # a name without numbers, or of a type of its own
            entries |= {_name(pattern, numbers): array for numbers, array in members.items()}
            continue
        order = sorted(members)
        lengths = [members[numbers].shape[:1] for numbers in order]
        layout[pattern] = {"numbers": order}
        if len(set(lengths)) > 1:
            layout[pattern]["lengths"] = [length for (length,) in lengths]
            entries[pattern] = np.concatenate([members[numbers] for numbers in order])
        else:
            entries[pattern] = np.stack([members[numbers] for numbers in order])
    buffer = BytesIO()
    told = {LAYOUT: np.array(json.dumps(layout))} if layout else {}
    np.savez_compressed(buffer, **told, **entries)  # type: ignore[arg-type]  # names are ours, never its options
    return buffer.getvalue()


class Packed(Arrays):
    """The arrays of a file by their names, each group read when one of it is asked for. Close it, or use `with`."""

    def __init__(self, path: Path) -> None:
        self._file = np.load(path, allow_pickle=False)
        self._read: dict[str, NDArray[Any]] = {}
        self._places: dict[str, tuple[str, int | slice]] = {}
        layout = json.loads(str(self._file[LAYOUT])) if LAYOUT in self._file else {}
        for pattern in self._file.files:
            if pattern == LAYOUT:
                continue
            told = layout.get(pattern)
            if told is None:
                self._places[pattern] = (pattern, slice(None))
                continue
            ends = np.cumsum(told["lengths"]).tolist() if "lengths" in told else None
            for place, numbers in enumerate(told["numbers"]):
                begin = (ends[place - 1] if place else 0) if ends else 0
                self._places[_name(pattern, numbers)] = (pattern, slice(begin, ends[place]) if ends else place)

    def __getitem__(self, name: str) -> NDArray[Any]:
        pattern, place = self._places[name]
        if pattern not in self._read:
            self._read[pattern] = self._file[pattern]
        group = self._read[pattern]
        return group if pattern == name else np.asarray(group[place])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __enter__(self) -> Packed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _pattern(name: str) -> tuple[str, tuple[int, ...]]:
    """A name with a star for each of its numbers, and the numbers; a name that has stars of its own stays as it is."""
    parts = name.split("/")
    if "*" in parts:
        return name, ()
    numbers = tuple(int(part) for part in parts if NUMBER.fullmatch(part))
    return "/".join("*" if NUMBER.fullmatch(part) else part for part in parts), numbers


def _name(pattern: str, numbers: tuple[int, ...]) -> str:
    """The name that has these numbers in the places of the stars; stars of its own where there are no numbers."""
    left = iter(numbers or "*" * len(pattern))
    return "/".join(str(next(left)) if part == "*" else part for part in pattern.split("/"))
