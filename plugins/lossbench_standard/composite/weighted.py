"""Composite losses with given weights, fixed or on a schedule: a sum, and one loss that blends into another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from lossbench.loss import Loss, Schedule
from lossbench_standard.composite.terms import Composite, for_every_kind


class WeightedSum(Composite):
    """A weighted sum of several losses: `loss.params.terms={bce: 1, dice: {from: 0, to: 0.5}}`.

    Σ weight · term. All terms are of one kind, take the same raw outputs and read them as the same predictions. If one
    of them is a set loss, the sum is a set loss too, and the other terms count by their mean.

    Args:
        terms: each loss with its weight: a number, or a schedule from `from` to `to` over the first share `until` (1)
            of `max_epochs`, by `shape` linear (the default) or cosine.
    """

    reference = "Σ weight · term"

    def __init__(self, terms: Mapping[Loss, float | Schedule]) -> None:
        super().__init__(terms)
        self.schedules = tuple(s if isinstance(s, Schedule) else Schedule(s, s) for s in terms.values())
        self.now, at_last = (tuple(s.at(progress) for s in self.schedules) for progress in (0.0, 1.0))
        for when, weights in (("begins", self.now), ("ends", at_last)):
            if not any(weights):
                raise ValueError(f"all weights are 0 when the training {when}: nothing would be learned")
        self.signs_kept = min(*self.now, *at_last) >= 0

    def weights(self) -> Sequence[float | Tensor]:
        return self.now

    def lasting(self) -> Sequence[Loss]:
        return [term for term, schedule in zip(self.terms, self.schedules, strict=True) if schedule.end != 0]

    def advance(self, progress: float) -> None:
        super().advance(progress)
        self.now = tuple(schedule.at(progress) for schedule in self.schedules)


class Warmup(Composite):
    """Starts with one loss and blends into another: `loss.params.start=bce loss.params.loss=dice`.

    a · start + (1 - a) · loss, a = max(0, 1 - t/until), t the share of `max_epochs` that has passed. For a loss that
    has hardly any gradient on an untrained model. Both losses are of one kind, take the same raw outputs and read them
    as the same predictions.

    Args:
        loss: the loss that remains, and that decides what the model estimates.
        start: the loss to start with.
        until: share of the training after which only `loss` is left.
    """

    reference = "a · start + (1 - a) · loss, a = max(0, 1 - t/until)"
    units = {"until": "share of the training"}

    def __init__(
        self, loss: Loss, start: Loss, until: float = 0.2
    ) -> None:  # `loss` first: its parameters are tuned first
        super().__init__([start, loss])
        self.until = Schedule(1, 0, until).until
        self.advance(0.0)

    def weights(self) -> Sequence[float | Tensor]:
        return [self.share, 1 - self.share]

    def lasting(self) -> Sequence[Loss]:
        return [self.terms[1]]

    def advance(self, progress: float) -> None:
        super().advance(progress)
        self.share = max(0.0, 1 - progress / self.until)


weighted_sums = for_every_kind(WeightedSum, "Sum")
ContinuousSum, BinarySum, ClassesSum, SequencesSum = weighted_sums
warmup = for_every_kind(Warmup, "Warmup")
ContinuousWarmup, BinaryWarmup, ClassesWarmup, SequencesWarmup = warmup
