"""What was chosen on validation data, repeat by repeat, in summary: learning rates, tuned parameters, thresholds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lossbench.metrics.catalogue import written
from lossbench.records.record import Record, Status


@dataclass(frozen=True)
class Chosen:
    """One number that every repeat chose for itself.

    at_default: how many repeats kept a default that is not a number or is not in the record.
    """

    name: str
    values: tuple[float, ...]
    at_default: int = 0

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def short(self) -> str:
        """`gamma 1.2`, the median."""
        return f"{self.name} {self.median:.3g}" if self.values else f"{self.name} at its default"

    @property
    def said(self) -> str:
        """`gamma 1.2 (0.3 to 4)`: the median, and the lowest and the highest where they differ."""
        low, high = (f"{end:.3g}" for end in (min(self.values), max(self.values))) if self.values else ("", "")
        notes = [f"{low} to {high}"] if low != high else []
        if self.values and self.at_default:
            notes.append(f"its default in {self.at_default} of {self.at_default + len(self.values)}")
        return f"{self.short} ({'; '.join(notes)})" if notes else self.short


@dataclass(frozen=True)
class Choices:
    """All that the repeats of one record chose; empty where nothing was trained."""

    rate: tuple[Chosen, ...]
    params: tuple[Chosen, ...]
    thresholds: tuple[Chosen, ...]
    """Under the name of the metric that each is for."""

    def __bool__(self) -> bool:
        return bool(self.rate or self.params or self.thresholds)

    @property
    def named(self) -> tuple[Chosen, ...]:
        """Each under a readable name; a threshold that all metrics share is listed once."""
        thresholds = [replace(one, name=f"threshold for {written(one.name)}") for one in self.thresholds]
        if len({one.values for one in self.thresholds}) == 1:
            thresholds = [replace(self.thresholds[0], name="threshold")]
        return (*self.rate, *self.params, *thresholds)

    @property
    def short(self) -> str:
        """`rate 0.0032, gamma 1.2, threshold 0.31`."""
        return ", ".join(one.short for one in self.named)

    @property
    def said(self) -> str:
        return ", ".join(one.said for one in self.named)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: median, lowest and highest by name."""
        plain = {"learning_rate": _plain(self.rate[0])} if self.rate else {}
        many = {"params": self.params, "thresholds": self.thresholds}
        return plain | {key: {one.name: _plain(one) for one in found} for key, found in many.items() if found}


def choices(record: Record) -> Choices:
    """The choices of the finished repeats. Parameters fixed on the command line are not choices."""
    done = [repeat for repeat in record.repeats if repeat.status is Status.DONE]
    rates = tuple(float(r.learning_rate) for r in done if r.learning_rate is not None)
    tried = dict.fromkeys(name for r in record.repeats for trial in r.trials for name in trial.params)
    given = record.cell.loss.params
    free = [name for name in tried if name not in given]
    defaults = record.loss.params
    params = (_chosen(name, [r.params.get(name, defaults.get(name)) for r in done]) for name in free)
    decided = dict.fromkeys(name for r in done for name in r.decision)
    return Choices(
        (Chosen("rate", rates),) if rates else (),
        tuple(params) if done else (),
        tuple(_chosen(name, [r.decision.get(name) for r in done]) for name in decided),
    )


def _chosen(name: str, values: Sequence[Any]) -> Chosen:
    numbers = tuple(float(v) for v in values if isinstance(v, (int, float)) and not isinstance(v, bool))
    return Chosen(name, numbers, len(values) - len(numbers))


def _plain(one: Chosen) -> Mapping[str, Any]:
    ends = {"median": one.median, "low": min(one.values), "high": max(one.values)} if one.values else {}
    return {**ends, **({"at_default": one.at_default} if one.at_default else {})}
