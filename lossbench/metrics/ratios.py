"""Ratios of sums, with each example's influence."""

from __future__ import annotations

import numpy as np

from lossbench.metrics.metric import Values


def ratio(above: Values, below: Values) -> Values:
    """sum(above) / sum(below), with each example's influence by the delta method; 0 if the denominator is 0."""
    total = float(below.sum())
    if total == 0:
        return np.zeros(len(above))
    value = float(above.sum()) / total
    return np.asarray(value + len(above) * (above - value * below) / total)
