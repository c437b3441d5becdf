"""Code shared by regression and binary tasks: table rows, encoded on their own training rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.data.encode import Encoder
from lossbench.data.likeness import Unlike, unlike
from lossbench.data.listing import column_lines
from lossbench.data.splits import Splits, draw_splits, halved
from lossbench.data.table import Table, load_table
from lossbench.data.target import TargetReader
from lossbench.errors import DataError
from lossbench.loss import Kind
from lossbench.metrics.metric import Metric
from lossbench.plan import Part, Rarest, Target
from lossbench.tasks.contract import DataCard, Scored, Sealed

KEPT = 2**28
"""Bytes of encoded features that a task keeps for the next loss."""
GROUPS = "groups"
"""The legend's name for the groups of the test rows."""
POOL = "training and validation"
Features = Mapping[Part, Tensor]
"""What a model takes, [n, columns] of each part; nothing of any target."""


class TableFold:
    """One repeat's rows: features encoded, targets as the loss sees them."""

    classes = 1

    def __init__(self, table: Table, splits: Splits, features: Features, scaled_target: NDArray[np.float64]) -> None:
        self.splits, self.features = splits, features
        self.inputs = features[Part.TRAIN].shape[1]
        self.scaled = Sealed({p: torch.from_numpy(scaled_target[splits.rows(p)]) for p in Part})
        """Targets as the loss sees them, float64."""
        self.target = Sealed({p: torch.from_numpy(table.target[splits.rows(p)]) for p in Part})

    def open_test(self, choice: str) -> None:
        self.scaled.open(choice)
        self.target.open(choice)

    def training_target(self, kind: Kind) -> Tensor:
        return self.scaled[Part.TRAIN].float()

    def tensors(self, part: Part) -> tuple[Tensor, Tensor]:
        return self.features[part], self.scaled[part].float()

    def batch(self, part: Part, rows: Tensor) -> tuple[Tensor, Tensor]:
        features, target = self.tensors(part)
        return features[rows], target[rows]

    def score(self, model: nn.Module, batch: tuple[Tensor, Tensor], kind: Kind) -> Scored:
        features, target = batch
        dtype = next((p.dtype for p in model.parameters()), features.dtype)
        output = model(features.to(dtype))
        if output.ndim == 2 and output.shape[1] == 1:
            output = output.squeeze(1)
        return Scored(output, target.to(torch.promote_types(output.dtype, torch.float32)))


class TableTask(ABC):
    """Loads a table once and draws its folds."""

    predicts: Target
    read_target: TargetReader | None = None
    """How a column becomes what is predicted, of a kind of target that no other task has."""
    metric: Metric

    def __init__(self, data: Mapping[str, Any], seed: int) -> None:
        self.data, self.seed = data, seed
        self.table = self.load(data)
        self._features: dict[int, Features] = {}

    def load(self, data: Mapping[str, Any]) -> Table:
        """The rows and what is predicted of them; a task with rows of its own makes them here."""
        return load_table(data, self.predicts, self.read_target)

    def splits(self, repeat: int) -> Splits:
        return draw_splits(
            self.table.split,
            self.table.target,
            repeat=repeat,
            seed=self.seed,
            split_seed=self.data.get("split_seed", 0),
            stratify=self.predicts.classes,
        )

    def halved(self, repeat: int, half: int, again: int) -> Self | None:
        """The same task on one half (0 or 1) of a repeat's rows, split again; None where repeats share their rows."""
        whole = self.splits(repeat)
        try:
            splits = halved(
                self.table.split,
                self.table.target,
                whole,
                stratify=self.predicts.classes,
                seed=self.seed,
                repeat=repeat,
                half=half,
                again=again,
            )
        except DataError:  # too few rows, or groups, for two halves
            return None
        if splits is None:
            return None
        other = copy(self)
        other._features, other.splits = {}, lambda _: splits  # type: ignore[method-assign,assignment]
        return other

    def features(self, repeat: int) -> Features:
        """The rows of a repeat, encoded on its training rows; cached for other losses while there is room."""
        if repeat in self._features:
            return self._features[repeat]
        splits, table = self.splits(repeat), self.table.features
        encoder = Encoder.fit(table.iloc[splits.train])
        found = {part: torch.from_numpy(encoder.transform(table.iloc[splits.rows(part)])) for part in Part}
        if (1 + len(self._features)) * sum(features.nbytes for features in found.values()) <= KEPT:
            self._features[repeat] = found
        return found

    @cached_property
    def card(self) -> DataCard:
        table = self.table
        return DataCard(
            name=table.name,
            source=table.source,
            rows=len(table.target),
            columns=table.features.shape[1],
            target=table.target_name,
            summary=self.summary(),
            digest=table.digest,
            warnings=(*table.warnings, *self.unlike_parts),
            limits=self.unlike_parts,
        )

    @cached_property
    def unlike_parts(self) -> tuple[str, ...]:
        """Warnings about parts whose residuals or classes differ wildly, with what to do."""
        splits, rule = self.splits(0), self.table.split
        parts = {"training": splits.train, "validation": splits.validation, "test": splits.test}
        if rule.kind != "time" and not self._validates_apart:  # drawn from the same rows, so compared as one part
            parts = {POOL: np.sort(np.concatenate([splits.train, splits.validation])), "test": splits.test}
        groups = rule.values if rule.kind == "group" else None
        table, classes = self.table, self.predicts.classes
        found = unlike(table.features, table.target, parts, learn=splits.train, classes=classes, groups=groups)
        chosen_on = [doubt for doubt in found if {doubt.more, doubt.fewer} == {"validation", "test"}]
        return tuple(self._said(doubt) for doubt in chosen_on or found)

    @cached_property
    def _validates_apart(self) -> bool:
        """Whether the file says which rows validate, the same in every repeat."""
        if self.table.split.kind != "column":
            return False
        return np.array_equal(self.splits(0).validation, self.splits(1).validation)

    def _said(self, doubt: Unlike) -> str:
        more, fewer = (f"{round(100 * share)} %" for share in doubt.shares)
        if doubt.bound is None:
            names = self.table.classes
            said = "positive" if len(names) == 2 or doubt.of_class is None else f"of class '{names[doubt.of_class]}'"
            what = f"{more} of the {doubt.more} rows are {said}, but {fewer} of the {doubt.fewer} rows"
        else:
            model = "simple" if self.predicts.classes else "robust"
            what = (
                f"A {model} fit is off by more than {doubt.bound:.3g} in {more} of the {doubt.more} rows, "
                f"but in {fewer} of the {doubt.fewer} rows"
            )
        if "training" in (doubt.more, doubt.fewer):
            others = "chosen on" if "validation" in (doubt.more, doubt.fewer) else "judged on"
            return f"{what}. Models are trained on rows unlike those that they are {others}."
        robust = " or choose by a metric that outliers hardly move (task.metric=mae)"
        advice = "make them alike" + ("" if self.predicts.classes or self.metric.name == "mae" else f",{robust}")
        return f"{what}. Rates, parameters and epochs are chosen on rows unlike the test rows: {advice}."

    def rarest(self) -> Rarest | None:
        """The rarest class among the rows that training rows are drawn from; None where numbers are predicted."""
        if not self.table.classes:
            return None
        splits = self.splits(0)
        drawn = splits.train if self._validates_apart else np.concatenate([splits.train, splits.validation])
        target = self.table.target[drawn]
        counts = np.bincount(target.astype(int), minlength=len(self.table.classes))
        rarest = len(counts) - 1 - int(np.argmin(counts[::-1]))  # of two as rare the last, which has its own name
        return Rarest(self.table.classes[rarest], int(counts[rarest]), len(target), len(target))

    def column_lines(self) -> tuple[str, ...]:
        """One line per column for people to read: name, how it is read, gaps, an example."""
        return column_lines(self.table)

    def legend(self) -> dict[str, NDArray[Any]]:
        """Where groups stay together, the number of each test row's group: its rows are no independent examples."""
        rule = self.table.split
        if rule.kind != "group":
            return {}
        _, numbers = np.unique(np.asarray(rule.values)[self.splits(0).test].astype(str), return_inverse=True)
        return {GROUPS: numbers.astype(np.int64)}

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """Facts of the target, for people to read."""
