"""Before training: what a command would take, and what is in a data set."""

from __future__ import annotations

from typing import Any

from lossbench.errors import InputError
from lossbench.plan import Cell

# lossbench plan -----------------------------------------------------------------------------------------------------


def plan(argv: list[str]) -> int:
    """Prints what a command would train, how long it takes and which differences it can detect; saves nothing."""
    from lossbench.cli import display
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition
    from lossbench.records import store
    from lossbench.runs import sweep as sweeps
    from lossbench.runs.estimate import defeated, doubtful, estimate, told_of_batch
    from lossbench.runs.inputs import load_task
    from lossbench.verdicts.words import several

    composed = composition(arrange(argv))
    sweep = sweeps.plan(composed.cells, composed.settings)
    out = display.console()
    display.announce(out, sweep, dict(composed.left_out))
    running = [e.cell for e in sweep.entries.values() if e.misfit is None]
    display.warn(out, defeated(running))
    display.warn(out, doubtful(running))
    out.print()
    total, earlier = 0.0, store.readable(store.cells_of_all(sweep.results))[0]
    for cell in sweep.contests():
        cells = [e.cell for e in sweep.entries.values() if e.misfit is None and e.cell.contest == cell.contest]
        found = estimate(cell)
        total += found.seconds * len(cells) if found else 0.0
        alike = [r for r in earlier if r.contest == cell.contest]
        display.show_estimate(out, cell, len(cells), found, alike)
        epochs = several(cell.training.max_epochs, "epoch")
        print(f"  batch size {told_of_batch(cell, load_task(cell.task, cell.seed))}; at most {epochs}")
        if found is not None and found.obstacle:
            display.show_obstacle(out, cell, len(cells), found, _smoke_trainings(argv, cell))
    out.print(
        f"[bold]{display.spoken(total)} in all[/], assuming no run stops early; excludes reference rows and start-up"
    )
    return 0


def _smoke_trainings(argv: list[str], cell: Cell) -> int | None:
    """The number of training runs of a cell under protocol=smoke; None if that is not smaller."""
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition

    words = [word for word in argv if not word.startswith("protocol=")]
    cells = composition(arrange([*words, "protocol=smoke"])).cells
    alike = [c.trainings for c in cells if (c.task, c.model) == (cell.task, cell.model)]
    return alike[0] if alike and alike[0] < cell.trainings else None


# lossbench data show ------------------------------------------------------------------------------------------------


def data(argv: list[str]) -> int:
    """Prints the data of a task before training, with the same overrides as a sweep."""
    if not argv or argv[0] != "show":
        raise InputError(
            "Try `lossbench data show task=binary task/data=loans`, or task.data.path=mine.csv with a task."
        )
    words = argv[1:]
    known = {"task", "experiment"}
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition

    arguments = arrange(["+loss=mse", *words])
    if not known & {w.lstrip("+").partition("=")[0] for w in words}:
        arguments = arrange(["-m", "+loss=mse", *words])
    for cell in composition(arguments).cells:
        _show_data(cell)
    return 0


def _show_data(cell: Cell) -> None:
    from lossbench.runs.estimate import told_of_batch
    from lossbench.runs.inputs import load_task, settled

    task = load_task(cell.task, cell.seed)
    card = task.card
    print(f"{card.name} (task={cell.task.name}), {card.source}")
    print(f"  rows {card.rows}, columns {card.columns}, target {card.target}")
    facts = ", ".join(f"{key} {_fact(value)}" for key, value in card.summary.items())
    print(f"  {facts}")
    splits = task.fold(0).splits
    shares = ", ".join(f"{name} {len(getattr(splits, name))}" for name in ("train", "validation", "test"))
    print(f"  splits of a repeat: {shares}; the test part is the same in all repeats")
    trained = settled(cell)
    epochs, usual = trained.training.max_epochs, cell.training.max_epochs
    steps = f"; {epochs} epochs instead of {usual}, to keep the number of steps" if epochs > usual else ""
    print(f"  batch size {told_of_batch(trained, task)}{steps}")
    print(f"  digest {card.digest}")
    for line in task.column_lines() if hasattr(task, "column_lines") else ():
        print(f"    {line}".rstrip())
    for warning in card.warnings:
        print(f"  warning: {warning}")
    print()


def _fact(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
