"""The parts of a record: how it ended, its loss, its metric, its trainings, its cost, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from lossbench.plan import Direction, LossCost, StepCost


class Status(Enum):
    """How a cell or a repeat ended."""

    DONE = "done"
    SKIPPED = "skipped"  # the loss does not fit the task
    DIVERGED = "diverged"  # the loss became NaN or infinite
    FAILED = "failed"  # something broke, most often in a plugin
    INTERRUPTED = "interrupted"


@dataclass
class TrialResult:
    """One training, as stored in its repeat."""

    learning_rate: float
    params: dict[str, Any] = field(default_factory=dict)
    status: Status = Status.DONE
    reason: str = ""
    value: float | None = None
    """The best on validation data, of the task's own metric; None where it diverged."""
    best_epoch: int | None = None
    epochs: int = 0
    seconds: float = 0.0
    step_seconds: float | None = None
    """Wall clock of one optimizer step, the median."""


@dataclass
class Repeat:
    """One repeat: what was drawn, what was chosen on validation data, and its test metrics."""

    repeat: int
    seed: int
    status: Status
    reason: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    """On the test part, the primary first, in original units."""
    validation: dict[str, float] = field(default_factory=dict)
    decision: dict[str, float] = field(default_factory=dict)
    """Thresholds, frozen before the test part was opened."""
    choice: str = ""
    """Sixteen hex digits over all that was chosen (trial, rate, parameters, epoch, thresholds): the test's key."""
    trials: list[TrialResult] = field(default_factory=list)
    trial: int | None = None
    """The chosen trial; the fields below are that trial's."""
    ties: int = 0
    """How many other trials did equally well on validation data."""
    edge: bool = False
    """True where the chosen rate is the lowest or highest of the repeat; never of fewer than five trials."""
    best_epoch: int | None = None
    epochs: int = 0
    learning_rate: float | None = None
    params: dict[str, Any] = field(default_factory=dict)
    elicits: str = ""
    """What the loss elicits (its minimiser) at these parameters; empty if unknown."""
    seconds: float = 0.0
    """Training alone, wall clock, of the chosen trial."""
    hashes: dict[str, str] = field(default_factory=dict)
    """Of splits, initial weights and batch order: equal for every loss of the same repeat."""
    halves: dict[str, list[list[float]]] = field(default_factory=dict)
    """Test metrics of trainings on each half of the repeat's rows, by name: two lists of `protocol.halves` values."""
    report: dict[str, dict[str, float]] | None = None
    """Of tags: precision, recall, f1-score and support per tag and on average."""


@dataclass
class LossFacts:
    """The loss of a record: its names, its parameters with their defaults, and what it elicits."""

    name: str
    title: str
    params: dict[str, Any] = field(default_factory=dict)
    kind: str | None = None
    elicits: str = ""
    """What its minimiser is; several, joined by ` or `, where repeats chose parameters that change it."""
    pointwise: bool = True
    """False for a loss that judges a batch as a whole."""
    reference: str = ""
    distribution: str = ""
    """The package that it came from, with its release."""


@dataclass(frozen=True)
class MetricFacts:
    """The metric that a record is judged by."""

    name: str
    direction: Direction | None = None
    """None if the task could not be loaded."""
    chosen_by: str = ""
    """The metric that chose the trainings, if it is another one."""

    @property
    def choosing(self) -> str:
        """The metric by which rates, parameters and epochs were chosen."""
        return self.chosen_by or self.name


@dataclass(frozen=True)
class RarestInBatch:
    """The mean count of the rarest class per batch."""

    name: str
    per_batch: float


@dataclass
class TrainingFacts:
    """What all trainings of a cell have in common."""

    classes: int = 1
    steps_per_epoch: int | None = None
    engine: str = ""
    """`replicas` or `sequential`; empty where nothing was trained."""
    rarest: RarestInBatch | None = None


@dataclass
class Cost:
    """The measured time and memory; None for what was not measured."""

    step: StepCost | None = None
    step_bytes: float | None = None
    """What one step keeps for its backward pass."""
    loss: LossCost | None = None


@dataclass
class Provenance:
    """Where a record came from: command, code, versions, machine, time."""

    command: str = ""
    git: str | None = None
    """The commit of the command's folder, with `+` if files differ from it."""
    versions: dict[str, str] = field(default_factory=dict)
    device: str = ""
    threads: int = 1
    ended: str = ""
    """Date and time in UTC, as ISO 8601 writes them."""
    reused_from: str = ""
    """The sweep that it was trained in, if an earlier one."""
