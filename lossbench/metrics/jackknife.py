"""The delete-a-group jackknife: the influence of fifty groups of examples on any statistic of the examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

GROUPS = 50
"""Number of groups that are left out in turn; with fewer examples, each one is a group."""


def by_groups(value: Callable[[NDArray[np.int64]], float], n: int) -> NDArray[np.float64]:
    """Pseudo-values [groups] whose mean is `value` of all n examples; each has the influence of one group.

    value: the statistic of the examples at these positions, ascending. The groups depend only on n, so that the
    pseudo-values of two predictions of the same examples can be subtracted. Efron and Stein 1981; groups as in Shao and
    Tu 1995.
    """
    groups = min(GROUPS, n)
    which = np.random.default_rng(0).permutation(n) % groups
    whole = float(value(np.arange(n)))
    without = np.array([float(value(np.flatnonzero(which != group))) for group in range(groups)])
    return np.asarray(whole + (groups - 1) * (without.mean() - without))
