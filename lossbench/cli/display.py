"""What is printed before and while a sweep runs; `tables` prints its results."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from lossbench.plan import Cell, variants
from lossbench.plan.observer import Observer
from lossbench.plan.overrides import override
from lossbench.records.quoting import line, visible
from lossbench.records.record import Record, Status
from lossbench.verdicts.leaderboard import Summary, typical_spread
from lossbench.verdicts.words import several

if TYPE_CHECKING:
    from lossbench.runs.estimate import Estimate
    from lossbench.runs.sweep import Sweep

PIPE_WIDTH = 110
"""Line width if the output is not a terminal and COLUMNS is not set."""


def console() -> Console:
    """Standard output; plain, and wide enough for a table, if it is piped."""
    plain = Console(highlight=False)
    return (
        plain
        if plain.is_terminal or "COLUMNS" in os.environ
        else Console(highlight=False, width=max(plain.width, PIPE_WIDTH))
    )


def announce(out: Console, sweep: Sweep, left_out: dict[str, str]) -> None:
    """Prints what will run."""
    entries = list(sweep.entries.values())
    running = [e for e in entries if e.misfit is None]
    added = [e for e in running if e.role == "baseline"]
    size = f"{several(len(running), 'cell')}, {several(sweep.trainings, 'training')}"
    out.print(f"[bold]{escape(sweep.name)}[/]: {size}")
    contests = list(sweep.contests())
    alike: dict[tuple[str, str, int], list[str]] = {}
    for cell, variant in zip(contests, _variants(contests), strict=True):
        titles = ", ".join(e.cell.loss.title for e in running if e.cell.contest == cell.contest)
        names = alike.setdefault((cell.task.name, titles, cell.repeats), [])
        names.append(f"{cell.task.data_name}{variant}")
    for (task, titles, repeats), names in alike.items():  # data sets with the same losses share a line
        what = f"{task} on {', '.join(names)}: {titles}"
        out.print(f"  {escape(what)} × {several(repeats, 'repeat')}")
    for loss, task in dict.fromkeys((e.cell.loss.name, e.cell.task.name) for e in added):
        out.print(f"  [dim]{loss} is added on {task} as its baseline[/]")
    for entry in entries:
        if entry.misfit:
            where = f"{entry.cell.loss.title} on {entry.cell.task.name}"
            out.print(f"  [dim]skipped: {escape(where)} ({escape(entry.misfit)})[/]")
    if not running:
        out.print("  no loss fits: -m without task= tries every task")
    for name, why in left_out.items():
        out.print(f"  [dim]left out: {escape(name)} ({escape(why)})[/]")


def _variants(contests: list[Cell]) -> list[str]:
    """What distinguishes contests on the same data, in brackets."""
    found = []
    for cell in contests:
        alike = [c for c in contests if (c.task.name, c.task.data_name) == (cell.task.name, cell.task.data_name)]
        words = variants(alike)[alike.index(cell)]
        found.append(f" ({words})" if words else "")
    return found


def warn(out: Console, warnings: Iterable[str]) -> None:
    """Prints warnings about the data, each once."""
    for warning in dict.fromkeys(warnings):
        # not wrapped here: a proposed command must be copied whole
        out.print(Text(f"  note: {warning}", style="yellow"), soft_wrap=True)


class Display(Observer):
    """The live lines of a sweep: cells done of total, the running cell, its epochs, the time left.

    `probe(cell)` gives the seconds of one training run of a cell's contest, measured on a few steps; it is called once
    per contest, after the first run. If the output is not a terminal, one line is printed per finished cell.
    """

    def __init__(self, out: Console, sweep: Sweep, probe: Callable[[Cell], float]) -> None:
        self.out, self.sweep, self.probe = out, sweep, probe
        self.seconds: dict[str, list[float]] = {}
        self.left = {digest: e.cell.trainings for digest, e in sweep.entries.items() if e.misfit is None}
        self.epochs: dict[str, float] = {}
        self.guessed: dict[str, float] = {}
        self.cells_done = 0
        self.bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}"),
            console=out,
            transient=True,
            disable=not out.is_terminal,
        )
        self.total: TaskID = self.bars.add_task("cells", total=len(self.left), detail=f"0 of {len(self.left)}")
        self.cell: TaskID = self.bars.add_task("", total=1, detail="", visible=False)

    def __enter__(self) -> Display:
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.bars.stop()

    def cell_begins(self, cell: Cell) -> None:
        if cell.digest in self.left:
            title = f"{cell.loss.title} on {cell.task.name}"
            self.bars.update(self.cell, description=escape(title), completed=0, detail="", visible=True)

    def epochs_end(self, cell: Cell, epochs: float) -> None:
        digest, of = cell.digest, cell.trainings
        self.epochs[digest] = self.epochs.get(digest, 0.0) + epochs
        ended = of - self.left.get(digest, of)
        done = min(of, max(ended, self.epochs[digest] / cell.training.max_epochs))
        self.bars.update(self.cell, completed=done, total=of, detail=f"{done:.0f} of {several(of, 'training')}")

    def training_ends(self, cell: Cell, seconds: float) -> None:
        self.seconds.setdefault(cell.contest, []).append(seconds)
        self.left[cell.digest] = max(0, self.left.get(cell.digest, 0) - 1)
        if not self.guessed:
            self._probe_all(cell)
        self._tell_time()

    def cell_ends(self, cell: Cell, record: Record) -> None:
        if cell.digest not in self.left:
            return
        self.cells_done += 1
        self.left[cell.digest] = 0
        self.bars.update(self.cell, visible=False)
        self.bars.update(self.total, completed=self.cells_done)
        self._tell_time()
        title = f"{cell.loss.title} on {cell.task.name} ({cell.task.data_name})"
        found = Summary.of(record.values(record.metric.name))
        value = f"{record.metric.name} {pair(found, decimals([found]))}, " if found else ""
        reused = f", reused from {line(record.provenance.reused_from)}" if record.provenance.reused_from else ""
        ended = f"{escape(title)}: {value}{record.status.value} in {record.seconds:.1f} s{escape(reused)}"
        if record.status is Status.DONE:
            if not self.out.is_terminal:
                self.out.print(f"  {ended}")
        else:
            self.out.print(Text.from_markup(f"  {ended}: {escape(record.reason)}", style="red"))

    def seconds_left(self) -> float:
        """Runs left in each contest times the seconds of one: measured, or probed if none has run yet."""

        def each(contest: str) -> float:
            measured = self.seconds.get(contest)
            return statistics.fmean(measured) if measured else self.guessed.get(contest, 0.0)

        return sum(n * each(self.sweep.entries[digest].cell.contest) for digest, n in self.left.items())

    def _probe_all(self, first: Cell) -> None:
        for cell in self.sweep.contests():
            if cell.contest != first.contest:
                self.guessed[cell.contest] = self.probe(cell)
        self.guessed.setdefault(first.contest, 0.0)
        left = self.seconds_left()
        if sum(self.left.values()):
            ends = datetime.now() + timedelta(seconds=left)
            self.out.print(f"  about {spoken(left)} left, until {ends:%H:%M:%S}")

    def _tell_time(self) -> None:
        left = f", about {spoken(self.seconds_left())} left" if self.guessed else ""
        self.bars.update(self.total, detail=f"{self.cells_done} of {len(self.left)}{left}")


def show_estimate(out: Console, cell: Cell, cells: int, found: Estimate | None, earlier: list[Record]) -> None:
    """Prints the time of one contest and what it can detect; `earlier` are records of the same contest."""
    from lossbench.verdicts.statistics import detectable  # importing scipy takes most of a second

    repeats, trials = cell.protocol.repeats, cell.protocol.trials
    out.print(Text(f"{cell.task.name} on {cell.task.data_name}, {cell.model.name}", style="bold"))
    budget = f"{several(repeats, 'repeat')} of {several(trials, 'trial')}"
    out.print(f"  {several(cells, 'cell')} of {budget}: {several(cells * cell.trainings, 'training')}")
    if found is None:
        out.print("  the trial run failed: the cell itself will say why", style="red")
    else:
        engine = "all runs together" if found.engine == "replicas" else "one run at a time"
        time = f"about {spoken(found.seconds)} per cell, {spoken(found.seconds * cells)} in all"
        out.print(f"  {time}; {engine}; {found.memory / 2**30:.1f} GB of memory")
    size, spread = detectable(repeats), typical_spread(earlier)
    if math.isinf(size):
        out.print("  one repeat cannot tell a difference from chance")
        return
    difference = f"{size:.2f} SD of the paired differences"
    if spread:
        difference += f" ({size * spread:.3g} {cell.task.metric}, from earlier records)"
    out.print(f"  80 % power to detect a difference of {difference}")


def show_obstacle(out: Console, cell: Cell, cells: int, found: Estimate, smoke: int | None) -> None:
    """Prints why a model cannot be stacked, and the time of a smaller run; smoke: its number of runs per cell."""
    separate = f"about {spoken(found.seconds * cells)} one run at a time"
    text = f"{found.obstacle} keeps {cell.model.name} from stacking: {separate}"
    if smoke is not None:
        text += f"; protocol=smoke takes about {spoken(found.seconds * cells * smoke / cell.trainings)}"
    out.print(Text(f"  {text}", style="yellow"))


def wait(out: Console, busy: bool) -> None:
    """Prints what the program is still doing after its tables."""
    if busy:
        out.print()
        out.print("[dim]writing to MLflow ...[/]")


def farewell(
    out: Console, sweep: Sweep, *, tracked: bool, errors: Iterable[str], interrupted: bool, uri: str | None = None
) -> None:
    """Prints where the results are, how to browse them and how to resume after Ctrl-C. uri: the given tracking.uri=."""
    out.print()
    for error in errors:
        out.print(Text(visible(error), style="red"))
    if interrupted:
        again = f"{override('name', sweep.name)} {override('reuse', True)}"
        out.print(f"To resume, rerun the command with [bold]{escape(again)}[/]", soft_wrap=True)
    out.print(f"report: {escape(str(sweep.folder / 'report.html'))}; records and leaderboards are next to it")
    where = [] if str(sweep.results) == "results" else [override("results", str(sweep.results))]
    where += [override("tracking.uri", uri)] if uri else []
    if tracked:
        out.print(f"browse: [bold]{escape(' '.join(['lossbench ui', *where]))}[/]", soft_wrap=True)


def pair(summary: Summary, places: int) -> str:
    """`2785 ± 91`, or only the mean for a single repeat."""
    mean = f"{summary.mean:.{places}f}"
    return mean if summary.sd is None else f"{mean} ± {summary.sd:.{places}f}"


def decimals(summaries: Iterable[Summary | None]) -> int:
    """How many decimals show the smallest spread of a column with two digits; four where values are below 1.5."""
    found = [s for s in summaries if s is not None]
    spreads = [s.sd for s in found if s.sd]
    size = max((abs(s.mean) for s in found), default=1.0)
    if size <= 1.5:
        return 4
    smallest = min(spreads, default=size / 100)
    return max(0, min(4, 1 - math.floor(math.log10(smallest)))) if smallest > 0 else 2


def spoken(seconds: float) -> str:
    """`45 s`, `3 min`, `2 h 10 min`."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
