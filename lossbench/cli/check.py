"""`lossbench check`: tests the laws of a loss; each break is shown by the smallest input that triggers it."""

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
    """Tests every law; returns 0 if all hold, 1 if one is broken."""
    words = parser("check", "Tests the laws of a loss on installed losses, or on my.module:MyLoss without a package.")
    words.add_argument("names", nargs="*", metavar="NAME", help="losses to check; default: all installed ones")
    words.add_argument("--kind", choices=KINDS, help="only this kind; required if the object does not state one")
    words.add_argument("--json", action="store_true", help="every finding as JSON on standard output")
    words.add_argument("--badge", metavar="FILE", help="write an SVG for a README: how many laws hold")
    words.add_argument("--laws", action="store_true", help="print the laws instead of checking a loss")
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
        out.print(f"{keep} of {len(results)} keep all laws that apply to them.", highlight=False)
    if options.badge:
        _write_badge(Path(options.badge), results)
    return 0 if results and all(one.passes for one in results) and not broken else 1


def _checked(subject: Subject, *, quiet: bool) -> Conformance:
    """Checks one loss, and prints each break as soon as it is found."""
    from rich.padding import Padding
    from rich.text import Text

    from lossbench.cli.display import console
    from lossbench.probe.checking import check as check_laws
    from lossbench.probe.law import Status

    out = console()
    if quiet:
        return check_laws(subject)
    subject.build()  # raises before anything is printed
    out.print(f"[bold]{subject}[/]  \\[{subject.family.distribution}]", highlight=False)

    printed: dict[
        str, list[str]
    ] = {}  # laws by message: a loss that cannot be called breaks most of them with the same

    def report(finding: Finding) -> None:
        if finding.status is Status.BROKEN:
            laws = printed.setdefault(finding.words, [])
            laws.append(finding.law.name)
            if len(laws) > 1:
                return
            out.print(f"  [red]✗[/] {finding.law.sentence}  [dim]({finding.law.name})[/]", highlight=False)
            out.print(Padding(Text(finding.words), (0, 0, 0, 6)))

    result = check_laws(subject, told=report)
    for first, *others in printed.values():
        if others:
            what = (
                "1 more law, with the same message"
                if len(others) == 1
                else f"{len(others)} more laws, all with the same message"
            )
            out.print(f"  [red]✗[/] {what} as {first}:", highlight=False)
            out.print(Padding(Text(", ".join(others)), (0, 0, 0, 6)))
    tested = len(result.kept) + len(result.broken)
    mark = "[green]✓[/]" if result.passes else "[red]✗[/]"
    cost = ""
    if result.counters:
        cost = f"; {result.counters.operations} operations per step, {result.counters.saved:.4g} bytes saved per target"
    idle = len(result.findings) - tested
    out.print(f"  {mark} {len(result.kept)} of {tested} laws kept, {idle} not applicable{cost}\n", highlight=False)
    return result


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
    """Writes a badge that counts all laws of all checked losses."""
    kept = sum(len(result.kept) for result in results)
    tested = kept + sum(len(result.broken) for result in results)
    label, text = "lossbench laws", f"{kept} of {tested} kept"
    left, right = 7 * len(label) + 12, 7 * len(text) + 12
    color = "#2a7a2a" if kept == tested else "#a33"
    badge = BADGE.format(
        width=left + right, left=left, right=right, color=color, label=label, text=text,
        middle=left / 2, second=left + right / 2,
    )  # fmt: skip
    try:
        path.write_text(badge, "utf-8")
    except OSError as error:
        raise InputError(f"The badge could not be written to {path}: {error.strerror}.") from error
