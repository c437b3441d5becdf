"""Numerical accuracy: extreme outputs, half precision, vanishing or wrong gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss
from lossbench.probe.law import Break, NotAsked, law, smallest
from lossbench.probe.laws.contract import rebuilt
from lossbench.probe.subject import Batch, Subject, judge, value

PRECISIONS = (torch.double, torch.float32, torch.bfloat16, torch.float16)
LARGE = (20.0, 100.0, 1e4)
ROUNDINGS = 8
SURE = 5.0
"""The gradient at larger wrong logits must be at least a tenth of the one at this logit."""


@law("At extreme outputs it is finite, unless its true value is too large for the type.")
def finite_at_extremes(subject: Subject) -> Break | None:
    """At outputs and residuals of ±20, ±100 and ±1e4, right and wrong, in float64, float32, bfloat16 and float16, it is
    not NaN, and infinite only if its float64 value exceeds the type, or in float64 if it grows up to 1e250."""
    for dtype in PRECISIONS:
        loss, exact = subject.loss(dtype), subject.loss()
        for size in LARGE:
            found = smallest(subject.extreme(size).to(dtype), partial(_not_finite, loss, exact))
            if found:
                return found
    return None


def _not_finite(loss: Loss, exact: Loss, batch: Batch) -> str | None:
    losses, dtype = value(loss, batch).flatten(), batch.values.dtype
    if losses.isnan().any():
        return "It is NaN."
    true = value(exact, batch.to(torch.double)).flatten().double()
    far = torch.isinf(losses)
    if not far.any():
        return None
    if dtype is torch.double:
        alone = [batch.take([row]) for row in far.nonzero().flatten().tolist()] if loss.pointwise else [batch]
        before = min(_before_infinity(loss, one) for one in alone)
        return None if before > 1e250 else f"It is infinite, though it was {before:.3g} just before: it overflows."
    wrong = far & (true.abs() <= 0.99 * torch.finfo(dtype).max)
    return f"It is infinite where its true value is {float(true[wrong][0]):.5g}." if wrong.any() else None


def _before_infinity(loss: Loss, batch: Batch) -> float:
    """The largest finite value between 0 and the outputs at which it is infinite."""
    high, low = 1.0, 0.0
    for _ in range(60):
        middle = (high + low) / 2
        low, high = (low, middle) if torch.isinf(value(loss, _scaled(loss, batch, middle))).any() else (middle, high)
    return float(value(loss, _scaled(loss, batch, low)).abs().max())


def _scaled(loss: Loss, batch: Batch, by: float) -> Batch:
    """Outputs multiplied by a factor, and continuous targets with them; labels stay."""
    target = batch.target * by if loss.kind is Kind.CONTINUOUS else batch.target
    return replace(batch, values=batch.values * by, target=target)


@law("Its gradient is never NaN.")
def gradient_is_never_nan(subject: Subject) -> Break | None:
    """At outputs and residuals of 0, ±20, ±100 and ±1e4, right and wrong, in all four precisions."""
    for dtype in PRECISIONS:
        loss = subject.loss(dtype)
        for size in (0.0, *LARGE):
            found = smallest(subject.extreme(size).to(dtype), partial(_nan_gradient, loss))
            if found:
                return found
    return None


def _nan_gradient(loss: Loss, batch: Batch) -> str | None:
    losses, slope = judge(loss, batch)
    fine = not slope.isnan().any() or losses.isnan().any() or losses.isinf().any()
    return None if fine else f"Its gradient is NaN where it is {float(losses.flatten()[0]):.4g}."


INSIDE = (-2.0, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0)
"""Values at which formulas have special cases, which may lie inside a range."""


@law("It and its gradient are finite over all of `search`.")
def search_stays_finite(subject: Subject) -> Break | None:
    """At the ends of all ranges in `search`, in every combination, in the middle of each, and at those of -2, -1, 0,
    .5, 1, 2 and 3 that lie inside, it and its gradient are finite on 64 ordinary targets, and it keeps the two laws
    above. Not tested for a loss that breaks them at its defaults."""
    if not subject.searched:
        raise NotAsked("none of its parameters is tuned")
    if _unsound(subject):
        raise NotAsked("it or its gradient is not finite at its defaults")
    for params in _tried(subject):
        if found := _unsound(subject.at(params)):
            at = ", ".join(f"{name}={value:g}" for name, value in params.items())
            return replace(found, what=f"`search` reaches {at}: {found.what}")
    return None


def _tried(subject: Subject) -> Iterator[dict[str, float]]:
    yield from subject.ends()
    for name, found in subject.searched.items():
        for at in (found.at(0.5), *(x for x in INSIDE if found.low < x < found.high)):
            yield {name: at}


def _unsound(subject: Subject) -> Break | None:
    """A break if a loss or its gradient is not finite; otherwise None."""
    for dtype in PRECISIONS:
        loss, exact = subject.loss(dtype), subject.loss()
        if dtype in (torch.double, torch.float32) and (
            found := smallest(subject.batch(64, seed=13).to(dtype), partial(_not_ordinary, loss))
        ):
            return found
        for size in (0.0, *LARGE):
            batch = subject.extreme(size).to(dtype)
            if found := smallest(batch, partial(_not_finite, loss, exact)) or smallest(
                batch, partial(_nan_gradient, loss)
            ):
                return found
    return None


def _not_ordinary(loss: Loss, batch: Batch) -> str | None:
    losses, slope = judge(loss, batch)
    if not torch.isfinite(losses).all():
        return "It is not finite at ordinary outputs."
    return None if torch.isfinite(slope).all() else "Its gradient is not finite at ordinary outputs."


@law("A confident mistake still has a gradient.")
def wrong_answers_pull(subject: Subject) -> Break | None:
    """Unless it is declared as bounded, or as giving up on them: in float64 and float32 the gradient at wrong logits of
    20, 100 and 1e4 is at least a tenth of the one at 5; at residuals of that size it is not 0."""
    if subject.told.bounded:
        raise NotAsked("it is declared as bounded")
    hint = " If it is meant to be bounded, state bounded = True." if subject.told.bounded is None else ""
    for dtype in (torch.double, torch.float32):
        loss = subject.loss(dtype)
        for size in LARGE:
            for what, batch in subject.wrong(size).items():
                if what == subject.told.gives_up_on:
                    continue
                there = _size(judge(loss, batch.to(dtype))[1])
                if there.isnan().any():
                    row = int(there.isnan().int().argmax())
                    return Break(
                        f"Its gradient is NaN for a prediction that is wrong by {size:g}.", batch.to(dtype).take([row])
                    )
                if subject.kind is Kind.CONTINUOUS:
                    if not (there > 0).all():
                        row = int((there > 0).int().argmin())
                        return Break(f"It is flat at a residual of {size:g}: no gradient.", batch.to(dtype).take([row]))
                    continue
                before = float(_size(judge(loss, subject.wrong(SURE)[what].to(dtype))[1]).sum())
                if not (float(there.sum()) >= 0.1 * before and before > 0):
                    return Break(
                        f"Its gradient is {float(there.sum()):.3g} at a wrong logit of {size:g}, and {before:.3g} at "
                        f"{SURE:g}: it stops learning from its most confident mistakes ({what}).{hint}",
                        batch.to(dtype),
                    )
    return None


def _size(slope: Tensor) -> Tensor:
    return slope.double().abs().view(len(slope), -1).sum(1)


@law("It computes in the precision of its inputs, or in a higher one.")
def precision_is_kept(subject: Subject) -> Break | None:
    """Outputs in float64 give losses in float64 that differ from those of outputs rounded to float32."""
    narrowed = _narrowed(subject, subject.loss())
    return Break(narrowed) if narrowed else None


def _narrowed(subject: Subject, loss: Loss) -> str | None:
    """Evidence that a loss computes in less than float64; None if there is none."""
    batch = subject.batch(64, seed=6)
    losses = value(loss, batch)
    if losses.dtype is not torch.double:
        return f"Given float64, it returns {str(losses.dtype).removeprefix('torch.')}."
    rounded = value(loss, batch.to(torch.float32).to(torch.double))
    if torch.equal(losses, rounded):
        return "Its float64 values are those of outputs rounded to float32."
    return None


@law("In low precision it is accurate to a few rounding errors.")
def low_precision_is_right(subject: Subject) -> Break | None:
    """In float32, bfloat16 and float16 a loss is within 8 rounding errors of its float64 value on the same outputs,
    relative to the loss and its change by outputs and targets, and one more relative to the largest output; or it is
    infinite, if that value exceeds the type."""
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        loss, exact = subject.loss(dtype), subject.loss()
        for size in (1.0, 6.0):
            found = smallest(subject.batch(64, seed=7, size=size).to(dtype), partial(_imprecise, loss, exact))
            if found:
                return found
    return None


def _imprecise(loss: Loss, exact: Loss, batch: Batch) -> str | None:
    type_ = torch.finfo(batch.values.dtype)
    got, (true, allowed) = value(loss, batch).double(), _roundings(exact, batch.to(torch.double))
    off, limit = (got - true).abs(), type_.eps * allowed + type_.smallest_normal
    off = torch.where(got.isinf() & (true.abs() > 0.99 * type_.max), 0.0, off)
    if not (off > limit).any():
        return None
    worst = int((off - limit).flatten().argmax())
    at = f"{float(got.flatten()[worst]):.6g} where {float(true.flatten()[worst]):.6g} is right"
    times = float((off / limit).flatten()[worst])
    return f"It is {at}, {times:.3g} times as far off as {type_.dtype} allows."


def _roundings(loss: Loss, batch: Batch) -> tuple[Tensor, Tensor]:
    """The losses, and the rounding error that they are allowed, in roundings of 1: 8 (|loss| + Σ |∂loss/∂x · x|) over
    all inputs x, which any computation makes, plus the largest |x|, which a softmax makes."""
    values = batch.values.detach().clone().requires_grad_()
    real = loss.kind is Kind.CONTINUOUS
    target = batch.target.detach().clone().requires_grad_(real)
    whole = Batch(values, target, batch.lengths)
    losses = loss(whole.output, whole.targets)
    inputs = [values, target] if real else [values]
    slopes = torch.autograd.grad(losses.sum(), inputs, allow_unused=True)
    moved = [
        (s * x).abs().detach().view(len(x), -1).sum(1) for s, x in zip(slopes, inputs, strict=True) if s is not None
    ]
    change = torch.stack(moved).sum(0)
    most = batch.values.abs().view(len(batch.values), -1).amax(1)
    if batch.lengths is not None:
        change = torch.stack([piece.sum() for piece in change.split(batch.lengths.tolist())])
        change = change + losses.detach().abs() * batch.lengths  # a loss of T terms is rounded T times
        most = torch.stack([piece.sum() for piece in most.split(batch.lengths.tolist())])
    elif losses.ndim == 0:
        change, most = change.sum(), most.max()
    return losses.detach().double(), (ROUNDINGS * (losses.detach().abs() + change) + most).double()


@law("It trains in mixed precision: outputs in half precision, targets in full.")
def mixed_precision_trains(subject: Subject) -> Break | None:
    """64 outputs in bfloat16 or float16 with targets in float32 give losses and gradients, finite ones if the same
    outputs in float32 do."""
    if subject.kind in (Kind.CLASSES, Kind.SEQUENCES):
        raise NotAsked("its targets are labels, which have no precision")
    loss, batch = subject.loss(torch.float32), subject.batch(64, seed=12).to(torch.float32)
    for dtype in (torch.bfloat16, torch.float16):
        mixed = batch.with_values(batch.values.to(dtype))
        whole = mixed.with_values(mixed.values.to(torch.float32))
        for got, due in zip(judge(loss, mixed), judge(loss, whole), strict=True):
            if (due.isfinite() & ~got.isfinite()).any():
                return Break("It or its gradient is not finite, although it is for the same outputs in float32.", mixed)
    return None


@law("Its gradient is the derivative of its value.")
def gradient_is_the_derivative(subject: Subject) -> Break | None:
    """At 20 targets, in float64, the gradient agrees with central differences (step 1e-6) to 1e-4 of its size and 1e-5;
    at a kink it lies between the slopes of both sides. For a loss that falls back to float32 the limit is 1e-2."""
    loss, batch = subject.loss(), subject.batch(20, seed=8)
    if not torch.isfinite(value(loss, batch)).all():
        raise NotAsked("it is not finite at ordinary outputs")
    whole = _narrowed(subject, loss) is None
    step, relative, absolute = (1e-6, 1e-4, 1e-5) if whole else (1e-2, 1e-2, 1e-2)
    _, slope = judge(loss, batch)
    flat, here = batch.values.flatten(), slope.flatten().double()
    for place in range(len(flat)):
        moved = [flat.clone() for _ in range(3)]
        for x, by in zip(moved, (-step, 0.0, step), strict=True):
            x[place] += by
        with torch.no_grad():
            low, at, high = (float(rebuilt(loss, batch, x.view_as(batch.values)).double().sum()) for x in moved)
        left, middle, right = (at - low) / step, (high - low) / (2 * step), (high - at) / step
        found, room = float(here[place]), absolute + relative * abs(middle)
        if not (abs(found - middle) <= room or min(left, right) - room <= found <= max(left, right) + room):
            row = place // max(1, batch.values[0].numel())
            shown = batch.take([row]) if loss.pointwise and batch.lengths is None else None
            return Break(f"Its gradient is {found:.6g} where the slope of its value is {middle:.6g}.", shown)
    return None
