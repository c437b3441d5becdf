"""All cells of one command: which fit, which baselines are missing, and how each gets its record."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from lossbench.errors import InputError, LossbenchError, PluginError
from lossbench.plan import Cell, LossChoice
from lossbench.plan.observer import Observer
from lossbench.plan.settings import Settings
from lossbench.records import store
from lossbench.records.record import Record, Status, read_record
from lossbench.runs.cell import Role, reused, run_cell, saved, without_repeats
from lossbench.runs.inputs import check, fingerprint_of, load_task, misfit, settled
from lossbench.runs.study import run_references


@dataclass(frozen=True)
class Entry:
    """One cell of a sweep; `misfit` says why its loss cannot be used on its task."""

    cell: Cell
    role: str = "chosen"
    misfit: str | None = None


Launch = Callable[[int, Callable[[int], None]], None]
"""Takes a number of jobs and a function that does job i; returns when all are done, here or elsewhere."""


@dataclass
class Sweep:
    """The planned cells of a command by digest, and the folder of their records."""

    name: str
    results: Path
    entries: dict[str, Entry]
    losses: list[str]
    reuse: bool = False
    command: str = ""
    report: store.PlannedReport = field(default_factory=store.PlannedReport)
    """The command's report options: the scope of verdicts, and another baseline."""
    begun: set[str] = field(default_factory=set)

    @property
    def folder(self) -> Path:
        return self.results / self.name

    @property
    def trainings(self) -> int:
        return sum(entry.cell.trainings for entry in self.entries.values() if entry.misfit is None)

    def contests(self) -> Iterator[Cell]:
        """One cell of each contest in which something is trained."""
        seen = set()
        for entry in self.entries.values():
            if entry.misfit is None and entry.cell.contest not in seen:
                seen.add(entry.cell.contest)
                yield entry.cell

    def run(self, observer: Observer, launch: Launch | None = None) -> bool:
        """Trains every cell and the reference rows, and saves their records; True where Ctrl-C came before the end.

        launch: runs the cells elsewhere, such as in other processes; None runs them here, one after the other.
        """
        try:
            if launch is None:
                for entry in self.entries.values():
                    self._run(entry, observer)
            else:
                self._launched(launch, observer)
            self._run_references()
        except KeyboardInterrupt:
            self._interrupt_rest()
            return True
        return False

    def _run(self, entry: Entry, observer: Observer) -> None:
        self.begun.add(entry.cell.digest)
        observer.cell_begins(entry.cell)
        record = self._reused(entry) or run_cell(entry.cell, self.folder, self._role(entry), observer)
        observer.cell_ends(entry.cell, record)
        if record.status is Status.INTERRUPTED:
            raise KeyboardInterrupt

    def _launched(self, launch: Launch, observer: Observer) -> None:
        """Runs cells as jobs of a launcher; this process reads their records when all have ended."""
        left = []
        for entry in self.entries.values():
            if record := self._reused(entry):
                observer.cell_begins(entry.cell)
                observer.cell_ends(entry.cell, record)
            else:
                left.append(entry)
        jobs = Jobs(tuple((entry.cell, self._role(entry)) for entry in left), self.folder.resolve())
        for entry in left:  # so that a record found afterwards is from a job
            store.forget(self.folder / entry.cell.folder)
        try:
            if left:
                launch(len(left), jobs)
        finally:  # after Ctrl-C too: finished jobs keep their records
            self.begun |= {entry.cell.digest for entry in left if store.is_cell(self.folder / entry.cell.folder)}
        for entry in left:
            self.begun.add(entry.cell.digest)
            record = self._left_by(entry)
            observer.cell_begins(entry.cell)
            observer.cell_ends(entry.cell, record)

    def _left_by(self, entry: Entry) -> Record:
        """The record that a job wrote; a `failed` one if it wrote none."""
        try:
            return read_record(self.folder / entry.cell.folder, arrays=False)
        except InputError:
            lost = without_repeats(entry.cell, Status.FAILED, "its job ended without a record")
            return saved(lost, entry.cell, self.folder, self._role(entry))

    def _role(self, entry: Entry) -> Role:
        return Role(entry.role, self.command)

    def _interrupt_rest(self) -> None:
        """Records of cells that did not begin before Ctrl-C."""
        for digest, entry in self.entries.items():
            if digest not in self.begun:
                record = without_repeats(entry.cell, Status.INTERRUPTED, "not begun")
                saved(record, entry.cell, self.folder, self._role(entry))

    def _run_references(self) -> None:
        """The reference rows at the end of every table."""
        for cell in self.contests():
            for record in run_references(cell):
                record.sweep = self.name
                record.provenance.command = self.command
                name = f"{cell.task.name}-{cell.task.data_name}-reference-{record.loss.name}-{cell.contest[:6]}"
                record.save(self.folder / name)

    def _reused(self, entry: Entry) -> Record | None:
        """An earlier sweep's record, saved in this one too; None if the cell must be trained."""
        if not self.reuse or entry.misfit:
            return None
        try:
            place = self._done.get(fingerprint_of(entry.cell))
        except LossbenchError:
            return None
        record = reused(entry.cell, place) if place else None
        if record is None:
            return None
        self.begun.add(entry.cell.digest)
        return saved(record, entry.cell, self.folder, self._role(entry))

    @cached_property
    def _done(self) -> dict[str, Path]:
        """Folders of finished cells anywhere in results, by fingerprint."""
        return dict(store.finished(self.results))


@dataclass(frozen=True)
class Jobs:
    """The cells of a sweep by number: plain data, so that a launcher can send them to another process or machine."""

    cells: tuple[tuple[Cell, Role], ...]
    folder: Path

    def __call__(self, number: int) -> None:
        cell, role = self.cells[number]
        if run_cell(cell, self.folder, role).status is Status.INTERRUPTED:
            raise KeyboardInterrupt


def plan(cells: Sequence[Cell], settings: Settings) -> Sweep:
    """Checks every cell against its task and data, and adds the baselines that are missing. Nothing is written yet.

    Raises InputError for data that cannot be read and for values that a loss refuses.
    """
    entries: dict[str, Entry] = {}
    for cell in map(settled, cells):
        entries.setdefault(cell.digest, Entry(cell, misfit=_misfit(cell)))
    asked = [entry.cell for entry in entries.values()]
    for cell in _lacking_baselines(asked, entries):
        entries.setdefault(cell.digest, Entry(cell, "baseline", _misfit(cell)))
    for cell in _controls(asked, entries, settings):
        entries.setdefault(cell.digest, Entry(cell, "control"))
    for cell in {e.cell.contest: e.cell for e in entries.values() if e.misfit is None}.values():
        check(cell)
    _reachable({entry.cell.training.accelerator for entry in entries.values()})
    losses = list(dict.fromkeys(e.cell.loss.name for e in entries.values() if e.role != "control"))
    _writable(settings.results)
    if settings.name and (settings.results / settings.name).is_file():
        raise InputError(f"name={settings.name}: {settings.results / settings.name} is a file. Choose another name.")
    report = store.PlannedReport(settings.scope.value, settings.against)
    return Sweep(settings.name or _name(), settings.results, entries, losses, settings.reuse, report=report)


def begin(sweep: Sweep, command: str) -> None:
    """Makes the sweep's folder and writes the plan into it."""
    sweep.command = command
    cells = tuple(store.PlannedCell(e.cell.folder, e.cell.digest, e.role, e.misfit) for e in sweep.entries.values())
    store.write_plan(sweep.folder, store.SweepPlan(sweep.name, command, sweep.report, cells))


def _misfit(cell: Cell) -> str | None:
    task = load_task(cell.task, cell.seed)
    try:
        return misfit(cell.loss, task)
    except PluginError:
        return None  # its record will report the error


def _lacking_baselines(cells: Sequence[Cell], entries: Mapping[str, Entry]) -> Iterator[Cell]:
    """One baseline cell per contest that has a fitting loss but not the task's baseline."""
    for cell in _contests(cells, entries):
        rivals = [e for e in entries.values() if e.cell.contest == cell.contest and e.misfit is None]
        if not any(e.cell.loss.name == cell.task.baseline and not e.cell.loss.params for e in rivals):
            yield settled(cell.with_baseline)


def _controls(cells: Sequence[Cell], entries: Mapping[str, Entry], settings: Settings) -> Iterator[Cell]:
    """The negative controls that the command asks for: the baseline on other draws, and a multiple of it."""
    if not settings.placebo and settings.scale is None:
        return
    for each in _contests(cells, entries):
        cell = settled(each.with_baseline)
        name = cell.loss.name
        if settings.placebo:
            yield replace(cell, loss=replace(cell.loss, label=f"{name} again (placebo)", draw=1))
        if settings.scale is not None:
            given = {"loss": name, "factor": float(settings.scale)}
            yield replace(cell, loss=LossChoice("scaled", given, label=f"{settings.scale:g}*{name}"))


def _contests(cells: Sequence[Cell], entries: Mapping[str, Entry]) -> Iterator[Cell]:
    """The first cell of each contest that has a baseline and a fitting loss."""
    fitting = {e.cell.contest for e in entries.values() if e.misfit is None}
    seen: set[str] = set()
    for cell in cells:
        if cell.contest in fitting and cell.contest not in seen and cell.task.baseline is not None:
            seen.add(cell.contest)
            yield cell


def _name() -> str:
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(2)}"


def _reachable(accelerators: set[str]) -> None:
    """Raises InputError, before training, for a graphics card that is not there."""
    import torch

    there = {"gpu": torch.cuda.is_available() or torch.backends.mps.is_available()}
    there |= {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    for accelerator in accelerators:
        if not there.get(accelerator, True):
            raise InputError(
                f"training.accelerator={accelerator}: PyTorch finds none on this machine. Leave it at cpu, or say auto."
            )


def _writable(results: Path) -> None:
    """Raises InputError, before training, for a results folder that cannot be written."""
    place = results
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise InputError(f"results={results}: {place} is not a folder.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"results={results} cannot be written: {place} is read-only. Choose another with results=...")
    if shutil.disk_usage(place).free < 50 * 2**20:
        raise InputError(f"results={results}: less than 50 MB are free there.")
