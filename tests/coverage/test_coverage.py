"""The benchmark of coverage: that its truth is the pool's own, and that its table counts rightly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lossbench.runs.inputs import load_task
from lossbench.verdicts.statistics import Crossed, Halves, over_repeats
from tests.coverage import store
from tests.coverage.designs import DESIGNS
from tests.coverage.experiment import Outcome, Side, run
from tests.coverage.populations import POOL, TEST
from tests.coverage.table import Share, _held, held

DESIGN = replace(DESIGNS["logistic-linear-grouped"], repeats=3, further=2)


def test_the_truth_s_own_error_is_taken_out_of_the_coverage() -> None:
    """Normal errors and known spread: 95 % of t intervals hold the truth, 92 % would hold an estimate of it."""
    rng, sets = np.random.default_rng(0), 20_000
    gains, error = rng.normal(0, 1, (sets, 10)), 0.15
    estimates = [over_repeats(row) for row in gains]
    seen = rng.normal(0, error, sets)  # the truth is 0
    plain = np.mean([abs(e.mean - t) <= e.reach() for e, t in zip(estimates, seen, strict=True)])
    held = _held(estimates, seen, np.full(sets, error), np.ones(sets))
    assert plain < 0.935
    assert held.mean() == pytest.approx(0.95, abs=0.006)


@pytest.mark.parametrize("short", [1.0, 0.8])
def test_data_sets_of_all_scales_count_alike(short: float) -> None:
    """Scales between .1 and 10, half of them where the truth is known badly: what normal errors are known to do."""
    rng, sets, repeats = np.random.default_rng(0), 20_000, 12
    scale = np.exp(rng.normal(size=sets))
    gains = scale[:, None] * rng.normal(0, 1, (sets, repeats))
    estimates = [replace(e, error=short * e.error) for e in map(over_repeats, gains)]
    error = scale * rng.choice([0.02, 0.2], sets)
    actual = np.mean([abs(e.mean) <= e.reach() for e in estimates])  # the truth is 0
    known = scale * np.sqrt(rng.chisquare(39, sets) / 39)  # as well as forty repeats tell it
    held = _held(estimates, error * rng.normal(size=sets), error, known)
    assert held.mean() == pytest.approx(actual, abs=0.006)
    alike = _held(estimates, error * rng.normal(size=sets), error, np.ones(sets))
    assert alike.mean() < actual - 0.006  # one scale for all of them


def test_the_table_counts_what_normal_gains_are_known_to_do() -> None:
    """Gains of variance 1 around pools of variance .25, and placebos around 0: t intervals hold 95 % of pools, 2.5 % of
    placebos are better, and of the mean over pools an interval for these rows holds less."""
    rng, sets, repeats = np.random.default_rng(1), 4000, 5
    layouts = {repeats: Crossed(repeats, 10, 0.0, 0.0)}
    outcomes = []
    for number in range(sets):
        pool = 0.5 * rng.normal()
        halves = pool + np.sqrt(0.25) * rng.normal(size=(repeats, 2, 1)) + rng.normal(size=(repeats, 2, 2))
        rival = Side(pool + rng.normal(size=repeats), layouts, {repeats: Halves.of(halves)})
        placebo = Side(rng.normal(size=repeats), layouts, {})
        outcomes.append(Outcome(number, rival, placebo, pool + 0.1 * rng.normal(), 0.1))
    found = held(outcomes, repeats)
    assert found.rows.mean() == pytest.approx(0.95, abs=0.012)
    assert found.false.mean() == pytest.approx(0.025, abs=0.008)
    assert found.rows_of_others.mean() < 0.88
    assert found.wide.mean() > 0.95
    assert found.width > 1


def test_a_share_has_the_error_of_a_binomial() -> None:
    found = Share.of(np.arange(100) < 90)
    assert (found.value, found.error) == (0.9, pytest.approx(0.03))
    assert str(found) == "90.0 ± 3.0 %"


def test_a_user_s_run_and_the_truth_share_the_pool_and_no_judged_row() -> None:
    cells = DESIGN.cell(3, "bce"), DESIGN.cell(3, "bce", truth=True)
    run_task, truth_task = (load_task(cell.task, cell.seed) for cell in cells)
    pools = [(task.table.features[:POOL].to_numpy(), task.table.target[:POOL]) for task in (run_task, truth_task)]  # type: ignore[attr-defined]
    assert all(np.array_equal(one, other) for one, other in zip(*pools, strict=True))
    mine, further = run_task.splits(0), truth_task.splits(0)
    for splits in (mine, further):
        assert np.array_equal(np.union1d(splits.train, splits.validation), np.arange(POOL))
    assert np.array_equal(mine.test, np.arange(POOL, POOL + TEST))
    assert not np.intersect1d(mine.test, further.test).size
    other = load_task(DESIGN.cell(4, "bce").task, 4)
    assert not np.array_equal(other.table.target, run_task.table.target)  # type: ignore[attr-defined]


def test_an_outcome_comes_back_from_its_file(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    found = run(DESIGN, 0)
    store.append(DESIGN, found)
    (again,) = store.read(DESIGN)
    assert again.rival.gains == pytest.approx(found.rival.gains, rel=1e-5)
    assert again.truth == pytest.approx(found.truth, rel=1e-5)
    for side in ("rival", "placebo"):
        one, other = getattr(found, side), getattr(again, side)
        assert one.layouts.keys() == other.layouts.keys() == {3}
        assert other.layouts[3].ms_examples == pytest.approx(one.layouts[3].ms_examples, rel=1e-5)
        assert one.layouts[3].examples == TEST / 10  # groups
    assert again.rival.halves[3].luck == pytest.approx(found.rival.halves[3].luck, rel=1e-3)
