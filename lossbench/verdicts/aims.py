"""What a loss elicits, compared with what a metric rewards."""

from __future__ import annotations

from lossbench.metrics.catalogue import built_in
from lossbench.metrics.metric import Need, Target
from lossbench.records.record import Record

NOT_CALIBRATED = "not calibrated by design"
"""The note on log loss, Brier score and ECE of a loss whose minimiser is not the probability."""


def aims(elicits: str) -> list[str]:
    """What a record's loss elicits; several entries where its repeats chose parameters that change it."""
    return [aim for aim in elicits.split(" or ") if aim]


def distorts(record: Record) -> bool:
    """Whether the best answer of a record's loss differs from the probability that it is read as."""
    found = aims(record.loss.elicits)
    return any(aim in ("distorted probability", "sign") for aim in found)


def rewards_probabilities(metric: str) -> bool:
    """Whether a metric rewards probabilities that are right, not only their order."""
    known = built_in(metric)
    return known is not None and known.proper


def other_aim(elicits: str, metric: str) -> str:
    """What a loss elicits, where the metric rewards something else; empty where they agree or either is unknown."""
    found = aims(elicits)
    known = built_in(metric)
    off_centre = [aim for aim in found if aim.startswith(("quantile", "expectile"))]
    others = [aim for aim in off_centre if known is not None and known.rewards != aim]
    if known is not None and known.target is Target.NUMBERS and known.need is Need.SCORE and others:
        return f"elicits {_a(others)}, {metric} rewards {f'the {known.rewards}' if known.rewards else 'the centre'}"
    distorted = [aim for aim in found if aim in ("distorted probability", "sign")]
    if rewards_probabilities(metric) and distorted:
        return f"{NOT_CALIBRATED}: elicits {_a(distorted)}, {metric} rewards probabilities"
    return ""


def _a(aims: list[str]) -> str:
    """`a quantile 0.9`, `an expectile 0.2`."""
    article = "an" if aims[0].startswith("e") else "a"
    return f"{article} {' or '.join(aims)}"
