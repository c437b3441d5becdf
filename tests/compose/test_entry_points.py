"""Tasks, models and launchers of other packages are chosen by name, as losses, data and metrics are.

Losses from outside are in tests/loss/test_plugins.py, data in tests/data/test_sources.py, metrics in
tests/metrics/test_metrics.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import lossbench
from lossbench.errors import InputError, PluginError, UnknownName
from lossbench.plan import Target
from tests.conftest import Result, Site

Command = Callable[..., Result]

QUICK = ("protocol=smoke", "training.max_epochs=2", "tracking.enabled=false")

TASK = """
import numpy as np
import pandas as pd
from lossbench.data.splits import SplitRule
from lossbench.data.table import Table
from lossbench.tasks.regression import Regression


class Tides(Regression):
    name = "tides"
    options = {"metric": "mae", "baseline": "mae", "data": {"hours": 120, "split_seed": 0}}

    def load(self, data):
        hours = np.arange(data["hours"])
        rows = pd.DataFrame({"sine": np.sin(hours / 2), "cosine": np.cos(hours / 2)})
        height = 3 * rows["sine"].to_numpy() + np.random.default_rng(0).normal(0, 0.1, len(rows))
        return Table("tides", "made here", rows, height, "height", (), SplitRule())
"""


@pytest.fixture
def tides(site: Site) -> None:
    site.install(
        "lossbench-tides", {"tides": "tides_of_a_test:Tides"}, TASK, module="tides_of_a_test", group="lossbench.tasks"
    )


def test_a_task_of_another_package_is_chosen_by_its_name(tides: None) -> None:
    (cell,) = lossbench.cells("+loss=huber", "task=tides", "task.data.hours=200", *QUICK)
    assert (cell.task.target, cell.task.metric, cell.task.baseline) == ("tides_of_a_test.Tides", "mae", "mae")
    assert cell.task.data == {"name": "tides", "hours": 200, "split_seed": 0}
    record = lossbench.run(cell)
    assert record.status.value == "done", record.reason
    assert (record.task, record.predicts, record.data.rows) == ("tides", Target.NUMBERS, 200)


def test_its_options_are_its_own_and_others_are_refused(tides: None) -> None:
    with pytest.raises(InputError, match=r"task\.data\.minutes"):
        lossbench.cells("+loss=huber", "task=tides", "task.data.minutes=3")
    with pytest.raises(UnknownName, match="Did you mean tides"):
        lossbench.cells("+loss=huber", "task=tide")


MODEL = """
import torch
from torch import nn


class Bottleneck(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, *, width: int = 3, activation: str = "tanh") -> None:
        chosen = {"tanh": nn.Tanh(), "relu": nn.ReLU()}[activation]
        super().__init__(nn.Linear(inputs, width), chosen, nn.Linear(width, outputs))
"""


@pytest.fixture
def bottleneck(site: Site) -> None:
    paths = {"bottleneck": "nets_of_a_test:Bottleneck"}
    site.install("lossbench-nets", paths, MODEL, module="nets_of_a_test", group="lossbench.models")


def test_a_model_of_another_package_is_chosen_by_its_name(bottleneck: None) -> None:
    (cell,) = lossbench.cells("+loss=mse", "task=regression", "model=bottleneck", "model.params.width=5", *QUICK)
    assert (cell.model.name, cell.model.target) == ("bottleneck", "nets_of_a_test.Bottleneck")
    assert cell.model.params == {"width": 5, "activation": "tanh"}
    record = lossbench.run(cell)
    assert (record.status.value, record.model) == ("done", "bottleneck"), record.reason


def test_its_parameters_have_the_types_of_its_signature(bottleneck: None) -> None:
    with pytest.raises(InputError, match=r"model\.params\.width"):
        lossbench.cells("+loss=mse", "task=regression", "model=bottleneck", "model.params.width=wide")
    with pytest.raises(InputError, match=r"model\.params\.depth"):
        lossbench.cells("+loss=mse", "task=regression", "model=bottleneck", "model.params.depth=2")


def test_a_model_that_cannot_be_imported_is_named_with_its_package(site: Site) -> None:
    paths = {"broken": "broken_of_a_test:Net"}
    site.install(
        "lossbench-broken", paths, "raise OSError('no card')", module="broken_of_a_test", group="lossbench.models"
    )
    with pytest.raises(PluginError, match=r"'broken' of broken_of_a_test:Net, in lossbench\.models.*no card"):
        lossbench.cells("+loss=mse", "task=regression", "model=broken")


LAUNCHER = """
from concurrent.futures import ThreadPoolExecutor
from collections.abc import Callable
from pathlib import Path


class Backwards:
    options = {"note": "launched.txt", "fail": False}

    def launch(self, job, count, options):
        if options["fail"]:
            raise RuntimeError("the queue is closed")
        for number in reversed(range(count)):
            job(number)
            with Path(options["note"]).open("a") as file:
                file.write(f"{number} ")
"""


@pytest.fixture
def backwards(site: Site) -> None:
    paths = {"backwards": "launchers_of_a_test:Backwards"}
    site.install("lossbench-queue", paths, LAUNCHER, module="launchers_of_a_test", group="lossbench.launchers")


def test_a_launcher_of_another_package_does_every_job(backwards: None, lossbench: Command, folder: Path) -> None:
    words = ("+loss=mse,huber", "-m", "task=regression", *QUICK)
    assert lossbench(*words, "hydra/launcher=backwards", "hydra.launcher.note=done.txt", "name=there").code == 0
    assert (folder / "done.txt").read_text() == "1 0 "
    assert len(list((folder / "results" / "there").glob("*-huber-*"))) == 1


def test_a_launcher_that_fails_is_named(backwards: None, lossbench: Command) -> None:
    words = ("+loss=mse,huber", "-m", "task=regression", *QUICK)
    result = lossbench(*words, "hydra/launcher=backwards", "hydra.launcher.fail=true")
    assert result.code == 2
    assert "hydra/launcher=backwards could not run these cells: the queue is closed" in result.text


def test_what_other_packages_bring_is_shown_by_help(
    tides: None, bottleneck: None, backwards: None, lossbench: Command
) -> None:
    text = lossbench("--help").text
    for name in ("tides", "bottleneck"):
        assert name in text
