"""`lossbench cost`: time and memory of a loss, relative to the cheapest one of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lossbench.cli.options import KINDS, loss_parameters, loss_subjects, parser
from lossbench.errors import InputError

if TYPE_CHECKING:
    from lossbench.probe.subject import Subject
    from lossbench.probe.timing import Price, Ratio, Setting


def cost(argv: list[str]) -> int:
    """Measures forward and backward on made-up batches, alternating with the cheapest built-in loss of the kind."""
    words = parser(
        "cost", "Time and memory per target of losses, relative to the cheapest built-in loss of their kind."
    )
    words.add_argument("names", nargs="+", metavar="NAME", help="installed losses, or my.module:MyLoss")
    words.add_argument("--kind", choices=KINDS, help="only this kind; required if the object does not state one")
    words.add_argument("--batch", default="32,512,8192", metavar="N,…", help="targets per batch (default: %(default)s)")
    words.add_argument(
        "--classes", default="3", metavar="N,…", help="number of classes, for losses of classes (default: 3)"
    )
    words.add_argument("--threads", default="1", metavar="N,…", help="torch threads (default: 1)")
    options = words.parse_args(argv)
    given, names = loss_parameters(options.names)
    subjects = [s for name in names for s in loss_subjects(name, options.kind, given)]
    for subject in subjects:
        subject.build()
    batches, classes, threads = (
        _numbers(option, text)
        for option, text in (("batch", options.batch), ("classes", options.classes), ("threads", options.threads))
    )

    from lossbench.probe.timing import Setting

    for kind in dict.fromkeys(s.kind for s in subjects):
        some = classes if kind.value in ("classes", "sequences") else classes[:1]
        settings = [Setting(n, c, t) for t in threads for c in some for n in batches]
        _show([s for s in subjects if s.kind is kind], settings)
    return 0


def _numbers(option: str, text: str) -> list[int]:
    try:
        numbers = [int(piece) for piece in text.split(",")]
    except ValueError:
        numbers = [0]
    low = 2 if option == "classes" else 1
    if min(numbers) < low:
        raise InputError(f"--{option} {text}: must be integers of at least {low}, such as --{option} {low},{4 * low}.")
    return numbers


def _show(subjects: Sequence[Subject], settings: Sequence[Setting]) -> None:
    from rich.table import Table

    from lossbench.cli.display import console
    from lossbench.probe.timing import cheapest, prices

    kind = subjects[0].kind
    base = cheapest(kind)
    table = Table(title=f"{kind.value}: relative to {base.name}, the cheapest", title_justify="left", box=None)
    table.add_column("loss", no_wrap=True)
    table.add_column("batch", justify="right")
    for name, wanted in (("classes", kind.value in ("classes", "sequences")), ("threads", True)):
        if wanted:
            table.add_column(name, justify="right")
    for name in ("ns per target", "times", "spread", "bytes per target", "operations"):
        table.add_column(name, justify="right")
    others = [s for s in subjects if s.name != base.name or s.params]
    for setting in settings:
        for subject, price in zip([base, *others], prices(others, setting, base), strict=True):
            table.add_row(*_row(subject, setting, price))
    out = console()
    out.print(table)
    note = "Forward and backward, run alternately; times: median ratio over rounds; about 1: the spread includes 1."
    out.print(note, style="dim")
    out.print()


def _row(subject: Subject, setting: Setting, price: Price) -> list[str]:
    given = ", ".join(f"{key}={value}" for key, value in subject.params.items())
    cells = [f"{subject.name}{f'({given})' if given else ''}", f"{setting.batch}"]
    cells += [f"{setting.classes}"] if subject.classes() > 1 else []
    cells += [f"{setting.threads}", _digits(price.seconds * 1e9), *_times(price.ratio)]
    return [*cells, _digits(price.counters.saved), f"{price.counters.operations}"]


def _times(found: Ratio) -> tuple[str, str]:
    """`1.23` and `1.20 to 1.27`; `about 1` if the spread includes 1."""
    if found.low == found.high:
        return f"{found.median:.2f}", ""
    times = "about 1" if found.low <= 1 <= found.high else f"{found.median:.2f}"
    return times, f"{found.low:.2f} to {found.high:.2f}"


def _digits(x: float) -> str:
    """Three digits, without exponent."""
    return f"{x:,.0f}" if x >= 100 else f"{x:.3g}"
