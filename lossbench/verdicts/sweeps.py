"""From stored records to a comparison: which sweeps, by which rules, and what must not be mixed. No torch is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lossbench.errors import InputError
from lossbench.plan import Scope, fingerprint
from lossbench.records import store
from lossbench.records.record import Record, Status
from lossbench.verdicts.comparison import Comparison, Rules
from lossbench.verdicts.judging import compare
from lossbench.verdicts.rescoring import rescored


def judged(folders: Sequence[Path], rules: Rules | None = None) -> Comparison:
    """Compares one or several sweeps, by the first one's rules unless others are given.

    Raises InputError where sweeps were run under different protocols or on different data.
    """
    records = [record for folder in folders for record in store.records_of(folder)]
    if len(folders) > 1:
        records = _merged(records)
    name = " + ".join(folder.name for folder in folders)
    return compare(records, rules or rules_of(folders[0]), name)


def rules_of(folder: Path) -> Rules:
    """The report options in a sweep's command."""
    report = store.plan_of(folder).report
    try:
        scope = Scope.of(report.scope)
    except ValueError:
        scope = Scope.ROWS
    return Rules(scope=scope, baseline=report.baseline)


def rejudged(folders: Sequence[Path], metric: str, direction: str | None, margin: float | None) -> Comparison:
    """Sweeps judged by another metric, on the predictions that they stored."""
    records = [record for folder in folders for record in store.records_of(folder)]
    records = rescored(_merged(records) if len(folders) > 1 else records, metric, direction, margin)
    name = f"{' + '.join(f.name for f in folders)}, by {metric.rpartition('.')[2]}"
    return compare(records, rules_of(folders[0]), name)


def _merged(records: Sequence[Record]) -> list[Record]:
    """Records of several sweeps as one: the same cell counts once; other data or another protocol is refused."""
    seen: dict[tuple[str, str], Record] = {}
    for record in records:
        if record.status is Status.SKIPPED:
            continue
        for other in seen.values():
            _check_alike(record, other)
        key = (
            record.contest,
            fingerprint(record.cell.to_dict()["loss"]) if record.role != "reference" else record.title,
        )
        seen.setdefault(key, record)
    return list(seen.values())


def _check_alike(one: Record, other: Record) -> None:
    if (one.task, one.data.name, one.model) != (other.task, other.data.name, other.model):
        return
    if one.data.digest != other.data.digest and one.data.digest and other.data.digest:
        raise InputError(
            f"{one.sweep} and {other.sweep} hold different rows under the name {one.data.name}: losses judged on "
            "different data cannot be compared."
        )
    if _budget(one) != _budget(other):
        raise InputError(
            f"{one.sweep} and {other.sweep} were run under different protocols on {one.data.name} "
            f"({_said(one)} against {_said(other)}): losses with different budgets cannot be compared."
        )


def _budget(record: Record) -> Any:
    cell = record.cell
    return [cell.protocol, cell.training, cell.seed, cell.task, cell.penalty]


def _said(record: Record) -> str:
    protocol = record.cell.protocol
    differing = f"{protocol.name}, {protocol.repeats} repeats of {protocol.trials} trials"
    return f"{differing}, seed {record.cell.seed}"
