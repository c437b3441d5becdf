"""What training relies on in every loss: shapes, independent rows, unchanged inputs."""

from __future__ import annotations

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss, check_prediction
from lossbench.probe.law import Break, NotAsked, law, smallest
from lossbench.probe.subject import Batch, Subject, judge, value

SIZES = (1, 2, 7, 64)
TIGHT = {torch.double: 1e-9, torch.float32: 1e-5}
"""Largest relative difference between two orders of the same sums, by precision."""


def near(one: Tensor, other: Tensor, losses: Tensor | None = None) -> bool:
    """Whether two results are equal up to the order of their sums.

    losses: for gradients, the losses that they belong to, if their precision decides.
    """
    dtypes = {one.dtype, other.dtype, *([] if losses is None else [losses.dtype])}
    rough = TIGHT[torch.double if dtypes == {torch.double} else torch.float32]
    return torch.allclose(one.double(), other.double(), rtol=rough, atol=rough, equal_nan=True)


def same(one: Tensor, other: Tensor) -> bool:
    """Whether two results are equal bit for bit; NaN, which other laws check, counts as equal to NaN."""
    return torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)


@law("n targets in, n losses out; a set loss returns one value.")
def one_value_per_target(subject: Subject) -> Break | None:
    """For n in 1, 2, 7, 64 the losses have the shape [n], or [] for a set loss, are floating, finite and
    differentiable."""
    loss = subject.loss()
    for n in SIZES:
        batch = subject.batch(n, seed=n, size=1.0)
        output = batch.values.requires_grad_()
        try:
            losses = loss(batch.with_values(output).output, batch.targets)
        except ValueError as error:
            return Break(f"{error}", batch.take([0]) if n == 1 else None)
        if not losses.is_floating_point():
            return Break(f"Its losses are {losses.dtype}.")
        if not losses.requires_grad:
            return Break("Its losses have no gradient: something in it is detached from the outputs.")
        if not torch.isfinite(losses).all():
            return smallest(batch, lambda b: None if torch.isfinite(value(loss, b)).all() else "It is not finite.")
    return None


@law("Shapes that do not fit are refused, never broadcast.")
def nothing_is_broadcast(subject: Subject) -> Break | None:
    """Targets [n, 1], outputs [n, 1] where the kind has [n], and targets of another length raise ValueError."""
    loss, batch = subject.loss(), subject.batch(4, seed=1)
    if subject.kind is Kind.SEQUENCES:
        raise NotAsked("sequences are packed, with separate lengths")
    wrong: dict[str, tuple[Tensor, Tensor]] = {
        "targets [n, 1]": (batch.values, batch.target[:, None]),
        "targets of another length": (batch.values, batch.target[:3]),
    }
    if batch.values.ndim == 1:
        wrong["outputs [n, 1]"] = (batch.values[:, None], batch.target)
    for what, (output, target) in wrong.items():
        try:
            got = loss(output, target)
        except ValueError:
            continue
        return Break(f"It took {what} and returned {list(got.shape)}.")
    return None


@law("Its inputs are left unchanged.")
def inputs_are_untouched(subject: Subject) -> Break | None:
    """Outputs, targets and lengths are the same, bit for bit, after forward and backward."""
    loss, batch = subject.loss(), subject.batch(7, seed=2)
    before = [t.clone() for t in (batch.values, batch.target, batch.lengths) if t is not None]
    values = batch.values.requires_grad_()
    loss(batch.with_values(values).output, batch.targets).sum().backward()
    after = [t.detach() for t in (batch.values, batch.target, batch.lengths) if t is not None]
    names = ("outputs", "targets", "lengths")
    changed = [name for name, a, b in zip(names, before, after, strict=False) if not torch.equal(a, b)]
    return Break(f"It changed the {' and the '.join(changed)} in place.") if changed else None


@law("A target's loss depends only on that target; a set loss depends on all of them.")
def rows_stay_apart(subject: Subject) -> Break | None:
    """The losses of 9 targets equal those of the first 4 and of the other 5. The value of a set loss must not be the
    mean of its values on the parts."""
    loss = subject.loss()
    for seed in range(3):
        batch = subject.batch(9, seed=seed)
        whole = value(loss, batch)
        parts = [value(loss, batch.take(range(4))), value(loss, batch.take(range(4, 9)))]
        if loss.pointwise:
            if not near(whole, torch.cat(parts)):
                row = int((whole - torch.cat(parts)).abs().argmax())
                there, alone = float(whole[row]), float(value(loss, batch.take([row]))[0])
                return Break(f"A target costs {there:.6g} among eight others and {alone:.6g} alone.", batch.take([row]))
        elif not near(whole, (4 * parts[0] + 5 * parts[1]) / 9):
            return None
    return None if loss.pointwise else Break("It states pointwise = False, but equals the mean of its values on parts.")


@law("The order of targets makes no difference.")
def order_makes_no_difference(subject: Subject) -> Break | None:
    """Shuffled targets give the same losses and gradients in the new order; a set loss gives the same value."""
    loss, batch = subject.loss(), subject.batch(9, seed=3)
    order = [4, 2, 8, 0, 6, 1, 7, 3, 5]
    (losses, slope), (moved, moved_slope) = judge(loss, batch), judge(loss, batch.take(order))
    expected = losses[order] if loss.pointwise else losses
    if not near(moved, expected):
        return Break(f"When shuffled, losses change by {float((moved - expected).abs().max()):.3g}.")
    if not near(moved_slope, batch.with_values(slope).take(order).values, losses):
        return Break("When shuffled, the losses are the same, but the gradients are not.")
    return None


@law("`predict` returns what metrics need.")
def predictions_can_be_read(subject: Subject) -> Break | None:
    """One score and one label per target; probabilities from 0 to 1 that sum to 1 over classes; no NaN, even at
    ±100."""
    loss = subject.loss(torch.float32)
    for batch in (subject.batch(7, seed=4), subject.extreme(100.0)):
        small = batch.to(torch.float32)
        with torch.no_grad():
            prediction = loss.predict(small.output)
        try:
            check_prediction(subject.kind, prediction, small.output)
        except ValueError as error:
            return Break(str(error))
        p = prediction.probability
        if bool(prediction.score.isnan().any()):
            return Break("A score is NaN.", small)
        if p is not None and not bool(((p >= 0) & (p <= 1)).all()):
            return Break(f"A probability is {float(p.min()):.4g} or {float(p.max()):.4g}.", small)
        if p is not None and p.ndim == 2 and not torch.allclose(p.sum(1), torch.ones(len(p)), atol=1e-4):
            return Break(f"Probabilities of a target sum to {float(p.sum(1).min()):.4g}.", small)
    return None


@law("Two calls give the same result, and a call has no side effects.")
def calls_leave_no_trace(subject: Subject) -> Break | None:
    """Two calls agree bit for bit; the global generator, the default precision, the gradient mode and the loss's own
    buffers are as before."""
    loss, batch = subject.loss(), subject.batch(7, seed=5)
    buffers = {name: tensor.clone() for name, tensor in loss.named_buffers()}
    state, dtype, gradients = torch.get_rng_state(), torch.get_default_dtype(), torch.is_grad_enabled()
    first, second = (loss(batch.output, batch.targets).detach() for _ in range(2))
    if not torch.equal(state, torch.get_rng_state()):
        return Break("It draws from torch's global generator, which changes all later draws.")
    if torch.get_default_dtype() is not dtype:
        return Break("It changes torch's default precision.")
    if torch.is_grad_enabled() is not gradients:
        return Break("It switches gradients off or on for all later code.")
    moved = [name for name, tensor in loss.named_buffers() if not torch.equal(tensor, buffers.get(name, tensor))]
    if moved:
        return Break(f"A call changes its buffer '{moved[0]}': the loss of a batch depends on earlier batches.")
    return None if same(first, second) else Break("Two calls on the same batch give different values.")


def rebuilt(loss: Loss, batch: Batch, values: Tensor) -> Tensor:
    """The losses of a batch with other outputs, differentiable by autograd."""
    return loss(batch.with_values(values).output, batch.targets)
