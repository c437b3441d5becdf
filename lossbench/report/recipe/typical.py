"""What the repeats of a record chose, together: one rate, one value of each parameter, one threshold."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lossbench.records.record import Record, Repeat, Status
from lossbench.report.recipe.literals import number


@dataclass(frozen=True)
class Typical:
    """The choices of the repeats that are done. Raises InputError where a record holds no numbers in their place."""

    record: Record

    @property
    def done(self) -> list[Repeat]:
        return [repeat for repeat in self.record.repeats if repeat.status is Status.DONE]

    @property
    def rate(self) -> float:
        """The geometric mean of the chosen rates: they were drawn log-uniformly."""
        rates = [number(r.learning_rate, "learning rate") for r in self.done if r.learning_rate]
        return math.exp(statistics.fmean(math.log(rate) for rate in rates))

    @property
    def epochs(self) -> int:
        return 1 + round(statistics.median(number(r.best_epoch or 0, "best epoch") for r in self.done))

    @property
    def params(self) -> dict[str, Any]:
        """Given parameters as they are; of tuned ones the median over repeats, or what most chose if no number."""
        given = dict(self.record.cell.loss.params)
        names = dict.fromkeys([*given, *(name for repeat in self.done for name in repeat.params)])
        return {name: self._usual(name, {**self.record.loss.params, **given}) for name in names}

    def _usual(self, name: str, defaults: Mapping[str, Any]) -> Any:
        # A repeat that chose the loss's defaults does not name them; that of a loss inside another is in no record.
        values = [r.params.get(name, defaults.get(name)) for r in self.done if name in {**defaults, **r.params}]
        numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
        if len(numbers) == len(values) and len(set(numbers)) > 1:
            return float(f"{statistics.median(numbers):.3g}")
        texts = [repr(value) for value in values]
        return values[texts.index(max(texts, key=texts.count))]

    @property
    def threshold(self) -> float | None:
        """Of the task's own metric, where that metric judges decisions; the median of what the repeats chose."""
        metric = self.record.metric.name
        chosen = [number(r.decision[metric], "threshold") for r in self.done if metric in r.decision]
        return float(f"{statistics.median(chosen):.6g}") if chosen else None
