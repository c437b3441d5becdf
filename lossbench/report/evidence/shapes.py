"""What each loss looks like, and which rows still drive the gradient at the end of training: robust or not.

Losses come in arbitrary units, so every curve is divided by the loss's own gradient at one standard point: a residual
of -1 and 1, or a margin of 0. A factor on a loss then shows nowhere, as an optimizer of Adam's kind would have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.plan import Target
from lossbench.verdicts.comparison import Contest

Values = NDArray[np.float64]
FIFTHS = ("easiest", "easy", "middle", "hard", "hardest")
"""Training rows by how far off they still are, equally many in each."""


@dataclass(frozen=True)
class Shape:
    """One loss along residual or margin, with the parameters that repeat 0 chose.

    Values start at 0 and slopes are 1 at the standard point. `other`: value and slope for the negative class along its
    own margin, where they are not those of the positive class.
    """

    title: str
    params: Mapping[str, Any]
    x: Values
    value: Values
    slope: Values
    """The derivative with respect to x: along a residual positive where more is worse, along a margin the opposite."""
    other: tuple[Values, Values] | None = None


@dataclass(frozen=True)
class Pull:
    """Which rows drive the gradient at the end of training, repeat 0: shares of the absolute gradient, sum 1."""

    title: str
    by_class: Values | None
    by_difficulty: Values
    """Of each fifth of the training rows, easiest first; .2 each for a loss that treats all alike."""

    @property
    def hardest(self) -> float:
        return float(self.by_difficulty[-1])


@dataclass(frozen=True)
class Shapes:
    """The curves of a contest; `along` names the x axis, `standard` says how they were made comparable."""

    losses: tuple[Shape, ...]
    along: str
    standard: str
    margin: bool
    """True along a margin (more is better), False along a residual (0 is best)."""
    raw: bool = False
    """True where the curves are as the losses give them, in their own units."""


@dataclass(frozen=True)
class Pulls:
    """Every loss's gradient shares. `classes`: the columns of `by_class`; `rows`: each class's share of the rows."""

    losses: tuple[Pull, ...]
    classes: tuple[str, ...]
    rows: Values | None


def shapes(contest: Contest) -> Shapes | None:
    """How steep each loss is, and where: flat far out is robust, steep far out chases outliers."""
    margin = contest.predicts is not Target.NUMBERS
    found = []
    for record in contest.done:
        with record.stored() as stored:
            arrays = {name: np.asarray(stored[name], dtype=float) for name in stored if name.startswith("shape/")}
        if "shape/gradient" in arrays:
            shape = shaped(record.title, arrays, margin=margin, params=record.repeats[0].params)
            found += [shape] if shape else []
    if not found:
        return None
    if not margin:
        along = "residual, scaled as the loss sees it"
        standard = "its slope at residuals of -1 and 1"
    elif contest.predicts is Target.TWO_CLASSES:
        along, standard = "margin: log odds given to the true class", "its slope at a margin of 0"
    else:
        along, standard = "logit of the true class, all others at 0", "its slope where all logits are 0"
    return Shapes(tuple(found), along, standard, margin)


def shaped(
    title: str, arrays: Mapping[str, Values], *, margin: bool, params: Mapping[str, Any] | None = None
) -> Shape | None:
    """One loss from its `shape/*` arrays; None for one that is flat or not a number everywhere."""
    x, value, slope = (arrays[f"shape/{name}"] for name in ("x", "value", "gradient"))
    other = None
    if "shape/gradient_negative" in arrays:  # mirrored: for the negative class a smaller logit is a larger margin
        other = arrays["shape/value_negative"][::-1], -arrays["shape/gradient_negative"][::-1]
    points = (0.0,) if margin else (-1.0, 1.0)
    slopes = [slope, other[1]] if other else [slope]
    at = np.mean([abs(float(np.interp(point, x, each))) for point in points for each in slopes])
    if not at > 0:
        steep = np.abs(np.concatenate(slopes))
        at = np.max(steep, initial=0.0, where=np.isfinite(steep))
    if not (np.isfinite(at) and at > 0):
        return None
    values = [value, other[0]] if other else [value]
    least = min(float(np.nanmin(each)) for each in values)
    if other and np.allclose(other[0], value, rtol=1e-3, atol=1e-5 * at):
        other = None
    scaled = None if other is None else ((other[0] - least) / at, other[1] / at)
    return Shape(title, dict(params or {}), x, (value - least) / at, slope / at, scaled)


def pulls(contest: Contest) -> Pulls | None:
    """Whether a few rows or one class dominate a loss's gradient."""
    found, rows, names = [], None, None
    for record in contest.done:
        with record.stored() as stored:
            if "pull/size" not in stored:
                continue
            size, target, difficulty = (stored[f"pull/{name}"] for name in ("size", "target", "difficulty"))
            if contest.predicts is not Target.NUMBERS and names is None:
                names = _classes(stored, target)
                counts = np.bincount(target.astype(int), minlength=len(names))
                rows = np.asarray(counts / counts.sum())
        one = pulled(record.title, size, difficulty, target if names else None, len(names or ()))
        found += [one] if one else []
    return Pulls(tuple(found), names or (), rows) if found else None


def pulled(
    title: str,
    size: NDArray[Any],
    difficulty: NDArray[Any],
    target: NDArray[Any] | None = None,
    classes: int = 0,
) -> Pull | None:
    """Shares of one loss's gradient; None where it is zero or not finite."""
    size = size.astype(float)
    total = float(size.sum())
    if not (np.isfinite(total) and total > 0):
        return None
    order = np.argsort(difficulty, kind="stable")
    fifths = np.array([part.sum() for part in np.array_split(size[order], len(FIFTHS))]) / total
    by_class = None if target is None else np.bincount(target.astype(int), size, minlength=classes) / total
    return Pull(title, by_class, fifths)


def _classes(stored: Mapping[str, NDArray[Any]], target: NDArray[Any]) -> tuple[str, ...]:
    if "legend/tags" in stored:
        return tuple(str(tag) for tag in stored["legend/tags"])
    return tuple(("negative", "positive") if target.max(initial=1) <= 1 else map(str, range(int(target.max()) + 1)))
