"""What a loss states about its curve, compared with the curve: bounded, zero, monotone, convex."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lossbench.loss import Kind, Loss
from lossbench.probe.law import Break, NotAsked, law
from lossbench.probe.subject import CLASSES, Batch, Subject, judge, value


def declared(told: bool | None, what: str) -> bool:
    if told is None:
        raise NotAsked(f"it does not state whether it is {what}")
    return told


@law("It is bounded if and only if it states so.")
def bounded_as_declared(subject: Subject) -> Break | None:
    """From outputs of 1e3 to 1e4, right and wrong, the largest value of a bounded loss grows by less than a tenth, that
    of an unbounded one by more."""
    told, loss = declared(subject.told.bounded, "bounded"), subject.loss()
    most = [float(value(loss, subject.extreme(size)).max()) for size in (1e3, 1e4)]
    levels = math.isfinite(most[1]) and most[1] <= 1.1 * most[0]
    if levels == told:
        return None
    grows = f"its largest loss is {most[0]:.5g} at outputs of 1e3 and {most[1]:.5g} at 1e4"
    return Break(f"It states bounded = {told}, but {grows}.")


@law("It is 0 for a perfect prediction and never below, if and only if it states so.")
def zero_as_declared(subject: Subject) -> Break | None:
    """The smallest loss over 12,000 random predictions, confident ones, and predictions improved by gradient descent is
    from -1e-9 (in float32 -1e-6) to 1e-6; if it states that it is not 0, that value is further from 0 than 1e-3."""
    told, loss = declared(subject.told.zero, "0 for a perfect prediction"), subject.loss()
    if not told and any(p.requires_grad for p in loss.parameters()):
        raise NotAsked("its learned parameters change its curve")
    least, where = math.inf, subject.batch(1)
    loss_dtype = value(loss, where).dtype
    for batch in [*(subject.batch(4000, seed, size) for seed, size in enumerate((0.3, 2.0, 15.0))), *_best(subject)]:
        losses = value(loss, batch).flatten()
        if float(losses.min()) < least:
            least = float(losses.min())
            where = batch.take([int(losses.argmin())]) if losses.numel() == len(batch) else where
    floor = -1e-9 if loss_dtype is torch.double else -1e-6
    fine = floor <= least <= 1e-6 if told else least < -1e-3 or least > 1e-3
    return None if fine else Break(f"It states zero = {told}, but the smallest value found is {least:.6g}.", where)


def _best(subject: Subject) -> list[Batch]:
    """The best predictions that can be found: confident and right, equal to the target, and improved by descent."""
    loss, found = subject.loss(), []
    start = subject.batch(12, seed=9, size=1.0)
    if subject.kind is Kind.CONTINUOUS:
        line = torch.linspace(-12, 12, 24001, dtype=torch.double)
        count = subject.told.outputs(1)
        grid = line if count == 1 else line[:, None].expand(-1, count)
        found += [Batch(grid, torch.full_like(line, y)) for y in (0.0, 1.0, 2.5)]
        level = start.target if count == 1 else start.target[:, None].expand(-1, count)
        start = start.with_values(level.clone())
    elif subject.kind is Kind.BINARY:
        found.append(Batch(1e4 * (2 * start.target - 1), start.target))
    else:
        sure = torch.nn.functional.one_hot(start.target, start.values.shape[-1]).double()
        found += [Batch(size * sure, start.target, start.lengths) for size in (1.0, 1e4)]
    values = start.values.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([values], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        total = loss(start.with_values(values).output, start.targets).sum()
        total.backward()
        return total

    optimizer.step(closure)
    improved = start.with_values(values.detach())
    return [*found, improved] if torch.isfinite(improved.values).all() else found


@law("A better prediction never costs more, if and only if it states so.")
def monotone_as_declared(subject: Subject) -> Break | None:
    """Along 2,001 logits of the true class from -50 to 50, the others random, and along numbers that approach their
    target from either side, no loss exceeds the previous one by 1e-9 of its size, in float32 by 1e-6; if it states that
    it is not monotone, one does."""
    told = declared(subject.told.monotone, "monotone")
    if not subject.told.pointwise:
        raise NotAsked("it is a set loss")
    if subject.kind is Kind.CONTINUOUS and subject.told.outputs(1) > 1:
        raise NotAsked("its prediction has several numbers")
    loss = subject.loss()
    for path in _improving(subject, loss):
        losses = value(loss, path)
        rise = (losses[1:] - losses[:-1]) / (1 + losses[:-1].abs())
        if rise.max() > (1e-9 if rise.dtype is torch.double else 1e-6):
            if not told:
                return None
            row = int(rise.argmax())
            return Break(
                f"It states monotone = True, but is {float(losses[row]):.6g} for one prediction and "
                f"{float(losses[row + 1]):.6g} for the better one after it.",
                path.take([row, row + 1]),
            )
    return None if told else Break("It states monotone = False, but no better prediction with a higher loss was found.")


def _improving(subject: Subject, loss: Loss) -> list[Batch]:
    """Batches in which every prediction is better than the previous one."""
    line = torch.linspace(-50, 50, 2001, dtype=torch.double)
    match subject.kind:
        case Kind.BINARY:
            return [Batch(line, torch.ones_like(line)), Batch(-line, torch.zeros_like(line))]
        case Kind.CONTINUOUS:
            near = torch.linspace(-12, 12, 2001, dtype=torch.double)
            with torch.no_grad():
                score = loss.predict(near).score
            order = score.argsort(stable=True)
            near, score = near[order], score[order]
            alone = torch.ones_like(score, dtype=torch.bool)  # equal predictions have no order
            alone[1:] &= score.diff() > 0
            alone[:-1] &= score.diff() > 0
            near, score = near[alone], score[alone]
            sides = [(near[score <= y], y) for y in (0.0, 1.0, 3.0)] + [
                (near[score >= y].flip(0), y) for y in (0.0, 1.0, 3.0)
            ]
            return [Batch(side, torch.full_like(side, y)) for side, y in sides if len(side) > 1]
    others = subject.batch(8, seed=10).values
    columns, paths = others.shape[1], []
    for row in range(8):
        values = others[row].repeat(len(line), 1)
        values[:, row % CLASSES if columns >= CLASSES else 0] = line
        target = torch.full((len(line),), row % CLASSES)
        lengths = torch.ones(len(line), dtype=torch.long) if subject.kind is Kind.SEQUENCES else None
        paths.append(Batch(values, target, lengths))
    return paths


@law("It is convex in the raw outputs if and only if it states so.")
def convex_as_declared(subject: Subject) -> Break | None:
    """For 32,000 pairs of outputs, near and far, the loss at the midpoint exceeds the mean of both by at most 1e-9 of
    it, or 1e-6 if it computes in float32; if it states that it is not convex, some pair exceeds that."""
    told, loss = declared(subject.told.convex, "convex"), subject.loss()
    if not told and any(p.requires_grad for p in loss.parameters()):
        raise NotAsked("its learned parameters change its curve")
    for size in (0.5, 2.0, 6.0, 20.0):
        if loss.pointwise:
            pairs = [(subject.batch(8000, 1, size), subject.batch(8000, 2, size))]
        else:
            pairs = [(subject.batch(8, 2 * k, size), subject.batch(8, 2 * k + 1, size)) for k in range(200)]
        for first, second in pairs:
            second = Batch(second.values, first.target, first.lengths)
            middle = first.with_values((first.values + second.values) / 2)
            ends = (value(loss, first) + value(loss, second)) / 2
            above = ((value(loss, middle) - ends) / (1 + ends.abs())).flatten()
            if above.max() > (1e-9 if above.dtype is torch.double else 1e-6):
                if not told:
                    return None
                row = int(above.argmax())
                shown = middle.take([row]) if loss.pointwise else middle
                return Break(
                    f"It states convex = True, but at a midpoint it is {float(above[row]):.3g} above the chord.", shown
                )
    return None if told else Break("It states convex = False, but no point above a chord was found.")


def pulls(loss: Loss, batch: Batch) -> Tensor:
    """The gradient of each target on its outputs [m]: negative if descent raises a number or a logit."""
    _, slope = judge(loss, batch)
    return slope if slope.ndim == 1 else slope.sum(1)
