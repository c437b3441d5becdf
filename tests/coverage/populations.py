"""Populations that data sets are drawn from, as tasks: a pool to train on, a test part, and fresh rows for the truth.

Each is the real task with other rows: splits, encoding, training, choice and metrics are those of every user. A
user's repeats are judged on the test part; further ones, which the truth is taken from, on fresh rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.data.corpus import generate_corpus
from lossbench.data.splits import SplitRule, Splits
from lossbench.data.splits import _draw as draw_rows
from lossbench.data.splits import _draw_groups as draw_groups
from lossbench.data.table import Table
from lossbench.metrics import catalogue
from lossbench.metrics.metric import Target
from lossbench.plan import stream
from lossbench.tasks.binary import Binary
from lossbench.tasks.ner import NER
from lossbench.tasks.regression import Regression

Values = NDArray[np.float64]
POOL, TEST, FRESH = 300, 200, 20_000
"""Rows to train and choose on, rows of the test part, and rows that stand for the population."""
GROUP = 10
"""Rows of a group, where rows come in groups."""
FEATURES = 10
SENTENCES, TEST_SENTENCES, FRESH_SENTENCES = 100, 100, 1_500


def friedman(rng: np.random.Generator, rows: int, groups: int) -> tuple[Values, Values]:
    """Friedman's first function (1991) of five of ten uniform features, with heavy-tailed noise (t of 2.5 df).

    Rows of a group share an offset in target and features. Returns [rows, 10] and [rows].
    """
    x = rng.uniform(size=(rows, FEATURES))
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    y += 2 * rng.standard_t(2.5, rows)
    return x, y + (2 * np.repeat(rng.standard_t(2.5, groups), rows // groups) if groups else 0)


def logistic(rng: np.random.Generator, rows: int, groups: int) -> tuple[Values, Values]:
    """Ten normal features, five of them with a part in the logit; a third of the rows is positive.

    Rows of a group share an offset of the logit. Returns [rows, 10] and [rows] of 0 and 1.
    """
    x = rng.normal(size=(rows, FEATURES))
    logit = x[:, :5] @ np.array([1.0, -0.8, 0.6, 0.4, -0.4]) - 0.9
    logit += np.repeat(rng.normal(size=groups), rows // groups) if groups else 0
    return x, (rng.uniform(size=rows) < 1 / (1 + np.exp(-logit))).astype(float)


def _drawn(data: Mapping[str, Any], population: Any, classes: tuple[str, ...] = ()) -> Table:
    rows, grouped = POOL + TEST + FRESH, bool(data["grouped"])
    rng = np.random.default_rng(stream("population", data["name"], data["set"]))
    x, y = population(rng, rows, rows // GROUP if grouped else 0)
    rows = rows if data["fresh"] else POOL + TEST  # a user's run never sees fresh rows: without them it takes less time
    x, y = x[:rows], y[:rows]
    features = pd.DataFrame(x, columns=[f"x{i}" for i in range(x.shape[1])])
    groups = np.arange(rows) // GROUP
    words = np.where(np.arange(rows) < POOL, "train", "test")
    rule = SplitRule("group", groups, "group") if grouped else SplitRule("column", words, "part")
    return Table(str(data["name"]), "drawn", features, y, "y", classes, rule)


def _splits(task: Any, repeat: int) -> Splits:
    """The pool redrawn into training and validation, by rows or by whole groups, as the product draws them.

    Judged are the rows of the test part, or fresh ones.
    """
    table, share, pool = task.table, task.data["validation_share"], np.arange(POOL)
    random = np.random.default_rng(stream(task.seed, repeat, "split"))
    classes = table.target if task.predicts.classes else np.zeros(len(table.target))
    if table.split.kind == "group":
        validation = draw_groups(pool, table.split.values, classes, share, random)
    else:
        validation = draw_rows(pool, classes, share, random)
    judged = np.arange(POOL + TEST, len(table.target)) if task.data["fresh"] else np.arange(POOL, POOL + TEST)
    return Splits(np.setdiff1d(pool, validation), np.sort(validation), judged)


class HeavyTails(Regression):
    """Regression on `friedman`."""

    def __init__(self, *, data: Mapping[str, Any], metric: str, direction: str | None, seed: int) -> None:
        self.metric, self.own_metric = catalogue.chosen(metric, direction, Target.NUMBERS)
        self.data, self.seed, self._features = data, seed, {}
        self.table = _drawn(data, friedman)

    def splits(self, repeat: int) -> Splits:
        return _splits(self, repeat)


class Logistic(Binary):
    """Binary classification on `logistic`."""

    def __init__(self, *, data: Mapping[str, Any], metric: str, direction: str | None, seed: int) -> None:
        self.metric, self.own_metric = catalogue.chosen(metric, direction, Target.TWO_CLASSES)
        self.data, self.seed, self._features = data, seed, {}
        self.table = _drawn(data, logistic, ("not y", "y"))

    def splits(self, repeat: int) -> Splits:
        return _splits(self, repeat)


class Sentences(NER):
    """Tags on sentences of the generated corpus; names are shared out by a seed of the data set's own."""

    def __init__(self, *, data: Mapping[str, Any], metric: str, direction: str | None, seed: int) -> None:
        self.metric, self.own_metric = catalogue.chosen(metric, direction, Target.TAGS)
        self.data, self.seed = data, seed
        self.corpus = generate_corpus(
            sentences=SENTENCES,
            test_sentences=TEST_SENTENCES + FRESH_SENTENCES,
            seed=stream("population", data["name"], data["set"]) % 2**31,
        )
        self.sentences = list(self.corpus.sentences())

    def splits(self, repeat: int) -> Splits:
        """Judged are the sentences of the test part, or fresh ones."""
        splits = super().splits(repeat)
        fresh = splits.test[TEST_SENTENCES:] if self.data["fresh"] else splits.test[:TEST_SENTENCES]
        return replace(splits, test=fresh)
