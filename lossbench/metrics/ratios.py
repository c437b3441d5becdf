"""Ratios of sums, with what each example has to do with them."""

from __future__ import annotations

import numpy as np

from lossbench.metrics.metric import Values


def ratio(above: Values, below: Values) -> Values:
    """sum(above) / sum(below), with each example's influence by the delta method; 0 where there is nothing below."""
    total = float(below.sum())
    if total == 0:
        return np.zeros(len(above))
    value = float(above.sum()) / total
    return np.asarray(value + len(above) * (above - value * below) / total)
