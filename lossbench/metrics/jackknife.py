"""The delete-a-group jackknife: what each of fifty groups of examples contributes to any number made of examples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

GROUPS = 50
"""So many groups of examples are left out in turn; with fewer examples, each by itself."""


def by_groups(value: Callable[[NDArray[np.int64]], float], n: int) -> NDArray[np.float64]:
    """Pseudo-values [groups] whose mean is `value` of all n examples, each holding the influence of one group.

    value: of the examples in these places, ascending. The groups depend on n alone, so that the pseudo-values of two
    predictions of the same examples can be subtracted. Efron and Stein 1981; groups as in Shao and Tu 1995.
    """
    groups = min(GROUPS, n)
    which = np.random.default_rng(0).permutation(n) % groups
    whole = float(value(np.arange(n)))
    without = np.array([float(value(np.flatnonzero(which != group))) for group in range(groups)])
    return np.asarray(whole + (groups - 1) * (without.mean() - without))
