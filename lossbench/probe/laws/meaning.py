"""What a loss elicits, found by minimising its expectation and compared with what it states."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.optimize import brentq, minimize, minimize_scalar
from torch import Tensor

from lossbench.loss import Kind, Loss
from lossbench.probe.law import Break, NotAsked, law
from lossbench.probe.subject import Batch, Subject, value

ETAS = (0.05, 0.2, 0.4, 0.6, 0.8, 0.95)
LAW = torch.tensor([0.5, 0.3, 0.2], dtype=torch.double)
ATOMS, MASS = (0.0, 1.0, 2.0, 4.0, 10.0), (0.3, 0.25, 0.2, 0.13, 0.12)
EVEN, EVEN_MASS = (-2.0, -1.0, 0.0, 1.0, 2.0), (0.1, 0.2, 0.4, 0.2, 0.1)
CLOSE = 1e-3


@law("Its minimiser is what it states in `elicits`.")
def elicits_what_it_says(subject: Subject) -> Break | None:
    """At the smallest expected loss over two classes of probability .05, .2, .4, .6, .8, .95 and three of .5, .3, .2,
    `predict` gives these probabilities within 1e-3 (or does not, if distorted; or only the sign); over a distribution
    of five numbers it gives the mean, median, quantile or expectile within 1e-3."""
    told = subject.told.elicits
    if not told:
        raise NotAsked("it does not state what it elicits")
    return _elicits(subject, told)


def _elicits(subject: Subject, told: str) -> Break | None:
    if subject.kind is Kind.CONTINUOUS:
        return _number(subject, told)
    if subject.kind is Kind.SEQUENCES:
        return _labels(subject, told)
    if subject.kind is Kind.CLASSES and not subject.told.pointwise:
        raise NotAsked("there is no criterion for a set loss of classes")
    if told == "order":
        return _order(subject)
    return _classes(subject, told)


@law("Tuning does not change what it elicits.")
def search_keeps_what_it_elicits(subject: Subject) -> Break | None:
    """At the ends of all ranges in `search`, in every combination, it states the same `elicits` as at its defaults, and
    its minimiser agrees, by the criterion of the law above. If it states nothing, but its minimiser at the defaults is
    the probability, or the centre of five evenly spaced numbers, then it is the same at the ends."""
    if not subject.searched:
        raise NotAsked("none of its parameters is tuned")
    told = subject.told.elicits or _seen(subject)
    if not told:
        raise NotAsked(
            "it does not state what it elicits, and at its defaults that is neither a probability nor a centre"
        )
    if _elicits(subject, told):
        raise NotAsked("at its defaults it does not elicit what it states")
    for params in subject.ends():
        there = subject.at(params)
        at = ", ".join(f"{name}={value:g}" for name, value in params.items())
        now = there.told.elicits or told
        if now != told:
            return Break(
                f"`search` reaches {at}, where it elicits the {now}; at its defaults it elicits the {told}. Take the "
                "parameter out of `search`: otherwise tuning turns the loss into another one under the same name."
            )
        if found := _elicits(there, told):
            return Break(f"`search` reaches {at}, where it no longer elicits the {told}: {found.what}")
    return None


def _seen(subject: Subject) -> str:
    """The minimiser at the defaults of a loss that states nothing; empty if it has no name."""
    wanted = {Kind.CONTINUOUS: "centre", Kind.SEQUENCES: "probability"}.get(subject.kind, "probability")
    try:
        return wanted if _elicits(subject, wanted) is None else ""
    except NotAsked:
        return ""


def _number(subject: Subject, told: str) -> Break | None:
    loss, even = subject.loss(), told == "centre"
    atoms, mass = (EVEN, EVEN_MASS) if even else (ATOMS, MASS)
    low, high = (0.0, 0.0) if even else functional(told)
    best = float(loss.predict(torch.from_numpy(least(loss, atoms, mass))[None]).score)
    room = CLOSE * max(1.0, abs(high))
    if low - room <= best <= high + room:
        return None
    wanted = f"{low:.6g}" if low == high else f"from {low:.6g} to {high:.6g}"
    where = f"{wanted} of {list(atoms)} at {list(mass)}, but is least at {round(best, 6):g}"
    return Break(f"It states that it elicits the {told}, {where}.")


def functional(told: str) -> tuple[float, float]:
    """The lower and upper end of the elicited value of the five numbers. Raises ValueError for an unknown word."""
    x, p = np.array(ATOMS), np.array(MASS)
    word, _, level = told.partition(" ")
    if told == "mean":
        return (float(x @ p),) * 2
    if told == "mean logarithm":
        return (math.expm1(float(np.log1p(x) @ p)),) * 2
    if told == "median" or (word == "quantile" and level):
        q = 0.5 if told == "median" else float(level)
        reached = p.cumsum() + 1e-12
        return float(x[np.argmax(reached >= q)]), float(x[min(len(x) - 1, int(np.argmax(reached > q + 2e-12)))])
    if word == "expectile" and level:
        tau = float(level)

        def balance(e: float) -> float:
            return float(p @ (tau * np.clip(x - e, 0, None) - (1 - tau) * np.clip(e - x, 0, None)))

        return (float(brentq(balance, x.min(), x.max())),) * 2
    raise ValueError(
        f"'{told}' is not a valid `elicits` for a loss of numbers: mean, median, quantile 0.9, expectile 0.9"
    )


def least(loss: Loss, atoms: tuple[float, ...], mass: tuple[float, ...]) -> Any:
    """The raw outputs [] or [outputs] with the smallest expected loss: by a grid, output by output, then refined."""
    count, weights = loss.outputs(1), torch.tensor(mass, dtype=torch.double)
    target = torch.tensor(atoms, dtype=torch.double)

    def risk(rows: Tensor) -> Tensor:
        each = [value(loss, Batch(rows, torch.full((len(rows),), float(y), dtype=torch.double))) for y in target]
        return sum(w * losses.double() for w, losses in zip(weights, each, strict=True))

    line = torch.linspace(-3, 11, 1401, dtype=torch.double)
    if count == 1:
        at = float(line[int(risk(line).argmin())])
        polished = minimize_scalar(
            lambda x: float(risk(torch.tensor([x], dtype=torch.double))),
            bounds=(at - 0.01, at + 0.01),
            method="bounded",
            options={"xatol": 1e-9},
        )
        better = float(polished.fun) < float(risk(torch.tensor([at], dtype=torch.double)))
        return np.array(polished.x if better else at)
    best = torch.ones(count, dtype=torch.double)
    for _ in range(3):
        for column in range(count):
            rows = best.repeat(len(line), 1)
            rows[:, column] = line
            best = rows[int(risk(rows).argmin())].clone()
    found = minimize(
        lambda x: float(risk(torch.tensor(x, dtype=torch.double)[None])),
        best.numpy(),
        method="Nelder-Mead",
        options={"xatol": 1e-7, "fatol": 1e-13, "maxiter": 4000},
    )
    return found.x if found.fun < float(risk(best[None])) else best.numpy()


def _classes(subject: Subject, told: str) -> Break | None:
    two = _two(subject)
    off, labels, sure = [], [], []
    for eta in ETAS:
        p, label, logit = two(eta)
        labels.append(label == (eta > 0.5))
        sure.append(abs(logit))
        off += [] if p is None else [abs(p - eta)]
    match told:
        case "probability":
            if not off:
                return Break("It states that it elicits the probability, but `predict` gives none.")
            if max(off) > CLOSE:
                eta = ETAS[off.index(max(off))]
                p, _, _ = two(eta)
                return Break(f"It states that it elicits the probability, but for {eta} its minimum is at {p:.6g}.")
        case "distorted probability":
            if off and max(off) <= CLOSE and _third(subject) <= CLOSE:
                return Break("It states distorted probability, but its minimiser is the probability itself.")
            return None
        case "sign":
            if not all(labels):
                return Break("It states that it elicits the sign, but its minimiser is on the less likely side.")
            if max(sure) - min(sure) > 0.1:
                return Break("It states that it elicits only the sign, but its minimiser depends on the probability.")
            return None
        case _:
            known = "probability, distorted probability, sign, order"
            return Break(f"'{told}' is not a valid `elicits` for a loss of classes: {known}.")
    if subject.kind is Kind.CLASSES and (far := _third(subject)) > CLOSE:
        return Break(f"For three classes at .5, .3, .2 its minimiser is off by {far:.4g}, though it is right for two.")
    return None


def _two(subject: Subject) -> Callable[[float], tuple[float | None, bool, float]]:
    """For a probability of the second of two classes: the probability, the label and the logit at the least risk."""
    line = torch.linspace(-30, 30, 24001, dtype=torch.double)
    many = subject.kind is Kind.CLASSES
    loss = subject.loss(classes=2)
    pair = torch.stack([-line / 2, line / 2], 1)
    if many and loss.outputs(2) != 2:
        raise NotAsked("it does not take one output per class")

    def risk(eta: float) -> Tensor:
        if loss.pointwise:
            one = torch.ones(len(line), dtype=torch.int64 if many else torch.double)
            yes, no = (value(loss, Batch(pair if many else line, label)) for label in (one, 0 * one))
            return eta * yes + (1 - eta) * no
        target = (torch.arange(100) < round(100 * eta)).double()
        return torch.stack([value(loss, Batch(z.expand(100), target)) for z in line[::40]])

    def found(eta: float) -> tuple[float | None, bool, float]:
        risks, places = risk(eta), line if loss.pointwise else line[::40]
        alike = places[risks == risks.min()]
        z = alike[int(alike.abs().argmin())]  # among equally good outputs the least confident one
        row = z[None]
        if many:  # a loss may depend on more than the difference of two outputs
            row = descended(loss, torch.stack([-z / 2, z / 2])[None], torch.tensor([1 - eta, eta], dtype=torch.double))
        prediction = loss.predict(row)
        p = None if prediction.probability is None else float(prediction.probability.reshape(-1)[-1])
        assert prediction.label is not None
        return p, bool(prediction.label[0] > 0), float(z)

    return found


def _third(subject: Subject) -> float:
    """How far the minimiser of three classes is from their probabilities; 0 if there are only two."""
    if subject.kind is not Kind.CLASSES:
        return 0.0
    loss = subject.loss()
    p = loss.predict(descended(loss, torch.full((1, 3), 0.1, dtype=torch.double), LAW)).probability
    return math.inf if p is None else float((p[0] - LAW).abs().max())


def descended(loss: Loss, start: Tensor, law: Tensor) -> Tensor:
    """One row of outputs [1, classes] at which the expected loss over a distribution of labels is smallest nearby."""
    z, classes = start.clone().requires_grad_(), len(law)
    optimizer = torch.optim.LBFGS([z], max_iter=300, tolerance_grad=1e-10, line_search_fn="strong_wolfe")

    def risk(row: Tensor) -> Tensor:
        return (law * loss(row.expand(classes, -1), torch.arange(classes))).sum()

    def closure() -> Tensor:
        optimizer.zero_grad()
        here = risk(z)
        here.backward()
        return here

    optimizer.step(closure)
    better = bool(torch.isfinite(z).all()) and float(risk(z.detach())) < float(risk(start))
    return z.detach() if better else start


def _labels(subject: Subject, told: str) -> Break | None:
    """Sequences of one word each: the distribution of three classes, label by label."""
    if told != "probability":
        raise NotAsked(f"there is no criterion for '{told}' of sequences")
    loss = subject.loss()
    z = torch.full((1, 3), 0.1, dtype=torch.double, requires_grad=True)
    optimizer = torch.optim.LBFGS([z], max_iter=300, tolerance_grad=1e-10, line_search_fn="strong_wolfe")
    ones = torch.ones(3, dtype=torch.long)

    def closure() -> Tensor:
        optimizer.zero_grad()
        batch = Batch(z.expand(3, -1), torch.arange(3), ones)
        risk = (LAW * loss(batch.output, batch.targets)).sum()
        risk.backward()
        return risk

    optimizer.step(closure)
    p = loss.predict(Batch(z.detach(), torch.zeros(1, dtype=torch.long), ones[:1]).output).probability
    if p is None:
        return Break("It states that it elicits the probability, but `predict` gives none.")
    off = float((p[0] - LAW).abs().max())
    return None if off <= CLOSE else Break(f"For one word with labels at .5, .3, .2 its minimiser is off by {off:.4g}.")


def _order(subject: Subject) -> Break | None:
    loss, batch = subject.loss(), subject.batch(30, seed=1)
    there, moved = value(loss, batch), value(loss, batch.with_values(batch.values + 5))
    if not torch.allclose(there, moved, rtol=1e-9, atol=1e-12):
        return Break("It states that it elicits only the order, but changes if the same number is added to all scores.")
    sorted_ = batch.with_values(torch.where(batch.target > 0.5, 3.0, -3.0).double())
    if not float(value(loss, sorted_)) < float(value(loss, sorted_.with_values(-sorted_.values))):
        return Break("It states that it elicits the order, but positives above negatives do not cost less.")
    return None
