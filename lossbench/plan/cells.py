"""What is to be run, as plain frozen data: one loss on one task, and everything that decides its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lossbench.plan.identity import fingerprint


@dataclass(frozen=True)
class LossChoice:
    """A loss by name with the parameters that were given for it; the rest keep the loss's own defaults.

    `target`, `kind`, `order` and `input` belong to `+loss=custom`: an importable loss or function.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    target: str | None = None
    kind: str | None = None
    order: str | None = None
    input: str | None = None
    tuned: bool = True
    """False for `loss.search={}`: the learning rate is tuned, the loss's parameters keep their defaults."""
    label: str = ""
    """What it is called in tables where its name would say something else, as that of a control."""
    draw: int = 0
    """Weights, batch orders and trial points of equal draws are paired; a placebo has a draw of its own."""
    pointwise: bool | None = None
    labels: Sequence[int | float] | None = None
    domain: str | None = None
    link: str | None = None
    outputs: int | None = None
    """These five belong to `+loss=custom` too; None leaves them to the loss itself."""

    @property
    def title(self) -> str:
        """The name a person reads: `huber(delta=0.5)`, or the last part of a custom loss's target."""
        if self.label:
            return self.label
        name = self.target.rpartition(".")[2] if self.target else self.name
        given = ", ".join(f"{key}={compact(value)}" for key, value in self.params.items())
        return f"{name}({given})" if given else name


@dataclass(frozen=True)
class TaskChoice:
    """A task by name, the importable class that serves it, its data and the metric that ranks losses on it."""

    name: str
    target: str
    data: Mapping[str, Any]
    metric: str
    direction: str | None = None
    baseline: str | None = None
    """The loss that others are held against."""
    equivalence: int | float | Mapping[str, int | float] | None = None
    """Differences up to this are the same in practice: of the task's metric, or by metric; None for its own margins."""
    metric_params: Mapping[str, Any] | None = None
    """Of a metric that takes some, as {"beta": 2} for `f_beta`, or of one of torchmetrics' classes."""

    @property
    def data_name(self) -> str:
        return str(self.data["name"])


@dataclass(frozen=True)
class ModelChoice:
    """A model by name and the importable `(inputs, outputs, **params)` that builds it."""

    name: str
    target: str
    params: Mapping[str, Any] = field(default_factory=dict)
    output: int | str | None = None
    """Which of several things it returns is its output: a place in a tuple, or a key of a dict."""


LATER: Mapping[str, tuple[str, ...]] = {
    "loss": ("pointwise", "labels", "domain", "link", "outputs"),
    "model": ("output",),
    "task": ("metric_params",),
}
"""Options that came after the first records, by the part of a cell that they belong to. Where they are not used they
are left out, so that a cell keeps the digest that it has always had."""


@dataclass(frozen=True)
class Training:
    """How one training goes, the same for every loss; `patience` None trains all epochs."""

    max_epochs: int
    batch_size: int | None
    """None: by the data (`protocol.by_the_data`); `max_epochs` and `patience` are then those of batches of 32."""
    patience: int | None
    learning_rate: float
    optimizer: str
    accelerator: str
    devices: int | str
    """How many trainings, or shares of a stack, go on at a time; `auto`: one for each core or graphics card."""
    precision: str
    engine: str
    """`replicas` trains all repeats and trials of a cell as one stack, `sequential` one after the other."""
    save_models: str = "none"
    """`best` keeps the weights of every repeat's chosen training beside its record."""
    clip_norm: float | None = None
    """The largest norm that the gradient of one training may have; None leaves it as it is."""

    @property
    def batch(self) -> int:
        """The batch size of a training that is about to begin. Raises ValueError where it was left to the data."""
        if self.batch_size is None:
            raise ValueError("The batch size is left to the data: `preparation.settled(cell)` says which it is.")
        return self.batch_size


@dataclass(frozen=True)
class Protocol:
    """What is spent on every loss alike: `repeats` studies of `trials` trainings each."""

    name: str
    repeats: int
    trials: int
    rate_decades: float
    """The width of the range of learning rates, in powers of ten, round `training.learning_rate`."""
    halves: int = 0
    """How often each half of a repeat's rows is trained on, to measure what other training rows would change."""


@dataclass(frozen=True)
class Penalty:
    """`strength` times the sum of |w|^power over the weights, or its mean over the outputs of a batch."""

    name: str
    of: str
    power: int
    strength: int | float


@dataclass(frozen=True)
class Cell:
    """One loss on one task: everything that decides its numbers, and nothing else."""

    loss: LossChoice
    task: TaskChoice
    model: ModelChoice
    training: Training
    protocol: Protocol
    seed: int = 0
    penalty: Penalty | None = None

    def to_dict(self) -> dict[str, Any]:
        found = asdict(self)
        for part, names in LATER.items():
            found[part] = {k: v for k, v in found[part].items() if k not in names or v is not None}
        if not self.protocol.halves:  # as it was written before there were any
            del found["protocol"]["halves"]
        return found

    @property
    def repeats(self) -> int:
        return self.protocol.repeats

    @property
    def trainings(self) -> int:
        return self.protocol.repeats * (self.protocol.trials + 2 * self.protocol.halves)

    @property
    def with_baseline(self) -> Cell:
        """The same with the loss that others are compared with, at its defaults. ValueError where the task has none."""
        if self.task.baseline is None:
            raise ValueError(f"The task {self.task.name} has no baseline.")
        return replace(self, loss=LossChoice(self.task.baseline))

    @property
    def digest(self) -> str:
        """Sixteen hex digits that name this cell by its content."""
        return fingerprint(self.to_dict())

    @property
    def contest(self) -> str:
        """What cells must share to be compared in one table: everything but the loss."""
        return fingerprint(replace(self, loss=LossChoice("")).to_dict())

    @property
    def folder(self) -> str:
        """The folder of its record: readable, and unique through six digits of the digest."""
        words = "-".join([self.task.name, self.task.data_name, self.loss.title])
        plain = re.sub(r"[^A-Za-z0-9_.=+-]+", "_", words).strip("_.")
        return f"{plain[:100]}-{self.digest[:6]}"


def variants(cells: Sequence[Cell]) -> list[str]:
    """For each cell, the options but its loss in which it differs from any other of them."""
    options = [dict(_flat({**cell.to_dict(), "loss": {}})) for cell in cells]
    keys = dict.fromkeys(key for each in options for key in each)
    differing = [key for key in keys if len({compact(each.get(key)) for each in options}) > 1]
    if "task.metric" in differing:  # a loss that is judged by a score of its own has no baseline there
        differing = [key for key in differing if key != "task.baseline"]
    return [", ".join(f"{key}={compact(each[key])}" for key in differing if key in each) for each in options]


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", item


def compact(value: object) -> str:
    """A value as short as it can be written: 1.0 is `1`, mappings and lists as JSON without spaces."""
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{compact(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(compact(item) for item in value) + "]"
    return str(value)
