"""Records judged by another metric on their stored predictions. Nothing is retrained, no epoch is re-chosen.

A metric of the user's own is the function that this process's command line names. Its threshold is chosen on the stored
predictions of the validation part, as it would have been in training; then the stored test predictions are judged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import InputError
from lossbench.metrics import own_metric
from lossbench.metrics.catalogue import built_in, refuse_description
from lossbench.metrics.decisions import best_stored_threshold
from lossbench.metrics.influence import INFLUENCE, needed
from lossbench.metrics.metric import Metric
from lossbench.metrics.own_metric import Examples, OwnMetric
from lossbench.plan import Direction
from lossbench.records.facts import MetricFacts
from lossbench.records.record import Record, Repeat, finite
from lossbench.verdicts.parts import Part

Values = NDArray[np.float64]


def rescored(records: Sequence[Record], metric: str, direction: str | None, margin: float | None) -> list[Record]:
    """The same records, judged by another metric; records of a task that does not have it are left out.

    metric: one that the task gives, or an importable `(target, prediction) -> float`. direction: of a function that
    does not say it itself. margin: differences up to it are the same in practice; None for the metric's own, if any.
    Raises InputError for a metric that no task here has, and for a function that breaks.
    """
    known = dict.fromkeys(name for record in records for name in record.directions)
    if metric in known:
        if direction is not None:
            raise InputError(f"--direction is only for your own functions: which way {metric} improves is known.")
        return [_by_stored(record, metric, margin) for record in records if metric in record.directions]
    if found := built_in(metric):
        refuse_description(found, "--metric")
        return [_by_built_in(record, found, margin) for record in records if _judges(record, found)]
    if "." not in metric:
        raise InputError(f"No task here has the metric '{metric}'. They have: {', '.join(known)}.")
    mine = {record.metric.name for record in records if _is_of(record, metric)}
    others = [name for name in known if name not in mine]
    ask = "--direction min or --direction max"
    own = own_metric.load(metric, direction, others, what="--metric", ask=ask)
    return [_by_function(record, own, margin) for record in records]


def _by_stored(record: Record, name: str, margin: float | None) -> Record:
    """Judges by a metric whose values the record already holds."""
    return _judged_by(record, name, record.directions[name], margin, record.margins.get(name))


def _judges(record: Record, metric: Metric) -> bool:
    """Whether a metric can judge a record's kind of predictions."""
    return metric.target is record.predicts


def _by_built_in(record: Record, metric: Metric, margin: float | None) -> Record:
    """By a metric that lossbench has and the record does not; a threshold is chosen on the validation predictions."""
    later: dict[str, Values] = {}
    repeats = []
    with record.stored() as stored:
        for repeat in record.repeats:
            validation, test = (Part(stored, part, repeat.repeat) for part in ("validation", "test"))
            judged, parts = _measured(metric, repeat, validation, test)
            repeats.append(judged)
            if parts is not None:
                later[f"test/{repeat.repeat}/{INFLUENCE}/{metric.name}"] = parts
    record = replace(record, repeats=repeats, later=later)
    return _judged_by(record, metric.name, metric.direction, margin, metric.margin)


def _measured(metric: Metric, repeat: Repeat, validation: Part, test: Part) -> tuple[Repeat, Values | None]:
    """One repeat with the metric's value first, and contributions per group where no closed form exists."""
    decision = dict(repeat.decision)
    if metric.of_counts is not None and "target" in validation:
        graded, middle = ("probability", 0.5) if "probability" in validation else ("score", 0.0)
        target, score = (np.asarray(validation[name]).astype(float) for name in ("target", graded))
        decision[metric.name] = best_stored_threshold(target, score, metric.of_counts, middle)
    found, parts = {}, None
    for name, part in (("metrics", test), ("validation", validation)):
        given = needed(metric.need, part, decision.get(metric.name)) if "target" in part else None
        value = {}
        if given is not None:
            target = np.asarray(part["target"]).astype(float)
            value = {metric.name: metric.of_stored(target, given)}
            if part is test and metric.influence is None:
                parts = metric.parts(target, given)
        others = {key: value for key, value in getattr(repeat, name).items() if key != metric.name}
        found[name] = finite({**value, **others})
    repeat = replace(repeat, decision=decision, metrics=found["metrics"], validation=found["validation"])
    return repeat, parts if parts is not None and bool(np.isfinite(parts).all()) else None


def _by_function(record: Record, own: OwnMetric, margin: float | None) -> Record:
    """Judges by a function that is called on the stored predictions of every repeat."""
    later: dict[str, Values] = {}
    repeats, decides = [], False
    with record.stored() as stored:
        for repeat in record.repeats:
            validation, test = (_examples(stored, part, repeat.repeat) for part in ("validation", "test"))
            if test is None:  # nothing is stored of a repeat that failed, or of a reference row
                repeats.append(repeat)
                continue
            decides = own.decides and test.label is not None
            asked = own if decides else own_metric.undecided(own, record.task)
            try:
                found, influence = _judge(asked, repeat, validation, test)
            except Exception as error:
                whose = f"{record.title} on {record.data.name}, repeat {repeat.repeat}"
                raise InputError(
                    f"--metric={own.path} broke on the predictions of {whose}: {type(error).__name__}: {error}"
                ) from error
            repeats.append(found)
            if influence is not None:
                later[f"test/{repeat.repeat}/{INFLUENCE}/{own.name}"] = influence
    shown = {own.at_half: own.direction} if decides else {}
    record = replace(record, repeats=repeats, later=later, directions={**record.directions, **shown})
    same = record.margins.get(own.name) if _is_of(record, own.path) else None
    return _judged_by(record, own.name, own.direction, margin, same)


def _is_of(record: Record, path: str) -> bool:
    """Whether the sweep itself was judged by the function at this path; nothing is looked up there."""
    return record.cell.task.metric == path


def _judged_by(record: Record, name: str, direction: Direction, margin: float | None, usual: float | None) -> Record:
    """Metric, columns and margin changed together; `chosen_by` keeps the metric that trainings were chosen by."""
    margins = {key: value for key, value in record.margins.items() if key != name}
    if (same := usual if margin is None else margin) is not None:
        margins[name] = same
    return replace(
        record,
        metric=MetricFacts(name, direction, record.metric.choosing),
        directions={name: direction, **{k: v for k, v in record.directions.items() if k != name}},
        margins=margins,
    )


@dataclass(frozen=True)
class _Examples:
    """One part of one repeat as a metric takes it: rows with what is graded, or one list of tags per sentence."""

    target: Examples
    prediction: Any
    label: NDArray[np.int64] | None = None
    """Of rows with two classes, without a tuned threshold."""
    middle: float = 0.0
    """The natural threshold: one half of a probability, 0 of a score."""


def _examples(stored: Mapping[str, NDArray[Any]], name: str, repeat: int) -> _Examples | None:
    part = Part(stored, name, repeat)
    if "target" not in part:
        return None
    if "legend/tags" in stored:
        return _Examples(_sentences(part, "target"), _sentences(part, "label"))
    likely = "probability" in part
    graded = np.asarray(part["probability" if likely else "score"]).astype(float)
    label = np.asarray(part["label"]) if "label" in part else None
    return _Examples(np.asarray(part["target"]), graded, label, 0.5 if likely else 0.0)


def _sentences(part: Part, name: str) -> list[list[str]]:
    tags, ends = part["tags"], np.flatnonzero(np.diff(part["rows"])) + 1
    return [sentence.tolist() for sentence in np.split(tags[part[name]], ends)]


def _judge(
    own: OwnMetric, repeat: Repeat, validation: _Examples | None, test: _Examples
) -> tuple[Repeat, Values | None]:
    """One repeat with the function's value first among its metrics, and what groups of examples contribute to it."""
    decision, cut, label, middle = dict(repeat.decision), None, None, test.middle
    if own.decides:
        cut = middle if validation is None else own.threshold(validation.target, validation.prediction, middle)[0]
        decision[own.name], label = cut, (test.prediction > cut).astype(np.int64)

    def put_first(metrics: Mapping[str, float], value: float, at_half: float) -> dict[str, float]:
        others = {name: each for name, each in metrics.items() if name not in (own.name, own.at_half)}
        return finite({own.name: value, **others, own.at_half: at_half})

    def judged(examples: _Examples) -> tuple[float, float]:
        if cut is None:
            return own(examples.target, examples.prediction), math.nan
        at_half = own(examples.target, examples.prediction, examples.label, middle)
        return own.at(examples.target, examples.prediction, cut), at_half

    found = replace(repeat, metrics=put_first(repeat.metrics, *judged(test)), decision=decision)
    if validation is not None:
        found.validation = put_first(repeat.validation, *judged(validation))
    return found, own.influence(test.target, test.prediction, label, cut)
