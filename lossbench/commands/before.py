"""Before any training: what a command would take, what a data set holds."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from lossbench.errors import InputError
from lossbench.plan import Cell

# lossbench plan -----------------------------------------------------------------------------------------------------


def plan(argv: list[str]) -> int:
    """What a command would train, how long that takes and what it can be expected to tell; nothing is kept."""
    from lossbench import sweep as sweeps
    from lossbench import terminal
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition
    from lossbench.planning import doubtful, estimate

    composed = composition(arrange(argv))
    sweep = sweeps.plan(composed)
    out = terminal.console()
    terminal.announce(out, sweep, dict(composed.left_out))
    terminal.warn(out, doubtful(e.cell for e in sweep.entries.values() if e.misfit is None))
    out.print()
    total, earlier = 0.0, _readable(sweep.results)
    for cell in sweep.contests():
        cells = [e.cell for e in sweep.entries.values() if e.misfit is None and e.cell.contest == cell.contest]
        found = estimate(cell)
        total += found.seconds * len(cells) if found else 0.0
        terminal.show_estimate(out, cell, len(cells), found, [r for r in earlier if r.contest == cell.contest])
        if found is not None and found.obstacle:
            terminal.show_obstacle(out, cell, len(cells), found, _smoke_trainings(argv, cell))
    out.print(f"[bold]{terminal.spoken(total)} in all[/], if no patience ends; reference rows and start-up come on top")
    return 0


def _smoke_trainings(argv: list[str], cell: Cell) -> int | None:
    """How many trainings a cell would have under protocol=smoke; None where that is no fewer."""
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition

    words = [word for word in argv if not word.startswith("protocol=")]
    jobs = composition(arrange([*words, "protocol=smoke"])).jobs
    alike = [j.cell.trainings for j in jobs if (j.cell.task, j.cell.model) == (cell.task, cell.model)]
    return alike[0] if alike and alike[0] < cell.trainings else None


def _readable(results: Path) -> list[Any]:
    """The records of earlier sweeps, damaged ones left out."""
    from lossbench.record import RECORD, read_record

    found = []
    for path in sorted(results.glob(f"*/*/{RECORD}")):
        with suppress(InputError):
            found.append(read_record(path.parent, arrays=False))
    return found


# lossbench data show ------------------------------------------------------------------------------------------------


def data(argv: list[str]) -> int:
    """The data of a task before any training, with the same overrides as a sweep."""
    if not argv or argv[0] != "show":
        raise InputError(
            "Say `lossbench data show task=binary task/data=loans`, or task.data.path=mine.csv with a task."
        )
    words = argv[1:]
    known = {"task", "experiment"}
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition
    from lossbench.preparation import load_task

    arguments = arrange(["+loss=mse", *words])
    if not known & {w.lstrip("+").partition("=")[0] for w in words}:
        arguments = arrange(["-m", "+loss=mse", *words])
    for job in composition(arguments).jobs:
        _show_data(job.cell.task.name, load_task(job.cell.task, job.cell.seed))
    return 0


def _show_data(name: str, task: Any) -> None:
    card = task.card
    print(f"{card.name} (task={name}), {card.source}")
    print(f"  rows {card.rows}, columns {card.columns}, target {card.target}")
    facts = ", ".join(f"{key} {_fact(value)}" for key, value in card.summary.items())
    print(f"  {facts}")
    splits = task.fold(0).splits
    shares = ", ".join(f"{name} {len(getattr(splits, name))}" for name in ("train", "validation", "test"))
    print(f"  splits of a repeat: {shares}; the test part is the same in all")
    print(f"  digest {card.digest}")
    for warning in card.warnings:
        print(f"  warning: {warning}")
    print()


def _fact(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
