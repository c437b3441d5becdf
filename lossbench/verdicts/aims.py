"""What a loss asks of a model beside what a metric rewards."""

from __future__ import annotations

from lossbench.records.record import Record

PROPER = frozenset(["log_loss", "brier", "ece"])
"""Metrics that reward probabilities which are right, not only their order."""
NOT_CALIBRATED = "not calibrated by design"
"""Said of the log loss, Brier score and ECE of a loss whose best answer is no probability."""


def aims(elicits: str) -> list[str]:
    """One by one what a record's loss elicits: several where its repeats chose parameters that change it."""
    return [aim for aim in elicits.split(" or ") if aim]


def distorts(record: Record) -> bool:
    """Whether the best answer of a record's loss is something else than the probability that it is read as."""
    found = aims(str(record.loss.get("elicits") or ""))
    return any(aim in ("distorted probability", "sign") for aim in found)


def other_aim(elicits: str, metric: str) -> str:
    """What a loss elicits, where the metric rewards something else; empty where they agree or nothing is known."""
    found = aims(elicits)
    off_centre = [aim for aim in found if aim.startswith(("quantile", "expectile"))]
    if metric in ("rmse", "mae", "r2") and off_centre:
        return f"elicits {_a(off_centre)}, {metric} rewards the centre"
    distorted = [aim for aim in found if aim in ("distorted probability", "sign")]
    if metric in PROPER and distorted:
        return f"{NOT_CALIBRATED}: elicits {_a(distorted)}, {metric} rewards probabilities"
    return ""


def _a(aims: list[str]) -> str:
    """`a quantile 0.9`, `an expectile 0.2`."""
    article = "an" if aims[0].startswith("e") else "a"
    return f"{article} {' or '.join(aims)}"
