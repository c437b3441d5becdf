"""What lossbench tells beside its sweeps, by subcommand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lossbench.cli.before import data, plan
from lossbench.cli.check import check
from lossbench.cli.cost import cost
from lossbench.cli.losses import losses
from lossbench.cli.nearest import nearest
from lossbench.cli.new_plugin import new_plugin
from lossbench.cli.results import report, rescore, show, use
from lossbench.cli.ui import ui

USAGE = """lossbench: which loss function should I train with?

  lossbench +loss=mse,bce -m        every loss on every task that it fits
  lossbench +loss=bce task=binary   one loss on one task
  lossbench plan +loss=mse,bce -m   what that would take, and what it could tell
  lossbench losses                  what is installed; with NAME all that a loss tells of itself
  lossbench check NAME              tests the properties that every loss must have
  lossbench nearest NAME            which built-in loss it nearly is
  lossbench cost NAME               what it takes in time and memory
  lossbench new-plugin NAME         a package of your own with a working loss in it
  lossbench data show task=binary   rows, columns, target, splits, warnings
  lossbench show RUN                a stored result; for NER the report per tag
  lossbench report SWEEP            its report anew, from the records alone
  lossbench rescore SWEEP --metric f1   the same predictions, judged by another metric
  lossbench use SWEEP               the chosen loss as PyTorch code that runs
  lossbench ui                      all results in the browser

`lossbench --help` lists tasks, data, models and every key of the configuration."""


def run(argv: Sequence[str]) -> int:
    """Dispatches a subcommand; the exit code is 0 unless what it was asked for is broken."""
    if not argv:
        print(USAGE)
        return 2
    if argv[0] == "--version":
        from lossbench import __version__

        print(f"lossbench {__version__}")
        return 0
    return COMMANDS[argv[0]](list(argv[1:]))


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "plan": plan,
    "losses": losses,
    "check": check,
    "nearest": nearest,
    "cost": cost,
    "new-plugin": new_plugin,
    "data": data,
    "show": show,
    "report": report,
    "rescore": rescore,
    "use": use,
    "ui": ui,
}
