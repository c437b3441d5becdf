"""Binary classification: the probability of the positive class, ranking, and decisions at a threshold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lossbench.errors import NoSuchMetric
from lossbench.loss import Domain, Kind, Prediction
from lossbench.metrics import catalogue, decisions
from lossbench.metrics.metric import Direction, Metric, Need, Target
from lossbench.metrics.own_metric import CUTS_WHILE_TRAINING, OwnMetric
from lossbench.plan import Part
from lossbench.tasks.contract import REFERENCE, Decision, Evaluation
from lossbench.tasks.judged import measured, row_by_row, with_usual
from lossbench.tasks.tabular import TableFold, TableTask


class BinaryFold(TableFold):
    """Targets are 0. and 1.; what decides is given at the threshold chosen on validation data and at .5."""

    def __init__(self, task: Binary, repeat: int) -> None:
        super().__init__(task.table, task.splits(repeat), task.features(repeat), task.table.target)
        self.metric, self.own_metric, self.metrics = task.metric, task.own_metric, task.metrics

    def evaluate(self, part: Part, prediction: Prediction, decision: Decision) -> Evaluation:
        target = self.target[part]
        values, influence = measured(self.metrics, target, lambda m: _given(m, prediction, decision.get(m.name)), part)
        if own := self.own_metric:
            score, middle = _graded(prediction)
            y, graded, cut = target.numpy(), score.double().numpy(), decision.get(own.name, middle)
            label = (graded > cut).astype(np.int64)
            values = {own.name: own(y, graded, label, cut), **values}
            if own.decides:
                assert prediction.label is not None
                values[own.at_half] = own(y, graded, prediction.label.numpy(), middle)
            if part is Part.TEST and (parts := own.influence(y, graded, label, cut)) is not None:
                influence[own.name] = parts
        return Evaluation(values, influence=influence)

    def decide(self, prediction: Prediction) -> Decision:
        score, middle = _graded(prediction)
        target = self.target[Part.VALIDATION]
        found = {
            metric.name: decisions.best_threshold(target, score, metric.of_counts, middle)
            for metric in self.metrics
            if metric.of_counts is not None
        }
        if self.own_metric and self.own_metric.decides:
            found[self.metric.name], _ = self.own_metric.threshold(target.numpy(), score.double().numpy(), middle)
        return found

    def value(self, prediction: Prediction) -> float:
        return float(self._value(self.target[Part.VALIDATION], prediction))

    def measure(self, folds: Sequence[Any]) -> Callable[[Prediction], Tensor]:
        target = torch.stack([fold.target[Part.VALIDATION] for fold in folds])
        return lambda prediction: self._value(target, prediction)

    def _value(self, target: Tensor, prediction: Prediction) -> Tensor:
        """The task's own metric on validation data; a metric of decisions at its best threshold."""
        score, middle = _graded(prediction)
        if own := self.own_metric:

            def judged(y: NDArray[Any], graded: NDArray[np.float64]) -> float:
                return own.threshold(y, graded, middle, CUTS_WHILE_TRAINING)[1] if own.decides else own(y, graded)

            return row_by_row(judged, target, score.double())
        if self.metric.of_counts is not None:
            return decisions.best_decisions(target, score, self.metric.of_counts)
        given = _given(self.metric, prediction, None)
        if given is None:
            raise NoSuchMetric(f"gives no {self.metric.need.value}, which {self.metric.name} needs")
        return self.metric.of_many(target, given)

    def arrays(self, part: Part, prediction: Prediction) -> dict[str, NDArray[Any]]:
        assert prediction.label is not None
        found = {
            "rows": self.splits.rows(part),
            "target": self.target[part].numpy(),
            "score": prediction.score.numpy(),
            "label": prediction.label.numpy(),
        }
        if prediction.probability is not None:
            found["probability"] = prediction.probability.numpy()
        return found


class Binary(TableTask):
    """ROC-AUC, average precision, F1, accuracy, Brier score, log loss and ECE."""

    name = "binary"
    predicts = Target.TWO_CLASSES
    kinds = (Kind.BINARY,)

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
        self.metric, self.own_metric = catalogue.chosen(metric, direction, Target.TWO_CLASSES, metric_params)
        super().__init__(data, seed)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that are computed: the task's own unless it is a function, and the usual ones."""
        return with_usual(self.metric, self.own_metric, Target.TWO_CLASSES)

    def fold(self, repeat: int, domain: Domain = Domain.REAL) -> BinaryFold:
        return BinaryFold(self, repeat)

    def directions(self) -> dict[str, Direction]:
        found = {self.metric.name: self.metric.direction, **catalogue.directions(self.metrics)}
        if self.own_metric and self.own_metric.decides:
            found[self.own_metric.at_half] = self.metric.direction
        return found

    def margins(self) -> dict[str, float]:
        return {metric.name: metric.margin for metric in self.metrics if metric.margin is not None}

    def references(self, repeat: int) -> dict[str, Evaluation]:
        """The share of positives in training, and scikit-learn's histogram gradient boosting at its defaults."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        fold = self.fold(repeat)
        fold.open_test(REFERENCE)
        prior = float(fold.target[Part.TRAIN].mean())
        train, target = fold.features[Part.TRAIN].numpy(), fold.target[Part.TRAIN].numpy()
        boosting = HistGradientBoostingClassifier(random_state=0).fit(train, target)

        def predicted(name: str, part: Part) -> Prediction:
            features = fold.features[part].numpy()
            p = np.full(len(features), prior) if name == "trivial" else boosting.predict_proba(features)[:, 1]
            probability = torch.from_numpy(p)
            return Prediction(probability, (probability > 0.5).long(), probability)

        found = {}
        for name in ("trivial", "gradient_boosting"):
            decision = fold.decide(predicted(name, Part.VALIDATION))
            found[name] = fold.evaluate(Part.TEST, predicted(name, Part.TEST), decision)
        return found

    def summary(self) -> dict[str, Any]:
        return {"positive": self.table.classes[1], "positives": float(self.table.target.mean())}


def _given(metric: Metric, prediction: Prediction, threshold: float | None) -> Tensor | None:
    """What a metric needs of a prediction, a label at the threshold chosen for the metric; None if missing."""
    match metric.need:
        case Need.LABEL if threshold is not None:
            return (_graded(prediction)[0].double() > threshold).long()
        case Need.LABEL:
            return prediction.label
        case Need.PROBABILITY:
            return prediction.probability
        case Need.SCORE:
            return prediction.score
    return None


def _graded(prediction: Prediction) -> tuple[Tensor, float]:
    """What a threshold applies to, and its default: the probability and ½, or else the score and 0."""
    return (prediction.score, 0.0) if prediction.probability is None else (prediction.probability, 0.5)
