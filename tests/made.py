"""Cells that no command line composed, for records that are made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lossbench.plan import Cell, LossChoice, ModelChoice, Protocol, TaskChoice, Training

TARGETS = {
    "regression": "lossbench.tasks.regression.Regression",
    "binary": "lossbench.tasks.binary.Binary",
    "ner": "lossbench.tasks.ner.NER",
}


def a_cell(
    loss: str = "mse",
    task: str = "regression",
    data: str = "houses",
    *,
    metric: str = "rmse",
    baseline: str | None = "mse",
    repeats: int = 3,
    trials: int = 1,
    **protocol: Any,
) -> Cell:
    """What decides a record's numbers."""
    return Cell(
        LossChoice(loss),
        TaskChoice(task, TARGETS[task], {"name": data}, metric, baseline=baseline),
        ModelChoice("mlp", "lossbench.models.tabular.MLP"),
        Training(batch_size=32, max_epochs=3),
        Protocol(**{"name": "standard", "repeats": repeats, "trials": trials, **protocol}),
    )


def altered(cell: Cell, **parts: Mapping[str, Any] | Any) -> Cell:
    """The cell with other options: `altered(cell, task={"metric": "mae"}, seed=1)`."""
    whole = {key: value for key, value in parts.items() if not isinstance(value, Mapping)}
    inner = {key: replace(getattr(cell, key), **value) for key, value in parts.items() if isinstance(value, Mapping)}
    return replace(cell, **whole, **inner)
