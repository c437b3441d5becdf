"""Learning curves of several repeats, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lossbench.report.evidence.curves import learning_curves, over_epochs
from tests.report.test_evidence_blog import judged, rated, record


def test_a_curve_goes_on_while_half_of_its_repeats_train() -> None:
    curve = over_epochs("a", [np.array(c, dtype=float) for c in ([4, 3, 2], [6, 5], [8])])
    assert curve is not None
    assert curve.training.tolist() == [3, 2]  # one of three trains in the third epoch
    assert curve.median.tolist() == [6, 5]  # of 4, 6, 8, and of 3, 5 and the 8 that stays
    assert curve.low == pytest.approx([4.4, 3.4])
    assert curve.high == pytest.approx([7.6, 7.4])
    half = over_epochs("a", [np.array([4.0, 3.0]), np.array([6.0])])
    assert half is not None
    assert half.median.tolist() == [5, 4.5]
    assert over_epochs("a", []) is None


def test_curves_come_from_the_records_and_diverged_ones_are_left_out() -> None:
    arrays = {"curve/0/validation": np.array([3.0, 2.0]), "curve/1/validation": np.array([3.0, np.nan])}
    found = judged(
        record("mse", [1, 2], rated((1, 2), (1, 2)), arrays=arrays), record("b", [2, 3], rated((1, 2), (1, 2)))
    )
    (curve,) = learning_curves(found)
    assert (curve.title, curve.median.tolist(), curve.epochs.tolist()) == ("mse", [3, 2], [1, 2])
