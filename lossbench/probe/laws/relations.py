"""Relations to other losses and to parameters: special cases, the effect of each parameter, the form of inputs."""

from __future__ import annotations

import math
import re
from typing import Any

import torch
from torch import Tensor

from lossbench.loss import Kind
from lossbench.loss.catalogue import load_loss
from lossbench.probe.law import Break, NotAsked, law
from lossbench.probe.laws.declared import pulls
from lossbench.probe.subject import Batch, Subject, value

CASE = re.compile(r"^(?P<limit>≈\s*)?(?:(?P<factor>[\d.eE+-]+)\s*\*\s*)?(?P<name>[\w.-]+)(?:\((?P<params>.*)\))?$")


@law("Its stated special cases are right.")
def special_cases_are_equal(subject: Subject) -> Break | None:
    """At the named parameters its values on 64 targets are those of the named loss within 1e-6 of their size, or 1e-3
    for a limit; the value of a set loss is their mean."""
    cases = subject.told.special_cases
    if not cases:
        raise NotAsked("it states no special cases")
    for given, other in cases.items():
        found = CASE.match(other)
        if found is None:
            return Break(f"Its special case '{other}' is not written as '0.5 * mse' or '≈ quantile(q=0.5)'.")
        room = 1e-3 if found["limit"] else 1e-6
        mine, theirs = _pair(subject, assignments(given), found["name"], assignments(found["params"] or ""))
        theirs = float(found["factor"] or 1) * (theirs.mean() if mine.ndim == 0 else theirs)
        mine, theirs = torch.broadcast_tensors(mine, theirs)
        off = ((mine - theirs).abs() / (1e-12 + theirs.abs().clamp(min=float(theirs.abs().mean())))).flatten()
        if not float(off.max()) <= room:
            row = int(off.argmax())
            at = f"{float(mine.flatten()[row]):.6g} where {other} is {float(theirs.flatten()[row]):.6g}"
            return Break(f"With {given} it does not equal {other}: {at}.")
    return None


def _pair(subject: Subject, own: dict[str, Any], other: str, params: dict[str, Any]) -> tuple[Tensor, Tensor]:
    """The losses of 64 targets, by the subject at special parameters and by the other loss."""
    if own.pop("classes", None) == 2:
        batch = subject.batch(64, seed=1, classes=2)
        mine = value(subject.loss(classes=2, params=own), batch)
        alike = subject.params if other == subject.name else {}
        second = load_loss(other, Kind.BINARY, **{**alike, **params}).double()
        second.observe((subject.observed(subject.told, 2) > 0).float())
        return mine, value(second, Batch(batch.values[:, 1] - batch.values[:, 0], batch.target.double()))
    loss, batch = subject.loss(params=own), subject.batch(64, seed=1)
    second = load_loss(other, subject.kind, **params)
    second.outputs(subject.classes())
    second.double().observe(subject.observed(second))
    return value(loss, batch), value(second, batch)


def assignments(text: str) -> dict[str, Any]:
    """`gamma=0, q=.5` as numbers by name; inf and None are understood."""
    found: dict[str, Any] = {}
    for piece in filter(None, (piece.strip() for piece in text.split(","))):
        key, _, written = piece.partition("=")
        number = None if written.strip() == "None" else float(written)
        found[key.strip()] = int(number) if key.strip() == "classes" and number is not None else number
    return found


@law("Each parameter has the effect stated in `raises`.")
def parameters_pull_as_declared(subject: Subject) -> Break | None:
    """A larger value raises the share of positives, negatives, or targets above or below their predictions in the sum
    of absolute gradients over 64 targets."""
    declared = subject.told.raises
    if not declared:
        raise NotAsked("it does not state the effect of its parameters")
    batch = subject.batch(64, seed=2, size=1.0)
    for name, side in declared.items():
        low, high = _raised(subject, name)
        shares = []
        for level in (low, high):
            slope = pulls(subject.loss(params={name: level}), batch)
            counted = {
                "positives": batch.target > 0.5,
                "negatives": batch.target <= 0.5,
                "upwards": slope < 0,
                "downwards": slope > 0,
            }
            if side not in counted:
                return Break(f"raises['{name}'] must be one of {', '.join(counted)}, not '{side}'.")
            shares.append(float(slope.abs()[counted[side]].sum() / slope.abs().sum()))
        if not shares[1] > shares[0] + 1e-6:
            return Break(
                f"Raising {name} from {low:g} to {high:g} should raise the gradient share of {side}; it goes from "
                f"{shares[0]:.4g} to {shares[1]:.4g}."
            )
    return None


def _raised(subject: Subject, name: str) -> tuple[float, float]:
    """A value of a parameter, and a larger one that the loss also accepts."""
    default = subject.params.get(name, next(p.default for p in subject.family.parameters if p.name == name))
    start = float(default) if isinstance(default, (int, float)) else 0.25
    for higher in (2 * start, (1 + start) / 2):
        try:
            subject.loss(params={name: higher})
        except Exception:  # out of its range: try the next one
            continue
        if higher > start:
            return start, higher
    raise NotAsked(f"no value of {name} above {start:g} was accepted")


@law("Its inputs have the stated form: raw outputs, or probabilities.")
def takes_what_it_says(subject: Subject) -> Break | None:
    """A loss that is finite for outputs between 0 and 1 is finite outside too, and not below -100 at logits of ±1e4;
    one that takes probabilities does not apply a sigmoid or softmax again."""
    if subject.kind not in (Kind.BINARY, Kind.CLASSES):
        raise NotAsked("only classes have probabilities")
    loss = subject.loss()
    inside = subject.batch(20, seed=3)
    inside = inside.with_values(0.05 + 0.9 * torch.sigmoid(inside.values))
    outside = subject.batch(20, seed=3, size=4.0)
    probabilities = "It seems to expect probabilities: state input = 'probability', or use logits (logsigmoid)."
    try:
        fine = bool(torch.isfinite(value(loss, outside)).all())
    except Exception as error:
        fine, probabilities = False, f"{probabilities} At logits it raised {type(error).__name__}: {error}"
    if not fine and torch.isfinite(value(loss, inside)).all():
        return Break(probabilities)
    extreme = subject.extreme(1e4)
    if loss.pointwise and fine and float(value(loss, extreme).min()) < -100:
        lowest = extreme.take([int(value(loss, extreme).argmin())])
        return Break(
            "It decreases without limit as outputs grow, so training diverges. If it expects log-probabilities, pass "
            "log_softmax or logsigmoid of the outputs; otherwise a sign is wrong.",
            lowest,
        )
    if getattr(loss, "input", "raw") == "probability" and loss.pointwise:
        sure = value(loss, extreme)
        least_, most = float(sure.min()), float(sure.max())
        if subject.kind is Kind.BINARY and most - least_ <= 1.01 and abs(least_ - math.log1p(math.exp(-1.0))) < 0.01:
            return Break(
                "It seems to expect logits: a correct probability of 1 costs as much as a logit of 1. Remove "
                "input = 'probability'."
            )
        if subject.kind is Kind.CLASSES and abs(least_ - (math.log(math.e + 2) - 1)) < 0.01:
            return Break(
                "It seems to expect logits: a correct row of probabilities 1, 0, 0 costs as much as logits of 1, 0, 0. "
                "Remove input = 'probability'."
            )
    return None
