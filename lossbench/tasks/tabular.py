"""What regression and binary tasks share: rows of a table, encoded on their own training rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lossbench.data.encode import Encoder
from lossbench.data.listing import column_lines
from lossbench.data.splits import draw_splits
from lossbench.data.table import Table, load_table
from lossbench.loss import Kind
from lossbench.task import DataCard, Part, Scored, Sealed, Splits

KEPT = 2**28
"""Bytes of encoded features that a task keeps for the next loss."""
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

    binary: bool

    def __init__(self, data: Mapping[str, Any], seed: int) -> None:
        self.data, self.seed = data, seed
        self.table = load_table(data, binary=self.binary)
        self._features: dict[int, Features] = {}

    def splits(self, repeat: int) -> Splits:
        return draw_splits(
            self.table.split,
            self.table.target,
            repeat=repeat,
            seed=self.seed,
            split_seed=self.data.get("split_seed", 0),
            stratify=self.binary,
        )

    def features(self, repeat: int) -> Features:
        """The rows of a repeat, encoded on its training rows; kept for other losses while there is room."""
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
            warnings=table.warnings,
        )

    def column_lines(self) -> tuple[str, ...]:
        """One line per column for people to read: name, how it is read, gaps, an example."""
        return column_lines(self.table)

    def legend(self) -> dict[str, NDArray[Any]]:
        return {}

    @abstractmethod
    def summary(self) -> dict[str, Any]:
        """Facts of the target, for people to read."""
