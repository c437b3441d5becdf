"""`lossbench check`: whether a loss keeps the laws, each break with the smallest input that shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lossbench.cli.options import KINDS, loss_parameters, loss_subjects, parser
from lossbench.errors import InputError, PluginError
from lossbench.loss.catalogue import catalogue

if TYPE_CHECKING:
    from lossbench.probe.checking import Conformance
    from lossbench.probe.law import Finding
    from lossbench.probe.subject import Subject


def check(argv: list[str]) -> int:
    """Tries every law; 0 where all hold, 1 where one is broken."""
    words = parser("check", "Tries the laws of a loss on installed ones, or on my.module:MyLoss without a package.")
    words.add_argument("names", nargs="*", metavar="NAME", help="losses; all that are installed if none is named")
    words.add_argument("--kind", choices=KINDS, help="that kind alone; of an object that does not say its own")
    words.add_argument("--json", action="store_true", help="every finding as JSON on standard output")
    words.add_argument("--badge", metavar="FILE", help="an SVG for a README: how many laws it keeps")
    words.add_argument("--laws", action="store_true", help="the laws themselves, and no loss")
    options = words.parse_args(argv)
    given, names = loss_parameters(options.names)
    if options.laws:
        return _laws()
    from lossbench.cli.display import console

    out, results, broken = console(), [], 0
    for name in names or catalogue().names():
        try:
            found = loss_subjects(name, options.kind, given)
            results += [_checked(subject, quiet=options.json) for subject in found]
        except (InputError, PluginError) as error:
            if names:
                raise InputError(str(error)) from error
            broken += isinstance(error, PluginError)
            if not options.json:
                out.print(f"{name}: not checked: {error}\n", markup=False, highlight=False)
    if options.json:
        print(json.dumps([one.to_dict() for one in results], indent=2, ensure_ascii=False, default=str))
    elif len(results) > 1:
        keep = sum(one.passes for one in results)
        out.print(f"{keep} of {len(results)} keep all laws that they were asked for.", highlight=False)
    if options.badge:
        _write_badge(Path(options.badge), results)
    return 0 if results and all(one.passes for one in results) and not broken else 1


def _checked(subject: Subject, *, quiet: bool) -> Conformance:
    """One loss, its breaks printed as soon as they are known."""
    from rich.padding import Padding
    from rich.text import Text

    from lossbench.cli.display import console
    from lossbench.probe.checking import check as check_laws
    from lossbench.probe.law import Status

    out = console()
    if quiet:
        return check_laws(subject)
    subject.build()  # what cannot be built is said before anything is printed
    out.print(f"[bold]{subject}[/]  \\[{subject.family.distribution}]", highlight=False)

    told_before: dict[str, list[str]] = {}  # by their words: one that cannot be called breaks most laws in the same

    def told(finding: Finding) -> None:
        if finding.status is Status.BROKEN:
            alike = told_before.setdefault(finding.words, [])
            alike.append(finding.law.name)
            if len(alike) > 1:
                return
            out.print(f"  [red]✗[/] {finding.law.sentence}  [dim]({finding.law.name})[/]", highlight=False)
            out.print(Padding(Text(finding.words), (0, 0, 0, 6)))

    found = check_laws(subject, told=told)
    for first, *others in told_before.values():
        if others:
            what = "1 more law, in the words" if len(others) == 1 else f"{len(others)} more laws, all in the words"
            out.print(f"  [red]✗[/] {what} of {first}:", highlight=False)
            out.print(Padding(Text(", ".join(others)), (0, 0, 0, 6)))
    asked = len(found.kept) + len(found.broken)
    mark = "[green]✓[/]" if found.passes else "[red]✗[/]"
    cost = ""
    if found.counters:
        cost = f"; {found.counters.operations} operations a step, {found.counters.saved:.4g} bytes kept a target"
    idle = len(found.findings) - asked
    out.print(f"  {mark} {len(found.kept)} of {asked} laws kept, {idle} not asked{cost}\n", highlight=False)
    return found


def _laws() -> int:
    from lossbench.probe.laws import LAWS

    for law in LAWS:
        print(f"{law.name}\n    {law.sentence}\n    {law.criterion}\n")
    return 0


BADGE = """<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img" aria-label="{label}: {text}">
<title>{label}: {text}</title>
<rect width="{left}" height="20" fill="#444"/><rect x="{left}" width="{right}" height="20" fill="{color}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{middle}" y="14">{label}</text><text x="{second}" y="14">{text}</text></g>
</svg>
"""


def _write_badge(path: Path, results: Sequence[Conformance]) -> None:
    """All laws of all losses that were checked, in one line."""
    kept = sum(len(one.kept) for one in results)
    asked = kept + sum(len(one.broken) for one in results)
    label, text = "lossbench laws", f"{kept} of {asked} kept"
    left, right = 7 * len(label) + 12, 7 * len(text) + 12
    color = "#2a7a2a" if kept == asked else "#a33"
    badge = BADGE.format(
        width=left + right, left=left, right=right, color=color, label=label, text=text,
        middle=left / 2, second=left + right / 2,
    )  # fmt: skip
    try:
        path.write_text(badge, "utf-8")
    except OSError as error:
        raise InputError(f"The badge could not be written to {path}: {error.strerror}.") from error
