"""One cell, from its loss and task to the record on disk: `run_cell(cell, folder)`, on whatever machine."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lossbench.errors import InputError, LossbenchError
from lossbench.plan import Cell, DataCard, Direction
from lossbench.plan.observer import Observer
from lossbench.records import store
from lossbench.records.facts import LossFacts, MetricFacts, Status
from lossbench.records.record import Record
from lossbench.runs.inputs import fingerprint_of, settled
from lossbench.runs.study import run


@dataclass(frozen=True)
class Role:
    """The part of a cell in its sweep, for its record."""

    name: str = "chosen"
    """chosen by the command, `baseline` added to compare with, or `control`."""
    command: str = ""


def run_cell(cell: Cell, folder: str | Path, role: Role = Role(), observer: Observer | None = None) -> Record:
    """Trains and evaluates a cell and saves its record; needs nothing else, so any process can call it.

    Args:
        cell: One loss on one task. A batch size that is left to the data is set here.
        folder: The sweep's folder; the record is saved in a subfolder named after the cell.
        role: The cell's part in the sweep, for its record.
        observer: Is called as epochs and trainings end.

    Returns:
        The saved record, whatever happened: its status is `failed` after an error, `interrupted` after Ctrl-C.

    Raises:
        InputError: If no record can be written.
    """
    cell, observer = settled(cell), observer or Observer()
    place = Path(folder) / cell.folder
    try:
        record = run(
            cell,
            observer,
            freeze=partial(store.write_choices, place),
            keep=partial(store.write_weights, place),
        )
    except Exception as error:  # no error may leave its cell: the sweep goes on
        reason = str(error) if isinstance(error, LossbenchError) else f"{type(error).__name__}: {error}"
        record = without_repeats(cell, Status.FAILED, reason)
        record.traceback = "".join(traceback.format_exception(error))
    if record.status in (Status.DONE, Status.DIVERGED):
        record.fingerprint = fingerprint_of(cell)
    return saved(record, cell, Path(folder), role)


def reused(cell: Cell, earlier: Path) -> Record | None:
    """The record of the same cell in an earlier sweep; None where somebody has changed it since."""
    from lossbench.records.record import read_record

    record = read_record(earlier)
    if record.cell.digest != cell.digest:
        return None
    record.provenance.reused_from = earlier.parent.name
    return record


def saved(record: Record, cell: Cell, folder: Path, role: Role) -> Record:
    """Saves the record; if it cannot be written, saves and returns a failed one that says why."""
    for candidate in (record, without_repeats(cell, Status.FAILED, "its record could not be written")):
        candidate.role, candidate.sweep = role.name, folder.name
        candidate.provenance.command = role.command
        try:
            candidate.save(folder / cell.folder)
        except (ValueError, TypeError) as error:  # a value that JSON or NumPy cannot hold
            record.reason = f"its record could not be written: {error}"
        else:
            candidate.reason = candidate.reason if candidate is record else record.reason
            return candidate
    raise InputError(record.reason)


def without_repeats(cell: Cell, status: Status, reason: str) -> Record:
    """The record of a cell without any training."""
    return Record(
        status=status,
        reason=reason,
        loss=LossFacts(cell.loss.name, cell.loss.title, dict(cell.loss.params)),
        task=cell.task.name,
        data=DataCard(cell.task.data_name),
        model=cell.model.name,
        metric=MetricFacts(cell.task.metric, Direction(cell.task.direction) if cell.task.direction else None),
        directions={},
        repeats=[],
        cell=cell,
        contest=cell.contest,
    )
