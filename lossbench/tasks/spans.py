"""Metrics of taggings: whole entities, and single tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from lossbench.plan.tags import OUTSIDE, spans

Report = dict[str, dict[str, float]]
"""Precision, recall, f1-score and support of every tag and every average, by name."""

MEASURES = ("precision", "recall", "f1-score", "support")
AVERAGES = ("micro avg", "macro avg", "weighted avg", "micro avg without O")


def entity_scores(true: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Precision, recall and F1 of entities; one counts as found if its type and both of its ends are right.

    Tags are read as strict IOB2, one sequence a sentence: a predicted I-X that continues no entity of type X
    is part of none. 0 where nothing was predicted, or nothing was there.
    """
    counts = [entity_counts(wanted, given) for wanted, given in zip(true, predicted, strict=True)]
    right, found, there = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0, 0)
    return {
        "entity_f1": 2 * right / (found + there) if right else 0.0,
        "entity_precision": right / found if found else 0.0,
        "entity_recall": right / there if there else 0.0,
    }


def entity_counts(true: Sequence[str], predicted: Sequence[str]) -> tuple[int, int, int]:
    """Of one sentence: how many entities are right, were predicted, and are there."""
    if len(true) != len(predicted):
        raise ValueError(f"A sentence of {len(true)} tags cannot be judged by {len(predicted)} predictions.")
    entities, guesses = set(spans(true)), set(spans(predicted))
    return len(entities & guesses), len(guesses), len(entities)


def token_report(true: Sequence[str], predicted: Sequence[str], tags: Sequence[str]) -> tuple[dict[str, float], Report]:
    """The metrics of single tags, and the report per tag in the layout of scikit-learn.

    true, predicted: [n] tags of all words, one sentence after the other. tags: the rows of the report, in
    order; there may be no others. token_f1 is the micro average over all tags but O, token_f1_macro the mean.
    """
    number = {tag: place for place, tag in enumerate(tags)}
    actual = np.array([number[tag] for tag in true])
    guess = np.array([number[tag] for tag in predicted])
    every = list(range(len(tags)))
    named = [number[tag] for tag in tags if tag != OUTSIDE]

    def scores(labels: list[int], average: str | None) -> tuple[Any, ...]:
        return precision_recall_fscore_support(actual, guess, labels=labels, average=average, zero_division=0)

    rows = np.stack(scores(every, None), axis=1).tolist()
    report = {tag: row(*values) for tag, values in zip(tags, rows, strict=True)}
    for name, labels in zip(AVERAGES, (every, every, every, named), strict=True):
        *values, _ = scores(labels, name.split()[0])
        report[name] = row(*values, sum(rows[label][3] for label in labels))
    metrics = {
        "token_f1": report["micro avg without O"]["f1-score"],
        "token_f1_macro": sum(rows[label][2] for label in named) / len(named) if named else 0.0,
        "token_accuracy": float((actual == guess).mean()),
    }
    return metrics, report


def row(*values: float) -> dict[str, float]:
    """One row of a report."""
    return {name: float(value) for name, value in zip(MEASURES, values, strict=True)}


def format_report(report: Mapping[str, Mapping[str, float]], digits: int = 4) -> str:
    """A report as text, line for line as scikit-learn's `classification_report` prints it."""
    width = max(len(name) for name in report)

    def line(name: str) -> str:
        *values, support = (report[name][measure] for measure in MEASURES)
        return f"{name:>{width}} {''.join(f' {value:>9.{digits}f}' for value in values)} {int(support):>9}"

    head = f"{'':>{width}} " + "".join(f" {measure:>9}" for measure in MEASURES)
    tags = [line(name) for name in report if name not in AVERAGES]
    averages = [line(name) for name in report if name in AVERAGES]
    return "\n".join([head, "", *tags, "", *averages, ""])
