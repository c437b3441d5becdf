"""After training: shows and reports saved results, judges them by another metric, exports the chosen loss."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lossbench.cli.options import no_file, parser, results_folder
from lossbench.errors import InputError
from lossbench.plan import Scope

# lossbench show -----------------------------------------------------------------------------------------------------


def show(argv: list[str]) -> int:
    """Prints a saved record: metrics over the repeats, for NER the report per tag; for a sweep, its tables first."""
    words = parser("show", "Shows a saved result: a record's folder, a part of its name, or a sweep.")
    words.add_argument("run", metavar="RUN")
    words.add_argument("--repeat", type=int, default=0, help="repeat whose report per tag is printed (default 0)")
    words.add_argument("overrides", nargs="*", metavar="results=DIR")
    options = words.parse_intermixed_args(argv)
    from lossbench.cli import display, tables
    from lossbench.records.record import read_record
    from lossbench.verdicts.judging import compare

    records = [read_record(f, arrays=False) for f in _found(options.run, results_folder(options.overrides))]
    if len(records) > 1:
        for contest in compare(records).contests:
            tables.show_contest(display.console(), contest)
        print()
    for record in records:
        if record.role != "reference":
            _show_record(record, options.repeat)
    return 0


def _found(name: str, results: Path) -> list[Path]:
    from lossbench.records import store

    if store.is_cell(Path(name)):
        return [Path(name)]
    if store.is_sweep(Path(name)):
        return store.cells_in(Path(name))
    folders = store.cells_of_all(results)
    sweep = [f for f in folders if f.parent.name == name]
    cells = [f for f in folders if name in (f.name, f"{f.parent.name}/{f.name}")]
    part = [f for f in folders if name in f.name]
    found = sweep or cells or part
    if not found:
        known = sorted({f.parent.name for f in folders})[-5:]
        raise InputError(
            f"No result is called '{name}' in {results}/. The latest sweeps: {', '.join(known) or 'none'}."
        )
    if not sweep and len({f.name for f in found}) > 1:
        listed = "\n  ".join(f"{f.parent.name}/{f.name}" for f in found[:20])
        raise InputError(f"'{name}' matches several results; choose one:\n  {listed}")
    return found if sweep else found[-1:]


def _show_record(record: Any, repeat: int) -> None:
    from lossbench.cli.display import decimals, pair
    from lossbench.verdicts.aims import other_aim
    from lossbench.verdicts.judging import too_few_to_judge
    from lossbench.verdicts.leaderboard import Summary

    reason = f": {record.reason}" if record.reason else ""
    where = f"{record.task} ({record.data.name}, {record.model})"
    print(f"{record.title} on {where}: {record.status.value}{reason}")
    if aside := too_few_to_judge(record) or other_aim(record.loss.elicits, record.metric.name):
        print(f"  set apart: {aside}")
    for name in record.directions:
        found = Summary.of(record.values(name))
        if found:
            print(f"  {name:18} {pair(found, decimals([found]))}")
    reports = {r.repeat: r.report for r in record.repeats if r.report}
    if reports:
        from lossbench.tasks.spans import format_report

        chosen = repeat if repeat in reports else min(reports)
        print(f"\n  per tag, on the test part, repeat {chosen}:\n")
        print(format_report(reports[chosen]))
    print()


# lossbench report ---------------------------------------------------------------------------------------------------


def report(argv: list[str]) -> int:
    """Rebuilds the report of saved sweeps from their records; several sweeps are compared together."""
    words = parser("report", "Rebuilds the report of one sweep, or of several together, from saved results.")
    words.add_argument("sweeps", nargs="+", metavar="SWEEP", help="name or folder of a sweep; then results=DIR")
    words.add_argument(
        "--scope",
        choices=("rows", "training_rows", "test", "population"),
        help="scope of verdicts: models trained on these rows, for new rows like the test part (rows, the default; "
        "formerly called population); with other training rows as well, approximately (training_rows); on this test "
        "part alone (test)",
    )
    words.add_argument("--baseline", metavar="LOSS", help="the loss that all others are compared with")
    words.add_argument("--figures", metavar="DIR", type=Path, help="write every figure as PDF and SVG, for papers")
    words.add_argument("--to", metavar="DIR", type=Path, help="where to write; default for a single sweep: its folder")
    options = words.parse_intermixed_args(argv)
    no_file(options.to, "--to")
    no_file(options.figures, "--figures")
    from lossbench.verdicts import sweeps
    from lossbench.verdicts.comparison import Rules

    folders = _sweeps(options.sweeps)
    usual = sweeps.rules_of(folders[0])
    rules = Rules(Scope.of(options.scope) if options.scope else usual.scope, options.baseline or usual.baseline)
    with _without_collector():
        comparison = sweeps.judged(folders, rules)
        return _told(comparison, options.to or _place(folders), options.figures)


def rescore(argv: list[str]) -> int:
    """Judges saved predictions by another metric. Trial, epoch and threshold stay as they were chosen."""
    words = parser("rescore", "Judges saved predictions by another metric; nothing is trained or chosen again.")
    words.add_argument("sweeps", nargs="+", metavar="SWEEP", help="name or folder of a sweep; then results=DIR")
    words.add_argument(
        "--metric", required=True, help="a metric of the task, or my.module.function(target, prediction)"
    )
    words.add_argument("--direction", choices=("min", "max"), help="direction of your own function")
    words.add_argument("--margin", type=float, help="differences up to this are the same in practice")
    words.add_argument("--to", metavar="DIR", type=Path, help="where to write the report; default: it is not written")
    options = words.parse_intermixed_args(argv)
    no_file(options.to, "--to")
    if options.margin is not None and not 0 <= options.margin < math.inf:
        raise InputError(f"--margin {options.margin} must be a number of 0 or above, in the metric's unit.")
    from lossbench.verdicts import sweeps

    folders = _sweeps(options.sweeps)
    with _without_collector():
        comparison = sweeps.rejudged(folders, options.metric, options.direction, options.margin)
        return _told(comparison, options.to, None)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Without garbage collection, which would take a seventh of the time: records and figures are kept to the end
    anyway."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def _sweeps(names: list[str]) -> list[Path]:
    from lossbench.records import store

    results = results_folder([name for name in names if "=" in name])
    found = [store.find_sweep(name, results) for name in names if "=" not in name]
    if not found:
        raise InputError("Name a sweep, or give its folder.")
    return found


def _place(folders: list[Path]) -> Path:
    """The folder of the sweep; the report of several sweeps gets its own folder."""
    return folders[0] if len(folders) == 1 else folders[0].parent / "reports" / "+".join(f.name for f in folders)


def _told(comparison: Any, folder: Path | None, figures: Path | None) -> int:
    """Prints tables and answer, and writes the report if asked to."""
    from lossbench.cli import display, tables
    from lossbench.report.page import write, write_figures
    from lossbench.verdicts.answer import answer

    out = display.console()
    tables.show_contests(out, comparison.contests)
    tables.show_answer(out, answer(comparison))
    print()
    if folder is not None:
        print(f"report: {write(comparison, folder)[0]}")
    if figures is not None:
        print(f"{len(write_figures(comparison, figures))} figures in {figures}")
    return 0


# lossbench use ------------------------------------------------------------------------------------------------------


def use(argv: list[str]) -> int:
    """Prints the loss that a sweep chose, as PyTorch code that runs."""
    words = parser(
        "use",
        "Prints the loss that a sweep chose, with parameters, learning rate and threshold, as PyTorch code that runs.",
    )
    words.add_argument("sweep", metavar="SWEEP")
    words.add_argument("--loss", metavar="NAME", help="another loss of the sweep")
    words.add_argument("--task", metavar="NAME", help="task or data set, if the sweep has several")
    words.add_argument("overrides", nargs="*", metavar="results=DIR")
    options = words.parse_intermixed_args(argv)
    from lossbench.records import store
    from lossbench.report.recipe import recipe
    from lossbench.verdicts import sweeps

    comparison = sweeps.judged([store.find_sweep(options.sweep, results_folder(options.overrides))])
    print(recipe(comparison, options.loss, options.task))
    return 0
