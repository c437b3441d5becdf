"""What is printed after a sweep: one table per task, and the answer in one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lossbench.cli.display import decimals, pair
from lossbench.metrics.catalogue import written
from lossbench.plan import Scope
from lossbench.records.quoting import line
from lossbench.records.record import Status
from lossbench.report.chosen import choices
from lossbench.verdicts import costs
from lossbench.verdicts.aims import NOT_CALIBRATED, distorts, rewards_probabilities
from lossbench.verdicts.answer import Answer
from lossbench.verdicts.comparison import Contender, Contest
from lossbench.verdicts.leaderboard import edges, unpaired
from lossbench.verdicts.words import (
    NO_MARGIN,
    amount,
    chosen_by,
    could_detect,
    listed,
    several,
    span,
    what_would_decide,
)

STYLES = {1: "green", -1: "red", 0: None}


@dataclass(frozen=True)
class Column:
    """A column, and how soon it is dropped if lines are short: the highest first, those with 0 never."""

    title: str
    cell: Callable[[Contender], str]
    goes: int = 0
    left: bool = False


MOST_TABLES = 12
"""Nobody reads more tables than that in a terminal."""
CHOSEN = "chosen (median)"
MOST_CHOICES = 8
"""Up to so many losses, their choices are printed below the table if the table has no room."""


def show_contests(out: Console, contests: Sequence[Contest]) -> None:
    """Prints the tables of the first dozen tasks, and how many more there are."""
    for contest in contests[:MOST_TABLES]:
        show_contest(out, contest)
    if len(contests) > MOST_TABLES:
        out.print(Text(f"\n{len(contests) - MOST_TABLES} more tasks in the report and in leaderboard.md", style="dim"))


def show_contest(out: Console, contest: Contest) -> None:
    """Prints one task's table. If it does not fit, whole columns are dropped, never digits."""
    board = contest.board
    if not board.rows:
        return
    columns, hidden = _fitting(out, contest)
    out.print()
    what = f"{contest.task} on {board.data}, {board.model}" + (f" ({board.variant})" if board.variant else "")
    out.print(Text(line(what), style="bold"))
    out.print(_table(contest, columns))
    shown = any(column.title in ("verdict", "status") for column in columns)
    for note in (*_notes(contest, hidden), *([] if shown else _apart(contest))):
        out.print(Text(line(note), style="dim"))
    if strangers := unpaired(board):
        text = f"not paired: {', '.join(strangers)} started from other rows, weights or batch orders than the rest"
        out.print(Text(line(text), style="red"))


def show_answer(out: Console, told: Answer) -> None:
    """Prints the sentence, as in the report."""
    out.print()
    out.print(Text(line(told.sentence), style="bold"))


def _table(contest: Contest, columns: Sequence[Column]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        justify = "left" if column.left else "right"
        table.add_column(Text(line(column.title)), justify=justify, no_wrap=True, overflow="fold")  # type: ignore[arg-type]
    for c in _rows(contest):
        judged = c.difference is not None and not contest.no_verdict and c.role in ("chosen", "baseline")
        style = STYLES[c.difference.verdict.sign] if judged and c.difference else None
        quiet = c.role in ("reference", "control")
        style = "dim" if quiet else "red" if c.record.status is Status.FAILED else style
        table.add_row(*(Text(line(column.cell(c))) for column in columns), style=style)
    return table


def _fitting(out: Console, contest: Contest) -> tuple[list[Column], list[str]]:
    """As many columns as fit on a line, and the metrics that do not fit."""
    columns = _columns(contest)
    metrics = list(contest.board.metrics[1:])
    hidden: list[str] = []
    while True:
        width = out.measure(_table(contest, columns), options=out.options.update(max_width=10_000)).maximum
        first = max(columns, key=lambda c: c.goes)
        if width <= out.width or first.goes == 0:
            return columns, hidden
        columns.remove(first)
        hidden = [first.title, *hidden] if first.title in (*metrics, CHOSEN) else hidden
        if first.title == "verdict":  # its sign stays
            columns.append(Column("", lambda c: _icon(contest, c), left=True))


def _columns(contest: Contest) -> list[Column]:
    rows = contest.board.rows
    first, *others = contest.board.metrics
    places = {name: decimals(row.metrics.get(name) for row in rows) for name in contest.board.metrics}

    def mean(name: str) -> Callable[[Contender], str]:
        def cell(c: Contender) -> str:
            found = c.row.metrics.get(name)
            return f"{found.mean:.{places[name]}f}{_mark(c, name)}" if found else "n/a"

        return cell

    def primary(c: Contender) -> str:
        found = c.row.metrics.get(first)
        return f"{pair(found, places[first])}{_mark(c, first)}" if found else "–"

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
    chosen = {c.title: choices(c.record).short for c in _rows(contest)}
    if any(chosen.values()):
        columns.append(Column(CHOSEN, lambda c: chosen[c.title], goes=5, left=True))
    extra = [Column(name, mean(name), goes=10 + place) for place, name in enumerate(others)]
    return [*columns[: 2 + judged], *extra, *columns[2 + judged :]] if not judged else [*columns, *extra]


def _rows(contest: Contest) -> tuple[Contender, ...]:
    return (*contest.contenders, *contest.controls, *contest.references)


def _mark(c: Contender, metric: str) -> str:
    """A `*` for the log loss, Brier score and ECE of a loss that is not calibrated by design."""
    return "*" if rewards_probabilities(metric) and distorts(c.record) else ""


def _interval(contest: Contest, c: Contender) -> str:
    return span((c.difference.judged or c.difference.test).interval(), contest) if c.difference else ""


def _time(contest: Contest, c: Contender) -> str:
    """Relative to the baseline's step if there are verdicts, else the seconds of a training run."""
    if contest.no_verdict:
        seconds = c.row.seconds
        return "" if seconds is None else f"{seconds:.2f}" if seconds < 0.95 else f"{seconds:.1f}"
    found = costs.times(contest, c)
    if found is None or found.vague:
        return ""
    return f"{found.ratio:.1f}x" if not found.same else "1x" if c.title == contest.baseline else "about 1x"


def _name(c: Contender) -> str:
    return f"{c.title} (baseline, added)" if c.role == "baseline" else c.title


def _icon(contest: Contest, c: Contender) -> str:
    return "x" if c.apart else c.difference.verdict.icon if c.difference else ""


def _status(contest: Contest, c: Contender) -> str:
    if c.role in ("reference", "control") and (contest.no_verdict or c.difference is None):
        return c.role
    state, of = c.record.status, c.record.cell.protocol.repeats
    if state is Status.INTERRUPTED:
        return f"{state.value}, {len(c.record.repeats)}/{of} done"
    if state is not Status.DONE:
        return f"{state.value} {c.failed}/{of}" if c.failed else state.value
    if c.apart:
        return f"set apart: {c.apart}"
    if contest.no_verdict:
        return state.value
    if c.difference is None:
        return "baseline"
    verdict = f"{c.difference.verdict.icon} {c.difference.verdict.value}"
    return f"{verdict} (control)" if c.role == "control" else verdict


def _notes(contest: Contest, hidden: Sequence[str]) -> Iterable[str]:
    board = contest.board
    spent = several(contest.repeats, "repeat") + (f" of {contest.trials} trials" if contest.trials > 1 else "")
    left_out = [title for title in hidden if title != CHOSEN]
    also = f"; also in leaderboard.csv: {', '.join(left_out)}" if left_out else ""
    yield f"mean ± sd over {spent}, on the same test part{also}"
    shown = [name for name in board.metrics if rewards_probabilities(name) and name not in hidden]
    marked = [c.title for c in _rows(contest) if distorts(c.record) and any(name in c.row.metrics for name in shown)]
    if marked:
        yield f"* {NOT_CALIBRATED}: {listed(marked)}; {listed([written(name) for name in shown])} reward probabilities"
    if CHOSEN in hidden:
        yield from _choices(contest)
    yield chosen_by(contest)
    if not contest.no_verdict:
        same = f"up to {amount(contest.margin, contest)} is the same in practice" if contest.margin else NO_MARGIN
        scope = contest.rules.scope.words
        yield f"gain: {written(contest.metric)} better than {contest.baseline}, 95 % interval {scope}; {same}"
        yield from _other_training_rows(contest)
        yield from _unclear(contest)
    at_edge = {row.title: n for row in board.rows if (n := edges(row.record))}
    if at_edge:
        losses = ", ".join(f"{title} in {n} of {contest.repeats} repeats" for title, n in at_edge.items())
        wider = f"protocol.rate_decades={contest.board.cell.protocol.rate_decades + 2:g}"
        yield f"best learning rate was the lowest or highest tried: {losses}; {wider} widens the search for all"
    if contest.no_verdict:
        yield f"no verdict: {contest.no_verdict}"


def _other_training_rows(contest: Contest) -> Iterable[str]:
    """The interval of the widest scope, if it was measured and is not the one used for verdicts."""
    scope = Scope.TRAINING_ROWS
    if contest.rules.scope is not scope:
        known = [(c.title, c.difference.training_rows) for c in contest.ranked if c.difference]
        told = [f"{title} {span(estimate.interval(), contest)}" for title, estimate in known if estimate]
        if told:
            yield f"{scope.words}: {', '.join(told)}"


def _choices(contest: Contest) -> Iterable[str]:
    """What each loss chose, if the table has no room for it."""
    found = [(c.title, told) for c in _rows(contest) if (told := choices(c.record))]
    if len(found) > MOST_CHOICES:
        yield "chosen rates, parameters and thresholds are in leaderboard.csv"
        return
    yield "chosen on validation data, median over repeats (lowest to highest):"
    yield from (f"  {title}: {told.said}" for title, told in found)


def _apart(contest: Contest) -> Iterable[str]:
    """Why losses have no tier, if the table has no room for the column that says so."""
    return (f"{c.title} is set apart: {c.apart}" for c in contest.contenders if c.apart)


def _unclear(contest: Contest) -> Iterable[str]:
    """For every `can't tell`: the smallest detectable difference, and what would settle it."""
    for c in contest.ranked:
        d = c.difference
        if d is not None and d.verdict.value == "can't tell":
            yield f"{c.title}: can't tell. {could_detect(d, contest)}{what_would_decide(d)}"
