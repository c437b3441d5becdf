"""The files of a results folder: `<results>/<sweep>/<cell>/`. No other module knows their names.

plan.json                what a sweep was asked for, and its cells in their order
<cell>/record.json       the result of a cell, with arrays.npz next to it
<cell>/choices.json      what was chosen on validation data, written before the test part was opened
<cell>/models/           weights, one file per repeat, if kept
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from lossbench.errors import InputError
from lossbench.records.record import RECORD, Record, Status, read_record, write_whole

PLAN, CHOICES, MODELS = "plan.json", "choices.json", "models"


@dataclass(frozen=True)
class PlannedCell:
    """A cell of a sweep before it is run. misfit: why it will be skipped; None if it will run."""

    folder: str
    digest: str = ""
    role: str = "chosen"
    misfit: str | None = None


@dataclass(frozen=True)
class PlannedReport:
    """The report options of a command: what verdicts claim, and what losses are compared with."""

    scope: str | None = None
    baseline: str | None = None


@dataclass(frozen=True)
class SweepPlan:
    """The command of a sweep, with its cells in order."""

    sweep: str = ""
    command: str = ""
    report: PlannedReport = PlannedReport()
    cells: tuple[PlannedCell, ...] = ()


# Writing ------------------------------------------------------------------------------------------------------------


def write_plan(sweep: Path, plan: SweepPlan) -> None:
    """Makes the folder of a sweep, with its plan in it."""
    sweep.mkdir(parents=True, exist_ok=True)
    write_whole(sweep / PLAN, json.dumps(asdict(plan), indent=1).encode())


def write_choices(cell: Path, choices: Mapping[str, Any]) -> None:
    cell.mkdir(parents=True, exist_ok=True)
    write_whole(cell / CHOICES, json.dumps(choices, indent=1, default=str).encode())


def write_weights(cell: Path, repeat: int, weights: bytes) -> None:
    folder = cell / MODELS
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"repeat-{repeat}.pt", weights)


def forget(cell: Path) -> None:
    """Removes an earlier record of a cell that is about to be retrained."""
    (cell / RECORD).unlink(missing_ok=True)


def take_back(sweep: Path) -> None:
    """Removes the plan of a sweep in which nothing ran, and its folder if nothing else lies there."""
    for name in (PLAN, "multirun.yaml"):
        (sweep / name).unlink(missing_ok=True)
    with suppress(OSError):  # the folder holds files of the user: keep it
        sweep.rmdir()


# Reading ------------------------------------------------------------------------------------------------------------


def plan_of(sweep: Path) -> SweepPlan:
    """The plan of a sweep; an empty one where there is none that can be read."""
    try:
        return msgspec.json.decode((sweep / PLAN).read_bytes(), type=SweepPlan)
    except (OSError, ValueError):
        return SweepPlan()


def begun(sweep: Path) -> float:
    """When a sweep began, in seconds since 1970."""
    return (sweep / PLAN).stat().st_mtime


def is_sweep(folder: Path) -> bool:
    return (folder / PLAN).exists()


def is_cell(folder: Path) -> bool:
    return (folder / RECORD).exists()


def cells_in(sweep: Path) -> list[Path]:
    """The folders of a sweep's records: in the order of its plan, then those left by earlier sweeps of its name."""
    order = {cell.folder: place for place, cell in enumerate(plan_of(sweep).cells)}
    found = sorted(path.parent for path in sweep.glob(f"*/{RECORD}"))
    return sorted(found, key=lambda folder: order.get(folder.name, len(order)))


def cells_of_all(results: Path) -> list[Path]:
    """The folders of the records of all sweeps in results, by name."""
    return [path.parent for path in sorted(results.glob(f"*/*/{RECORD}"))]


def readable(folders: Sequence[Path]) -> tuple[list[Record], list[str]]:
    """The records in these folders, and an error for each that cannot be read."""
    found, errors = [], []
    for folder in folders:
        try:
            found.append(read_record(folder, arrays=False))
        except InputError as error:
            errors.append(str(error))
    return found, errors


def records_of(sweep: Path) -> list[Record]:
    """The records of a sweep in its plan's order. Raises InputError where there are none, or one is damaged."""
    found = [read_record(folder, arrays=False) for folder in cells_in(sweep)]
    if not found:
        raise InputError(f"{sweep} holds no records.")
    return found


def find_sweep(name: str, results: Path) -> Path:
    """The folder of a sweep, by its path or its name in results. InputError names the latest ones."""
    for folder in (Path(name), results / name):
        if any(folder.glob(f"*/{RECORD}")):
            return folder
    known = sorted({folder.parent.name for folder in cells_of_all(results)})[-5:]
    raise InputError(f"No sweep is called '{name}' in {results}/. The latest: {', '.join(known) or 'none'}.")


def finished(results: Path) -> Iterator[tuple[str, Path]]:
    """Fingerprint and folder of every cell that is done, anywhere in results."""
    for folder in cells_of_all(results):
        try:
            ended = msgspec.json.decode((folder / RECORD).read_bytes(), type=_Ended)
        except (OSError, ValueError):
            continue
        if ended.status == Status.DONE.value and ended.fingerprint:
            yield ended.fingerprint, folder


class _Ended(msgspec.Struct):
    """The part of a record that decides whether it may be reused."""

    status: str
    fingerprint: str = ""
