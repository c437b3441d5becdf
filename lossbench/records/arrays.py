"""Many named arrays in one file: arrays whose names differ only in numbers are stored as one.

A cell has some hundred arrays, most of them a few numbers long, as `trial/3/12/validation`. One zip entry
each would take longer to write and find than some losses take to train. `trial/*/*/validation` is one entry.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from types import TracebackType
from typing import Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
LAYOUT = "layout"
"""The JSON entry with the numbers in the names of a group's arrays, and their lengths if these differ."""
UNREADABLE = (ValueError, MemoryError, OverflowError, SyntaxError, TokenError)
"""What NumPy raises for objects, damage, more than memory holds, and a header that is no Python literal."""
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
    """The arrays of a file by name; a group is read when one of its arrays is needed. Close it, or use `with`."""

    def __init__(self, path: Path) -> None:
        self._file = ZipFile(path)
        self._entries = dict.fromkeys(name.removesuffix(".npy") for name in self._file.namelist())
        self._layout = json.loads(str(self._read(LAYOUT))) if LAYOUT in self._entries else {}
        self._groups: dict[str, dict[tuple[int, ...], NDArray[Any]]] = {}

    def __getitem__(self, name: str) -> NDArray[Any]:
        pattern, numbers = (name, ()) if name in self._entries else _pattern(name)
        if pattern not in self._groups:
            if pattern not in self._entries:
                raise KeyError(name)
            self._groups[pattern] = self._group(pattern)
        return self._groups[pattern][numbers]

    def _group(self, pattern: str) -> dict[tuple[int, ...], NDArray[Any]]:
        """The arrays of a group by the numbers in their names."""
        stored, told = self._read(pattern), self._layout.get(pattern)
        if told is None:
            return {(): stored}
        arrays = np.split(stored, np.cumsum(told["lengths"])[:-1]) if "lengths" in told else map(np.asarray, stored)
        return dict(zip(map(tuple, told["numbers"]), arrays, strict=True))

    def _read(self, entry: str) -> NDArray[Any]:
        content = BytesIO(self._file.read(f"{entry}.npy"))  # read whole, so that its checksum is compared
        try:
            return np.lib.format.read_array(content, allow_pickle=False)
        except UNREADABLE as error:
            raise ValueError(f"the array {entry!r} is damaged, or one that only pickle could read ({error})") from error

    def _names(self, pattern: str) -> list[str]:
        told = self._layout.get(pattern)
        return [_name(pattern, numbers) for numbers in told["numbers"]] if told else [pattern]

    def __iter__(self) -> Iterator[str]:
        return (name for pattern in self._entries if pattern != LAYOUT for name in self._names(pattern))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __enter__(self) -> Packed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


@lru_cache(100_000)  # every record has the same names
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
