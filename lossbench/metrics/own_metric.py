"""A custom metric: any function by its path, what it needs of a prediction, its threshold, its influence.

`load` imports what the command line names, and never anything read from a results folder. It needs no torch, so that
new and stored predictions are judged by the same code.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.errors import InputError
from lossbench.metrics.by_torchmetrics import torchmetrics_class
from lossbench.metrics.decisions import AT_HALF
from lossbench.metrics.jackknife import by_groups
from lossbench.plan import Direction
from lossbench.plan.installed import import_target

Values = NDArray[np.float64]
Examples = NDArray[Any] | Sequence[Any]
MOST_CUTS = 4096
"""Up to so many thresholds are all tried; of more, an even subset, then those around the best."""
CUTS_WHILE_TRAINING = 128
"""The same while comparing epochs and trials, thousands of times per cell."""


@dataclass(frozen=True)
class OwnMetric:
    """A function `(target, prediction) -> float`, and how it is called."""

    name: str
    path: str
    direction: Direction
    function: Callable[..., Any]
    takes_threshold: bool = False
    takes_label: bool = False
    """Whether it has a parameter `label` besides its first two."""
    judges_label: bool = False
    """Whether its second argument is the label instead of the score."""

    @property
    def decides(self) -> bool:
        """Whether it depends on a threshold, which is then chosen on validation data."""
        return self.takes_threshold or self.takes_label or self.judges_label

    @property
    def at_half(self) -> str:
        return self.name + AT_HALF

    def __call__(
        self, target: Examples, prediction: Examples, label: Examples | None = None, threshold: float | None = None
    ) -> float:
        """The value for n examples. `label` and `threshold` are used only by metrics of decisions."""
        given: dict[str, Any] = {"threshold": threshold} if self.takes_threshold else {}
        given |= {"label": label} if self.takes_label else {}
        return float(self.function(target, label if self.judges_label else prediction, **given))

    def at(self, target: Examples, score: Values, threshold: float) -> float:
        """The value if scores [n] above the threshold mean label 1."""
        return self(target, score, (score > threshold).astype(np.int64), threshold)

    def threshold(self, target: Examples, score: Values, middle: float, most: int = MOST_CUTS) -> tuple[float, float]:
        """The best threshold on scores [n] and its value; of equal ones the closest to `middle`.

        Thresholds at which the function fails or returns NaN are skipped. If it fails at all of them, its error is
        raised.
        """
        if bool(np.isnan(score).any()):  # from a diverged run in a stack
            return middle, math.nan
        cuts, sign = thresholds_between(score), self.direction.sign
        found: dict[int, float] = {}
        broken: Exception | None = None

        def gain(place: int) -> float:
            nonlocal broken
            if place not in found:
                try:
                    found[place] = sign * self.at(target, score, float(cuts[place]))
                except Exception as error:  # a function may be undefined if nothing is positive
                    broken, found[place] = error, math.nan
            return -math.inf if math.isnan(found[place]) else found[place]

        low, high = 0, len(cuts) - 1
        while True:
            places = sorted({round(p) for p in np.linspace(low, high, min(most, high - low + 1))})
            best = max(range(len(places)), key=lambda i: gain(places[i]))
            if len(places) == high - low + 1:
                break
            low, high = places[max(0, best - 1)], places[min(len(places) - 1, best + 1)]
        values = {place: value for place, value in found.items() if not math.isnan(value)}
        if not values:
            if broken is not None:
                raise broken
            return middle, math.nan
        top = max(values.values())
        equal = [place for place, value in values.items() if value >= top - 1e-12 * max(1.0, abs(top))]
        chosen = min(equal, key=lambda place: (abs(float(cuts[place]) - middle), place))
        return float(cuts[chosen]), sign * values[chosen]

    def influence(
        self, target: Examples, prediction: Examples, label: Examples | None = None, threshold: float | None = None
    ) -> Values | None:
        """The contributions of groups of examples to the value [groups], see `jackknife.by_groups`.

        None if the function fails without one of the groups: then there is no interval for new examples.
        """

        def of(rows: NDArray[np.int64]) -> float:
            chosen = None if label is None else _taken(label, rows)
            return self(_taken(target, rows), _taken(prediction, rows), chosen, threshold)

        try:
            parts = by_groups(of, len(target))
        except Exception:  # the metric is known; only its interval is not
            return None
        return parts if len(parts) > 1 and bool(np.isfinite(parts).all()) else None


def load(
    path: str,
    direction: str | None,
    known: Collection[str],
    *,
    what: str,
    ask: str,
    params: Mapping[str, Any] | None = None,
) -> OwnMetric:
    """The function at an import path, which only the command line of this process may give.

    direction: min or max from the command line, else the function's attribute `direction`. known: names of the task's
    metrics, which the function's short name must not repeat. what: the option that names it; ask: the options that give
    a direction. params: parameters of a class of torchmetrics, which may be named too. Raises InputError.
    """
    function = import_target(path, what)
    if isinstance(function, type) and any(base.__module__ == "torchmetrics.metric" for base in function.__mro__):
        function = torchmetrics_class(function, path, params or {})
    elif params:
        raise InputError(f"{what}={path} is not a class of torchmetrics: remove task.metric_params.")
    stated = direction or getattr(function, "direction", None)
    if stated not in ("min", "max"):
        raise InputError(f"{what}={path} needs {ask}.")
    if not callable(function):
        raise InputError(f"{what}={path} is not a function (target, prediction) -> float.")
    return OwnMetric(name_of(path, known), path, Direction(stated), function, **_needs(function))


def name_of(path: str, known: Collection[str]) -> str:
    """The short name of the function at a path; the whole path if a metric of the task has that name."""
    short = path.replace(":", ".").rpartition(".")[2]
    return path if short in known else short


def undecided(metric: OwnMetric, task: str) -> OwnMetric:
    """The metric for a task without thresholds. Raises InputError if it needs one."""
    fixed = _defaults(metric.function)
    lacking = "threshold" if metric.takes_threshold and "threshold" not in fixed else ""
    lacking = lacking or ("label" if metric.takes_label and "label" not in fixed else "")
    if lacking or getattr(metric.function, "needs", None) == "decision":
        what = f"has a parameter '{lacking}'" if lacking else "states needs = 'decision'"
        raise InputError(f"{metric.path} {what}, but task={task} has no threshold to choose: use another metric.")
    return OwnMetric(metric.name, metric.path, metric.direction, metric.function)


def thresholds_between(score: Values) -> Values:
    """All thresholds that separate scores [n] differently, halfway between them, from above all to below all."""
    values = np.unique(score.astype(np.float64))[::-1]
    over = max(values[0] + 1, np.nextafter(values[0], np.inf))
    below = min(values[-1] - 1, np.nextafter(values[-1], -np.inf))
    following = np.append(values[1:], below)
    halfway = (values + following) / 2
    return np.concatenate([[over], np.where(halfway < values, halfway, following)])


def _needs(function: Callable[..., Any]) -> dict[str, bool]:
    names = list(_parameters(function))
    fixed = function.keywords if isinstance(function, partial) else {}
    takes = {name: name in names and name not in fixed for name in ("threshold", "label")}
    second = names[1] if len(names) > 1 else ""
    needs = getattr(function, "needs", None) == "decision" and not any(takes.values())
    return {
        "takes_threshold": takes["threshold"],
        "takes_label": takes["label"] and second != "label",
        "judges_label": needs or (takes["label"] and second == "label"),
    }


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # some functions written in C have no signature
        return {}


def _defaults(function: Callable[..., Any]) -> set[str]:
    return {name for name, one in _parameters(function).items() if one.default is not inspect.Parameter.empty}


def _taken(examples: Examples, rows: NDArray[np.int64]) -> Examples:
    if isinstance(examples, np.ndarray):
        return examples[rows]
    return [examples[row] for row in rows.tolist()]
