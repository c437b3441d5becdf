"""From stored records to a comparison: which sweeps, by which rules, and what must not be mixed. No torch is needed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lossbench.errors import InputError, LossbenchError
from lossbench.plan import Scope, fingerprint
from lossbench.plugins import import_target
from lossbench.record import RECORD, Record, Status, read_records
from lossbench.verdicts import scores
from lossbench.verdicts.comparison import Comparison, Rules
from lossbench.verdicts.judging import Part, compare

PLAN = "plan.json"


def judged(folders: Sequence[Path], rules: Rules | None = None) -> Comparison:
    """One or several sweeps, compared; by the rules that the first was run under unless others are given.

    Raises InputError where sweeps were run under different protocols or on different data.
    """
    records = [record for folder in folders for record in _records(folder)]
    if len(folders) > 1:
        records = _merged(records)
    name = " + ".join(folder.name for folder in folders)
    return compared(records, rules or rules_of(folders[0]), name)


def compared(records: Sequence[Record], rules: Rules, name: str) -> Comparison:
    """Records under rules, somebody's own metrics found by their import path."""
    return compare(records, replace(rules, own={**_own(records), **rules.own}), name)


def rules_of(folder: Path) -> Rules:
    """What the command of a sweep said of its report."""
    try:
        told = json.loads((folder / PLAN).read_text("utf-8")).get("report") or {}
    except (OSError, ValueError):
        told = {}
    try:
        scope = Scope.of(told.get("scope"))
    except ValueError:
        scope = Scope.ROWS
    return Rules(scope=scope, baseline=told.get("baseline"))


def find_sweep(name: str, results: Path) -> Path:
    """The folder of a sweep, by its path or its name in results. InputError names the latest ones."""
    for folder in (Path(name), results / name):
        if any(folder.glob(f"*/{RECORD}")):
            return folder
    known = sorted({path.parent.parent.name for path in results.glob(f"*/*/{RECORD}")})[-5:]
    raise InputError(f"No sweep is called '{name}' in {results}/. The latest: {', '.join(known) or 'none'}.")


def rejudged(folders: Sequence[Path], metric: str, direction: str | None, margin: float | None) -> Comparison:
    """Sweeps judged by another metric, on the predictions that they stored."""
    records = [record for folder in folders for record in _records(folder)]
    records = rescored(_merged(records) if len(folders) > 1 else records, metric, direction)
    name = metric.rpartition(".")[2]
    for record in records:
        if margin is not None and record.metric["name"] == name:
            record.margins[name] = margin
    own = {name: _function(metric)} if "." in metric else {}
    rules = replace(rules_of(folders[0]), own=own)
    return compared(records, rules, f"{' + '.join(f.name for f in folders)}, by {name}")


def rescored(records: Sequence[Record], metric: str, direction: str | None) -> list[Record]:
    """The same records judged by another metric on their stored predictions; nothing is trained or chosen anew.

    `metric`: one that the task gives, or an importable `(target, prediction) -> float` with its direction.
    """
    own = _function(metric) if "." in metric else None
    name = metric.rpartition(".")[2]
    found = [_rescored(record, name, direction, own) for record in records]
    if all(name not in record.directions for record in found):
        known = dict.fromkeys(n for record in records for n in record.directions)
        raise InputError(f"No task here has the metric '{name}'. They have: {', '.join(known)}.")
    return found


def _rescored(record: Record, name: str, direction: str | None, own: scores.Function | None) -> Record:
    if own is None:
        if name not in record.directions:
            return record
        record.metric = {"name": name, "direction": record.directions[name]}
        return record
    if direction not in ("min", "max"):
        raise InputError(f"--metric {name} needs --direction min or --direction max.")
    record.metric, record.directions = {"name": name, "direction": direction}, {name: direction, **record.directions}
    with record.stored() as stored:
        for repeat in record.repeats:
            arrays = Part(stored, "test", repeat.repeat)
            if "target" in arrays:
                value = scores.value(name, arrays, repeat.decision, own)
                repeat.metrics = {name: float(value if value is not None else np.nan), **repeat.metrics}
    return record


def _records(folder: Path) -> list[Record]:
    try:
        order = [cell["folder"] for cell in json.loads((folder / PLAN).read_text("utf-8"))["cells"]]
    except (OSError, ValueError, KeyError):
        order = []
    found = read_records(folder)
    if not found:
        raise InputError(f"{folder} holds no records.")

    def place(record: Record) -> int:
        name = record.path.name if record.path else ""
        return order.index(name) if name in order else len(order)

    return sorted(found, key=place)


def _own(records: Iterable[Record]) -> dict[str, scores.Function]:
    """Metrics of somebody's own that can still be imported; without one there is no interval for new rows."""
    found: dict[str, scores.Function] = {}
    for record in records:
        path = str(record.cell.get("task", {}).get("metric") or "")
        name = record.metric["name"]
        if "." in path and name not in found:
            try:
                found[name] = _function(path)
            except LossbenchError:
                continue
    return found


def _function(path: str) -> Callable[..., float]:
    function = import_target(path, "metric")
    if not callable(function):
        raise InputError(f"{path} is not a function (target, prediction) -> float.")
    return function


def _merged(records: Sequence[Record]) -> list[Record]:
    """Records of several sweeps as one: the same cell counts once; other data or another protocol is refused."""
    seen: dict[tuple[str, str], Record] = {}
    for record in records:
        if record.status is Status.SKIPPED:
            continue
        for other in seen.values():
            _check_alike(record, other)
        key = (record.contest, fingerprint(record.cell["loss"]) if record.role != "reference" else record.title)
        seen.setdefault(key, record)
    return list(seen.values())


def _check_alike(one: Record, other: Record) -> None:
    if (one.task, one.data["name"], one.model["name"]) != (other.task, other.data["name"], other.model["name"]):
        return
    if one.data.get("digest") != other.data.get("digest") and one.data.get("digest") and other.data.get("digest"):
        raise InputError(
            f"{one.sweep} and {other.sweep} hold different rows under the name {one.data['name']}: losses judged on "
            "different data cannot be compared."
        )
    if _budget(one) != _budget(other):
        raise InputError(
            f"{one.sweep} and {other.sweep} were run under different protocols on {one.data['name']} "
            f"({_said(one)} against {_said(other)}): losses with different budgets cannot be compared."
        )


def _budget(record: Record) -> Any:
    cell: Mapping[str, Any] = record.cell
    return [cell.get("protocol"), cell.get("training"), cell.get("seed"), cell.get("task"), cell.get("penalty")]


def _said(record: Record) -> str:
    protocol = record.cell["protocol"]
    differing = f"{protocol['name']}, {protocol['repeats']} repeats of {protocol['trials']} trials"
    return f"{differing}, seed {record.cell.get('seed')}"
