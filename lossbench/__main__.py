"""The whole of lossbench, read from top to bottom: `python -m lossbench +loss=mse,bce -m`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lossbench.cli import commands
from lossbench.errors import LossbenchError, UnknownName
from lossbench.plan import overrides
from lossbench.records.quoting import visible

if TYPE_CHECKING:
    from lossbench.compose.arguments import Arguments
    from lossbench.plan.settings import Settings
    from lossbench.report.mlflow import Tracker
    from lossbench.runs.sweep import Sweep

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def console() -> None:
    """The `lossbench` command."""
    sys.exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line; the exit code is 0 done, 1 a cell failed, 2 bad input, 130 interrupted."""
    argv = sys.argv[1:] if argv is None else list(argv)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # so that two sweeps on one machine do not busy-wait
    try:
        if not argv or argv[0] in commands.COMMANDS or argv[0] == "--version":
            code = commands.run(argv)
            sys.stdout.flush()  # here, since at exit a closed pipe could no longer be caught
            return code
        if "=" not in argv[0] and not argv[0].startswith(("-", "~")):
            hint = "To compare losses: lossbench +loss=mse,bce -m; `lossbench` alone lists the other commands."
            raise UnknownName("command", argv[0], commands.COMMANDS, hint)
        from lossbench.compose.arguments import arrange

        arguments = arrange(argv)
        return _ask_hydra(arguments) if arguments.asks else _compare(arguments)
    except LossbenchError as error:
        print(f"lossbench: {visible(str(error))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("lossbench: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `lossbench losses | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _ask_hydra(arguments: Arguments) -> int:
    """--help, --cfg, --info, shell completion: Hydra's own answers, over our configuration."""
    from lossbench.compose.questions import answer

    flags = [flag for flag in arguments.flags if flag not in ("-m", "--multirun")]  # a question is asked once
    return answer([*flags, *arguments.overrides])


def _compare(arguments: Arguments) -> int:
    from lossbench.compose.composition import composition

    composed = composition(arguments)

    from lossbench import api
    from lossbench.cli import display
    from lossbench.plan.observer import Observers
    from lossbench.runs import sweep as sweeps
    from lossbench.runs.estimate import seconds_of_one_training

    out = display.console()
    sweep = sweeps.plan(composed.cells, composed.settings)
    display.announce(out, sweep, dict(composed.left_out))
    display.warn(out, api.doubts(sweep))
    command = overrides.command(["lossbench", *sys.argv[1:]])
    sweeps.begin(sweep, command)
    tracker = _tracker(composed.settings, sweep)
    with display.Display(out, sweep, seconds_of_one_training) as screen:
        interrupted = api.carry_out(sweep, composed, Observers([screen, *([tracker] if tracker else [])]))
    return _conclude(sweep, tracker, command, interrupted, composed.settings.tracking_uri)


def _tracker(settings: Settings, sweep: Sweep) -> Tracker | None:
    from lossbench.report.mlflow import Tracker, default_uri

    if not settings.tracked:
        return None
    return Tracker(default_uri(sweep.results, settings.tracking_uri), sweep.results)


def _conclude(sweep: Sweep, tracker: Tracker | None, command: str, interrupted: bool, uri: str | None) -> int:
    """Writes tables, answer and report, from the records only; after Ctrl-C too, for what was trained."""
    from lossbench import api
    from lossbench.cli import display, tables
    from lossbench.records.record import Status
    from lossbench.report.page import pictures
    from lossbench.report.view import view
    from lossbench.verdicts.answer import answer

    out = display.console()
    concluded = api.conclude(sweep)
    verdict = answer(concluded.comparison)
    tables.show_contests(out, concluded.comparison.contests)
    tables.show_answer(out, verdict)
    errors: list[str] = []
    if tracker:
        tracker.log_sweep(view(concluded.comparison, verdict, pictures(concluded.blocks)), sweep.folder, command)
        display.wait(out, tracker.busy())
        errors = [f"MLflow did not take everything: {e}. The records are complete." for e in tracker.close()]
    display.farewell(
        out,
        sweep,
        tracked=tracker is not None,
        errors=[*concluded.unreadable, *errors],
        interrupted=interrupted,
        uri=uri,
    )
    if interrupted:
        return INTERRUPTED
    mine = {entry.cell.digest for entry in sweep.entries.values()}
    failed = [r for r in concluded.records if r.status is Status.FAILED and r.cell.digest in mine]
    return FAILED if failed else DONE


if __name__ == "__main__":
    console()
