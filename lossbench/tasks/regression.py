"""Regression: a number for every row, judged in the target's own unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench.data.table import Table
from lossbench.errors import DataError
from lossbench.loss import Domain, Kind, Prediction
from lossbench.metrics import catalogue
from lossbench.metrics.metric import Direction, Metric, Target
from lossbench.metrics.own_metric import OwnMetric
from lossbench.plan import Part
from lossbench.tasks.contract import REFERENCE, Decision, Evaluation
from lossbench.tasks.judged import measured, row_by_row, with_usual
from lossbench.tasks.tabular import TableFold, TableTask

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
        target, score = self.target[part], self._original(prediction)
        values, influence = measured(self.metrics, target, lambda metric: score, part)
        if own := self.own_metric:
            values = {own.name: float(self._value(target, score)), **values}
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
        return lambda prediction: self._value(target, prediction.score.double() * scale + centre)

    def _value(self, target: Tensor, score: Tensor) -> Tensor:
        if self.own_metric:
            return row_by_row(self.own_metric, target, score)
        return self.metric.of_many(target, score)

    def arrays(self, part: Part, prediction: Prediction) -> dict[str, NDArray[Any]]:
        found = {
            "rows": self.splits.rows(part),
            "target": self.target[part].numpy(),
            "score": self._original(prediction).numpy(),
        }
        if prediction.interval is not None:
            low, high = (bound.double() * self.scale + self.centre for bound in prediction.interval)
            found |= {"low": low.numpy(), "high": high.numpy()}
        return found

    def _original(self, prediction: Prediction) -> Tensor:
        return prediction.score.double() * self.scale + self.centre


class Regression(TableTask):
    """RMSE, MAE and R² in original units."""

    name = "regression"
    kinds = (Kind.CONTINUOUS,)
    binary = False

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
        """Of errors 1 % of those of the mean as a prediction, on all rows but the test part's."""
        splits = self.splits(0)
        y = self.table.target[np.concatenate([splits.train, splits.validation])]
        error = np.abs(y - y.mean())
        with np.errstate(over="ignore"):  # where it is infinite there is no margin
            squared = float(np.square(error).mean())
        fixed = {metric.name: metric.margin for metric in self.metrics if metric.margin is not None}
        return {"rmse": 0.01 * squared**0.5, "mae": 0.01 * float(error.mean()), **self._by_median(error), **fixed}

    def _by_median(self, error: NDArray[np.float64]) -> dict[str, float]:
        return {"median_ae": 0.01 * float(np.median(error))} if self.metric.name == "median_ae" else {}

    def references(self, repeat: int) -> dict[str, Evaluation]:
        """The mean of the training targets, and scikit-learn's histogram gradient boosting at its defaults."""
        from sklearn.ensemble import HistGradientBoostingRegressor

        fold = self.fold(repeat)
        fold.open_test(REFERENCE)
        train, test = fold.features[Part.TRAIN].numpy(), fold.features[Part.TEST].numpy()
        boosting = HistGradientBoostingRegressor(random_state=0).fit(train, fold.scaled[Part.TRAIN].numpy())
        scores = {"trivial": np.zeros(len(test)), "gradient_boosting": boosting.predict(test)}
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
