"""The batch size by the data: enough of the rarest class in every batch, as many steps as ever, whatever the losses.

Expected numbers are counted by hand from the rows, or those of a binomial distribution (scipy).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import lossbench as package
from lossbench.errors import InputError
from lossbench.plan import Cell, Part, Rarest, Training
from lossbench.plan.protocol import by_the_data
from lossbench.records.record import Record, Status, read_record
from lossbench.runs.estimate import defeated
from lossbench.runs.inputs import load_task, settled
from lossbench.runs.study import run
from lossbench.runs.sweep import plan
from lossbench.verdicts.sweeps import judged as compared
from tests.conftest import SMALL_TEXT, Result
from tests.made import a_protocol, a_training

Command = Callable[..., Result]
RARE = ("task=binary", "task/data=imbalanced", "task.data.rows=1500")
"""Some fifty positives in 1,500 rows."""


def composed(*words: str) -> Cell:
    (cell,) = package.cells(*words)
    return cell


def asked(share: float, rows: int, **training: object) -> Training:
    """What a table with this share of positives asks for."""
    rarest = Rarest("yes", round(share * 1_000_000), 1_000_000, 1_000_000)
    return by_the_data(a_training(**training), rows, rarest)  # type: ignore[arg-type]


# The rule -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "size"),
    [(0.5, 32), (0.3, 32), (0.157, 32), (0.12, 64), (0.036, 256), (0.01, 512), (0.005, 1024)],
)
def test_a_batch_is_the_smallest_power_of_two_that_holds_five_of_the_rarest(share: float, size: int) -> None:
    assert asked(share, 100_000).batch_size == size
    assert size * share >= 5  # by hand
    assert size == 32 or size / 2 * share < 5


def test_five_on_average_leave_hardly_a_batch_without_any() -> None:
    # the issue's own case: 3.6 % positives, of which batches of 32 lack any in 31 %
    assert stats.binom.pmf(0, 32, 0.036) == pytest.approx(0.31, abs=0.005)
    size = asked(0.036, 100_000).batch
    assert stats.binom.pmf(0, size, 0.036) < 0.01


def test_where_there_are_no_classes_it_is_32() -> None:
    assert by_the_data(a_training(), 5000, None) == replace(a_training(), batch_size=32)


@pytest.mark.parametrize(("rows", "size"), [(300, 300), (512, 256), (511, 511), (140, 140), (20, 32)])
def test_beyond_half_of_the_rows_a_batch_is_all_of_them(rows: int, size: int) -> None:
    assert asked(0.036, rows).batch_size == size


@pytest.mark.parametrize(("rows", "size"), [(900, 900), (1024, 1024), (1500, 1024), (3000, 1024)])
def test_the_largest_batch_of_a_default_has_1024_targets(rows: int, size: int) -> None:
    assert asked(0.005, rows).batch_size == size


def test_a_class_too_rare_for_any_batch_costs_nothing() -> None:
    # 5 of .17 % are 2,941 rows: more than a default may take
    assert asked(0.0017, 200_000) == replace(a_training(), batch_size=32)


@pytest.mark.parametrize("share", [0.5, 0.12, 0.036, 0.01, 0.005])
@pytest.mark.parametrize("rows", [33, 100, 257, 3840, 12_800, 100_001])
@pytest.mark.parametrize("epochs", [1, 7, 60])
def test_no_training_gets_fewer_steps_or_less_patience_than_in_batches_of_32(
    share: float, rows: int, epochs: int
) -> None:
    found = asked(share, rows, max_epochs=epochs, patience=15)
    before, now = math.ceil(rows / 32), math.ceil(rows / found.batch)
    assert found.patience is not None
    assert found.max_epochs * now >= epochs * before
    assert found.patience * now >= 15 * before
    assert (found.max_epochs - 1) * now < epochs * before  # and not an epoch more than that takes


def test_a_batch_size_that_is_given_wins_with_its_epochs_as_they_are() -> None:
    given = a_training(batch_size=17, max_epochs=9, patience=None)
    assert by_the_data(given, 100_000, Rarest("yes", 1, 1000, 1000)) is given
    assert asked(0.01, 100_000, patience=None).patience is None


# What tasks say -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "size"), [("breast_cancer", 32), ("pension", 32), ("loans", 64), ("imbalanced", 256)])
def test_the_packaged_tables_ask_for(data: str, size: int) -> None:
    cell = composed("+loss=bce", "task=binary", f"task/data={data}")
    assert cell.training.batch_size is None
    task, training = load_task(cell.task, 0), settled(cell).training
    fold = task.fold(0)
    target = np.asarray(fold.training_target(task.kinds[0]))  # what batches are made of
    held = min(target.mean(), 1 - target.mean()) * training.batch
    assert training.batch == size
    assert held >= 5


def test_the_rarer_class_may_be_the_negative_one(folder: Path) -> None:
    rows = "\n".join(f"{i},{'no' if i % 25 == 0 else 'yes'}" for i in range(1000))
    (folder / "mostly.csv").write_text(f"x,y\n{rows}\n")
    cell = composed("+loss=bce", "task=binary", "task.data.path=mostly.csv", "task.data.target=y")
    rarest = load_task(cell.task, 0).rarest()
    assert rarest is not None
    assert (rarest.name, rarest.count, rarest.rows) == ("not yes", 32, 800)  # 40 of 1,000, a fifth of them for the test
    assert settled(cell).training.batch == 128


def test_a_file_that_says_which_rows_validate_is_counted_in_its_training_rows(folder: Path) -> None:
    lines = ["x,part,y"]
    for part, count, every in (("train", 800, 20), ("validation", 400, 2), ("test", 200, 2)):
        lines += [f"{i},{part},{int(i % every == 0)}" for i in range(count)]
    (folder / "parts.csv").write_text("\n".join(lines) + "\n")
    words = ("task=binary", "task.data.path=parts.csv", "task.data.target=y", "task.data.split=column:part")
    cell = composed("+loss=bce", *words)
    rarest = load_task(cell.task, 0).rarest()
    assert rarest is not None
    assert (rarest.count, rarest.rows) == (40, 800)
    assert settled(cell).training.batch == 128  # 5 / .05 = 100


def test_sentences_are_counted_by_the_rarest_type_of_entity() -> None:
    cell = composed("+loss=cross_entropy", "task=ner")
    task = load_task(cell.task, 0)
    splits = task.splits(0)
    rows = [*splits.train, *splits.validation]
    opened = Counter(t for row in rows for t in task.sentences[row].tags if t.startswith("B-"))  # type: ignore[attr-defined]
    rarest = task.rarest()
    assert rarest is not None
    assert (rarest.name, rarest.count, rarest.rows) == ("B-MISC", min(opened.values()), len(rows))
    assert settled(cell).training.batch == 32
    assert settled(cell).training.max_epochs == cell.training.max_epochs == 8


def test_a_type_that_hardly_occurs_makes_no_step_of_a_tagger_dear() -> None:
    # 5 of a type in 1 of 100 sentences would take 500 of them, of 20 words: ten times what a batch may hold
    assert by_the_data(a_training(), 10_000, Rarest("B-LAW", 100, 200_000, 10_000)).batch_size == 32
    assert by_the_data(a_training(), 10_000, Rarest("B-LAW", 900, 100_000, 10_000)).batch_size == 64


def test_a_task_of_a_stranger_without_the_method_keeps_32(monkeypatch: pytest.MonkeyPatch) -> None:
    from lossbench.tasks.tabular import TableTask

    monkeypatch.delattr(TableTask, "rarest")
    assert settled(composed("+loss=bce", *RARE)).training.batch == 32


# Cells and records --------------------------------------------------------------------------------------------------


def test_every_loss_of_a_contest_gets_the_same_and_its_record_shows_it() -> None:
    from lossbench.compose.arguments import arrange
    from lossbench.compose.composition import composition

    words = ["-m", "+loss=mse,dice", *RARE, "+controls=placebo"]
    composed = composition(arrange(words))
    entries = plan(composed.cells, composed.settings).entries.values()
    assert {e.role for e in entries} == {"chosen", "baseline", "control"}
    assert {e.cell.training.batch_size for e in entries} == {256}
    assert len({e.cell.contest for e in entries}) == 1
    composed = composition(arrange(["+loss=mse", *RARE]))
    alone = plan(composed.cells, composed.settings).entries.values()
    assert {e.cell.contest for e in alone} == {e.cell.contest for e in entries}  # whoever else takes part


def test_a_default_that_is_32_is_the_cell_of_an_explicit_32() -> None:
    """So that records of before, and their folders, stay in the contest of new ones."""
    words = ("+loss=bce", "task=binary")
    assert settled(composed(*words)) == composed(*words, "training.batch_size=32")


def quick(*words: str, **changes: object) -> Cell:
    cell = replace(composed(*words, "training.max_epochs=2"), protocol=a_protocol("some", 2, 2))
    return replace(cell, training=replace(cell.training, **{"precision": "64", "learning_rate": 1e-4, **changes}))


def test_a_cell_trains_in_batches_of_the_size_that_its_record_tells(tmp_path: Path) -> None:
    cell = quick("+loss=dice", *RARE)
    record = run(cell)
    assert record.status is Status.DONE, record.reason
    training = record.cell.training
    assert (training.batch_size, training.max_epochs, training.patience) == (
        256,
        15,
        113,
    )  # 30 steps an epoch, then 4: 7.5 times
    assert record.training.steps_per_epoch == 4
    assert record.contest == settled(cell).contest
    assert record.loss.pointwise is False
    target = np.concatenate([record.arrays["validation/0/target"], record.arrays["test/0/target"]])
    assert record.training.rarest.name == "rare class"
    assert record.training.rarest.per_batch == pytest.approx(256 * target.mean(), rel=0.02)
    again = run(record.cell)
    assert [r.metrics for r in again.repeats] == [r.metrics for r in record.repeats]


def test_both_engines_settle_it_alike() -> None:
    cell = quick("+loss=dice", *RARE)
    stacked, other = run(cell), run(replace(cell, training=replace(cell.training, engine="sequential")))
    assert stacked.training.engine == "replicas"
    assert [r.hashes for r in other.repeats] == [r.hashes for r in stacked.repeats]
    for one, two in zip(stacked.repeats, other.repeats, strict=True):
        assert two.metrics["roc_auc"] == pytest.approx(one.metrics["roc_auc"], abs=1e-9)


def test_a_size_of_its_own_is_read_from_its_record(tmp_path: Path) -> None:
    record = run(quick("+loss=bce", "task=binary", batch_size=48))
    assert read_record(record.save(tmp_path / "own")).cell.training.batch == 48


def test_nobody_trains_with_a_size_that_is_not_settled() -> None:
    with pytest.raises(ValueError, match="left to the data"):
        _ = a_training().batch


@pytest.mark.parametrize("value", ["0", "-3", "2.5", "big", "true"])
def test_a_batch_size_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(InputError, match=r"training\.batch_size"):
        package.cells("+loss=bce", "task=binary", f"training.batch_size={value}")


# Losses that judge whole batches ------------------------------------------------------------------------------------


def warned(*words: str) -> list[str]:
    cells = [settled(cell) for cell in package.cells("-m", *words)]
    return list(defeated(cells))


def test_the_default_defeats_no_set_loss_and_warns_of_none() -> None:
    assert warned("+loss=bce,dice,tversky,pairwise_auc", *RARE) == []


def test_an_explicit_size_that_defeats_set_losses_is_warned_of_by_name() -> None:
    (said,) = warned("+loss=bce,dice", *RARE, "training.batch_size=32")
    assert said.startswith("dice judges whole batches, and a batch of 32 rows holds 1.1 of the rarest class")
    assert said.endswith("Leave out training.batch_size=: the data call for 256.")
    assert warned("+loss=bce,focal,mse", *RARE, "training.batch_size=32") == []  # each row is judged by itself


def test_a_composite_with_a_set_loss_in_it_judges_whole_batches_too() -> None:
    terms = "loss.params.terms={bce: 1, dice: 1}"
    (said,) = warned("+loss=sum", terms, *RARE, "training.batch_size=32")
    assert "judges whole batches" in said
    assert warned("+loss=sum", "loss.params.terms={bce: 1, mse: 1}", *RARE, "training.batch_size=32") == []
    assert warned("+loss=warmup", "loss.params.start=bce", "loss.params.loss=dice", *RARE, "training.batch_size=32")


def test_where_no_default_serves_the_warning_says_what_would(folder: Path) -> None:
    rows = "\n".join(f"{i},{int(i % 250 == 0)}" for i in range(5000))
    (folder / "rare.csv").write_text(f"x,y\n{rows}\n")
    (said,) = warned("+loss=dice", "task=binary", "task.data.path=rare.csv", "task.data.target=y")
    assert "a batch of 32 rows holds 0.13" in said
    assert "training.batch_size=1250 is enough" in said  # 5 / .004


def judged(lossbench: Command, *words: str) -> tuple[Result, list[Record]]:
    small = ("protocol.repeats=3", "protocol.trials=2", "training.max_epochs=2", "name=judged")
    result = lossbench("+loss=mse,dice", "-m", *RARE, *small, *words)
    assert result.code == 0, result.text
    return result, package.read_records("results/judged")


@pytest.mark.long
def test_a_set_loss_at_a_batch_that_defeats_it_gets_no_verdict_and_its_rivals_still_do(lossbench: Command) -> None:
    result, _ = judged(lossbench, "training.batch_size=32")
    assert "note: dice judges whole batches" in result.text
    (contest,) = compared([Path("results/judged")]).contests
    assert contest.no_verdict == ""
    why = contest.find("dice").apart
    assert why == "judges whole batches; a batch of 32 holds 1.1 of class 'rare class'"
    assert contest.find("dice").difference is None
    assert contest.find("mse").difference is not None
    assert [c.title for c in contest.ranked if c.tier] == [c.title for c in contest.ranked]
    assert why in Path("results/judged/report.md").read_text()


@pytest.mark.long
def test_at_the_default_batch_it_gets_one(lossbench: Command) -> None:
    result, records = judged(lossbench)
    assert "judges whole batches" not in result.text
    (contest,) = compared([Path("results/judged")]).contests
    assert contest.find("dice").difference is not None
    trained = [r for r in records if r.role != "reference"]
    assert {r.cell.training.batch_size for r in trained} == {256}
    assert len({r.contest for r in records}) == 1  # reference rows too


# What a person reads ------------------------------------------------------------------------------------------------


def test_plan_and_data_show_name_the_batch_size_and_why(lossbench: Command) -> None:
    shown = lossbench("data", "show", *RARE).text
    assert "batch size 256: holds 8.5 of the rarest class (rare class) on average, where 32 would hold 1.1" in shown
    assert "450 epochs instead of 60, to keep the number of steps" in shown  # 30 steps an epoch then 4: 60 * 30 / 4
    assert "batch size 32: the target has no classes" in lossbench("data", "show", "task=regression").text
    planned = lossbench("plan", "+loss=dice", *RARE, "protocol=smoke", "training.max_epochs=2").text
    assert "batch size 256: holds 8.5 of the rarest class" in planned
    assert "at most 15 epochs" in planned
    small = lossbench("plan", "+loss=dice", *RARE, "protocol=smoke", "training.batch_size=32").text
    assert "note: dice judges whole batches" in small


def test_sentences_say_theirs_too(lossbench: Command) -> None:
    shown = lossbench("data", "show", *SMALL_TEXT).text
    assert "of the rarest class (B-" in shown


def test_training_rows_hold_what_the_plan_says() -> None:
    """Counted in the batches themselves."""
    from lossbench.plan.protocol import trials
    from lossbench.runs.inputs import TrainingFactory

    cell = settled(composed("+loss=dice", *RARE))
    task = load_task(cell.task, 0)
    prepared = TrainingFactory(cell, task, task.kinds[0]).prepare(trials(cell, {})[0][0])
    target = prepared.fold.tensors(Part.TRAIN)[1]  # type: ignore[attr-defined]
    counts = [float(target[rows].sum()) for epoch in range(5) for rows in prepared.batches.order(epoch).split(256)]
    assert min(counts) > 0
    assert np.mean(counts[:3]) == pytest.approx(256 * float(target.mean()), rel=0.1)
