"""The comparison from Python, as in a notebook: the records, protocol and cache of the command, but no terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossbench.errors import InputError
from lossbench.plan import fingerprint
from lossbench.plan.overrides import written
from lossbench.records.record import write_whole

if TYPE_CHECKING:
    import pandas as pd

    from lossbench.compose.composition import Composition
    from lossbench.plan.observer import Observer
    from lossbench.records.record import Record
    from lossbench.report.notebook import ShownComparison
    from lossbench.report.sections import Section
    from lossbench.runs.sweep import Sweep
    from lossbench.verdicts.comparison import Comparison


def compare(
    losses: Sequence[str],
    *,
    data: pd.DataFrame | str | Path | None = None,
    target: str | None = None,
    positive: object = None,
    model: str | type | Callable[..., Any] | None = None,
    task: str | None = None,
    protocol: str = "standard",
    results: str | Path = "results",
    name: str | None = None,
    reuse: bool = True,
    overrides: Sequence[str] = (),
) -> ShownComparison:
    """Trains losses on the same data and judges them: `lossbench.compare(["mse", "huber"], data=frame, target="y")`.

    Records and report are written to `results`, as the command does; nothing is tracked in MLflow.

    Args:
        losses: Names of installed losses. The task's baseline is added if it is not among them.
        data: A DataFrame, a file (CSV, Parquet, CoNLL), or the name of a built-in data set; None for the task's own.
        target: The column to predict; required for a DataFrame or a table file.
        positive: The target's value that counts as 1, in binary classification.
        model: A name (mlp, linear, tagger), a class, or a function `(inputs, outputs) -> nn.Module` that can be
            imported by name. None for the task's own.
        task: regression, binary or ner. If None, a target with two values is binary, any other regression.
        protocol: The budget of every loss: smoke, fixed, standard or strict.
        results: The folder of all sweeps.
        name: The name of this sweep and of its folder in `results`; None for date and time.
        reuse: Whether to use finished cells anywhere in `results` instead of training them again.
        overrides: Any other overrides of the command, such as `"training.max_epochs=20"`.

    Returns:
        The judged comparison, with the warnings on data and losses. A notebook shows it as the report.

    Raises:
        InputError: If the arguments cannot be run; raised before anything is trained.
        KeyboardInterrupt: After Ctrl-C; finished cells keep their records.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # for what is loaded from here on, as the command does
    if isinstance(losses, str) or not losses:
        raise InputError("losses must be a list of names, such as ['mse', 'huber'].")
    words = [f"+loss={','.join(losses)}", "-m", f"protocol={protocol}", f"results={written(str(results))}"]
    words += [f"reuse={str(reuse).lower()}", "tracking=off", *([f"name={written(name)}"] if name else [])]
    words += _data(data, target, positive, task, Path(results), overrides)
    words += _model(model)
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition
    from lossbench.plan.observer import Observer
    from lossbench.report.notebook import ShownComparison
    from lossbench.runs import sweep as sweeps

    composed = composition(arrange([*words, *overrides]))
    sweep = sweeps.plan(composed.cells, composed.settings)
    notes = tuple(doubts(sweep))
    sweeps.begin(sweep, f"lossbench.compare({list(losses)!r})")
    if carry_out(sweep, composed, Observer()):
        raise KeyboardInterrupt
    found = conclude(sweep)
    return ShownComparison.of(found.comparison, (*notes, *found.unreadable))


# The sequence that a command and `compare` share: plan, run, judge, write --------------------------------------------


def doubts(sweep: Sweep) -> Iterator[str]:
    """Warnings before training, on data, losses, batches and models."""
    from lossbench.runs.estimate import alike, defeated, doubtful, unstacked
    from lossbench.runs.inputs import load_task

    running = [entry for entry in sweep.entries.values() if entry.misfit is None]
    chosen = [entry.cell for entry in running if entry.role == "chosen"]
    found = [w for cell in sweep.contests() for w in load_task(cell.task, cell.seed).card.warnings]
    found += [*alike(chosen), *defeated(e.cell for e in running), *doubtful(chosen), *unstacked(sweep.contests())]
    yield from dict.fromkeys(found)


def carry_out(sweep: Sweep, composed: Composition, observer: Observer) -> bool:
    """Trains the cells of a sweep that has begun, by the command's launcher; True after Ctrl-C.

    Raises InputError if the launcher runs none of them; the sweep's folder is removed then.
    """
    from lossbench.compose.launch import launcher
    from lossbench.records import store

    try:
        return sweep.run(observer, launcher(composed, sweep.folder))
    except InputError:
        if not store.cells_in(sweep.folder):
            store.take_back(sweep.folder)
        raise


@dataclass(frozen=True)
class Concluded:
    """The result of a sweep, computed from its records only."""

    comparison: Comparison
    records: list[Record]
    blocks: list[Section]
    """The sections of the report."""
    unreadable: list[str]
    """An error for each record that cannot be read."""


def conclude(sweep: Sweep) -> Concluded:
    """Judges the records in a sweep's folder, and writes report and tables."""
    from lossbench.records import store
    from lossbench.report.page import write
    from lossbench.report.sections import sections
    from lossbench.verdicts.judging import compare as judge
    from lossbench.verdicts.sweeps import rules_of

    records, unreadable = store.readable(store.cells_in(sweep.folder))
    comparison = judge(records, rules_of(sweep.folder), sweep.name)
    blocks = sections(comparison)
    write(comparison, sweep.folder, blocks)
    return Concluded(comparison, records, blocks, unreadable)


# The arguments of `compare`, as those of a command --------------------------------------------------------------------


def _data(
    data: Any, target: str | None, positive: object, task: str | None, results: Path, overrides: Sequence[str]
) -> list[str]:
    """The overrides for a frame, a file or a name."""
    if data is None:
        return [f"task={task}"] if task else []
    if isinstance(data, (str, Path)) and not Path(data).exists():
        if task is None:
            raise InputError(f"There is no file {data}; if it is the name of a data set, give its task too.")
        return [f"task={task}", f"task/data={written(str(data))}"]
    path = Path(data) if isinstance(data, (str, Path)) else _stored(data, results)
    if path.suffix in (".conll", ".bio", ".iob", ".iob2"):
        return [f"task={task or 'ner'}", f"task.data.path={written(path.resolve())}"]
    if target is None:
        raise InputError("target names the column to predict: target='price'.")
    chosen = task or _task_of(path, target, positive, overrides)
    words = [f"task={chosen}", f"task.data.path={written(path.resolve())}", f"task.data.target={written(target)}"]
    return [*words, *([f"task.data.positive={written(positive)}"] if positive is not None else [])]


def _stored(frame: Any, results: Path) -> Path:
    """The frame as a Parquet file in results, named by its content: equal frames are one data set."""
    from lossbench.data.frames import as_parquet

    content = as_parquet(frame)
    folder = results / "data"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"frame-{fingerprint(content.hex())[:8]}.parquet"
    if not path.exists():
        write_whole(path, content)
    return path


def _task_of(path: Path, target: str, positive: object, overrides: Sequence[str]) -> str:
    """Binary if the target has two values, or `positive` is given; else regression."""
    from lossbench.compose.arguments import value_of
    from lossbench.compose.texts import as_text
    from lossbench.data.dialect import KEYS, Dialect
    from lossbench.data.file import read_file

    said = {f"task.data.{key}": key for key in KEYS}
    keys = {said[o.partition("=")[0]]: value_of(as_text(o, False)) for o in overrides if o.partition("=")[0] in said}
    frame, name = read_file(path, Dialect.of(keys)), str(target).strip()
    if name not in frame.columns:
        listed = ", ".join(map(str, frame.columns[:20])) + (", ..." if len(frame.columns) > 20 else "")
        raise InputError(f"There is no column '{target}'. There are: {listed}.")
    values = frame[name].dropna().map(str).str.strip().str.casefold()
    return "binary" if positive is not None or values.nunique() == 2 else "regression"


def _model(model: Any) -> list[str]:
    if model is None:
        return []
    if isinstance(model, str):
        return [f"model={model}"] if "." not in model else ["model=custom", f"model.target={model}"]
    path = f"{model.__module__}.{getattr(model, '__qualname__', '')}"
    found: Any = sys.modules.get(model.__module__)
    for part in getattr(model, "__qualname__", "?").split("."):
        found = getattr(found, part, None)
    if found is not model:
        raise InputError(f"model={path} cannot be imported by that name: define it at the top of a module or a cell.")
    return ["model=custom", f"model.target={path}"]
