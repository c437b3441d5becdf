"""All cells of one command: which of them fit, the baselines that are missing, each one's way to its record."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Protocol

from lossbench.compose.composition import Composition, Job
from lossbench.errors import InputError, LossbenchError, PluginError
from lossbench.plan import Cell, LossChoice, fingerprint
from lossbench.records.record import CHOICES, RECORD, Record, Status, read_record, write_whole
from lossbench.runs.inputs import check, fingerprint_of, load_task, misfit, settled
from lossbench.runs.study import Progress, run, run_references

PLAN = "plan.json"
MODELS = "models"
"""The folder in a record's own where weights are kept, one file a repeat."""


@dataclass(frozen=True)
class Entry:
    """One cell of a sweep; `misfit` says why its loss cannot be used on its task."""

    cell: Cell
    role: str = "chosen"
    misfit: str | None = None


class Observer(Protocol):
    """Who wants to know how a sweep goes: the terminal, the tracker."""

    def cell_begins(self, entry: Entry) -> None: ...
    def epochs_end(self, entry: Entry, epochs: float) -> None: ...
    def training_ends(self, entry: Entry, seconds: float) -> None: ...
    def cell_ends(self, entry: Entry, record: Record) -> None: ...


@dataclass
class Sweep:
    """The planned cells of a command by digest, and the folder of their records."""

    name: str
    results: Path
    entries: dict[str, Entry]
    losses: list[str]
    reuse: bool = False
    command: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    """What the command says of its report: the scope of verdicts, another baseline."""
    observers: list[Observer] = field(default_factory=list)
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

    def records(self) -> tuple[list[Record], list[str]]:
        """What lies in the sweep's folder, in the order of this plan, then what earlier ones of its name left there.

        Records that cannot be read are told apart, each by its error.
        """
        order = {entry.cell.folder: place for place, entry in enumerate(self.entries.values())}
        contests = {entry.cell.contest: place for place, entry in reversed(list(enumerate(self.entries.values())))}

        def place(record: Record) -> tuple[int, int]:
            folder = record.path.name if record.path else ""
            return contests.get(record.contest, len(order)), order.get(folder, len(order))

        found, unreadable = [], []
        for path in sorted(self.folder.glob(f"*/{RECORD}")):
            try:
                found.append(read_record(path.parent, arrays=False))
            except InputError as error:
                unreadable.append(str(error))
        return sorted(found, key=place), unreadable

    def run(self, cell: Cell) -> None:
        """Trains a planned cell unless it was begun already, and saves its record. Only Ctrl-C leaves here."""
        cell = settled(cell)  # a job of Hydra's knows what the command says, not what the data add to it
        entry = self.entries.get(cell.digest)
        if entry is None or cell.digest in self.begun:
            return  # an axis of the sweep that this loss has no part in
        self.begun.add(cell.digest)
        for observer in self.observers:
            observer.cell_begins(entry)
        record = self._saved(entry, self._reused(entry) or self._trained(entry))
        for observer in self.observers:
            observer.cell_ends(entry, record)
        if record.status is Status.INTERRUPTED:
            raise KeyboardInterrupt

    def run_rest(self) -> None:
        """The planned cells that no Hydra job stood for, as a baseline whose own parameters the command line sets."""
        for entry in self.entries.values():
            self.run(entry.cell)

    def interrupt_rest(self) -> None:
        """Records for the cells that Ctrl-C kept from beginning."""
        for digest, entry in self.entries.items():
            if digest not in self.begun:
                record = _ended(entry.cell, Status.INTERRUPTED, "not begun")
                self._saved(entry, record)

    def run_references(self) -> None:
        """The grey rows at the end of every table."""
        for cell in self.contests():
            for record in run_references(cell):
                record.sweep = self.name
                record.provenance["command"] = self.command
                name = f"{cell.task.name}-{cell.task.data['name']}-reference-{record.loss['name']}-{cell.contest[:6]}"
                record.save(self.folder / name)

    def _saved(self, entry: Entry, record: Record) -> Record:
        for candidate in (record, _ended(entry.cell, Status.FAILED, "its record could not be written")):
            candidate.role, candidate.sweep = entry.role, self.name
            candidate.provenance["command"] = self.command
            try:
                candidate.save(self.folder / entry.cell.folder)
            except (ValueError, TypeError) as error:  # a value that JSON or NumPy cannot hold
                record.reason = f"its record could not be written: {error}"
            else:
                candidate.reason = candidate.reason if candidate is record else record.reason
                return candidate
        raise InputError(record.reason)

    def _trained(self, entry: Entry) -> Record:
        def told(what: str) -> Callable[..., None]:
            def tell(*values: object) -> None:
                for observer in self.observers:
                    getattr(observer, what)(entry, *values)

            return tell

        def freeze(choices: dict[str, Any]) -> None:
            folder = self.folder / entry.cell.folder
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / CHOICES, json.dumps(choices, indent=1, default=str).encode())

        def keep(repeat: int, weights: dict[str, Any]) -> None:
            import torch

            buffer = BytesIO()
            torch.save(weights, buffer)
            folder = self.folder / entry.cell.folder / MODELS
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / f"repeat-{repeat}.pt", buffer.getvalue())

        progress = Progress(told("epochs_end"), told("training_ends"), keep, freeze)
        try:
            record = run(entry.cell, progress)
        except Exception as error:  # whatever it is, it stays inside its cell
            reason = str(error) if isinstance(error, LossbenchError) else f"{type(error).__name__}: {error}"
            record = _ended(entry.cell, Status.FAILED, reason)
            record.provenance["traceback"] = "".join(traceback.format_exception(error))
        if record.status in (Status.DONE, Status.DIVERGED):
            record.fingerprint = fingerprint_of(entry.cell)
        return record

    def _reused(self, entry: Entry) -> Record | None:
        if not self.reuse or entry.misfit:
            return None
        try:
            place = self._done.get(fingerprint_of(entry.cell))
        except LossbenchError:
            return None
        if place is None:
            return None
        record = read_record(place)
        if fingerprint(record.cell) != entry.cell.digest:  # somebody has changed it since
            return None
        record.provenance = {**record.provenance, "reused_from": place.parent.name}
        return record

    @cached_property
    def _done(self) -> dict[str, Path]:
        """Folders of finished cells anywhere in results, by fingerprint."""
        found = {}
        for path in sorted(self.results.glob(f"*/*/{RECORD}")):
            try:
                data = json.loads(path.read_text("utf-8"))
            except (OSError, ValueError):
                continue
            if data.get("status") == Status.DONE.value and data.get("fingerprint"):
                found[data["fingerprint"]] = path.parent
        return found


def plan(composition: Composition) -> Sweep:
    """Checks every cell against its task and data, and adds the baselines that are missing. Nothing is written yet.

    Raises InputError for data that cannot be read and for values that a loss refuses.
    """
    settings = composition.settings
    composition = replace(composition, jobs=tuple(replace(job, cell=settled(job.cell)) for job in composition.jobs))
    entries: dict[str, Entry] = {}
    for job in composition.jobs:
        entries.setdefault(job.cell.digest, Entry(job.cell, misfit=_misfit(job.cell)))
    for job in _lacking_baseline(composition, entries):
        entries.setdefault(job.cell.digest, Entry(job.cell, "baseline", _misfit(job.cell)))
    for cell in _controls(composition, entries):
        entries.setdefault(cell.digest, Entry(cell, "control"))
    for cell in {e.cell.contest: e.cell for e in entries.values() if e.misfit is None}.values():
        check(cell)
    _reachable({entry.cell.training.accelerator for entry in entries.values()})
    losses = list(dict.fromkeys(e.cell.loss.name for e in entries.values() if e.role != "control"))
    _writable(settings.results)
    if settings.name and (settings.results / settings.name).is_file():
        raise InputError(f"name={settings.name}: {settings.results / settings.name} is a file. Choose another name.")
    report = {"scope": settings.scope.value, "baseline": settings.against}
    return Sweep(settings.name or _name(), settings.results, entries, losses, settings.reuse, report=report)


def begin(sweep: Sweep, command: str) -> None:
    """Makes the sweep's folder and writes the plan into it."""
    sweep.command = command
    sweep.folder.mkdir(parents=True, exist_ok=True)
    cells = [
        {"folder": e.cell.folder, "digest": e.cell.digest, "role": e.role, "misfit": e.misfit}
        for e in sweep.entries.values()
    ]
    told = {"sweep": sweep.name, "command": command, "report": sweep.report, "cells": cells}
    text = json.dumps(told, indent=1)
    write_whole(sweep.folder / PLAN, text.encode())


def abandon(sweep: Sweep) -> None:
    """Takes back what `begin` and Hydra wrote for a sweep in which nothing ran; never anything else."""
    for name in (PLAN, "multirun.yaml"):
        (sweep.folder / name).unlink(missing_ok=True)
    with suppress(OSError):  # somebody's own files lie there: so does their folder
        sweep.folder.rmdir()


def _misfit(cell: Cell) -> str | None:
    task = load_task(cell.task, cell.seed)
    try:
        return misfit(cell.loss, task)
    except PluginError:
        return None  # its record will say what is wrong with it


def _lacking_baseline(composition: Composition, entries: dict[str, Entry]) -> Iterator[Job]:
    """One job a contest in which something fits but the task's baseline is not among the losses."""
    for job in _contests(composition, entries):
        rivals = [e for e in entries.values() if e.cell.contest == job.cell.contest and e.misfit is None]
        if not any(e.cell.loss.name == job.baseline and not e.cell.loss.params for e in rivals):
            baseline = composition.baseline(job)
            yield replace(baseline, cell=settled(baseline.cell))


def _controls(composition: Composition, entries: dict[str, Entry]) -> Iterator[Cell]:
    """Cells that must not win, where the command asks for them: the baseline on other draws, and a multiple of it."""
    settings = composition.settings
    if not settings.placebo and settings.scale is None:
        return
    for job in _contests(composition, entries):
        cell = settled(composition.baseline(job).cell)
        name = cell.loss.name
        if settings.placebo:
            yield replace(cell, loss=replace(cell.loss, label=f"{name} again (placebo)", draw=1))
        if settings.scale is not None:
            given = {"loss": name, "factor": float(settings.scale)}
            yield replace(cell, loss=LossChoice("scaled", given, label=f"{settings.scale:g}*{name}"))


def _contests(composition: Composition, entries: dict[str, Entry]) -> Iterator[Job]:
    """The first job of each contest with a baseline in which something fits."""
    fitting = {e.cell.contest for e in entries.values() if e.misfit is None}
    seen: set[str] = set()
    for job in composition.jobs:
        contest = job.cell.contest
        if contest in fitting and contest not in seen and job.baseline is not None:
            seen.add(contest)
            yield job


def _ended(cell: Cell, status: Status, reason: str) -> Record:
    """A record of a cell without a single repeat."""
    loss = {"name": cell.loss.name, "title": cell.loss.title, "params": dict(cell.loss.params), "kind": None}
    return Record(
        status=status,
        reason=reason,
        loss=loss,
        task=cell.task.name,
        data={"name": cell.task.data["name"]},
        model={"name": cell.model.name},
        metric={"name": cell.task.metric, "direction": cell.task.direction or ""},
        directions={},
        repeats=[],
        cell=cell.to_dict(),
        contest=cell.contest,
    )


def _name() -> str:
    return f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{secrets.token_hex(2)}"


def _reachable(accelerators: set[str]) -> None:
    """Refuses a graphics card that is not there, before anything is trained."""
    import torch

    there = {"gpu": torch.cuda.is_available() or torch.backends.mps.is_available()}
    there |= {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    for accelerator in accelerators:
        if not there.get(accelerator, True):
            raise InputError(
                f"training.accelerator={accelerator}: PyTorch sees none here. Leave it at cpu, or say auto."
            )


def _writable(results: Path) -> None:
    """Refuses a results folder that cannot be written, before anything is trained."""
    place = results
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        raise InputError(f"results={results}: {place} is not a folder.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(f"results={results} cannot be written: {place} is read-only. Choose another with results=...")
    if shutil.disk_usage(place).free < 50 * 2**20:
        raise InputError(f"results={results}: less than 50 MB are free there.")
