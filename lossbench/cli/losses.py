"""`lossbench losses`: the installed losses in a few lines each, or some of them in full."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from lossbench.cli.options import parser
from lossbench.errors import PluginError
from lossbench.loss.catalogue import Plugin, catalogue

if TYPE_CHECKING:
    from rich.console import Console

    from lossbench.loss.adapter import Family
    from lossbench.loss.description import Description


def losses(argv: list[str]) -> int:
    """Prints every installed loss in short, or the named ones in full; broken plugins with their error."""
    words = parser("losses", "Lists the installed losses. With NAME: everything about those.")
    words.add_argument("names", nargs="*", metavar="NAME")
    words.add_argument("--names", action="store_true", dest="bare", help="only names, without importing any plugin")
    options = words.parse_args(argv)
    if options.bare:
        print("\n".join(catalogue().names()))
        return 0
    if options.names:
        return _show([catalogue().find(name) for name in options.names])
    for plugin in catalogue().plugins:
        print(_in_short(plugin))
    for name, claims in catalogue().clashes.items():
        owner = "the built-in loss has it" if claims[0].built_in else "none of them has it"
        print(f"\n'{name}' is claimed by {', '.join(p.distribution for p in claims)}: {owner}; ", end="")
        print(f"use {' or '.join(p.qualified for p in claims if not p.built_in)}.")
    print("lossbench losses NAME   shows one in full")
    return 0


def _head(plugin: Plugin) -> str:
    short = plugin.name if catalogue().find_short(plugin.name) is plugin else plugin.qualified
    return f"{short}  [{plugin.distribution} {plugin.version}]"


def _in_short(plugin: Plugin) -> str:
    try:
        family = plugin.load()
    except PluginError as error:
        return f"{_head(plugin)}\n    BROKEN: {error}\n"
    lines = [_head(plugin)]
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


# In full --------------------------------------------------------------------------------------------------------------


def _show(plugins: list[Plugin]) -> int:
    from lossbench.cli.display import console
    from lossbench.loss.description import described

    terminal = console()
    with terminal.capture() as captured:
        _write(terminal, plugins, described)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))  # rich pads every line to the full width
    return 0


def _write(out: Console, plugins: list[Plugin], described: Callable[[Family], list[Description]]) -> None:
    for i, plugin in enumerate(plugins):
        if i:
            out.print()
        name, _, origin = _head(plugin).partition("  ")
        out.print(name, style="bold", end="  ", markup=False)
        out.print(origin, style="dim", markup=False)
        try:
            family = plugin.load()
        except PluginError as error:
            out.print(f"BROKEN: {error}", markup=False)
            continue
        for description in described(family):
            out.print()
            _show_one(out, description)


def _show_one(out: Console, loss: Description) -> None:
    from rich.padding import Padding
    from rich.text import Text

    def write(text: str, style: str = "", indent: int = 2) -> None:
        out.print(Padding(Text(text, style=style), (0, 0, 0, indent)))

    out.print(", ".join(kind.value for kind in loss.kinds), style="bold", markup=False)
    if loss.formula:
        write(loss.formula)
    if loss.citation:
        write(loss.citation, "dim")
    for paragraph in filter(None, [loss.summary, *loss.body.split("\n\n")]):
        out.print()
        listed = any(line.startswith((" ", "-", "*")) for line in paragraph.splitlines())
        write(paragraph if listed else " ".join(paragraph.split()))
    parameters = []
    for parameter in loss.parameters:
        default = parameter.default if parameter.default == "required" else f"default {parameter.default}"
        facts = [", ".join(filter(None, (default, parameter.type)))]
        facts.append(parameter.meaning or (f"unit: {parameter.unit}" if parameter.unit else ""))
        facts.append(f"tuned from {parameter.search}" if parameter.search else "")
        parameters.append((f"loss.params.{parameter.name}", "; ".join(filter(None, facts))))
    _show_pairs(out, "parameters", parameters)
    _show_pairs(out, "traits", loss.traits)
    _show_pairs(out, "special cases", [("", case) for case in loss.special_cases])


def _show_pairs(out: Console, title: str, pairs: Iterable[tuple[str, str]]) -> None:
    """A two-column list under a heading; prints nothing if there are no pairs."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    pairs = list(pairs)
    if not pairs:
        return
    out.print()
    out.print(f"  {title}", style="bold")
    table = Table.grid(padding=(0, 3, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    named = any(word for word, _ in pairs)
    for word, meaning in pairs:
        table.add_row(*([Text(word)] if named else []), Text(meaning))
    out.print(Padding(table, (0, 0, 0, 4)))
