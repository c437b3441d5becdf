"""What a cell leaves behind: one JSON file and one file of arrays, written whole or not at all, read without pickle."""

from __future__ import annotations

import json
import os
import re
import tempfile
import zipfile
import zlib
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from lossbench.errors import InputError
from lossbench.records.arrays import Packed, packed
from lossbench.records.quoting import lines

SCHEMA = 1
BESIDE = ("arrays", "later", "path")
"""Fields of a record that are no part of its JSON."""
RECORD, ARRAYS = "record.json", "arrays.npz"
ARTIFACTS = "artifacts"
"""The folder in results where the tracker keeps copies; no sweep has this name."""


_TEXTS: Mapping[str, tuple[str, ...]] = {"loss": ("name", "title"), "data": ("name",), "model": ("name",)}
"""Names that every record has, and what they are names of."""
_SIGNS = re.compile(rb"\\[ubfnrt]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
"""Where there may be control characters in JSON; most records have none, and are not looked through."""


class Status(Enum):
    """How a cell or a repeat ended."""

    DONE = "done"
    SKIPPED = "skipped"  # the loss does not fit the task
    DIVERGED = "diverged"  # the loss became NaN or infinite
    FAILED = "failed"  # something broke, most often in a plugin
    INTERRUPTED = "interrupted"


@dataclass
class Repeat:
    """One repeat: what was drawn, what was chosen on validation data, what the test part said."""

    repeat: int
    seed: int
    status: Status
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    """On the test part, the primary first, in original units."""
    validation: dict[str, float] = field(default_factory=dict)
    decision: dict[str, float] = field(default_factory=dict)
    """Thresholds, frozen before the test part was opened."""
    choice: str = ""
    """Sixteen hex digits over all that was chosen (trial, rate, parameters, epoch, thresholds): the test's key."""
    trials: list[dict[str, Any]] = field(default_factory=list)
    """Every training: learning_rate, params, status, reason, value on validation data, best_epoch, epochs, seconds."""
    trial: int | None = None
    """Which of them was chosen; what follows is that trial's."""
    ties: int = 0
    """How many other trials were just as good on validation data."""
    edge: bool = False
    """True where the chosen rate is the lowest or highest of the repeat; never of fewer than five trials."""
    best_epoch: int | None = None
    epochs: int = 0
    learning_rate: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    elicits: str = ""
    """What the minimiser of the loss is at these parameters; empty where it is not known."""
    seconds: float = 0.0
    """Training alone, wall clock, of the chosen trial."""
    hashes: dict[str, str] = field(default_factory=dict)
    """Of splits, initial weights and batch order: equal for every loss of the same repeat."""
    halves: dict[str, list[list[float]]] = field(default_factory=dict)
    """Test metrics of trainings on each half of the repeat's rows, by name: two lists of `protocol.halves` values."""
    report: dict[str, dict[str, float]] | None = None
    """NER: precision, recall, f1-score and support per tag and on average."""


@dataclass
class Record:
    """One cell, ended. `arrays` lie beside the JSON; keys such as `test/0/probability`, `curve/0/validation`."""

    status: Status
    reason: str
    loss: dict[str, Any]
    task: str
    data: dict[str, Any]
    model: dict[str, Any]
    metric: dict[str, str]
    directions: dict[str, str]
    repeats: list[Repeat]
    cell: dict[str, Any]
    margins: dict[str, float] = field(default_factory=dict)
    """Differences that are the same in practice, by metric, in its unit; fixed before anything was trained."""
    role: str = "chosen"
    """chosen by the command, `baseline` added to compare with, or `reference` (no loss of the contest)."""
    sweep: str = ""
    contest: str = ""
    """Records that share it differ in their loss alone."""
    fingerprint: str = ""
    """What decides the numbers: cell, data, versions and the loss's own code."""
    seconds: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    later: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    """Arrays made since by another metric; they go before those of the same names, and are never saved."""
    path: Path | None = None

    @property
    def title(self) -> str:
        return str(self.loss["title"])

    @contextmanager
    def stored(self) -> Iterator[Mapping[str, NDArray[Any]]]:
        """The arrays by name, each read from disk when it is asked for; empty where there are none."""
        place = self.path / ARRAYS if self.path else None
        if self.arrays or place is None or not place.exists():
            yield {**self.arrays, **self.later}
            return
        try:
            with Packed(place) as stored:
                yield ChainMap(self.later, stored) if self.later else stored  # type: ignore[arg-type]  # only read
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"{place} cannot be read: {error}.") from error

    def values(self, metric: str) -> list[float]:
        """A test metric of every repeat that is done, in the order of repeats."""
        return [r.metrics[metric] for r in self.repeats if r.status is Status.DONE and metric in r.metrics]

    def to_dict(self) -> dict[str, Any]:
        plain = asdict(replace(self, arrays={}, later={}, path=None))
        data = {k: v for k, v in plain.items() if k not in BESIDE}
        data["status"] = self.status.value
        for repeat in data["repeats"]:
            repeat["status"] = repeat["status"].value
        order = [
            "schema",
            "status",
            "reason",
            "role",
            "sweep",
            "loss",
            "task",
            "data",
            "model",
            "metric",
            "repeats",
        ]
        return {key: data[key] for key in [*order, *(k for k in data if k not in order)]}

    def save(self, folder: str | Path) -> Path:
        """Writes arrays first and the JSON last, each to a temporary name and then moved into place."""
        folder = Path(folder)
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False, default=_plain)
        content = packed(self.arrays)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / ARRAYS, content)
        write_whole(folder / RECORD, text.encode())
        self.path = folder
        return folder


def read_record(folder: str | Path, *, arrays: bool = True) -> Record:
    """The record in a folder. Raises InputError where there is none or where it is damaged."""
    folder = Path(folder)
    place = folder / RECORD
    try:
        text = place.read_bytes()
        data = orjson.loads(text)  # four times as fast as json, of which large sweeps take a second
        if data["schema"] != SCHEMA:
            raise InputError(f"{folder / RECORD} has schema {data['schema']}; this lossbench reads schema {SCHEMA}.")
        if _SIGNS.search(text):  # the cell stays as it is: it decides numbers, and is never shown whole
            data = {**lines(data, frozenset({"reason", "traceback"})), "cell": data["cell"]}
        if beside := [name for name in BESIDE if name in data]:
            raise InputError(f"{place} cannot be read as a record: {beside[0]} is no part of one.")
        repeats = [Repeat(**{**repeat, "status": Status(repeat["status"])}) for repeat in data.pop("repeats")]
        record = Record(**{**data, "status": Status(data["status"]), "repeats": repeats}, path=folder)
        _check_types(record)
        if arrays and (folder / ARRAYS).exists():
            place = folder / ARRAYS
            with Packed(folder / ARRAYS) as stored:
                record.arrays = dict(stored)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{place} cannot be read as a record: {error}.") from error
    return record


def _check_types(record: Record) -> None:
    """Raises TypeError where a file that was written by hand has something else in the place of a name or a table."""
    for name in ("loss", "data", "model", "metric", "directions", "margins", "cell", "provenance"):
        if not isinstance(getattr(record, name), dict):
            raise TypeError(f"'{name}' is no table")
    texts: list[Any] = [record.task, record.reason, record.role, record.sweep, record.contest, record.fingerprint]
    texts += [getattr(record, table).get(name) for table, names in _TEXTS.items() for name in names]
    texts += [record.metric.get("name"), record.metric.get("direction"), *record.directions.values()]
    if bad := [text for text in texts if not isinstance(text, str)]:
        raise TypeError(f"{bad[0]!r} stands where a text must be")
    found = [each for r in record.repeats for each in (r.metrics, r.validation, r.decision)]
    if bad := [value for each in found for value in each.values() if not isinstance(value, (int, float))]:
        raise TypeError(f"{bad[0]!r} stands where a number must be")
    if bad := [way for way in record.directions.values() if way not in ("min", "max")]:
        raise TypeError(f"a metric is to be min or max, not {bad[0]!r}")


def read_records(folder: str | Path, *, arrays: bool = False) -> list[Record]:
    """All records in and below a folder (a sweep, or all results), by path. Torch is not needed.

    The copies that MLflow keeps in `results/artifacts` are left out.
    """
    found = sorted(Path(folder).glob(f"**/{RECORD}"))
    own = [path for path in found if ARTIFACTS not in path.relative_to(folder).parts]
    return [read_record(path.parent, arrays=arrays) for path in own]


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file such that a reader finds the old content or the new, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)  # noqa: PTH101  # mkstemp makes it private
        os.replace(name, path)  # noqa: PTH105
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _plain(value: object) -> object:
    """What JSON has no word for: NumPy's scalars as numbers, everything else as text."""
    return value.item() if isinstance(value, np.generic) else str(value)


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """Without NaN and infinities, which JSON and MLflow have no place for."""
    return {key: float(value) for key, value in values.items() if np.isfinite(value)}
