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
from dataclasses import asdict, dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from lossbench.errors import InputError
from lossbench.plan import Cell, DataCard, Direction, Target
from lossbench.records.arrays import Packed, packed
from lossbench.records.facts import Cost, LossFacts, MetricFacts, Provenance, Repeat, Status, TrainingFacts
from lossbench.records.quoting import lines
from lossbench.records.schema_1 import migrated

SCHEMA = 2
BESIDE = ("arrays", "later", "path")
"""Fields of a record that are not in its JSON."""
RECORD, ARRAYS = "record.json", "arrays.npz"
ARTIFACTS = "artifacts"
"""The folder in results where the tracker keeps copies; no sweep has this name."""


_SIGNS = re.compile(rb"\\[ubfnrt]|\xc2[\x80-\x9f]|\xd8\x9c|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
"""Finds possible control characters in JSON; most records have none and need no closer look."""
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged file may raise; msgspec's errors are ValueErrors."""


@dataclass
class Record:
    """The result of one cell. `arrays` lie next to the JSON, as `test/0/probability` or `curve/0/validation`."""

    status: Status
    reason: str
    loss: LossFacts
    task: str
    data: DataCard
    model: str
    metric: MetricFacts
    directions: dict[str, Direction]
    repeats: list[Repeat]
    cell: Cell
    """Exactly as written, so never to be shown: the names of task, model, loss and data are above."""
    predicts: Target | None = None
    """None if the task could not be loaded."""
    margins: dict[str, float] = field(default_factory=dict)
    """Margins of equivalence by metric, in its unit; fixed before training."""
    role: str = "chosen"
    """chosen by the command, `baseline` added to compare with, or `reference` (no loss of the contest)."""
    sweep: str = ""
    contest: str = ""
    """Records with the same contest differ only in their loss."""
    fingerprint: str = ""
    """Over all that affects the numbers: cell, data, versions and the loss's own code."""
    seconds: float = 0.0
    training: TrainingFacts = field(default_factory=TrainingFacts)
    cost: Cost = field(default_factory=Cost)
    provenance: Provenance = field(default_factory=Provenance)
    traceback: str = ""
    """The traceback of an error, for the author of a plugin."""
    schema: int = SCHEMA
    arrays: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    later: dict[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    """Arrays added by rejudging with another metric; they override those of the same names and are never saved."""
    path: Path | None = None

    @property
    def title(self) -> str:
        return self.loss.title

    @contextmanager
    def stored(self) -> Iterator[Mapping[str, NDArray[Any]]]:
        """The arrays by name, each read from disk when needed; empty if there are none."""
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
        """A test metric of every finished repeat, in order."""
        return [r.metrics[metric] for r in self.repeats if r.status is Status.DONE and metric in r.metrics]

    def to_dict(self) -> dict[str, Any]:
        """The record as in its JSON."""
        plain = asdict(replace(self, arrays={}, later={}, path=None)) | {"cell": self.cell.to_dict()}
        first = ("schema", "status", "reason", "role", "sweep", "loss", "task", "data", "model", "metric", "repeats")
        rest = (name for name in plain if name not in (*first, *BESIDE))
        written: dict[str, Any] = _plain({name: plain[name] for name in (*first, *rest)})
        return written

    def save(self, folder: str | Path) -> Path:
        """Writes arrays first and the JSON last, each to a temporary name and then moved into place."""
        folder = Path(folder)
        text = json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False, default=str)
        content = packed(self.arrays)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / ARRAYS, content)
        write_whole(folder / RECORD, text.encode())
        self.path = folder
        return folder


KEYS = tuple(part.name for part in fields(Record) if part.name not in BESIDE)
"""What the JSON of a record consists of."""


def read_record(folder: str | Path, *, arrays: bool = True) -> Record:
    """Reads the record in a folder; torch is not needed.

    Args:
        folder: The folder of one cell, with `record.json` and perhaps `arrays.npz`.
        arrays: Whether to read the arrays now. Otherwise `Record.stored` reads them when needed.

    Returns:
        The record. Records of schema 1 are converted.

    Raises:
        InputError: If there is no record, or it is damaged.
    """
    folder = Path(folder)
    place = folder / RECORD
    try:
        text = place.read_bytes()
        data = msgspec.json.decode(text)
        if data["schema"] not in (1, SCHEMA):
            raise InputError(f"{place} has schema {data['schema']}; this lossbench reads schemas 1 and {SCHEMA}.")
        if _SIGNS.search(text):  # the cell stays as it is: it decides numbers, and is never shown
            data = {**lines(data, frozenset({"reason", "traceback"})), "cell": data["cell"]}
        data = migrated(data) if data["schema"] == 1 else data
        if strange := [name for name in data if name not in KEYS]:
            raise InputError(f"{place} cannot be read as a record: {strange[0]} is an unknown part.")
        record = msgspec.convert(data, Record)
        record.path = folder
        if arrays and (folder / ARRAYS).exists():
            place = folder / ARRAYS
            with Packed(folder / ARRAYS) as stored:
                record.arrays = dict(stored)
    except UNREADABLE as error:
        raise InputError(f"{place} cannot be read as a record: {error}.") from error
    return record


def read_records(folder: str | Path, *, arrays: bool = False) -> list[Record]:
    """Reads all records in and below a folder; torch is not needed.

    Args:
        folder: A sweep's folder, or all results. The copies of MLflow in `results/artifacts` are left out.
        arrays: Whether to read the arrays now. Otherwise `Record.stored` reads them when needed.

    Returns:
        The records, sorted by path; empty if there are none.

    Raises:
        InputError: If a record is damaged.
    """
    found = sorted(Path(folder).glob(f"**/{RECORD}"))
    own = [path for path in found if ARTIFACTS not in path.relative_to(folder).parts]
    return [read_record(path.parent, arrays=arrays) for path in own]


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file atomically: a reader finds the old content or the new, never a part."""
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


def _plain(value: Any) -> Any:
    """Nested data for JSON: enums by their values, NumPy's scalars as numbers."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Enum):
        return value.value
    return value.item() if isinstance(value, np.generic) else value


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """Without NaN and infinities, which JSON and MLflow cannot store."""
    return {key: float(value) for key, value in values.items() if np.isfinite(value)}
