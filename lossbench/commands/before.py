"""Before any training: what a command would take, which losses are installed, what a data set holds."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from lossbench.commands.options import parser
from lossbench.errors import InputError, PluginError
from lossbench.plugins import Plugin, catalogue

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
    words = parser("losses", "The installed losses. With NAME, only those.")
    words.add_argument("names", nargs="*", metavar="NAME")
    words.add_argument("--names", action="store_true", dest="bare", help="names alone, without importing any plugin")
    options = words.parse_args(argv)
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
