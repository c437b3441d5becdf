"""What a person reads when a sweep has ended: a table a task, and the answer in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lossbench.quoting import line
from lossbench.record import Status
from lossbench.terminal import decimals, pair
from lossbench.verdicts.answer import Answer
from lossbench.verdicts.comparison import Contender, Contest
from lossbench.verdicts.leaderboard import unpaired
from lossbench.verdicts.words import amount, chosen_otherwise, metric, several, span, what_would_decide

STYLES = {1: "green", -1: "red", 0: None}


@dataclass(frozen=True)
class Column:
    """A column and how soon it goes where a line is short: the highest first, those at 0 never."""

    title: str
    cell: Callable[[Contender], str]
    goes: int = 0
    left: bool = False


MOST_TABLES = 12
"""More tables than that nobody reads in a terminal."""


def show_contests(out: Console, contests: Sequence[Contest]) -> None:
    """The tables of the first dozen tasks, and how many more there are."""
    for contest in contests[:MOST_TABLES]:
        show_contest(out, contest)
    if len(contests) > MOST_TABLES:
        out.print(Text(f"\n{len(contests) - MOST_TABLES} more tasks in the report and in leaderboard.md", style="dim"))


def show_contest(out: Console, contest: Contest) -> None:
    """One task's table. What does not fit is left out column by column, digits never."""
    board = contest.board
    if not board.rows:
        return
    columns, hidden = _fitting(out, contest)
    out.print()
    what = f"{contest.task} on {board.data}, {board.model}" + (f" ({board.variant})" if board.variant else "")
    out.print(Text(line(what), style="bold"))
    out.print(_table(contest, columns))
    for note in _notes(contest, hidden):
        out.print(Text(line(note), style="dim"))
    if strangers := unpaired(board):
        text = f"not paired: {', '.join(strangers)} began from other rows, weights or batch orders than the rest"
        out.print(Text(line(text), style="red"))


def show_answer(out: Console, told: Answer) -> None:
    """The sentence, as the report has it."""
    out.print()
    out.print(Text(line(told.sentence), style="bold"))


def _table(contest: Contest, columns: Sequence[Column]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        justify = "left" if column.left else "right"
        table.add_column(Text(line(column.title)), justify=justify, no_wrap=True, overflow="fold")  # type: ignore[arg-type]
    for c in (*contest.contenders, *contest.controls, *contest.references):
        judged = c.difference is not None and not contest.no_verdict and c.role in ("chosen", "baseline")
        style = STYLES[c.difference.verdict.sign] if judged and c.difference else None
        quiet = c.role in ("reference", "control")
        style = "dim" if quiet else "red" if c.record.status is Status.FAILED else style
        table.add_row(*(Text(line(column.cell(c))) for column in columns), style=style)
    return table


def _fitting(out: Console, contest: Contest) -> tuple[list[Column], list[str]]:
    """As many columns as the line holds, and the metrics that it does not."""
    columns = _columns(contest)
    metrics = list(contest.board.metrics[1:])
    hidden: list[str] = []
    while True:
        width = out.measure(_table(contest, columns), options=out.options.update(max_width=10_000)).maximum
        first = max(columns, key=lambda c: c.goes)
        if width <= out.width or first.goes == 0:
            return columns, hidden
        columns.remove(first)
        hidden = [first.title, *hidden] if first.title in metrics else hidden
        if first.title == "verdict":  # its sign stays
            columns.append(Column("", lambda c: _icon(contest, c), left=True))


def _columns(contest: Contest) -> list[Column]:
    rows = contest.board.rows
    first, *others = contest.board.metrics
    places = {name: decimals(row.metrics.get(name) for row in rows) for name in contest.board.metrics}

    def mean(name: str) -> Callable[[Contender], str]:
        def cell(c: Contender) -> str:
            found = c.row.metrics.get(name)
            return f"{found.mean:.{places[name]}f}" if found else "n/a"

        return cell

    def primary(c: Contender) -> str:
        found = c.row.metrics.get(first)
        return pair(found, places[first]) if found else "–"

    columns = [Column("loss", _name, left=True), Column(first, primary)]
    judged = not contest.no_verdict
    if judged:
        columns = [Column("tier", lambda c: "x" if c.apart else c.tier, left=True), *columns]
        columns.append(
            Column("gain", lambda c: amount(c.difference.test.mean, contest, sign=True) if c.difference else "")
        )
        columns.append(Column("95 %", lambda c: _interval(contest, c), goes=2))
    columns.append(Column("seconds" if not judged else "time", lambda c: _time(contest, c), goes=3))
    columns.append(
        Column("verdict" if judged else "status", lambda c: _status(contest, c), goes=1 if judged else 0, left=True)
    )
    extra = [Column(name, mean(name), goes=10 + place) for place, name in enumerate(others)]
    return [*columns[: 2 + judged], *extra, *columns[2 + judged :]] if not judged else [*columns, *extra]


def _interval(contest: Contest, c: Contender) -> str:
    return span((c.difference.judged or c.difference.test).interval(), contest) if c.difference else ""


def _time(contest: Contest, c: Contender) -> str:
    """Against the baseline's step where there are verdicts, else the seconds of a training."""
    if contest.no_verdict:
        seconds = c.row.seconds
        return "" if seconds is None else f"{seconds:.2f}" if seconds < 0.95 else f"{seconds:.1f}"
    of = contest.reference.step_seconds if contest.reference else None
    return f"{c.step_seconds / of:.1f}x" if of and c.step_seconds else ""


def _name(c: Contender) -> str:
    return f"{c.title} (baseline, added)" if c.role == "baseline" else c.title


def _icon(contest: Contest, c: Contender) -> str:
    return "x" if c.apart else c.difference.verdict.icon if c.difference else ""


def _status(contest: Contest, c: Contender) -> str:
    if c.role in ("reference", "control") and (contest.no_verdict or c.difference is None):
        return c.role
    state, of = c.record.status, c.record.cell["protocol"]["repeats"]
    if state is Status.INTERRUPTED:
        return f"{state.value}, {len(c.record.repeats)}/{of} done"
    if state is not Status.DONE:
        return f"{state.value} {c.failed}/{of}" if c.failed else state.value
    if contest.no_verdict:
        return state.value
    if c.apart:
        return c.apart
    if c.difference is None:
        return "baseline"
    verdict = f"{c.difference.verdict.icon} {c.difference.verdict.value}"
    return f"{verdict} (control)" if c.role == "control" else verdict


def _notes(contest: Contest, hidden: Sequence[str]) -> Iterable[str]:
    board = contest.board
    spent = several(contest.repeats, "repeat") + (f" of {contest.trials} trials" if contest.trials > 1 else "")
    also = f"; also in leaderboard.csv: {', '.join(hidden)}" if hidden else ""
    yield f"mean ± sd over {spent}, on the same test part{also}"
    if contest.rejudged:
        yield chosen_otherwise(contest)
    if not contest.no_verdict:
        scope = "data like these" if contest.rules.scope == "population" else "this test set"
        same = f"; up to {amount(contest.margin, contest)} is the same in practice" if contest.margin else ""
        yield f"gain: {metric(contest.metric)} better than {contest.baseline}, with its interval on {scope}{same}"
        yield from _unclear(contest)
    edges = {row.title: sum(repeat.edge for repeat in row.record.repeats) for row in board.rows}
    if any(edges.values()):
        told = ", ".join(f"{title} {n}/{contest.repeats}" for title, n in edges.items() if n)
        yield f"best rate at the edge of those tried: {told}; protocol.rate_decades= widens it for all"
    if contest.no_verdict:
        yield f"no verdict: {contest.no_verdict}"


def _unclear(contest: Contest) -> Iterable[str]:
    """Under every `can't tell`: what went unseen, and what would decide."""
    for c in contest.ranked:
        d = c.difference
        if d is not None and d.verdict.value == "can't tell":
            least = f"under {amount(d.detectable, contest)} would go unseen; " if d.detectable else ""
            yield f"can't tell about {c.title}: {least}{what_would_decide(d)}"
