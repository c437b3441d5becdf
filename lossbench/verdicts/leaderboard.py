"""One table per contest: cells that differ only in their loss, best first, reference rows last."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from lossbench.plan import EDGE_TRIALS, Cell, Direction, variants
from lossbench.records.quoting import line
from lossbench.records.record import Record, Status


@dataclass(frozen=True)
class Summary:
    """A metric over finished repeats: mean, sample standard deviation (None for one repeat) and count."""

    mean: float
    sd: float | None
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Summary | None:
        if not values:
            return None
        return cls(statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else None, len(values))


@dataclass(frozen=True)
class Row:
    """One loss (or reference) of a contest."""

    record: Record
    metrics: dict[str, Summary]
    seconds: float | None
    """Mean wall-clock seconds of one training; None where nothing was trained."""

    @property
    def title(self) -> str:
        return self.record.title


@dataclass(frozen=True)
class Leaderboard:
    """The rows of one contest, best mean of the primary metric first."""

    task: str
    data: str
    model: str
    primary: str
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    skipped: tuple[Record, ...]
    cell: Cell
    """One cell of the contest; its cells differ only in their loss."""
    variant: str = ""
    """How this contest differs from others on the same task, data and model; empty if there are none."""


def leaderboards(records: Iterable[Record]) -> list[Leaderboard]:
    """Groups records by contest; contests come in the order of their records."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.contest, []).append(record)
    boards = [_board(group) for group in groups.values()]
    named: dict[tuple[str, str, str], list[Leaderboard]] = {}
    for board in boards:
        named.setdefault((board.task, board.data, board.model), []).append(board)
    found: dict[int, Leaderboard] = {}
    for alike in named.values():
        words = variants([board.cell for board in alike]) if len(alike) > 1 else [""]
        found |= {id(board): replace(board, variant=line(word)) for board, word in zip(alike, words, strict=True)}
    return [found[id(board)] for board in boards]


def unpaired(board: Leaderboard) -> list[str]:
    """Losses with a repeat whose rows, weights or batch orders differ from those of most losses."""
    paired = [row for row in board.rows if not row.record.cell.loss.draw]  # a placebo is not meant to be
    trained = [row for row in paired if any(repeat.hashes for repeat in row.record.repeats)]
    found: dict[str, None] = {}
    for number in range(max((len(row.record.repeats) for row in trained), default=0)):
        begun = {
            row.title: str(row.record.repeats[number].hashes) for row in trained if number < len(row.record.repeats)
        }
        usual = Counter(begun.values()).most_common(1)[0][0]
        found |= dict.fromkeys(title for title, hashes in begun.items() if hashes != usual)
    return list(found)


def edges(record: Record) -> int:
    """In how many repeats the best rate was the lowest or highest tried; 0 where too few were tried to say so."""
    return sum(repeat.edge for repeat in record.repeats) if record.cell.protocol.trials >= EDGE_TRIALS else 0


def typical_spread(records: Sequence[Record]) -> float | None:
    """Of a contest: the standard deviation of paired differences in the primary metric, the median over all pairs.

    None where no two of its losses have two repeats in common.
    """
    found = []
    for one, other in combinations([r for r in records if r.role != "reference"], 2):
        metric = one.metric.name
        values = [{r.repeat: r.metrics[metric] for r in each.repeats if metric in r.metrics} for each in (one, other)]
        differences = [values[0][repeat] - values[1][repeat] for repeat in values[0].keys() & values[1].keys()]
        found += [statistics.stdev(differences)] if len(differences) > 1 else []
    return statistics.median(found) if found else None


def _board(records: list[Record]) -> Leaderboard:
    first = next((r for r in records if r.directions), records[0])
    primary = first.metric.name
    names = tuple(first.directions) or (primary,)
    rows = [_row(r, names) for r in records if r.status is not Status.SKIPPED]
    if had := {name for row in rows for name in row.metrics}:  # others need what no loss here gives: a density
        names = tuple(name for name in names if name == primary or name in had)
    sign = -(first.metric.direction or Direction.MAX).sign  # the best first

    def place(row: Row) -> tuple[int, float]:
        found = row.metrics.get(primary)
        complete = found and row.record.status is Status.DONE  # the mean of some repeats is not that of all
        apart = {"control": 3, "reference": 4}.get(row.record.role)
        order = apart or (0 if complete else 1 if found else 2)
        return order, sign * found.mean if found else 0.0

    return Leaderboard(
        task=first.task,
        data=first.data.name,
        model=first.model,
        primary=primary,
        metrics=names,
        rows=tuple(sorted(rows, key=place)),
        skipped=tuple(r for r in records if r.status is Status.SKIPPED),
        cell=first.cell,
    )


def _row(record: Record, names: Sequence[str]) -> Row:
    metrics = {name: summary for name in names if (summary := Summary.of(record.values(name)))}
    times = [repeat.seconds for repeat in record.repeats if repeat.seconds]
    return Row(record, metrics, statistics.fmean(times) if times else None)
