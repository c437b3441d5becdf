"""Rare positives, end to end: the row called bce is the plain cross-entropy, and its probabilities mean what they say.

What is expected follows from what losses elicit: a proper loss beats the share of positives, which the trivial row
gives to every row, in log loss (Good 1952), and a loss of weighted positives gives them too much probability.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from lossbench.records.record import Record
from tests.benchmarks.calibration import measured

pytestmark = pytest.mark.long
QUICK = ("task.data.rows=4000", "protocol.repeats=3", "protocol.trials=6", "training.max_epochs=12")


@pytest.fixture(scope="module")
def rows() -> dict[str, Record]:
    return measured(("bce", "focal", "weighted_bce"), *QUICK)


def mean(record: Record, metric: str) -> float:
    return float(np.mean(record.values(metric)))


def test_the_plain_loss_under_its_own_name_is_the_one_with_a_weight_of_one(rows: dict[str, Record]) -> None:
    for one, other in zip(rows["bce"].repeats, rows["bce(pos_weight=1)"].repeats, strict=True):
        assert one.metrics == other.metrics
        assert one.learning_rate == other.learning_rate


def test_the_plain_loss_beats_the_share_of_positives_and_weighted_positives_do_not(rows: dict[str, Record]) -> None:
    trivial = mean(rows["trivial"], "log_loss")
    assert mean(rows["bce"], "log_loss") < trivial < mean(rows["weighted_bce"], "log_loss")
    assert mean(rows["bce"], "ece") < mean(rows["weighted_bce"], "ece")


def test_focal_is_worse_calibrated_than_the_plain_loss_and_says_so(rows: dict[str, Record]) -> None:
    for metric in ("log_loss", "ece"):
        assert mean(rows["focal"], metric) > mean(rows["bce"], metric)
    told = {title: record.loss.elicits for title, record in rows.items() if record.role != "reference"}
    distorted = dict.fromkeys(("focal", "weighted_bce"), "distorted probability")
    assert told == {"bce": "probability", "bce(pos_weight=1)": "probability", **distorted}


def test_stored_numbers_are_scikit_learns(rows: dict[str, Record]) -> None:
    record = rows["bce"]
    for repeat in record.repeats:
        target, p = (record.arrays[f"test/{repeat.repeat}/{name}"] for name in ("target", "probability"))
        assert repeat.metrics["log_loss"] == pytest.approx(log_loss(target, p.astype(float)), rel=1e-6)
        assert repeat.metrics["roc_auc"] == pytest.approx(roc_auc_score(target, p), rel=1e-6)
