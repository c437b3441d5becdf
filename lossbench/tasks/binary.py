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
from lossbench.metrics import values as metrics
from lossbench.metrics.metric import Direction, Metric
from lossbench.metrics.own_metric import CUTS_WHILE_TRAINING, OwnMetric
from lossbench.plan import Part
from lossbench.tasks.contract import REFERENCE, Decision, Evaluation
from lossbench.tasks.tabular import TableFold, TableTask


class BinaryFold(TableFold):
    """Targets are 0. and 1.; what decides is given at the threshold chosen on validation data and at .5."""

    def __init__(self, task: Binary, repeat: int) -> None:
        super().__init__(task.table, task.splits(repeat), task.features(repeat), task.table.target)
        self.metric, self.own_metric = task.metric, task.own_metric

    def evaluate(self, part: Part, prediction: Prediction, decision: Decision) -> Evaluation:
        names = [name for name in metrics.BINARY if prediction.probability is not None or not _needs_probability(name)]
        target = self.target[part]
        values = {name: float(_metric(name, target, prediction, decision)) for name in names}
        own, influence = self.own_metric, {}
        if own:
            score, middle = _graded(prediction)
            y, graded, cut = target.numpy(), score.double().numpy(), decision.get(own.name, middle)
            label = (graded > cut).astype(np.int64)
            values = {own.name: own(y, graded, label, cut), **values}
            if own.decides:
                assert prediction.label is not None
                values[own.at_half] = own(y, graded, prediction.label.numpy(), middle)
            if part is Part.TEST and (parts := own.influence(y, graded, label, cut)) is not None:
                influence = {own.name: parts}
        return Evaluation(values, influence=influence)

    def decide(self, prediction: Prediction) -> Decision:
        score, middle = _graded(prediction)
        target = self.target[Part.VALIDATION]
        found = {name: metrics.best_threshold(target, score, name, middle) for name in ("f1", "accuracy")}
        if self.own_metric and self.own_metric.decides:
            found[self.metric.name], _ = self.own_metric.threshold(target.numpy(), score.double().numpy(), middle)
        return found

    def value(self, prediction: Prediction) -> float:
        return float(self._value(self.target[Part.VALIDATION], prediction))

    def measure(self, folds: Sequence[Any]) -> Callable[[Prediction], Tensor]:
        target = torch.stack([fold.target[Part.VALIDATION] for fold in folds])
        return lambda prediction: self._value(target, prediction)

    def _value(self, target: Tensor, prediction: Prediction) -> Tensor:
        """The task's own metric on validation data, whatever decides at its best threshold."""
        name, own = self.metric.name, self.own_metric
        score, middle = _graded(prediction)
        if own:

            def judged(y: NDArray[Any], graded: NDArray[np.float64]) -> float:
                return own.threshold(y, graded, middle, CUTS_WHILE_TRAINING)[1] if own.decides else own(y, graded)

            return metrics.row_by_row(judged, target, score.double())
        if name in ("f1", "accuracy"):
            return metrics.best_decisions(target, score, name)
        if prediction.probability is None and _needs_probability(name):
            raise NoSuchMetric(f"gives no probability, which {name} needs")
        return _metric(name, target, prediction, {})

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
    kinds = (Kind.BINARY,)
    binary = True

    def __init__(self, *, data: Mapping[str, Any], metric: str, direction: str | None, seed: int) -> None:
        self.metric: Metric
        self.own_metric: OwnMetric | None
        self.metric, self.own_metric = metrics.chosen(metric, direction, metrics.BINARY)
        super().__init__(data, seed)

    def fold(self, repeat: int, domain: Domain = Domain.REAL) -> BinaryFold:
        return BinaryFold(self, repeat)

    def directions(self) -> dict[str, Direction]:
        found = {self.metric.name: self.metric.direction, **metrics.BINARY}
        if self.own_metric and self.own_metric.decides:
            found[self.own_metric.at_half] = self.metric.direction
        return found

    def margins(self) -> dict[str, float]:
        return {name: metrics.MARGINS[name] for name in metrics.BINARY}

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
        return {"positive": self.table.positive, "positives": float(self.table.target.mean())}


def _metric(name: str, target: Tensor, prediction: Prediction, decision: Decision) -> Tensor:
    """One of `metrics.BINARY` over the last dimension."""
    if name in ("roc_auc", "average_precision"):
        return metrics.ranking(name, target, prediction.score)
    if _needs_probability(name):
        assert prediction.probability is not None
        return metrics.probabilistic(name, target, prediction.probability)
    if name in decision:
        score, _ = _graded(prediction)
        return metrics.decisions(name, target, score.double() > decision[name])
    assert prediction.label is not None
    return metrics.decisions(name, target, prediction.label)


def _needs_probability(name: str) -> bool:
    return name in metrics.PROBABILISTIC


def _graded(prediction: Prediction) -> tuple[Tensor, float]:
    """What a threshold is drawn on, and its natural middle: the probability and ½, or else the score and 0."""
    return (prediction.score, 0.0) if prediction.probability is None else (prediction.probability, 0.5)
