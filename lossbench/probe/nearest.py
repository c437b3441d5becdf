"""The known losses that are most similar to another one, by their gradients.

A loss and its multiple train alike once the learning rate is tuned, so gradients are compared up to a factor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize

from lossbench.errors import LossbenchError
from lossbench.loss import Domain, Kind, Loss
from lossbench.loss.catalogue import catalogue
from lossbench.probe.subject import Batch, Subject, judge

Curve = NDArray[np.float64]
SAME = 1e-6
"""Gradients that differ by less, relative to their size, count as equal."""
FREE = 3
"""At most so many parameters of a known loss are fitted."""


@dataclass(frozen=True)
class Likeness:
    """A known loss at its most similar parameters.

    off: the remaining difference of gradients, relative to their size. factor: multiplies the known loss.
    """

    name: str
    params: Mapping[str, float]
    off: float
    factor: float

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value:.3g}" for key, value in self.params.items())
        times = "" if abs(self.factor - 1) < 5e-3 else f"{self.factor:.3g} · "
        return f"{times}{self.name}{f'({given})' if given else ''}"


def nearest(subject: Subject, among: Iterable[Subject], most: int = 3) -> list[Likeness]:
    """The most similar of these losses of the same kind, the most similar first, without the loss itself."""
    mine = curve(subject.loss(), subject)
    found = []
    for other in among:
        if other.kind is subject.kind and other.name != subject.name:
            likeness = _fitted(mine, other, subject)
            found += [likeness] if likeness else []
    return sorted(found, key=lambda one: (one.off, len(one.params)))[:most]


def known(kind: Kind) -> list[Subject]:
    """All built-in losses of a kind that need no parameters."""
    found = []
    for plugin in catalogue().plugins:
        if plugin.built_in:
            family = plugin.load()
            if kind in family and not any(p.required for p in family[kind].parameters):
                found.append(Subject(family, kind))
    return found


def apart(first: Curve, second: Curve) -> tuple[float, float]:
    """How far a curve is from the nearest positive multiple of another, relative to its size, and that multiple."""
    if first.shape != second.shape or not np.isfinite(second).all():
        return math.inf, math.nan
    size = float(second @ second)
    factor = max(0.0, float(first @ second) / size) if size else 0.0
    return float(np.linalg.norm(first - factor * second) / np.linalg.norm(first)), factor


def curve(loss: Loss, subject: Subject) -> Curve:
    """The gradients of a loss at fixed outputs of the subject's kind, as one vector."""
    return np.concatenate([judge(loss, batch)[1].double().flatten().numpy() for batch in answers(subject)])


def answers(subject: Subject) -> list[Batch]:
    """Logits from -6 to 6 for both labels; numbers within 5 of 0, 1 and 2.5; else 256 random answers.

    Several batches for set losses: within one batch, any function of a loss has gradients proportional to its own.
    """
    if subject.kind is Kind.BINARY and subject.told.pointwise:
        line = torch.linspace(-6, 6, 121, dtype=torch.double)
        return [Batch(line.repeat(2), torch.cat([torch.zeros(121), torch.ones(121)]).double())]
    if subject.kind is Kind.CONTINUOUS and subject.told.outputs(1) == 1:
        line = torch.linspace(-5, 5, 101, dtype=torch.double)
        y = torch.tensor([0.0, 1.0, 2.5], dtype=torch.double).repeat_interleave(101)
        shift = 0.0 if subject.told.domain is Domain.NONNEGATIVE else y
        return [Batch(line.repeat(3) + shift, y)]
    if subject.told.pointwise:
        return [subject.batch(256, seed=1)]
    return [subject.batch(64, seed=seed, size=size) for seed, size in enumerate((0.3, 1.0, 3.0, 9.0))]


def _fitted(mine: Curve, other: Subject, subject: Subject) -> Likeness | None:
    """The other loss at its most similar parameters; None if it takes other outputs or fails."""
    told = other.told
    if (told.pointwise, told.domain) != (subject.told.pointwise, subject.told.domain):
        return None
    if other.columns() != subject.columns():
        return None
    member = other.family[other.kind]
    free = {p.name: float(p.default) for p in member.parameters if isinstance(p.default, float)}
    names = list(free)[:FREE]

    def off(values: NDArray[Any]) -> float:
        try:
            loss = other.loss(params=dict(zip(names, values.tolist(), strict=True)))
            return apart(mine, curve(loss, subject))[0]
        except (LossbenchError, ValueError, RuntimeError):  # out of the parameters' range
            return math.inf

    start = np.array([free[name] for name in names])
    if not math.isfinite(best := off(start)):
        return None
    if names:
        starts = [start]
        for place, name in enumerate(names):
            if name in member.search:
                for end in (member.search[name].low, member.search[name].high):
                    starts.append(np.where(np.arange(len(names)) == place, end, start))
        start = min(starts, key=off)
        options = {"maxfev": 120 * len(names), "xatol": 1e-5, "fatol": 1e-9}
        simplex = np.vstack(
            [start, *(start + (0.3 * abs(start[k]) + 0.05) * np.eye(len(names))[k] for k in range(len(names)))]
        )
        found = minimize(off, start, method="Nelder-Mead", options={**options, "initial_simplex": simplex})
        if found.fun < best - SAME:
            start, best = found.x, found.fun
    for place, name in enumerate(names):  # the simplest number that fits as well
        for plain in (free[name], 0.0, round(start[place]), float(f"{start[place]:.2g}")):
            tried = np.where(np.arange(len(names)) == place, plain, start)
            if off(tried) <= best + max(SAME / 10, 0.01 * best):
                start = tried
                break
    params = dict(zip(names, start.tolist(), strict=True))
    best, factor = apart(mine, curve(other.loss(params=params), subject))
    shown = {name: value for name, value in params.items() if value != free[name]}
    return Likeness(other.name, shown, best, factor)


def twins(subjects: Mapping[str, Subject]) -> list[tuple[str, str, float]]:
    """Pairs of losses, by title, with proportional gradients, and the factor.

    Losses that learn parameters or change during training are left out: they are alike only at the start.
    """
    curves = {}
    for title, subject in subjects.items():
        try:
            loss = subject.loss()
            pulls = curve(loss, subject)
        except Exception:  # training reports what is wrong with it
            continue
        changes = any(type(part).advance is not Loss.advance for part in loss.modules() if isinstance(part, Loss))
        if not changes and not list(loss.parameters()):
            curves[title] = (pulls, loss.pointwise, loss.domain)
    found, titles = [], list(curves)
    for place, first in enumerate(titles):
        for second in titles[place + 1 :]:
            if curves[first][1:] == curves[second][1:]:
                off, factor = apart(curves[first][0], curves[second][0])
                found += [(first, second, factor)] if off <= SAME else []
    return found
