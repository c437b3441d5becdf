"""Metrics by name: the built-in ones, and those of installed packages.

    [project.entry-points."lossbench.metrics"]
    my_metric = "my_package:MY_METRIC"

An entry point gives a `Metric`, or a `Family` of them that differ in one number, as `pinball_0.9`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points

from lossbench.errors import InputError, PluginError, UnknownName
from lossbench.metrics import decisions, intervals, numbers, own_metric, probabilities, ranking, tags
from lossbench.metrics.metric import Direction, Family, Metric, Target
from lossbench.metrics.own_metric import OwnMetric

GROUP = "lossbench.metrics"
ALL = (
    *numbers.METRICS,
    *intervals.METRICS,
    *ranking.METRICS,
    *decisions.METRICS[:2],
    *probabilities.METRICS,
    *decisions.METRICS[2:],
)
BUILT_IN: Mapping[str, Metric] = {metric.name: metric for metric in (*ALL, *tags.METRICS)}
FAMILIES: Mapping[str, Family] = {
    family.name: family for family in (*intervals.FAMILIES, *ranking.FAMILIES, *decisions.FAMILIES)
}


def usual(target: Target) -> tuple[Metric, ...]:
    """The metrics in every record of such targets, in the order of columns."""
    return tuple(metric for metric in BUILT_IN.values() if metric.target is target and metric.usual)


def built_in(name: str) -> Metric | None:
    """A built-in metric; None for any other name. Imports nothing."""
    try:
        return BUILT_IN.get(name) or _member(name, FAMILIES)
    except InputError:
        return None


def _member(name: str, families: Mapping[str, Family]) -> Metric | None:
    """A member of a family, such as `pinball_0.9`; None if there is none. InputError for a number out of range."""
    family, _, number = name.rpartition("_")
    return _made(families[family], number) if family in families else None


def is_path(name: str) -> bool:
    """Whether a metric is given by an import path, and not by a name such as `lift_0.1`."""
    return "." in name and name.rpartition("_")[0] not in {**FAMILIES, **_installed_families()}


def written(name: str) -> str:
    """A metric's name as people write it; for custom metrics the name with spaces."""
    found = built_in(name)
    if found is None and name.endswith(decisions.AT_HALF):
        return f"{written(name.removesuffix(decisions.AT_HALF))} at .5"
    return found.written if found else name.replace("_", " ")


def find(name: str, target: Target, params: Mapping[str, float] | None = None) -> Metric:
    """A built-in or installed metric for such targets, by name. Raises InputError if it does not exist.

    params: the number of a family, such as {"q": 0.9} for `pinball`; default: the family's usual number.
    """
    family = FAMILIES.get(name) or _installed_families().get(name)
    if family is not None:
        given = dict(params or {})
        number = given.pop(family.parameter, family.usual)
        if given:
            raise UnknownName("parameter", next(iter(given)), [family.parameter], f"{name} has no other parameter.")
        metric: Metric | None = _made(family, number)
    else:
        families = {**FAMILIES, **_installed_families()}
        metric = BUILT_IN.get(name) or _installed_metrics().get(name) or _member(name, families)
        if params:
            raise InputError(f"{name} has no parameters: remove task.metric_params.")
    known = names(target)
    if metric is None:
        raise UnknownName(
            "metric", name, known, "You can also give an importable function: task.metric=my.module.function"
        )
    if metric.target is not target:
        raise InputError(
            f"{name} is a metric of {metric.target.value}, not of {target.value}. Choose from: {', '.join(known)}."
        )
    return metric


def names(target: Target) -> list[str]:
    """The names of all metrics of such targets: those in every record first, families by name."""
    mine = [m for m in (*BUILT_IN.values(), *_installed_metrics().values()) if m.target is target]
    families = [f for f in (*FAMILIES.values(), *_installed_families().values()) if f.make(f.usual).target is target]
    return [*(m.name for m in sorted(mine, key=lambda m: not m.usual)), *(f.name for f in families)]


def _made(family: Family, number: object) -> Metric:
    try:
        return family.make(float(number))  # type: ignore[arg-type]  # a text from a name, or what a command gives
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{family.name}: {family.parameter}={number} is not possible: {error}.") from error


@cache
def _installed() -> tuple[Metric | Family, ...]:
    found: list[Metric | Family] = []
    for point in entry_points(group=GROUP):
        try:
            loaded = point.load()
        except Exception as error:
            raise PluginError(f"The metric '{point.name}' of {point.value} cannot be imported: {error}.") from error
        if not isinstance(loaded, (Metric, Family)):
            raise PluginError(f"The metric '{point.name}' of {point.value} is not a lossbench.metrics.Metric.")
        found.append(loaded)
    return tuple(found)


def _installed_metrics() -> dict[str, Metric]:
    return {each.name: each for each in _installed() if isinstance(each, Metric)}


def _installed_families() -> dict[str, Family]:
    return {each.name: each for each in _installed() if isinstance(each, Family)}


def chosen(
    name: str, direction: str | None, target: Target, params: Mapping[str, float] | None = None
) -> tuple[Metric, OwnMetric | None]:
    """The metric of a task by name, or any importable `(target, prediction) -> float` with a declared direction."""
    if not is_path(name):
        metric = find(name, target, params)
        refuse_description(metric, "task.metric")
        return metric, None
    ask = "task.direction=min or task.direction=max"
    own = own_metric.load(name, direction, BUILT_IN, what="task.metric", ask=ask, params=params)
    return Metric(own.name, own.direction, target), own


def refuse_description(metric: Metric, what: str) -> None:
    """Raises InputError for a metric that only describes predictions. what: the option that names it."""
    if metric.describes:
        judging = " or ".join(m.name for m in BUILT_IN.values() if m.need is metric.need and not m.describes)
        raise InputError(
            f"{what}={metric.name}: {metric.written} describes predictions but does not say which are better. "
            f"Use {judging}."
        )


def undecided(
    name: str, direction: str | None, target: Target, task: str, params: Mapping[str, float] | None = None
) -> tuple[Metric, OwnMetric | None]:
    """The same for a task without thresholds; InputError for a function that needs one."""
    found, own = chosen(name, direction, target, params)
    return found, own_metric.undecided(own, task) if own else None


def directions(metrics: Iterable[Metric]) -> dict[str, Direction]:
    return {metric.name: metric.direction for metric in metrics}
