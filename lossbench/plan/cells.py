"""What is to be run, as plain frozen data: one loss on one task, and everything that decides its numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lossbench.plan.identity import fingerprint


@dataclass(frozen=True)
class LossChoice:
    """A loss by name with the parameters given for it; all others keep the loss's own defaults.

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
    """Its name in tables, if different from its own name, as for a control."""
    draw: int = 0
    """Weights, batch orders and trial points of equal draws are paired; a placebo has a draw of its own."""
    pointwise: bool | None = None
    labels: Sequence[int | float] | None = None
    domain: str | None = None
    link: str | None = None
    outputs: int | None = None
    """These five also belong to `+loss=custom`; with None the loss itself decides."""

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
    """The loss that others are compared with."""
    equivalence: int | float | Mapping[str, int | float] | None = None
    """Margin of equivalence, for the task's metric or by metric; None for the task's own margins."""
    metric_params: Mapping[str, Any] | None = None
    """Parameters of the metric, such as {"beta": 2} for `f_beta`, or of a torchmetrics class."""

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
    """Which of several outputs to use: an index into a tuple, or a key of a dict."""


LATER: Mapping[str, tuple[str, ...]] = {
    "loss": ("pointwise", "labels", "domain", "link", "outputs"),
    "model": ("output",),
    "task": ("metric_params",),
}
"""Options added after the first records, by the part of a cell that they belong to. They are left out while unused,
so that a cell keeps its old digest."""


@dataclass(frozen=True)
class Training:
    """The settings of one training, the same for every loss; `patience` None trains all epochs."""

    max_epochs: int
    batch_size: int | None
    """None: by the data (`protocol.by_the_data`); `max_epochs` and `patience` are then those of batches of 32."""
    patience: int | None
    learning_rate: float
    optimizer: str
    accelerator: str
    devices: int | str
    """How many trainings, or shares of a stack, run at a time; `auto`: one per core or graphics card."""
    precision: str
    engine: str
    """`replicas` trains all repeats and trials of a cell as one stack, `sequential` one after the other."""
    save_models: str = "none"
    """`best` keeps the weights of every repeat's chosen training beside its record."""
    clip_norm: float | None = None
    """The largest norm that the gradient of one training may have; None leaves it as it is."""

    @property
    def batch(self) -> int:
        """The batch size, once it is set. Raises ValueError if it is still left to the data."""
        if self.batch_size is None:
            raise ValueError("The batch size is left to the data: `runs.inputs.settled(cell)` sets it.")
        return self.batch_size


@dataclass(frozen=True)
class Protocol:
    """The budget of every loss: `repeats` studies of `trials` trainings each."""

    name: str
    repeats: int
    trials: int
    rate_decades: float
    """The width of the range of learning rates, in powers of ten, round `training.learning_rate`."""
    halves: int = 0
    """Trainings per half of a repeat's rows, to measure the effect of other training rows."""


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
        if not self.protocol.halves:  # as written before there were any
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
        """The identity of the cell's contest: everything but the loss."""
        return fingerprint(replace(self, loss=LossChoice("")).to_dict())

    @property
    def folder(self) -> str:
        """The folder of its record: readable, and unique through six digits of the digest."""
        words = "-".join([self.task.name, self.task.data_name, self.loss.title])
        plain = re.sub(r"[^A-Za-z0-9_.=+-]+", "_", words).strip("_.")
        return f"{plain[:100]}-{self.digest[:6]}"


def variants(cells: Sequence[Cell]) -> list[str]:
    """For each cell, the options other than its loss in which it differs from any of the others."""
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
