"""Regression: a number for every row, judged in the target's own unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench.data.table import Table
from lossbench.errors import DataError, NoSuchMetric
from lossbench.loss import Domain, Kind, Prediction
from lossbench.metrics import catalogue
from lossbench.metrics.metric import Direction, Metric, Need, Target
from lossbench.metrics.own_metric import OwnMetric
from lossbench.plan import Part
from lossbench.tasks.contract import REFERENCE, Decision, Evaluation
from lossbench.tasks.judged import measured, row_by_row, with_usual
from lossbench.tasks.tabular import TableFold, TableTask

Given = dict[Need, Tensor]
"""The parts of a prediction, by what metrics need."""
LARGEST, SMALLEST = 1e60, 1e-60
"""Between these lie the targets that can be judged: their largest value, and their spread."""


class RegressionFold(TableFold):
    """Targets reach the loss as (target - centre) / scale; predictions come back in the target's unit."""

    def __init__(self, task: Regression, repeat: int, domain: Domain) -> None:
        splits, target = task.splits(repeat), task.table.target
        train = target[splits.train]
        self.centre = float(train.mean()) if domain is Domain.REAL else 0.0
        self.scale = float(train.std() if domain is Domain.REAL else train.mean()) or 1.0
        super().__init__(task.table, splits, task.features(repeat), (target - self.centre) / self.scale)
        self.metric, self.own_metric, self.metrics = task.metric, task.own_metric, task.metrics

    def evaluate(self, part: Part, prediction: Prediction, decision: Decision) -> Evaluation:
        target, given = self.target[part], self._original(prediction)
        values, influence = measured(self.metrics, target, lambda metric: given.get(metric.need), part)
        if own := self.own_metric:
            score = given[Need.SCORE]
            values = {own.name: own(target.numpy(), score.numpy()), **values}
            parts = own.influence(target.numpy(), score.numpy()) if part is Part.TEST else None
            influence |= {} if parts is None else {own.name: parts}
        return Evaluation(values, influence=influence)

    def decide(self, prediction: Prediction) -> Decision:
        return {}

    def value(self, prediction: Prediction) -> float:
        return float(self._value(self.target[Part.VALIDATION], self._original(prediction)))

    def measure(self, folds: Sequence[Any]) -> Callable[[Prediction], Tensor]:
        target = torch.stack([fold.target[Part.VALIDATION] for fold in folds])
        scale, centre = (
            torch.tensor(v, dtype=torch.double).unsqueeze(1)
            for v in zip(*((f.scale, f.centre) for f in folds), strict=True)
        )
        return lambda prediction: self._value(target, in_unit(prediction, scale, centre))

    def _value(self, target: Tensor, given: Given) -> Tensor:
        if self.own_metric:
            return row_by_row(self.own_metric, target, given[Need.SCORE])
        if self.metric.need not in given:
            raise NoSuchMetric(f"gives no {self.metric.need.value}, which {self.metric.name} needs")
        return self.metric.of_many(target, given[self.metric.need])

    def arrays(self, part: Part, prediction: Prediction) -> dict[str, NDArray[Any]]:
        given = self._original(prediction)
        found = {
            "rows": self.splits.rows(part),
            "target": self.target[part].numpy(),
            "score": given[Need.SCORE].numpy(),
        }
        if Need.INTERVAL in given:
            found |= dict(zip(("low", "high"), given[Need.INTERVAL].numpy(), strict=True))
        if Need.DENSITY in given:
            found |= dict(zip(("scale", "freedom"), given[Need.DENSITY][1:].numpy(), strict=True))
        if Need.QUANTILES in given:
            found["quantiles"] = given[Need.QUANTILES].numpy()
        return found

    def _original(self, prediction: Prediction) -> Given:
        return in_unit(prediction, self.scale, self.centre)


def in_unit(prediction: Prediction, scale: Any, centre: Any) -> Given:
    """The parts of a prediction in the target's unit, by what metrics need; scale and centre match its shape."""

    def unit(values: Tensor) -> Tensor:
        return values.double() * scale + centre

    score = unit(prediction.score)
    given = {Need.SCORE: score}
    if prediction.interval is not None:
        given[Need.INTERVAL] = torch.stack([unit(bound) for bound in prediction.interval])
    if prediction.density is not None:
        spread, freedom = prediction.density
        given[Need.DENSITY] = torch.stack([score, spread.double() * scale, freedom.double()])
    if prediction.quantiles is not None:
        levels, values = prediction.quantiles
        each = [unit(values[..., place]) for place in range(len(levels))]
        given[Need.QUANTILES] = torch.stack([*each, *(torch.full_like(score, level) for level in levels)])
    return given


class Regression(TableTask):
    """RMSE, MAE and R² in original units."""

    name = "regression"
    predicts = Target.NUMBERS
    kinds = (Kind.CONTINUOUS,)

    def __init__(
        self,
        *,
        data: Mapping[str, Any],
        metric: str,
        direction: str | None,
        seed: int,
        metric_params: Mapping[str, Any] | None = None,
    ) -> None:
        self.metric: Metric
        self.own_metric: OwnMetric | None
        self.metric, self.own_metric = catalogue.undecided(metric, direction, Target.NUMBERS, self.name, metric_params)
        super().__init__(data, seed)
        _refuse_overflow(self.table)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that are computed: the task's own unless it is a function, and the usual ones."""
        return with_usual(self.metric, self.own_metric, Target.NUMBERS)

    def fold(self, repeat: int, domain: Domain = Domain.REAL) -> RegressionFold:
        return RegressionFold(self, repeat, domain)

    def directions(self) -> dict[str, Direction]:
        return {self.metric.name: self.metric.direction, **catalogue.directions(self.metrics)}

    def margins(self) -> dict[str, float]:
        """1 % of the metrics of a prediction that is the same for every row, on all rows but the test part's."""
        splits = self.splits(0)
        y = self.table.target[np.concatenate([splits.train, splits.validation])]
        with np.errstate(over="ignore", invalid="ignore"):  # an infinite value gives no margin
            return {m.name: _margin(m, y) if m.margin is None else m.margin for m in self.metrics}

    def references(self, repeat: int) -> dict[str, Evaluation]:
        """The best prediction for all rows alike, and scikit-learn's histogram gradient boosting at its defaults."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        fold = self.fold(repeat)
        fold.open_test(REFERENCE)
        train, test = fold.features[Part.TRAIN].numpy(), fold.features[Part.TEST].numpy()
        target, quantile = fold.scaled[Part.TRAIN].numpy(), self.metric.quantile
        asked = {} if quantile is None else {"loss": "quantile", "quantile": quantile}
        boosting = HistGradientBoostingRegressor(random_state=0, **asked).fit(train, target)
        constant = 0.0 if quantile is None else float(np.quantile(target, quantile))
        scores = {"trivial": np.full(len(test), constant), "gradient_boosting": boosting.predict(test)}
        return {
            name: fold.evaluate(Part.TEST, Prediction(torch.from_numpy(score)), {}) for name, score in scores.items()
        }

    def summary(self) -> dict[str, Any]:
        from scipy.stats import kurtosis, skew

        y = self.table.target
        return {
            "mean": float(y.mean()),
            "sd": float(y.std()),
            "min": float(y.min()),
            "max": float(y.max()),
            "skew": float(skew(y)),
            "excess_kurtosis": float(kurtosis(y)),
        }


def _margin(metric: Metric, y: NDArray[np.float64]) -> float:
    """1 % of what the metric is for a prediction that says the same of every row."""
    low, middle, high = (np.full(len(y), value) for value in np.quantile(y, (0.05, 0.5, 0.95)))
    mean, levels = np.full(len(y), y.mean()), [np.full(len(y), level) for level in (0.05, 0.5, 0.95)]
    given = {
        Need.SCORE: mean if metric.quantile is None else np.full(len(y), np.quantile(y, metric.quantile)),
        Need.INTERVAL: np.stack([low, high]),
        Need.QUANTILES: np.stack([low, middle, high, *levels]),
        Need.DENSITY: np.stack([mean, np.full(len(y), y.std() or 1.0), np.full(len(y), np.inf)]),
    }
    return 0.01 * metric.of_stored(y, given[metric.need])


def _refuse_overflow(table: Table) -> None:
    """Raises DataError where fourth powers of the target, as of its kurtosis, are no float64 any more."""
    largest = float(np.abs(table.target).max())
    spread = float((table.target / largest).std()) * largest  # of shares, which do not overflow
    if largest > LARGEST or spread < SMALLEST:
        size = f"goes up to {largest:.2g}" if largest > LARGEST else f"varies by {spread:.2g} only"
        raise DataError(
            f"Target '{table.target_name}' of {table.name} {size}: its squared errors are beyond what float64 can "
            "hold. Change its unit in the file."
        )
