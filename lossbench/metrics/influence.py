"""From stored predictions: each test example's influence on a metric. Needs no torch.

`parts(metric, arrays, decision)` gives one number per example, whose mean is the metric itself. For a mean (MAE,
accuracy, Brier score, log loss) it is the example's own term. For anything else it is the metric plus the example's
influence on it: by the delta method for ratios and roots (F1, RMSE, R²), by DeLong's placements for the AUC, by leaving
each one out for average precision, by leaving groups out for the rest. Differences of such parts between two losses
are what the interval for *new rows like the test part* is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.metrics import tags
from lossbench.metrics.catalogue import built_in
from lossbench.metrics.metric import Need, Values

INFLUENCE = "influence"
"""Prefix of arrays with the contributions of groups of test examples, stored at evaluation for metrics without a
closed form."""
Arrays = Mapping[str, NDArray[Any]]
"""One part of one repeat: target, score, and whatever else its task stores, without the prefix."""


def parts(metric: str, arrays: Arrays, decision: Mapping[str, float]) -> Values | None:
    """One number per example (per sentence for tags; for each of 50 groups without a closed form), or None.

    None if the metric cannot be computed from what is stored, for example without a probability. For a custom metric it
    is what was stored when its function was called: nothing here loads or calls one.
    """
    if f"{INFLUENCE}/{metric}" in arrays:
        return arrays[f"{INFLUENCE}/{metric}"].astype(float)
    if "entities" in arrays:
        return tags.parts(metric, arrays)
    found = built_in(metric)
    if found is None or found.influence is None:
        return None
    if found.target.classes != ("label" in arrays):
        return None
    given = needed(found.need, arrays, decision.get(metric))
    return None if given is None else found.influence(arrays["target"].astype(float), given)


def needed(need: Need, arrays: Arrays, threshold: float | None) -> Values | None:
    """The stored values that a metric needs; labels at the threshold that was chosen for it."""
    match need:
        case Need.LABEL if threshold is not None:
            graded = arrays["probability"] if "probability" in arrays else arrays["score"]
            return (graded.astype(float) > threshold).astype(float)
        case Need.INTERVAL:
            return np.stack([arrays["low"], arrays["high"]]).astype(float) if "low" in arrays else None
        case Need.DENSITY:
            names = ("score", "scale", "freedom")
            return np.stack([arrays[name] for name in names]).astype(float) if "freedom" in arrays else None
        case Need.QUANTILES:
            return arrays["quantiles"].astype(float) if "quantiles" in arrays else None
        case _:
            return arrays[need.value].astype(float) if need.value in arrays else None


def value(metric: str, arrays: Arrays, decision: Mapping[str, float]) -> float | None:
    """The metric itself, from stored predictions."""
    found = parts(metric, arrays, decision)
    return None if found is None else float(found.mean())
