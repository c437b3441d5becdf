"""The subcommands of lossbench, besides sweeps."""

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
  lossbench plan +loss=mse,bce -m   how long that takes, and which differences it can detect
  lossbench losses                  installed losses; with NAME, everything about one
  lossbench check NAME              tests the properties that every loss must have
  lossbench nearest NAME            finds the most similar built-in loss
  lossbench cost NAME               time and memory of a loss
  lossbench new-plugin NAME         writes your own package with a working loss
  lossbench data show task=binary   rows, columns, target, splits, warnings
  lossbench show RUN                a saved result; for NER the report per tag
  lossbench report SWEEP            rebuilds a sweep's report from its saved results
  lossbench rescore SWEEP --metric f1   judges the saved predictions by another metric
  lossbench use SWEEP               the chosen loss as PyTorch code that runs
  lossbench ui                      all results in the browser

`lossbench --help` lists tasks, data, models and every key of the configuration."""


def run(argv: Sequence[str]) -> int:
    """Runs a subcommand and returns its exit code, 0 if all went well."""
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
