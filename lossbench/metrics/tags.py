"""Metrics of tags: whole entities, and single tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.metrics.metric import Direction, Metric, Need, Target, Values
from lossbench.metrics.ratios import ratio


def parts(metric: str, arrays: Mapping[str, NDArray[Any]]) -> Values | None:
    """Each sentence's influence on a metric.

    The array `entities` [sentences, 3] has the numbers of correct, predicted and true entities; tags are per word.
    """
    right, predicted, there = arrays["entities"].astype(float).T
    match metric:
        case "entity_f1":
            return ratio(2 * right, predicted + there)
        case "entity_precision":
            return ratio(right, predicted)
        case "entity_recall":
            return ratio(right, there)
    sentence = np.unique(arrays["rows"], return_inverse=True)[1]
    target, label, tags = arrays["target"], arrays["label"], arrays["tags"]

    def summed(hit: NDArray[Any]) -> Values:
        return np.bincount(sentence, hit.astype(float), minlength=len(right)).astype(float)

    def f1(named: NDArray[np.bool_]) -> Values:
        told, true = named[label], named[target]
        return ratio(2 * summed((label == target) & true), summed(told) + summed(true))

    match metric:
        case "token_accuracy":
            return ratio(summed(label == target), summed(np.ones(len(target))))
        case "token_f1":
            return f1(tags != "O")
        case "token_f1_macro":
            each = [f1(np.arange(len(tags)) == place) for place, tag in enumerate(tags) if tag != "O"]
            return np.asarray(np.mean(each, axis=0))
    return None


METRICS = tuple(
    Metric(name, Direction.MAX, Target.TAGS, Need.LABEL, label=label, margin=0.005, best=1.0, usual=True)
    for name, label in (
        ("entity_f1", "entity F1"),
        ("token_f1", "token F1"),
        ("token_f1_macro", "macro token F1"),
        ("token_accuracy", ""),
        ("entity_precision", ""),
        ("entity_recall", ""),
    )
)
"""Descriptions of these metrics; the task itself counts entities and tags."""
