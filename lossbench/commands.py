"""What lossbench tells beside its sweeps: installed losses, data before training, a stored result, the MLflow UI."""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lossbench.errors import InputError, PluginError
from lossbench.plugins import Plugin, catalogue

USAGE = """lossbench: which loss function should I train with?

  lossbench +loss=mse,bce -m        every loss on every task that it fits
  lossbench +loss=bce task=binary   one loss on one task
  lossbench plan +loss=mse,bce -m   what that would take, and what it could tell
  lossbench losses                  what is installed: kinds, parameters, units, origin
  lossbench data show task=binary   rows, columns, target, splits, warnings
  lossbench show RUN                a stored result; for NER the report per tag
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


# lossbench plan -----------------------------------------------------------------------------------------------------


def plan(argv: list[str]) -> int:
    """What a command would train, how long that takes and what it can be expected to tell; nothing is kept."""
    from lossbench import sweep as sweeps
    from lossbench import terminal
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition
    from lossbench.planning import estimate

    composed = composition(arrange(argv))
    sweep = sweeps.plan(composed)
    out = terminal.console()
    terminal.announce(out, sweep, dict(composed.left_out))
    out.print()
    total, earlier = 0.0, _readable(sweep.results)
    for cell in sweep.contests():
        cells = [e.cell for e in sweep.entries.values() if e.misfit is None and e.cell.contest == cell.contest]
        found = estimate(cell)
        total += found.seconds * len(cells) if found else 0.0
        terminal.show_estimate(out, cell, len(cells), found, [r for r in earlier if r.contest == cell.contest])
    out.print(f"[bold]{terminal.spoken(total)} in all[/], if no patience ends; reference rows and start-up come on top")
    return 0


def _readable(results: Path) -> list[Any]:
    """The records of earlier sweeps, damaged ones left out."""
    from lossbench.record import RECORD, read_record

    found = []
    for path in sorted(results.glob(f"*/*/{RECORD}")):
        with suppress(InputError):
            found.append(read_record(path.parent, arrays=False))
    return found


# lossbench losses ---------------------------------------------------------------------------------------------------


def losses(argv: list[str]) -> int:
    """Every installed loss; broken plugins with their error."""
    parser = _parser("losses", "The installed losses. With NAME, only those.")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--names", action="store_true", dest="bare", help="names alone, without importing any plugin")
    options = parser.parse_args(argv)
    if options.bare:
        print("\n".join(catalogue().names()))
        return 0
    plugins = [catalogue().find(name) for name in options.names] or catalogue().plugins
    for plugin in plugins:
        print(_described(plugin))
    for name, claims in catalogue().clashes.items():
        owner = "the built-in has it" if claims[0].built_in else "nobody has it"
        print(f"\n'{name}' is claimed by {', '.join(p.distribution for p in claims)}: {owner}; ", end="")
        print(f"choose {' or '.join(p.qualified for p in claims if not p.built_in)}.")
    return 0


def _described(plugin: Plugin) -> str:
    short = plugin.name if catalogue().find_short(plugin.name) is plugin else plugin.qualified
    origin = f"{plugin.distribution} {plugin.version}"
    try:
        family = plugin.load()
    except PluginError as error:
        return f"{short}  [{origin}]\n    BROKEN: {error}\n"
    lines = [f"{short}  [{origin}]"]
    texts: dict[tuple[str, str], list[str]] = {}
    for member in family.values():
        texts.setdefault((member.reference, member.summary), []).append(member.kind.value)
    for (reference, summary), kinds in texts.items():
        lines.append(f"    {', '.join(kinds)}{': ' if reference else ''}{reference}")
        lines += [f"        {summary}"] if summary else []
    for parameter in family.parameters:
        default = "required" if parameter.required else f"default {parameter.default}"
        kind = f", {parameter.scalar.__name__}" if parameter.scalar else ""
        unit = f"; unit: {parameter.unit}" if parameter.unit else ""
        lines.append(f"    loss.params.{parameter.name}: {default}{kind}{unit}")
    return "\n".join(lines) + "\n"


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


# lossbench show -----------------------------------------------------------------------------------------------------


def show(argv: list[str]) -> int:
    """A stored record: its metrics over the repeats, and for NER the report per tag; of a sweep its tables first."""
    parser = _parser("show", "A stored result: a record's folder, a part of its name, or a sweep.")
    parser.add_argument("run", metavar="RUN")
    parser.add_argument("--repeat", type=int, default=0, help="whose report per tag is printed (default 0)")
    parser.add_argument("overrides", nargs="*", metavar="results=DIR")
    options = parser.parse_args(argv)
    from lossbench import terminal
    from lossbench.compare.leaderboard import leaderboards
    from lossbench.record import read_record

    records = [read_record(f, arrays=False) for f in _found(options.run, _results(options.overrides))]
    if len(records) > 1:
        for board in leaderboards(records):
            terminal.show_leaderboard(terminal.console(), board)
        print()
    for record in records:
        if record.role != "reference":
            _show_record(record, options.repeat)
    return 0


def _found(name: str, results: Path) -> list[Path]:
    from lossbench.record import RECORD

    if (Path(name) / RECORD).exists():
        return [Path(name)]
    folders = [path.parent for path in sorted(results.glob(f"*/*/{RECORD}"))]
    if (Path(name) / "plan.json").exists():
        return [path.parent for path in sorted(Path(name).glob(f"*/{RECORD}"))]
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
        raise InputError(f"'{name}' fits several results; say which:\n  {listed}")
    return found if sweep else found[-1:]


def _show_record(record: Any, repeat: int) -> None:
    from lossbench.compare.leaderboard import Summary
    from lossbench.terminal import decimals, pair

    reason = f": {record.reason}" if record.reason else ""
    where = f"{record.task} ({record.data['name']}, {record.model['name']})"
    print(f"{record.title} on {where}: {record.status.value}{reason}")
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


# lossbench ui -------------------------------------------------------------------------------------------------------


def ui(argv: list[str]) -> int:
    """MLflow's server over the results, on 127.0.0.1, without its job workers."""
    parser = _parser("ui", "The MLflow UI over the results, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--no-browser", action="store_true", help="only print the addresses")
    parser.add_argument("overrides", nargs="*", metavar="results=DIR")
    options = parser.parse_args(argv)
    results = _results(options.overrides)
    given = dict(word.split("=", 1) for word in options.overrides if "=" in word).get("tracking.uri")
    from lossbench.tracking import default_uri, pages

    uri = default_uri(results, given)
    if uri.startswith("sqlite") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise InputError(f"There is nothing to show in {results}/ yet: run a sweep first.")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", options.port)) == 0:
            raise InputError(f"Port {options.port} is taken: choose another with --port.")
    address = f"http://127.0.0.1:{options.port}"
    found = pages(uri, results)
    for name, page in found:
        print(f"{name:24} {address}/{page}")
    print("Ctrl-C ends the server.", flush=True)
    if found and sys.stdout.isatty() and not options.no_browser:
        threading.Thread(target=_open, args=(address, found[0][1]), daemon=True).start()
    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    server = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    try:
        return subprocess.run([*server, "--port", str(options.port)], env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


def _open(address: str, page: str) -> None:
    """The first task's page in the browser, once the server answers; nothing where there is no browser."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1)
        except OSError:
            time.sleep(0.5)
        else:
            webbrowser.open(f"{address}/{page}")
            return


def _results(overrides: Sequence[str]) -> Path:
    for word in overrides:
        if "=" not in word or word.partition("=")[0] not in ("results", "tracking.uri"):
            raise InputError(f"'{word}': only results=DIR (and tracking.uri= for ui) can be given here.")
    return Path(dict(word.split("=", 1) for word in overrides if "=" in word).get("results", "results"))


def _parser(name: str, text: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"lossbench {name}", description=text)


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "plan": plan,
    "losses": losses,
    "data": data,
    "show": show,
    "ui": ui,
}
