"""A library's own way of ignoring targets, by a mask or label, compared with actually removing them."""

from __future__ import annotations

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss
from lossbench.probe.law import Break, NotAsked, law
from lossbench.probe.laws.contract import near
from lossbench.probe.subject import Batch, Subject, value

KEPT = (True, True, False, True, False, True, True, False, True)
GARBAGE = (1e4, -1e4, float("inf"), float("nan"))


def natively(loss: Loss, batch: Batch, values: Tensor | None = None) -> Tensor:
    shown = batch if values is None else batch.with_values(values)
    found = loss.native(shown.output, shown.targets, torch.tensor(KEPT))
    if found is NotImplemented:
        raise NotAsked("it has no way of its own to ignore targets")
    return found


def _tried(subject: Subject) -> tuple[Loss, Batch]:
    if type(subject.told).native is Loss.native:
        raise NotAsked("it has no way of its own to ignore targets")
    if subject.kind is Kind.SEQUENCES:
        raise NotAsked("sequences are packed")
    return subject.loss(), subject.batch(len(KEPT), seed=1)


@law("Its library's own mean, with some targets ignored, is the mean of the other losses.")
def native_mean_is_the_mean(subject: Subject) -> Break | None:
    """With 3 of 9 targets ignored in the library's own way, its mean is the mean of the losses of the other 6."""
    loss, batch = _tried(subject)
    mine = value(loss, batch.take([row for row, counts in enumerate(KEPT) if counts])).mean()
    with torch.no_grad():
        theirs = natively(loss, batch)
    if near(theirs, mine):
        return None
    whole = f"{float(mine):.6g} over the 6 that count"
    hint = " (the sum over 6 divided by 9)" if near(theirs * 9 / 6, mine) else ""
    return Break(f"Its own mean of 9 targets, 3 of them left out, is {float(theirs):.6g}{hint}, where it is {whole}.")


@law("Targets that its library ignores make no difference.")
def left_out_makes_no_difference(subject: Subject) -> Break | None:
    """Outputs of ±1e4 at ignored targets do not change the library's mean, and their gradients are 0."""
    loss, batch = _tried(subject)
    out = ~torch.tensor(KEPT)
    with torch.no_grad():
        plain = natively(loss, batch)
        for garbage in GARBAGE[:2]:
            values = batch.values.clone()
            values[out] = garbage
            found = natively(loss, batch, values)
            if not near(found, plain):
                return Break(
                    f"{garbage:g} at targets left out moves its mean from {float(plain):.6g} to {float(found):.6g}."
                )
    values = batch.values.clone().requires_grad_()
    (slope,) = torch.autograd.grad(natively(loss, batch, values), values)
    if slope[out].abs().max() > 0:
        return Break(f"Targets left out have gradients up to {float(slope[out].abs().max()):.3g}.")
    return None


@law("Outputs at targets that its library ignores may be NaN.")
def left_out_may_be_nan(subject: Subject) -> Break | None:
    """Infinity and NaN at ignored targets change neither the library's mean nor any gradient."""
    loss, batch = _tried(subject)
    out = ~torch.tensor(KEPT)
    for garbage in GARBAGE[2:]:
        values = batch.values.clone()
        values[out] = garbage
        values.requires_grad_()
        found = natively(loss, batch, values)
        if not torch.isfinite(found):
            return Break(
                f"{garbage} at targets left out makes its mean {float(found):g}: a mask multiplied after the fact."
            )
        (slope,) = torch.autograd.grad(found, values)
        if not torch.isfinite(slope).all():
            return Break(f"{garbage} at targets left out makes gradients NaN, though its mean is {float(found):.4g}.")
    return None
