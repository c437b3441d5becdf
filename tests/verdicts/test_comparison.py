"""A sweep judged: pairs, verdicts, tiers, controls, tasks together. Expected values are scipy's, or by hand.

The records are made here: a regression loss of which every prediction is off by the same amount has that amount as its
RMSE, and no row is easier than another, so that its interval for new rows is the one for this test part.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk

from lossbench.errors import InputError
from lossbench.plan import DataCard, Direction, Scope, StepCost
from lossbench.records.facts import LossFacts, MetricFacts, TrialResult
from lossbench.records.record import Record, Repeat, Status
from lossbench.records.schema_1 import TASKS
from lossbench.report.tables import to_json
from lossbench.verdicts.aims import other_aim
from lossbench.verdicts.answer import answer
from lossbench.verdicts.comparison import Comparison, Contest, Difference, Rules
from lossbench.verdicts.judging import compare
from lossbench.verdicts.verdict import Verdict
from tests.made import a_cell

Values = NDArray[np.float64]
ROWS = 40
TARGET = np.linspace(100.0, 139.0, ROWS)
SIGNS = np.where(np.arange(ROWS) % 2, 1.0, -1.0)
Z = np.array([-1.5, -1.0, -0.6, -0.3, -0.1, 0.1, 0.3, 0.6, 1.0, 1.5])
Z = Z / Z.std(ddof=1)
"""Ten repeats' worth of noise: mean 0, standard deviation 1."""
BASE = 10 + 0.2 * Z[::-1]


def a_record(title: str, task: str, data: str, repeats: list[Repeat], **more: Any) -> Record:
    metric, baseline, direction = ("rmse", "mse", "min") if task == "regression" else ("roc_auc", "bce", "max")
    kind = "continuous" if task == "regression" else "binary"
    names = {"rmse": "min", "mae": "min", "r2": "max"} if task == "regression" else dict(BINARY)
    usual = {"rmse": 0.1, "mae": 0.1, "r2": 0.01} if task == "regression" else {"roc_auc": 0.005, "log_loss": 0.01}
    budget = {"repeats": len(repeats), "trials": 2, **more.pop("protocol", {})}
    return Record(
        status=more.pop("status", Status.DONE),
        reason=more.pop("reason", ""),
        loss=LossFacts(title, title, kind=kind, elicits=more.pop("elicits", "")),
        task=task,
        data=DataCard(data, digest=more.pop("digest", data)),
        model="mlp",
        metric=MetricFacts(metric, Direction(direction)),
        directions={name: Direction(way) for name, way in names.items()},
        predicts=TASKS[task],
        repeats=repeats,
        cell=a_cell(title, task, data, metric=metric, baseline=baseline, **budget),
        margins={**usual, **more.pop("margins", {})},
        contest=more.pop("contest", f"{task}-{data}"),
        sweep=more.pop("sweep", "made"),
        **more,
    )


BINARY = (
    *(("roc_auc", "max"), ("average_precision", "max"), ("f1", "max"), ("accuracy", "max"), ("brier", "min")),
    *(("log_loss", "min"), ("ece", "min"), ("f1_at_half", "max"), ("accuracy_at_half", "max")),
)


def a_repeat(number: int, found: dict[str, float], step: float, **more: Any) -> Repeat:
    trials = [
        TrialResult(rate, value=value, best_epoch=1, epochs=3, seconds=0.2, step_seconds=step)
        for rate, value in ((0.001, next(iter(found.values()))), (0.01, 1.1 * next(iter(found.values()))))
    ]
    chosen = {"trial": 0, "learning_rate": 0.001, "best_epoch": 1, "epochs": 3, "seconds": 0.2}
    return Repeat(number, number, Status.DONE, metrics=found, trials=trials, **{**chosen, **more})


def timed(record: Record, ratio: float = 1.0, low: float | None = None, high: float | None = None) -> Record:
    """With a step that took so many times one of the baseline's, clocked in turn, and its spread: 2 % unless given."""
    ends = {"low": 0.98 * ratio if low is None else low, "high": 1.02 * ratio if high is None else high}
    record.cost.step = StepCost("mse", ratio, **ends, seconds=1e-3 * ratio, rounds=101)
    return record


def regression(
    title: str,
    errors: Sequence[float] | Values,
    *,
    data: str = "houses",
    uneven: Values | float = 1.0,
    step: float = 1e-3,
    rows: int = ROWS,
    **more: Any,
) -> Record:
    """A loss that is off by errors[r] in repeat r, times `uneven` [R, n] where rows differ."""
    arrays: dict[str, Any] = {}
    repeats = []
    factors = np.broadcast_to(uneven, (len(errors), rows))
    for r, error in enumerate(errors):
        off = error * factors[r] * np.resize(SIGNS, rows)
        target = np.resize(TARGET, rows)
        found = {
            "rmse": float(np.sqrt(np.mean(off**2))),
            "mae": float(np.abs(off).mean()),
            "r2": float(sk.r2_score(target, target + off)),
        }
        repeats.append(a_repeat(r, found, step))
        for part in ("validation", "test"):
            arrays |= {f"{part}/{r}/rows": np.arange(rows), f"{part}/{r}/target": target}
            arrays[f"{part}/{r}/score"] = target + off
    return timed(a_record(title, "regression", data, repeats, arrays=arrays, **more), step / 1e-3)


def binary(
    title: str, probability: Values, target: Values, *, data: str = "loans", step: float = 1e-3, **more: Any
) -> Record:
    """A loss that gives probabilities [R, n] for labels [n]; metrics are scikit-learn's, thresholds at .5."""
    arrays: dict[str, Any] = {}
    repeats = []
    for r, p in enumerate(probability):
        label = (p > 0.5).astype(int)
        found = {
            "roc_auc": float(sk.roc_auc_score(target, p)),
            "average_precision": float(sk.average_precision_score(target, p)),
            "f1": float(sk.f1_score(target, label)),
            "accuracy": float(sk.accuracy_score(target, label)),
            "brier": float(sk.brier_score_loss(target, p)),
            "log_loss": float(sk.log_loss(target, p)),
            "ece": 0.05,
            "f1_at_half": float(sk.f1_score(target, label)),
            "accuracy_at_half": float(sk.accuracy_score(target, label)),
        }
        repeats.append(a_repeat(r, found, step, decision={"f1": 0.5, "accuracy": 0.5}))
        for part in ("validation", "test"):
            arrays |= {f"{part}/{r}/rows": np.arange(len(target)), f"{part}/{r}/target": target.astype(float)}
            arrays |= {f"{part}/{r}/score": np.log(p / (1 - p)), f"{part}/{r}/probability": p}
            arrays[f"{part}/{r}/label"] = label
    return timed(a_record(title, "binary", data, repeats, arrays=arrays, **more), step / 1e-3)


def gaining(title: str, mean: float, spread: float, **more: Any) -> Record:
    """A loss whose RMSE lies below the baseline's by gains of this mean and standard deviation, in ten repeats."""
    return regression(title, BASE - mean - spread * Z, **more)


def mse(**more: Any) -> Record:
    return regression("mse", BASE, **more)


def contest_of(*records: Record, **rules: Any) -> Contest:
    (contest,) = compare(records, Rules(**rules)).contests
    return contest


def verdicts_of(contest: Contest) -> dict[str, Verdict]:
    return {c.title: c.difference.verdict for c in contest.contenders if c.difference}


def noisy(seed: int, repeats: int = 10, rows: int = ROWS) -> Values:
    """How much harder some rows are than others, anew in every repeat in part."""
    draw = np.random.default_rng(seed)
    return np.asarray(np.exp(0.3 * draw.normal(size=rows) + 0.2 * draw.normal(size=(repeats, rows))))


# Pairs ------------------------------------------------------------------------------------------------------------


def test_a_gain_and_its_interval_are_scipys_paired_t() -> None:
    other = BASE - 0.3 - 0.25 * Z
    contest = contest_of(mse(), regression("huber", other), scope=Scope.TEST)
    found = contest.find("huber").difference
    wanted = stats.ttest_rel(BASE, other)
    interval = wanted.confidence_interval()
    assert found is not None
    assert found.test.mean == pytest.approx(np.mean(BASE - other))
    assert found.test.interval() == pytest.approx((interval.low, interval.high))
    assert (found.p, found.p_holm, found.family) == (pytest.approx(wanted.pvalue), found.p, 1)


def test_for_a_metric_to_maximise_more_is_better() -> None:
    draw = np.random.default_rng(0)
    target = np.repeat([0.0, 1.0], 50)
    p = np.clip(0.5 + 0.2 * (target - 0.5) + 0.3 * draw.normal(size=(5, 100)), 0.01, 0.99)
    better = np.clip(p + 0.25 * (target - 0.5), 0.01, 0.99)
    contest = contest_of(binary("bce", p, target), binary("focal", better, target))
    found = contest.find("focal").difference
    assert found is not None
    mine, its = (np.array([sk.roc_auc_score(target, row) for row in rows]) for rows in (better, p))
    assert found.gains == pytest.approx(mine - its)
    assert found.verdict.sign == 1
    assert contest.contenders[0].title == "focal"


def test_missing_repeats_are_an_error_that_names_them() -> None:
    short = gaining("huber", 0.5, 0.1)
    del short.repeats[2], short.repeats[6]
    with pytest.raises(InputError, match="huber on houses lacks repeats 2, 7, which the other losses have"):
        compare([mse(), short])


def test_predictions_of_other_rows_are_an_error() -> None:
    other = gaining("huber", 0.5, 0.1)
    other.arrays |= {f"test/{r}/rows": np.arange(1, ROWS + 1) for r in range(10)}
    with pytest.raises(InputError, match="judged on different test rows"):
        compare([mse(), other])
    other.arrays["test/4/rows"] = np.arange(2, ROWS + 2)
    with pytest.raises(InputError, match="huber: its repeats were judged on different test rows"):
        compare([mse(), other])


def plain(difference: Difference) -> list[str]:
    """Everything that a pair of losses came to, to the last bit, but Holm's p and the family that it is of."""
    kept = {k: v for k, v in vars(difference).items() if k not in ("p_holm", "family")}
    return [f"{k} {v.tobytes() if isinstance(v, np.ndarray) else v!r}" for k, v in kept.items()]


def test_another_loss_leaves_all_other_pairs_as_they_were_but_for_holms_p() -> None:
    few = [mse(uneven=noisy(0)), gaining("huber", 0.5, 0.6, uneven=noisy(1)), gaining("mae", 0.3, 0.2, uneven=noisy(2))]
    more = [few[0], gaining("log_cosh", 0.4, 0.3, uneven=noisy(3)), *few[1:]]
    before, after = contest_of(*few), contest_of(*more)
    assert len(before.differences) == 6
    for pair, difference in before.differences.items():
        assert plain(difference) == plain(after.differences[pair])
        assert after.differences[pair].p_holm >= difference.p_holm
    for title in ("huber", "mae"):
        one, two = (contest.find(title).difference for contest in (before, after))
        assert one is not None
        assert two is not None
        assert plain(one) == plain(two)
    assert after.differences["huber", "mae"].family == 6


def test_holm_goes_over_the_losses_beside_the_baseline() -> None:
    """By hand: three p in order times 3, 2, 1, never falling."""
    contest = contest_of(mse(), *(gaining(name, m, 0.3) for name, m in (("a", 0.4), ("b", 0.3), ("c", 0.2))))
    found = [c.difference for c in (contest.find(t) for t in "abc") if c.difference]
    p = [d.p for d in found]
    assert p == sorted(p)
    assert [d.p_holm for d in found] == pytest.approx([3 * p[0], max(3 * p[0], 2 * p[1]), max(2 * p[1], p[2])])


# Verdicts and tiers -----------------------------------------------------------------------------------------------


EVERY = {
    "far better": (0.5, 0.1, Verdict.BETTER),
    "a bit better": (0.15, 0.1, Verdict.MAYBE_BETTER),
    "equal": (0.02, 0.05, Verdict.SAME),
    "wild": (0.05, 0.5, Verdict.UNCLEAR),
    "a bit worse": (-0.15, 0.1, Verdict.MAYBE_WORSE),
    "far worse": (-0.5, 0.1, Verdict.WORSE),
}
"""Mean and standard deviation of ten gains; half their 95 % interval is .715 standard deviations, the margin .1."""


def test_every_verdict_can_be_reached() -> None:
    contest = contest_of(mse(), *(gaining(name, m, s) for name, (m, s, _) in EVERY.items()))
    assert verdicts_of(contest) == {name: verdict for name, (_, _, verdict) in EVERY.items()}
    assert contest.find("far better").tier == "A"
    assert contest.find("far worse").tier > contest.find("mse").tier > "A"


@pytest.mark.parametrize("seed", range(40))
def test_the_tier_of_the_baseline_never_contradicts_its_verdicts(seed: int) -> None:
    """By the definition of a tier: its first beats none in it, and beats the first of the next."""
    draw = np.random.default_rng(seed)
    names = [f"loss {i}" for i in range(int(draw.integers(1, 7)))]
    losses = [regression(n, BASE - draw.normal() * 0.3 - draw.uniform(0.02, 0.5) * draw.normal(size=10)) for n in names]
    contest = contest_of(mse(), *losses)
    heads: dict[str, str] = {}
    for c in contest.ranked:
        heads.setdefault(c.tier, c.title)
    mine = contest.find("mse").tier
    head = contest.find(heads[mine])
    if head.title == "mse":
        assert all(c.difference.verdict.sign >= 0 for c in contest.ranked if c.tier == mine and c.difference)
    else:
        assert head.difference is not None
        assert head.difference.verdict.sign <= 0
    earlier = [heads[t] for t in sorted(heads) if t < mine]
    if earlier and head.title == "mse":
        last = contest.find(earlier[-1]).difference
        assert last is not None
        assert last.verdict.sign > 0


def test_the_scope_decides_which_interval_judges() -> None:
    """Rows that differ much by loss: clear on this test part, open for new rows."""
    hard = np.where(np.arange(ROWS) < 6, 4.0, 0.9)
    records = [mse(), gaining("huber", 5.0, 0.3, uneven=hard)]
    of = {scope: contest_of(*records, scope=Scope(scope)) for scope in ("test", "rows")}
    found = {scope: contest.find("huber").difference for scope, contest in of.items()}
    assert found["test"] is not None
    assert found["rows"] is not None
    assert found["rows"].new_rows is not None
    assert (found["test"].judged, found["rows"].judged) == (found["test"].test, found["rows"].new_rows)
    assert found["test"].test.reach() < found["rows"].new_rows.reach()
    assert found["test"].verdict is Verdict.BETTER
    assert found["rows"].verdict is not Verdict.BETTER
    assert found["test"].p < found["rows"].p


def test_without_stored_predictions_nothing_is_said_of_new_rows() -> None:
    records = [mse(), gaining("huber", 0.5, 0.1)]
    for found in records:
        found.arrays = {}
    contest = contest_of(*records)
    difference = contest.find("huber").difference
    assert difference is not None
    assert difference.new_rows is None
    assert difference.verdict is Verdict.UNCLEAR
    assert contest_of(*records, scope=Scope.TEST).find("huber").difference.verdict is Verdict.BETTER  # type: ignore[union-attr]


def test_another_baseline_turns_the_gains_round() -> None:
    records = [mse(), gaining("huber", 0.5, 0.1), gaining("mae", 0.1, 0.1)]
    usual, other = contest_of(*records), contest_of(*records, baseline="huber")
    assert (usual.baseline, other.baseline) == ("mse", "huber")
    there, back = usual.find("huber").difference, other.find("mse").difference
    assert there is not None
    assert back is not None
    assert back.gains == pytest.approx(-there.gains)
    assert back.verdict is there.verdict.mirrored
    assert "is not among the losses" in contest_of(*records, baseline="pinball").no_verdict


def test_equal_predictions_are_the_same_in_practice_and_no_number_is_lost() -> None:
    comparison = compare([mse(), regression("mse_again", BASE)])
    (contest,) = comparison.contests
    found = contest.find("mse_again").difference
    assert found is not None
    assert found.test.interval() == (0.0, 0.0)
    assert found.new_rows is not None
    assert found.new_rows.interval() == (0.0, 0.0)
    assert (found.verdict, found.identical, found.p, found.effect) == (Verdict.SAME, True, 1.0, 0.0)
    text = json.dumps(to_json(comparison, answer(comparison)), allow_nan=False)  # NaN would raise
    assert "same in practice" in text
    from lossbench.report.board import board

    (line,) = [row for row in board(contest, "", {}).rows if row.title == "mse_again"]
    assert line.why == "identical on all repeats"
    assert "nan" not in repr(line).lower()


# What is not judged -----------------------------------------------------------------------------------------------


def test_a_control_that_wins_makes_the_sweep_invalid() -> None:
    comparison = compare([mse(), gaining("huber", 0.3, 0.1), gaining("mse_again", 0.5, 0.1, role="control")])
    assert comparison.invalid
    assert [c.title for c in comparison.contests[0].spoiled] == ["mse_again"]
    assert answer(comparison).sentence.startswith("Conclude nothing from this sweep: mse_again")
    assert not any(advice.picks for advice in answer(comparison).advice)


def test_a_control_that_does_not_win_takes_no_part_in_tiers_or_families() -> None:
    comparison = compare([mse(), gaining("huber", 0.3, 0.1), gaining("mse_again", 0.0, 0.1, role="control")])
    (contest,) = comparison.contests
    assert not comparison.invalid
    assert [c.title for c in contest.contenders] == ["huber", "mse"]
    assert contest.find("huber").difference.family == 1  # type: ignore[union-attr]


def few(n: int, **protocol: Any) -> list[Record]:
    return [regression(t, e[:n], protocol=protocol) for t, e in (("mse", BASE), ("huber", BASE - 1))]


@pytest.mark.parametrize(
    ("records", "reason"),
    [
        (few(10, name="smoke"), "protocol=smoke only shows that everything runs"),
        (few(10, name="fixed"), "protocol=fixed trains every loss at one learning rate"),
        (few(10, trials=1), "one learning rate for every loss, nothing tuned"),
        (few(2), "2 repeats are too few to measure the spread: 3 are needed, 10 advised"),
        ([mse()], "mse is the only loss here"),
        ([gaining("huber", 1, 0.1), gaining("mae", 2, 0.1)], "the baseline is not among the losses"),
    ],
)
def test_what_is_no_ground_for_a_verdict_gets_none_and_says_why(records: list[Record], reason: str) -> None:
    comparison = compare(records)
    (contest,) = comparison.contests
    assert reason in contest.no_verdict
    assert {c.tier for c in contest.contenders} == {""}
    assert answer(comparison).sentence.startswith("No verdict: ")
    assert reason in answer(comparison).sentence
    assert answer(comparison).tiles == ()
    found = to_json(comparison, answer(comparison))["contests"][0]
    assert {pair["verdict"] for pair in found["pairs"]} <= {None}


def test_three_repeats_are_judged() -> None:
    assert contest_of(*few(3)).no_verdict == ""


def test_a_baseline_all_but_perfect_leaves_no_room() -> None:
    perfect = [regression(t, e) for t, e in (("mse", 0.05 + 0.01 * Z), ("huber", 0.06 + 0.01 * Z))]
    assert contest_of(*perfect).saturated
    assert not contest_of(*few(10)).saturated
    target = np.repeat([0.0, 1.0], 50)
    p = np.tile(np.linspace(0.01, 0.99, 100), (3, 1))
    assert contest_of(binary("bce", p, target), binary("focal", p, target)).saturated
    swapped = p.copy()
    swapped[:, 20:80] = p[:, 20:80][:, ::-1]
    assert not contest_of(binary("bce", swapped, target), binary("focal", p, target)).saturated


@pytest.mark.parametrize("status", [Status.DIVERGED, Status.FAILED])
def test_a_loss_that_did_not_end_every_repeat_has_a_line_but_no_tier(status: Status) -> None:
    broken = gaining("poisson", 3.0, 0.1, status=status, reason="the loss became nan")
    broken.repeats[4].status, broken.repeats[4].metrics = status, {}
    comparison = compare([mse(), gaining("huber", 0.5, 0.1), broken])
    (contest,) = comparison.contests
    assert [c.title for c in contest.contenders] == ["huber", "mse", "poisson"]
    found = contest.find("poisson")
    assert (found.tier, found.difference, found.failed) == ("", None, 1)
    assert found.apart == f"{status.value}: 1 of 10 repeats"
    assert [r.title for r in comparison.failures] == ["poisson"]
    assert all("poisson" not in pair for pair in contest.differences)
    assert contest.find("huber").difference.verdict is Verdict.BETTER  # type: ignore[union-attr]


def test_a_loss_with_another_aim_than_the_metrics_has_no_tier_and_says_why() -> None:
    quantile = gaining("pinball", -3.0, 0.1, elicits="quantile 0.9")
    contest = contest_of(mse(elicits="mean"), gaining("mae", 0.2, 0.1, elicits="median"), quantile)
    assert contest.find("pinball").apart == "elicits a quantile 0.9, rmse rewards the centre"
    assert (contest.find("pinball").tier, contest.find("pinball").difference) == ("", None)
    assert contest.find("mae").tier == "A"


@pytest.mark.parametrize(
    ("elicits", "metric", "why"),
    [
        ("probability", "log_loss", ""),
        ("distorted probability", "roc_auc", ""),
        *(("distorted probability", name, "elicits a distorted probability") for name in ("log_loss", "brier", "ece")),
        ("sign", "log_loss", "elicits a sign"),
        ("probability or distorted probability", "log_loss", "elicits a distorted probability"),
        ("quantile 0.9 or median or quantile 0.3", "mae", "elicits a quantile 0.9 or quantile 0.3"),
        ("expectile 0.2", "r2", "elicits an expectile 0.2"),
        ("", "log_loss", ""),
    ],
)
def test_an_aim_is_another_where_any_repeat_chose_one_that_the_metric_does_not_reward(
    elicits: str, metric: str, why: str
) -> None:
    told = other_aim(elicits, metric)
    assert bool(told) == bool(why)
    assert why in told
    assert told.startswith("not calibrated by design") == (metric in ("log_loss", "brier", "ece") and bool(why))


# Several tasks ------------------------------------------------------------------------------------------------------

MEANS = {
    "a": (0.5, 0.1, -0.2),
    "b": (0.4, 0.3, 0.1),
    "c": (0.6, -0.1, 0.2),
    "d": (0.2, 0.1, -0.3),
    "e": (0.7, 0.2, -0.1),
}
"""Mean gains of three losses over the baseline, by task."""


def over_tasks(tasks: str) -> Comparison:
    records = []
    for task in tasks:
        records.append(mse(data=task))
        records += [gaining(f"loss {i}", m, 0.1, data=task) for i, m in enumerate(MEANS[task])]
    return compare(records)


@pytest.mark.parametrize("tasks", ["ab", "abcde"])
def test_tasks_together_are_judged_as_scipy_does(tasks: str) -> None:
    found = over_tasks(tasks).across
    assert found is not None
    assert found.ranking is not None
    table = np.array([[0.0, *MEANS[t]] for t in tasks])  # larger is better; the baseline gains nothing on itself
    column = [["mse", "loss 0", "loss 1", "loss 2"].index(title) for title in found.titles]
    table = table[:, column]
    assert found.gains == pytest.approx(table / 0.1)
    assert found.ranking.mean == pytest.approx(stats.rankdata(-table, axis=1).mean(0))
    chi2 = stats.friedmanchisquare(*table.T).statistic
    n, k = table.shape
    f = (n - 1) * chi2 / (n * (k - 1) - chi2)
    assert (found.ranking.friedman, found.ranking.f) == pytest.approx((chi2, f))
    assert found.ranking.p == pytest.approx(stats.f.sf(f, k - 1, (k - 1) * (n - 1)))
    for (i, j), p in found.ranking.pairs.items():
        assert p == pytest.approx(stats.wilcoxon(table[:, i] - table[:, j]).pvalue)


def test_a_critical_difference_needs_five_tasks() -> None:
    few, many = over_tasks("abcd").across, over_tasks("abcde").across
    assert few is not None
    assert many is not None
    assert few.ranking is not None
    assert many.ranking is not None
    assert few.ranking.critical is None
    q = stats.studentized_range.ppf(0.95, 4, np.inf) / np.sqrt(2)
    assert many.ranking.critical == pytest.approx(q * np.sqrt(4 * 5 / (6 * 5)))


def test_regret_is_what_the_others_choice_loses_here() -> None:
    """By hand: on `a` the best elsewhere (task b) is loss 0 with .4, which is the best of a too; so it is on b."""
    found = over_tasks("ab").across
    assert found is not None
    assert found.regret is not None
    assert found.regret == pytest.approx([0.0, 0.0])
    found = over_tasks("ac").across  # elsewhere and here it is loss 0 again, of .5 and .6
    assert found is not None
    assert found.verdicts[:, list(found.titles).index("loss 2")].tolist() == [-1, 1]


def test_only_losses_that_every_task_has_are_ranked_and_one_task_is_none() -> None:
    records = [mse(data="a"), gaining("huber", 0.5, 0.1, data="a"), gaining("mae", 0.4, 0.1, data="a")]
    records += [mse(data="b"), gaining("huber", 0.5, 0.1, data="b")]
    found = compare(records).across
    assert found is not None
    assert sorted(found.titles) == ["huber", "mse"]
    assert compare(records[:3]).across is None
