"""What a task owes: data, splits, real positions, metrics. `tasks/` holds the three that ship; others may be imported.

A `Task` is one data set with one kind of target. `task.fold(repeat, domain)` draws one repeat's train and validation
rows and prepares them on the training rows alone; the test part is the same in every fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.data.splits import Splits
from lossbench.loss import Domain, Kind, Prediction, Sequences
from lossbench.metrics.metric import Metric
from lossbench.plan import DataCard, Direction, Part, Rarest, Target

T = TypeVar("T")


REFERENCE = "reference"
"""What the test part is opened for where no loss has a part: predictors that choose nothing."""


@dataclass(frozen=True)
class Scored:
    """A model's raw outputs at the real positions of a batch, with what they should have been.

    output: [n], [n, outputs] or Sequences, as the loss's kind asks. target: [n] or Sequences.
    weight: [n] sample weights, or None.
    """

    output: Any
    target: Tensor | Sequences
    weight: Tensor | None = None


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one part, by name, and for NER the report per tag in the well-known layout."""

    metrics: dict[str, float]
    report: dict[str, dict[str, float]] | None = None
    influence: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Of the test part, by metric: what groups of examples contribute to it (`jackknife.by_groups`), for intervals.

    For metrics of somebody's own alone: what the built-in ones need is in the stored predictions."""


Decision = Mapping[str, float]
"""What was chosen on validation data and is frozen before the test part is opened: thresholds, by name."""


class Sealed(Generic[T]):
    """What belongs to each part, the test part's out of reach until everything has been chosen."""

    def __init__(self, values: Mapping[Part, T]) -> None:
        self._values = dict(values)
        self._opened = ""

    def open(self, choice: str) -> None:
        """Gives the test part free for what was chosen, named by its hash."""
        if not choice:
            raise ValueError("The test part opens for a choice that has been made: say its hash.")
        self._opened = choice

    def __getitem__(self, part: Part) -> T:
        if part is Part.TEST and not self._opened:
            raise RuntimeError("The test part is sealed: rate, parameters, epoch and threshold are chosen first.")
        return self._values[part]


class Fold(Protocol):
    """One repeat's rows, prepared on its training rows alone. Test targets are sealed until `open_test`."""

    splits: Splits
    inputs: Any
    """What a model is built from: the number of columns, or the sizes of a vocabulary."""
    classes: int
    """The number of classes; 1 for continuous and binary targets."""

    def training_target(self, kind: Kind) -> Tensor | Sequences:
        """What `Loss.observe` sees, shaped for its kind, in the unit in which the loss judges."""
        ...

    def open_test(self, choice: str) -> None:
        """Gives the test part free, once and for all; `choice` is the hash of what was chosen on validation data."""
        ...

    def batch(self, part: Part, rows: Tensor) -> Any:
        """The data at positions `rows` (0 .. size-1 of the part), whatever the model needs."""
        ...

    def score(self, model: nn.Module, batch: Any, kind: Kind) -> Scored:
        """Runs the model and selects the real positions, shaped for a loss of this kind."""
        ...

    def evaluate(self, part: Part, prediction: Prediction, decision: Decision) -> Evaluation:
        """All metrics of the task over a whole part, in original units."""
        ...

    def decide(self, prediction: Prediction) -> Decision:
        """The thresholds that predictions on validation data call for; empty where there are none to choose."""
        ...

    def value(self, prediction: Prediction) -> float:
        """The task's own metric on validation data: what epochs and trials are chosen by."""
        ...

    def arrays(self, part: Part, prediction: Prediction) -> dict[str, NDArray[Any]]:
        """Rows, targets and predictions of a part in original units, to be kept beside the record."""
        ...


@runtime_checkable
class StackableFold(Fold, Protocol):
    """A fold in which every row is one real position: many trainings on such folds can go in one stack."""

    def tensors(self, part: Part) -> tuple[Tensor, Tensor]:
        """The rows of a part: what the model takes [n, ...], and the targets [n] as the loss sees them."""
        ...

    def measure(self, folds: Sequence[StackableFold]) -> Callable[[Prediction], Tensor]:
        """`value` for R trainings at once, each on its own fold of this task, validation parts of equal size n.

        The function takes one prediction with scores, labels and probabilities of all trainings [R, n], and gives the
        task's own metric of each [R].
        """
        ...


class Task(Protocol):
    """A data set with one kind of target and the metrics that judge it."""

    name: str
    predicts: Target
    """What is predicted. Where a task does not say, its first kind of loss does."""
    kinds: tuple[Kind, ...]
    """The kinds of loss that it can use, most natural first; a loss serves by the first of them that it offers."""
    metric: Metric
    card: DataCard

    def __init__(self, *, data: Mapping[str, Any], metric: str, direction: str | None, seed: int) -> None: ...

    def splits(self, repeat: int) -> Splits:
        """The rows of one repeat. Raises DataError where they cannot be drawn."""
        ...

    def fold(self, repeat: int, domain: Domain = Domain.REAL) -> Fold:
        """The rows of one repeat; `domain` sets the unit in which continuous targets reach the loss."""
        ...

    def directions(self) -> Mapping[str, Direction]:
        """Every metric that `evaluate` gives, the primary first, and the way it improves."""
        ...

    def margins(self) -> Mapping[str, float]:
        """Differences that are the same in practice, by metric, in its unit; nothing of the test part goes in."""
        ...

    def rarest(self) -> Rarest | None:
        """The rarest class of the rows that are trained on; None for a continuous target.

        The batch size follows from it. A task without this method is treated like one without classes.
        """
        ...

    def legend(self) -> Mapping[str, NDArray[Any]]:
        """What numbers in stored predictions stand for, kept beside them: names of tags, the words of the test part."""
        ...

    def references(self, repeat: int) -> Mapping[str, Evaluation]:
        """Test metrics of predictors that use no loss of the contest: trivial, and gradient boosting for tables."""
        ...
