"""What a task must provide: data, splits, real positions, metrics. `tasks/` has the built-in three.

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
"""The key that opens the test part for reference predictors, which choose nothing."""


@dataclass(frozen=True)
class Scored:
    """A model's raw outputs at the n real positions of a batch, with their targets.

    output: [n], [n, outputs] or Sequences, as the loss's kind needs. target: [n] or Sequences.
    weight: [n] sample weights, or None.
    """

    output: Any
    target: Tensor | Sequences
    weight: Tensor | None = None


@dataclass(frozen=True)
class Evaluation:
    """The metrics of one part, by name, and for NER the report per tag in scikit-learn's layout."""

    metrics: dict[str, float]
    report: dict[str, dict[str, float]] | None = None
    influence: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """What groups of test examples contribute to each metric (`jackknife.by_groups`), for intervals.

    Only for custom metrics: the built-in ones are computed from the stored predictions."""


Decision = Mapping[str, float]
"""What was chosen on validation data and is frozen before the test part is opened: thresholds, by name."""


class Sealed(Generic[T]):
    """One value per part; the test part's cannot be read until everything has been chosen."""

    def __init__(self, values: Mapping[Part, T]) -> None:
        self._values = dict(values)
        self._opened = ""

    def open(self, choice: str) -> None:
        """Opens the test part for a choice, given by its hash. Raises ValueError without one."""
        if not choice:
            raise ValueError("The test part opens only for a choice that has been made: pass its hash.")
        self._opened = choice

    def __getitem__(self, part: Part) -> T:
        if part is Part.TEST and not self._opened:
            raise RuntimeError("The test part is sealed until rate, parameters, epoch and threshold are chosen.")
        return self._values[part]


class Fold(Protocol):
    """One repeat's rows, prepared on its training rows only. Test targets are sealed until `open_test`."""

    splits: Splits
    inputs: Any
    """What a model is built from: the number of columns, or the sizes of a vocabulary."""
    classes: int
    """The number of classes; 1 for continuous and binary targets."""

    def training_target(self, kind: Kind) -> Tensor | Sequences:
        """The training targets for `Loss.observe`.

        Args:
            kind: The kind of loss, which decides the shape.

        Returns:
            [n] or Sequences, in the unit in which the loss sees targets.
        """
        ...

    def open_test(self, choice: str) -> None:
        """Opens the test part for good; `choice` is the hash of what was chosen on validation data."""
        ...

    def batch(self, part: Part, rows: Tensor) -> Any:
        """Selects rows of a part.

        Args:
            part: The part to select from.
            rows: [m] positions in the part, from 0 to its size - 1, int64.

        Returns:
            Whatever `score` needs to run the model on these rows.
        """
        ...

    def score(self, model: nn.Module, batch: Any, kind: Kind) -> Scored:
        """Runs the model on a batch and selects the real positions.

        Args:
            model: The model to run.
            batch: From `batch`.
            kind: The kind of loss, which decides the shapes.

        Returns:
            Raw outputs and targets of the batch's real positions.
        """
        ...

    def evaluate(self, part: Part, prediction: Prediction, decision: Decision) -> Evaluation:
        """Computes all metrics of the task on a part.

        Args:
            part: The part to judge. The test part must have been opened.
            prediction: For all real positions of the part, in order.
            decision: Thresholds by name, from `decide`.

        Returns:
            The metrics, in original units.

        Raises:
            RuntimeError: If the test part is still sealed.
        """
        ...

    def decide(self, prediction: Prediction) -> Decision:
        """Chooses thresholds on validation data.

        Args:
            prediction: For all real positions of the validation part.

        Returns:
            Thresholds by name; empty if there are none to choose.
        """
        ...

    def value(self, prediction: Prediction) -> float:
        """The task's own metric on validation data, by which epochs and trials are chosen.

        Args:
            prediction: For all real positions of the validation part.

        Returns:
            The metric, in its unit.
        """
        ...

    def arrays(self, part: Part, prediction: Prediction) -> dict[str, NDArray[Any]]:
        """The arrays of a part to store with the record.

        Args:
            part: The part that was predicted.
            prediction: For all real positions of the part.

        Returns:
            Row numbers, targets and predictions by name, in original units.
        """
        ...


@runtime_checkable
class StackableFold(Fold, Protocol):
    """A fold in which every row is one real position: many trainings on such folds can go in one stack."""

    def tensors(self, part: Part) -> tuple[Tensor, Tensor]:
        """The rows of a part: the model's inputs [n, ...], and the targets [n] in the unit that the loss sees."""
        ...

    def measure(self, folds: Sequence[StackableFold]) -> Callable[[Prediction], Tensor]:
        """`value` for R trainings at once.

        Args:
            folds: The R folds of the trainings, with validation parts of equal size n.

        Returns:
            A function of one prediction, with scores, labels and probabilities [R, n] of all trainings, that gives the
            task's own metric of each [R].
        """
        ...


class Task(Protocol):
    """A data set with one kind of target and the metrics that judge it."""

    name: str
    predicts: Target
    """What is predicted. If a task does not define it, it follows from the first kind of loss."""
    kinds: tuple[Kind, ...]
    """The kinds of loss that it can use, most natural first; a loss is used as the first of them that it offers."""
    metric: Metric
    card: DataCard

    def __init__(self, *, data: Mapping[str, Any], metric: str, direction: str | None, seed: int) -> None: ...

    def splits(self, repeat: int) -> Splits:
        """Draws the rows of one repeat.

        Args:
            repeat: The number of the repeat, from 0.

        Returns:
            Row numbers of the training, validation and test parts. The test part is the same in all repeats.

        Raises:
            DataError: If the rows cannot be split.
        """
        ...

    def fold(self, repeat: int, domain: Domain = Domain.REAL) -> Fold:
        """Prepares the rows of one repeat.

        Args:
            repeat: The number of the repeat, from 0.
            domain: The domain of the loss, which sets the unit of continuous targets.

        Returns:
            The fold, with its test targets sealed.
        """
        ...

    def directions(self) -> Mapping[str, Direction]:
        """Which way each metric of `evaluate` improves, by name, the primary metric first."""
        ...

    def margins(self) -> Mapping[str, float]:
        """Margins of equivalence by metric, in its unit; computed without the test part."""
        ...

    def rarest(self) -> Rarest | None:
        """The rarest class among training rows; None for a continuous target.

        It sets the batch size. A task without this method is treated like one without classes.
        """
        ...

    def legend(self) -> Mapping[str, NDArray[Any]]:
        """The meaning of numbers in stored predictions, stored with them: names of tags, words of the test part."""
        ...

    def references(self, repeat: int) -> Mapping[str, Evaluation]:
        """Evaluates predictors that use none of the losses: a trivial one, and gradient boosting for tables.

        Args:
            repeat: The number of the repeat, from 0.

        Returns:
            Test metrics by the name of the predictor.
        """
        ...
