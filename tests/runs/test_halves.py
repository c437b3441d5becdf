"""What other training rows would change: halves of a repeat's rows, and the variance that they tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import lossbench
from lossbench.data.splits import SplitRule, draw_splits, halved
from lossbench.errors import InputError
from lossbench.plan import Cell
from lossbench.records.record import Record, Status, read_records
from lossbench.runs.inputs import load_task
from lossbench.runs.study import run
from lossbench.verdicts.comparison import Rules
from lossbench.verdicts.judging import compare
from lossbench.verdicts.parts import by_group
from lossbench.verdicts.statistics import Halves, over_repeats, over_repeats_and_examples, with_other_training_rows

FAST = ("training.max_epochs=3", "protocol=smoke", "protocol.trials=2")


def small(*words: str, task: str = "binary", data: str = "breast_cancer") -> list[Cell]:
    return lossbench.cells(*words, f"task={task}", f"task/data={data}", *FAST)


# The estimator --------------------------------------------------------------------------------------------------------


def test_the_luck_of_the_pool_is_a_quarter_of_the_squared_difference_less_that_of_the_seeds() -> None:
    """By hand: A - B is 4 and -2, its mean square 10, a quarter of it 2.5; within halves the variance is 2 (of 1, 3),
    0, 2 and 0, in the mean 1; 1 / (2 · 2) = .25. The gains 1 and 3 have variance 2, of which a quarter is .5."""
    halves = np.array([[[6.0, 8.0], [3.0, 3.0]], [[1.0, 3.0], [4.0, 4.0]]])
    found = with_other_training_rows(over_repeats(np.array([1.0, 3.0])), np.array([1.0, 3.0]), Halves.of(halves))
    assert found.pool == pytest.approx(2.5 - 0.25 + 0.5)
    assert found.error**2 == pytest.approx(2 / 2 + 2.75)
    assert (found.mean, found.df) == (2.0, 1)


@pytest.mark.parametrize("seeds", [0.0, 3.0])
def test_the_luck_of_a_mean_over_rows_is_found_whatever_the_seeds_do(seeds: float) -> None:
    """A gain that is the mean of 100 rows' values of variance 4, plus a seed's luck: the pool's variance is 4 / 100."""
    rng, found = np.random.default_rng(0), []
    for _ in range(2000):
        pool = rng.normal(0, 2, 100)
        halves = np.empty((10, 2, 2))
        for repeat in range(10):
            order = rng.permutation(100)
            for half in (0, 1):
                halves[repeat, half] = pool[order[half::2]].mean() + seeds * rng.normal(size=2) / 10
        found.append(Halves.of(halves).luck)
    assert np.mean(found) == pytest.approx(0.04, abs=4 * np.std(found) / len(found) ** 0.5)


def test_the_widest_claim_has_the_longest_interval() -> None:
    """Of 20 repeats and 3 test groups: the degrees of freedom are those of the groups, which are fewer."""
    rng, shorter = np.random.default_rng(1), 0
    for _ in range(50):
        parts = rng.normal(size=(20, 1)) + rng.normal(0, 9, 3) + rng.normal(size=(20, 3))
        gains = parts.mean(1)
        narrow = over_repeats_and_examples(gains, parts)
        wide = with_other_training_rows(narrow, gains, Halves.of(rng.normal(0, 0.1, size=(20, 2, 2))))
        assert wide.reach() >= narrow.reach()
        assert wide.p >= narrow.p
        assert wide.detectable() >= narrow.detectable()
        shorter += stats.t.ppf(0.975, 19) * wide.error < narrow.reach()
    assert shorter > 25  # by the repeats' degrees of freedom it would be shorter


# The halves -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["random", "group"])
def test_two_halves_share_no_row_and_hold_all_rows_but_the_test_part(kind: str) -> None:
    groups = np.arange(120) // 4
    rule = SplitRule("group", groups, "city") if kind == "group" else SplitRule()
    target = (np.arange(120) % 3 == 0).astype(float)
    whole = draw_splits(rule, target, repeat=2, seed=1, stratify=True)
    parts = {}
    for half in (0, 1):
        for again in (0, 1):
            found = halved(rule, target, whole, stratify=True, seed=1, repeat=2, half=half, again=again)
            assert found is not None
            parts[half, again] = found
            assert np.array_equal(found.test, whole.test)
            assert len(found.validation) / len(found.train) == pytest.approx(0.25, abs=0.1)
    rows = {key: set(s.train) | set(s.validation) for key, s in parts.items()}
    assert rows[0, 0] == rows[0, 1]
    assert rows[1, 0] == rows[1, 1]
    assert not rows[0, 0] & rows[1, 0]
    assert rows[0, 0] | rows[1, 0] == set(whole.train) | set(whole.validation)
    assert not np.array_equal(parts[0, 0].validation, parts[0, 1].validation)
    if kind == "group":
        assert not {groups[row] for row in rows[0, 0]} & {groups[row] for row in rows[1, 0]}


def test_rows_that_all_repeats_share_are_not_halved() -> None:
    """Training rows that time or a column's words choose are no random draw."""
    target = np.zeros(80)
    for rule in (
        SplitRule("time", np.arange(80.0), "day"),
        SplitRule("column", np.resize(["train", "train", "dev", "test"], 80), "part"),
    ):
        whole = draw_splits(rule, target, repeat=0, seed=0, stratify=False)
        assert halved(rule, target, whole, stratify=False, seed=0, repeat=0, half=0, again=0) is None


# End to end -----------------------------------------------------------------------------------------------------------


def test_a_record_holds_the_test_metrics_of_every_training_on_a_half() -> None:
    (cell,) = small("+loss=bce", "protocol.halves=3")
    record = run(cell)
    assert cell.trainings == 3 * (2 + 2 * 3)
    for repeat in record.repeats:
        assert set(repeat.halves) == set(repeat.metrics)
        assert np.array(repeat.halves["roc_auc"]).shape == (2, 3)
        assert len(set(np.ravel(repeat.halves["log_loss"]))) == 6  # each has seeds of its own
    whole = run(replace(cell, protocol=replace(cell.protocol, halves=0)))
    assert [r.metrics for r in whole.repeats] == [r.metrics for r in record.repeats]  # nothing else has changed


def test_halves_side_by_side_are_those_one_after_the_other() -> None:
    (cell,) = small("+loss=mse", "protocol.halves=2", "training.precision=64", task="regression", data="diabetes")
    stacked, alone = (
        run(replace(cell, training=replace(cell.training, engine=engine))) for engine in ("replicas", "sequential")
    )
    for one, other in zip(stacked.repeats, alone.repeats, strict=True):
        assert np.ravel(one.halves["rmse"]) == pytest.approx(np.ravel(other.halves["rmse"]), rel=1e-10)


@pytest.mark.long
def test_the_third_interval_stands_in_the_terminal_and_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lossbench.__main__ import main

    monkeypatch.chdir(tmp_path)
    words = ["+loss=mse,huber", "-m", "task=regression", "task/data=diabetes", "training.max_epochs=3", "name=wide"]
    words += ["protocol.repeats=3", "protocol.trials=2", "protocol.halves=2", "tracking=off"]
    assert main(words) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "with other training rows, approximate: huber" in out
    assert "was not measured" not in out
    (contest,) = compare(read_records(tmp_path / "results" / "wide")).contests
    difference = contest.find("huber").difference
    assert difference is not None
    assert difference.new_rows is not None
    assert difference.training_rows is not None
    assert difference.training_rows.reach() > difference.new_rows.reach()
    page = (tmp_path / "results" / "wide" / "report.html").read_text()
    assert "ith other training rows, approximate: " in page
    line = pd.read_csv(tmp_path / "results" / "wide" / "leaderboard.csv").set_index("loss").loc["huber"]
    assert (line["training_rows_low"], line["training_rows_high"]) == pytest.approx(difference.training_rows.interval())


def test_verdicts_with_other_training_rows_ask_for_halves_by_themselves() -> None:
    (usual,), (wide,) = small("+loss=bce"), small("+loss=bce", "report.scope=training_rows")
    assert (usual.protocol.halves, wide.protocol.halves) == (0, 2)
    assert "halves" not in usual.to_dict()["protocol"]  # cells of before keep their digests
    assert wide.to_dict()["protocol"]["halves"] == 2
    with pytest.raises(InputError, match="at least 2"):
        small("+loss=bce", "protocol.halves=1")


def _of_groups(folder: Path, groups: int) -> list[Record]:
    """mse and mae on a table of so many groups of ten rows, which are copies of each other."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(groups, 3)).repeat(10, axis=0)
    frame = pd.DataFrame(x, columns=list("abc")).assign(
        y=x @ [1.0, 0.5, -1.0] + rng.standard_t(3, groups).repeat(10), city=np.arange(groups).repeat(10)
    )
    frame.to_csv(folder / "rows.csv", index=False)
    data = (f"task.data.path={folder / 'rows.csv'}", "task.data.target=y", "task.data.split=group:city")
    cells = lossbench.cells("+loss=mse,mae", "-m", "task=regression", "task.metric=mae", *data, *FAST)
    return [run(cell) for cell in cells]


def test_groups_of_the_test_part_are_what_new_rows_are_drawn_by(tmp_path: Path) -> None:
    """The mean absolute error is a mean over rows, and so over equal groups: both means are taken by hand."""
    mse, mae = _of_groups(tmp_path, 60)
    (contest,) = compare([mse, mae], Rules()).contests
    (found,) = [d for pair, d in contest.differences.items() if pair[1] == "mse"]
    assert found.rows == 12
    gains = []
    for repeat in range(3):
        off = [np.abs(r.arrays[f"test/{repeat}/score"] - r.arrays[f"test/{repeat}/target"]) for r in (mse, mae)]
        of_rows = pd.Series(off[0] - off[1]).groupby(np.asarray(mse.arrays["legend/groups"]))
        gains.append(of_rows.mean().to_numpy())
    wanted = over_repeats_and_examples(found.gains, np.array(gains))
    assert found.new_rows is not None
    assert found.new_rows.examples == pytest.approx(wanted.examples)
    assert found.new_rows.interval() == pytest.approx(wanted.interval())


def test_the_size_of_a_group_has_no_part_in_the_interval() -> None:
    """A gain of 1 in every row of eight groups of 1 to 100 rows, by hand: each group stands for 1."""
    groups = np.repeat(np.arange(8), [1, 2, 4, 8, 16, 32, 64, 100])
    assert by_group(np.ones(len(groups)), groups) == pytest.approx(np.ones(8))
    uneven = np.random.default_rng(0).normal(size=len(groups))
    assert by_group(uneven, groups).mean() == pytest.approx(uneven.mean())


def test_a_test_part_of_one_group_gives_no_interval_for_new_rows(tmp_path: Path) -> None:
    records = _of_groups(tmp_path, 5)
    assert len(np.unique(records[0].arrays["legend/groups"])) == 1
    (contest,) = compare(records, Rules()).contests
    (found,) = [d for pair, d in contest.differences.items() if pair[1] == "mse"]
    assert found.new_rows is None


def test_a_half_that_is_too_small_leaves_the_record_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    (cell,) = small("+loss=bce", "protocol.halves=2")
    task = load_task(cell.task, cell.seed)
    real = type(task).halved

    def too_small(self: Any, repeat: int, half: int, again: int) -> Any:
        return None if (repeat, half) == (2, 1) else real(self, repeat, half, again)

    monkeypatch.setattr(type(task), "halved", too_small)
    record = run(cell)
    assert record.status is Status.DONE, record.reason
    assert not any(repeat.halves for repeat in record.repeats)


def test_copies_of_a_row_tell_no_more_than_the_row() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(3, 1)) + rng.normal(0, 3, 12) + rng.normal(size=(3, 12))
    copies, groups = rows.repeat(10, axis=1), np.arange(120) // 10
    grouped = np.stack([by_group(repeat, groups) for repeat in copies])
    of_rows, of_copies = (over_repeats_and_examples(rows.mean(1), parts) for parts in (rows, copies))
    assert grouped == pytest.approx(rows)
    # both mean squares are 11 / 119 of ten times those of the rows, over ten times as many examples
    assert of_copies.examples == pytest.approx(of_rows.examples * 11 / 119)
