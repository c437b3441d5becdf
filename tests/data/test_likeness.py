"""Parts that are alike are left alone, whatever their tails; a clean test part beside a dirty pool is spoken of.

The tables are drawn here from known populations, so that it is known which parts are alike.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lossbench as package
from lossbench.data.likeness import LEVEL, Unlike, unlike
from lossbench.runs.inputs import load_task
from tests.conftest import Result

Command = Callable[..., Result]
Random = np.random.Generator
NOISE: dict[str, Callable[[Random, int], np.ndarray]] = {
    "normal": lambda draw, n: draw.normal(size=n),
    "t with 2 degrees of freedom": lambda draw, n: draw.standard_t(2, n),
    "Cauchy": lambda draw, n: draw.standard_cauchy(n),  # no mean, no variance
    "lognormal": lambda draw, n: draw.lognormal(0, 2, n),
    "outliers everywhere": lambda draw, n: draw.normal(size=n) * np.where(draw.random(n) < 0.3, 20, 1),
}


def drawn(seed: int, rows: int, noise: str = "normal", outliers: float = 0.0) -> tuple[pd.DataFrame, np.ndarray, int]:
    """A table whose last fifth is the test part: features, target, how many rows come before it.

    outliers: the share of the other rows whose target is off by 10 to 20 standard deviations of the noise.
    """
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, 4))
    y = 3 * x[:, 0] + 2 * np.sin(2 * x[:, 1]) + NOISE[noise](draw, rows)
    pool = rows - rows // 5
    hit = np.flatnonzero(draw.random(pool) < outliers)
    y[hit] += draw.choice([-1, 1], len(hit)) * draw.uniform(10, 20, len(hit))
    return pd.DataFrame(x, columns=list("abcd")), y, pool


def looked_at(seed: int, rows: int, noise: str = "normal", outliers: float = 0.0) -> tuple[Unlike, ...]:
    features, target, pool = drawn(seed, rows, noise, outliers)
    parts = {"pool": np.arange(pool), "test": np.arange(pool, rows)}
    return unlike(features, target, parts, learn=np.arange(pool - pool // 5), classes=False)


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.long
def test_parts_of_one_population_are_not_doubted(noise: str) -> None:
    """40 tables each, 200 in all: at LEVEL .001 none or one is expected (binomial: 3 or more in .1 % of all runs)."""
    assert LEVEL == 1e-3
    assert stats.binom.sf(0, 40, LEVEL) < 0.05
    assert sum(bool(looked_at(seed, 300, noise)) for seed in range(40)) == 0


@pytest.mark.parametrize("seed", range(5))
def test_outliers_in_the_pool_beside_a_clean_test_part_are_found(seed: int) -> None:
    (found,) = looked_at(seed, 600, outliers=0.3)
    assert (found.more, found.fewer) == ("pool", "test")
    assert found.shares[0] == pytest.approx(0.3, abs=0.1)  # as many as were put there, and the fit's own errors
    assert found.shares[1] < 0.1
    assert found.bound is not None
    assert found.bound < 10  # below what the outliers are off by


def test_a_dirty_test_part_is_found_too() -> None:
    features, target, pool = drawn(0, 600)
    target[pool : pool + 40] += 15.0
    parts = {"pool": np.arange(pool), "test": np.arange(pool, 600)}
    (found,) = unlike(features, target, parts, learn=np.arange(400), classes=False)
    assert (found.more, found.fewer) == ("test", "pool")


def test_the_p_is_fishers_exact_test() -> None:
    (found,) = looked_at(0, 600, outliers=0.3)
    a, b = (round(share * n) for share, n in zip(found.shares, (480, 120), strict=True))
    alone = stats.fisher_exact([[a, 480 - a], [b, 120 - b]], alternative="greater")[1]
    assert found.p == pytest.approx(2 * 5 * alone, rel=1e-9)  # both sides of five bounds, by Bonferroni


def test_the_unit_of_the_target_changes_nothing_but_the_bound() -> None:
    features, target, pool = drawn(1, 600, outliers=0.3)
    parts = {"pool": np.arange(pool), "test": np.arange(pool, 600)}
    (one,) = unlike(features, target, parts, learn=np.arange(400), classes=False)
    for scale in (2.0**-900, 2.0**900):  # whose squares have no float
        (other,) = unlike(features, target * scale, parts, learn=np.arange(400), classes=False)
        assert (other.shares, other.p) == (one.shares, one.p)
        assert other.bound is not None
        assert one.bound is not None
        assert other.bound == pytest.approx(one.bound * scale, rel=1e-9)


def test_rows_of_a_group_count_once() -> None:
    """Rows of a group are off by the same amount: 50 groups are 50 observations, however many rows they have."""
    draw = np.random.default_rng(0)
    group = np.repeat(np.arange(200), 10)
    features = pd.DataFrame(draw.normal(size=(2000, 2)))
    parts = {"pool": np.arange(1500), "test": np.arange(1500, 2000)}

    def found(seed: int, outliers: float) -> tuple[Unlike, ...]:
        draw = np.random.default_rng(seed)
        hit = (draw.random(200) < outliers) & (np.arange(200) < 150)
        y = (draw.standard_cauchy(200) + 100 * hit)[group] + draw.normal(0, 0.1, 2000)
        return unlike(features, y, parts, learn=np.arange(1200), classes=False, groups=group)

    assert not any(found(seed, 0.0) for seed in range(20))
    (one,) = found(0, 0.4)
    assert (one.more, one.fewer) == ("pool", "test")
    assert [share * count % 1 for share, count in zip(one.shares, (150, 50), strict=True)] == pytest.approx([0, 0])


def test_positives_that_were_made_common_before_training_are_found() -> None:
    draw = np.random.default_rng(0)
    y = np.concatenate([draw.random(800) < 0.5, draw.random(400) < 0.04]).astype(float)
    features = pd.DataFrame(draw.normal(size=(1200, 3)))
    parts = {"pool": np.arange(800), "test": np.arange(800, 1200)}
    (found,) = unlike(features, y, parts, learn=np.arange(640), classes=True)
    assert found.more == "pool"
    alike = {"pool": np.arange(600), "test": np.arange(600, 800)}
    assert unlike(features, y, alike, learn=np.arange(480), classes=True) == ()


def test_too_few_rows_are_not_spoken_of() -> None:
    features, target, _ = drawn(0, 60, outliers=0.9)
    parts = {"pool": np.arange(45), "test": np.arange(45, 60)}
    assert unlike(features, target, parts, learn=np.arange(36), classes=False) == ()


PACKAGED = {
    "regression": ("house_prices", "diabetes", "net_assets", "friedman"),
    "binary": ("breast_cancer", "loans", "pension", "imbalanced"),
}


@pytest.mark.parametrize(("task", "data"), [(task, data) for task, names in PACKAGED.items() for data in names])
@pytest.mark.long
def test_the_packaged_tables_are_not_doubted(task: str, data: str) -> None:
    (cell,) = package.cells("+loss=mse", f"task={task}", f"task/data={data}")
    assert load_task(cell.task, 0).card.limits == ()


# What a person reads ------------------------------------------------------------------------------------------------


def written(folder: Path, words: np.ndarray, name: str = "dirty") -> tuple[str, ...]:
    """A file with 30 % outliers outside of its test part, and what a command says of it."""
    features, target, _ = drawn(3, 1000, outliers=0.3)
    features.assign(y=target, part=words).to_csv(folder / f"{name}.csv", index=False)
    path = f"task.data.path={name}.csv"
    return ("task=regression", path, "task.data.target=y", "task.data.split=column:part")


ROWS = np.repeat(["train", "test"], [800, 200])


def test_data_show_says_that_validation_rows_are_not_like_test_rows(lossbench: Command, folder: Path) -> None:
    text = lossbench("data", "show", *written(folder, ROWS)).text
    assert "warning: A robust fit is off by more than" in text
    assert "of the training and validation rows, but in" in text
    assert "make them alike, or choose by a metric that outliers hardly move (task.metric=mae)." in text
    assert "task.metric=mae" not in lossbench("data", "show", *written(folder, ROWS), "task.metric=mae").text


def test_where_the_file_validates_by_clean_rows_only_training_differs(lossbench: Command, folder: Path) -> None:
    words = np.concatenate([np.repeat("train", 800), np.tile(["validation", "test"], 100)])
    text = lossbench("data", "show", *written(folder, words)).text
    assert "of the training rows, but in" in text
    assert "Models are trained on rows unlike those that they are judged on." in text
    assert "make them alike" not in text


def test_where_the_file_validates_by_dirty_rows_that_is_what_is_said(lossbench: Command, folder: Path) -> None:
    words = np.concatenate([np.tile(["train", "train", "train", "validation"], 200), np.repeat("test", 200)])
    text = lossbench("data", "show", *written(folder, words)).text
    assert "of the validation rows, but in" in text
    assert text.count("A robust fit is off") == 1


def test_the_report_says_it_among_its_limits(lossbench: Command, folder: Path) -> None:
    small = ("protocol=smoke", "protocol.repeats=1", "protocol.trials=1", "training.max_epochs=2", "name=dirty")
    result = lossbench("+loss=mse", *written(folder, ROWS), *small)
    assert result.code == 0, result.text
    assert "note: A robust fit is off by more than" in result.text
    for name in ("report.md", "report.html"):
        assert "- dirty: A robust fit is off by more than" in (folder / "results" / "dirty" / name).read_text().replace(
            "<li>", "- "
        )
