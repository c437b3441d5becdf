"""Cells that no command line composed, for records that are made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from omegaconf import OmegaConf

from lossbench.compose.source import config_folder
from lossbench.plan import Cell, LossChoice, ModelChoice, Protocol, TaskChoice, Training

CONF = config_folder()
TARGETS = {
    "regression": "lossbench.tasks.regression.Regression",
    "binary": "lossbench.tasks.binary.Binary",
    "ner": "lossbench.tasks.ner.NER",
}


def a_training(max_epochs: int | None = None, **changes: Any) -> Training:
    """The usual training of a table, as `conf/training/tabular.yaml` says, with these changes."""
    usual: Any = OmegaConf.to_container(OmegaConf.load(CONF / "training" / "tabular.yaml"))
    return Training(**{**usual, **({} if max_epochs is None else {"max_epochs": max_epochs}), **changes})


def a_protocol(
    name: str = "fixed", repeats: int = 5, trials: int = 1, rate_decades: float = 4.0, halves: int = 0
) -> Protocol:
    return Protocol(name, repeats, trials, rate_decades, halves)


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
        a_training(batch_size=32, max_epochs=3),
        a_protocol(**{"name": "standard", "repeats": repeats, "trials": trials, **protocol}),
    )


def altered(cell: Cell, **parts: Mapping[str, Any] | Any) -> Cell:
    """The cell with other options: `altered(cell, task={"metric": "mae"}, seed=1)`."""
    whole = {key: value for key, value in parts.items() if not isinstance(value, Mapping)}
    inner = {key: replace(getattr(cell, key), **value) for key, value in parts.items() if isinstance(value, Mapping)}
    return replace(cell, **whole, **inner)
