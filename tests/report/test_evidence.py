"""Evidence from stored predictions, by hand and against scikit-learn, SciPy and seqeval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats
from seqeval.metrics import f1_score
from seqeval.scheme import IOB2
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from lossbench.plan import DataCard, Direction
from lossbench.records.facts import LossFacts, MetricFacts
from lossbench.records.record import Record, Repeat, Status
from lossbench.records.schema_1 import TASKS
from lossbench.report import listings
from lossbench.report.evidence import calibration, shapes, tags, thresholds
from lossbench.report.evidence.calibration import Scaled, Tails
from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.judging import compare
from tests.made import a_cell

RNG = np.random.default_rng(7)
TAGS = ("B-LOC", "I-LOC", "B-PER", "I-PER", "O")
WORDS = ["Ada", "Byron", "came", "to", "Ghent", ".", "Ghent", "saw", "New", "York", "."]
SENTENCE = np.repeat([0, 1], [6, 5])
TRUE = ["B-PER", "I-PER", "O", "O", "B-LOC", "O", "B-LOC", "O", "B-LOC", "I-LOC", "O"]
READ = ["B-PER", "O", "O", "O", "B-PER", "O", "O", "B-PER", "B-LOC", "I-LOC", "O"]


def record(title: str, task: str, repeats: list[dict[str, float]], arrays: dict[str, Any], **changes: Any) -> Record:
    """One cell of a contest over the given metrics of its repeats."""
    status = changes.pop("status", Status.DONE)
    report = changes.pop("report", None)
    metric = next(iter(repeats[0]), "f1")
    known: dict[str, Any] = {
        "loss": LossFacts(title, title),
        "cell": a_cell(task=task, baseline="base", repeats=len(repeats), trials=4),
    }
    return Record(
        status=status,
        reason="",
        task=task,
        data=DataCard("data"),
        model="net",
        metric=MetricFacts(metric, Direction.MAX),
        directions=dict.fromkeys(repeats[0], Direction.MAX),
        predicts=TASKS[task],
        repeats=[Repeat(n, 0, status, metrics=m, report=report) for n, m in enumerate(repeats)],
        contest="one",
        arrays={name: np.asarray(array) for name, array in arrays.items()},
        **{**known, **changes},
    )


def contest(*records: Record) -> Contest:
    return compare(records).contests[0]


def binary(title: str, *, factor: float = 1.0, repeats: int = 2, n: int = 400, **changes: Any) -> Record:
    """Probabilities whose log odds are `factor` times what they should be."""
    rng = np.random.default_rng(3)
    arrays: dict[str, Any] = {}
    found: list[dict[str, float]] = []
    for repeat in range(repeats):
        for part in ("validation", "test"):
            odds = rng.normal(0, 2, n)
            target = (rng.uniform(size=n) < 1 / (1 + np.exp(-odds))).astype(float)
            p = 1 / (1 + np.exp(-odds * factor))
            of = {"rows": np.arange(n), "target": target, "score": odds, "label": (p > 0.5).astype(int)}
            if changes.get("probabilities", True):
                of["probability"] = p
            arrays |= {f"{part}/{repeat}/{name}": array for name, array in of.items()}
        found.append({"f1": 0.7 + factor / 100, "accuracy": 0.8, "f1_at_half": 0.6 + factor / 10 + repeat / 100})
        found[-1]["accuracy_at_half"] = 0.8
    changes.pop("probabilities", None)
    return record(title, "binary", found, {**arrays, **changes.pop("arrays", {})}, **changes)


def numbers(title: str, scale: float, **changes: Any) -> Record:
    arrays: dict[str, Any] = {}
    for repeat in range(2):
        target = np.arange(100.0)
        error = scale * np.linspace(-1, 1, 100)
        arrays |= {f"test/{repeat}/rows": np.arange(100), f"test/{repeat}/target": target}
        arrays[f"test/{repeat}/score"] = target + error
        if changes.get("interval"):
            arrays |= {f"test/{repeat}/low": target + error - 0.8, f"test/{repeat}/high": target + error + 0.8}
    return record(title, "regression", [{"rmse": scale}] * 2, arrays)


def sentences(title: str, read: list[str], **changes: Any) -> Record:
    places = {tag: place for place, tag in enumerate(TAGS)}
    p = np.full((len(read), len(TAGS)), 0.05)
    p[np.arange(len(read)), [places[tag] for tag in read]] = 0.8
    arrays: dict[str, Any] = {"legend/tags": np.array(TAGS), "legend/words": np.array(WORDS)}
    for repeat in range(2):
        of = {
            "rows": SENTENCE,
            "target": np.array([places[tag] for tag in TRUE], dtype=np.int16),
            "label": np.array([places[tag] for tag in read], dtype=np.int16),
            "probability": p,
        }
        arrays |= {f"{part}/{repeat}/{name}": array for part in ("validation", "test") for name, array in of.items()}
        arrays[f"test/{repeat}/entities"] = np.array([[1, 2, 2], [1, 2, 2]])
    report = {"B-PER": {"precision": 0.5, "recall": 1.0, "f1-score": 2 / 3, "support": 1.0}, "O": {}, "micro avg": {}}
    return record(title, "ner", [{"entity_f1": 0.5}] * 2, arrays, report=report, **changes)


# Thresholds -------------------------------------------------------------------------------------------------------


def test_what_remains_of_f1_is_the_ratio_of_paired_means_with_scipys_intervals() -> None:
    before, after = RNG.normal(0.1, 0.01, 6), RNG.normal(0.02, 0.01, 6)
    found = thresholds.remains("f1", before, after)
    assert found.share == pytest.approx(after.mean() / before.mean())
    for estimate, gains in ((found.before, before), (found.after, after)):
        expected = stats.ttest_1samp(gains, 0).confidence_interval()
        assert estimate.interval() == pytest.approx((expected.low, expected.high))


def test_nothing_remains_where_nothing_was() -> None:
    found = thresholds.remains("f1", np.array([-0.1, 0.1, 0.01]), np.array([0.2, 0.2, 0.2]))
    assert not found.real
    assert found.share is None
    assert found.said == "no difference to explain"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ([0.05, 0.06, 0.04], "50 % remains"),
        ([0.05, 0.01, -0.03], "10 % remains, within noise"),
        ([-0.01, 0.01, 0.0], "gone"),
        ([-0.05, -0.06, -0.04], "turned (−50 %)"),
        ([0.1, 0.1, 0.1], "100 % remains"),
    ],
)
def test_what_remains_in_words(after: list[float], said: str) -> None:
    assert thresholds.remains("f1", np.array([0.1, 0.11, 0.09]), np.array(after)).said == said


def test_thresholds_compare_with_the_baseline_in_both_ways() -> None:
    found = thresholds.thresholds(contest(binary("base"), binary("sharp", factor=3)))
    assert found is not None
    (loss,) = found.losses
    assert (found.baseline, loss.title) == ("base", "sharp")
    assert loss.threshold is not None
    assert loss.temperature is not None
    assert loss.threshold["f1"].before.mean == pytest.approx(0.2)  # .6 + 3 / 10 less .6 + 1 / 10
    assert loss.threshold["f1"].after.mean == pytest.approx(0.02)
    assert loss.temperature["log_loss"].before.mean < -0.05  # too sure as trained
    assert loss.temperature["log_loss"].after.mean == pytest.approx(0, abs=1e-4)  # the same up to the temperature


def test_losses_without_probabilities_keep_their_thresholds_and_have_no_temperature() -> None:
    found = thresholds.thresholds(contest(binary("base"), binary("hinge", probabilities=False)))
    assert found is not None
    assert found.losses[0].temperature is None
    assert found.losses[0].threshold is not None
    assert not found.losses[0].probabilities


def test_there_is_nothing_to_say_without_a_second_loss_a_baseline_or_a_second_repeat() -> None:
    assert thresholds.thresholds(contest(binary("base"))) is None
    assert thresholds.thresholds(contest(binary("other"), binary("third"))) is None
    assert thresholds.thresholds(contest(binary("base", repeats=1), binary("other", repeats=1))) is None
    assert thresholds.thresholds(contest(numbers("base", 1), numbers("other", 2))) is None


def test_failed_losses_controls_and_references_are_left_out() -> None:
    failed = binary("broken", status=Status.FAILED)
    rows = [binary("base"), binary("sharp", factor=3), failed]
    rows += [binary("again", role="control"), binary("trees", role="reference")]
    judged = contest(*rows)
    assert set(calibration.probabilities(judged) or {}) == {"base", "sharp"}
    found = thresholds.thresholds(judged)
    assert found is not None
    assert [loss.title for loss in found.losses] == ["sharp"]
    broken_baseline = contest(binary("base", status=Status.DIVERGED), binary("sharp"))
    assert thresholds.thresholds(broken_baseline) is None


# Calibration --------------------------------------------------------------------------------------------------------


def scaled(row: Record) -> tuple[Scaled, ...]:
    found = (calibration.probabilities(contest(row)) or {})[row.title]
    assert found is not None
    return found


def test_the_temperature_is_the_inverse_of_a_slope_that_logistic_regression_fits() -> None:
    row = binary("base", factor=3)
    for number, repeat in enumerate(scaled(row)):
        p, target = (row.arrays[f"validation/{number}/{name}"] for name in ("probability", "target"))
        odds = np.log(p / (1 - p))[:, None]
        slope = LogisticRegression(C=np.inf, fit_intercept=False).fit(odds, target).coef_[0, 0]
        assert repeat.temperature == pytest.approx(1 / slope, rel=1e-3)


def test_scores_before_scaling_are_scikit_learns() -> None:
    row = binary("base", factor=2)
    for number, repeat in enumerate(scaled(row)):
        p, target = (row.arrays[f"test/{number}/{name}"] for name in ("probability", "target"))
        assert repeat.before.log_loss == pytest.approx(sk.log_loss(target, p))
        assert repeat.before.brier == pytest.approx(sk.brier_score_loss(target, p))
        assert repeat.after.log_loss < repeat.before.log_loss


def test_reliability_points_are_scikit_learns_and_bars_are_scipys_wilson_intervals() -> None:
    row = binary("base", repeats=1, n=450)
    points = calibration.points([scaled(row)[0].before])
    share, mean = calibration_curve(
        row.arrays["test/0/target"], row.arrays["test/0/probability"], n_bins=15, strategy="quantile"
    )
    assert points.count.tolist() == [30] * 15
    assert points.share == pytest.approx(share)
    assert points.probability == pytest.approx(mean)
    for place in range(15):
        test = stats.binomtest(round(points.share[place] * 30), 30).proportion_ci(method="wilson")
        assert (points.low[place], points.high[place]) == pytest.approx((test.low, test.high), abs=1e-9)


def test_bars_of_several_repeats_rest_on_test_rows_not_on_predictions() -> None:
    one = scaled(binary("base", repeats=1))[0].before
    once, thrice = calibration.points([one]), calibration.points([one] * 3)
    assert thrice.share == pytest.approx(once.share, abs=0.05)
    assert (thrice.high - thrice.low).mean() == pytest.approx((once.high - once.low).mean(), rel=0.05)


@pytest.mark.parametrize(("factor", "word"), [(1, "close"), (3, "over-confident (T = 2."), (0.4, "under-confident")])
def test_the_reading_names_the_direction(factor: float, word: str) -> None:
    found = calibration.calibrations(contest(binary("base", factor=factor, n=3000)))
    assert found is not None
    assert found.losses[0].reading.startswith(word) or (
        factor == 3 and "over-confident (T = 3" in found.losses[0].reading
    )
    assert found.losses[0].improved or factor == 1


def test_repeats_that_contradict_each_other_are_said_to() -> None:
    one, other = scaled(binary("base", factor=3))[0], scaled(binary("base", factor=0.3))[0]
    assert calibration.calibrated("base", (one, other)).reading.startswith("unsettled (T = 0.")


def test_losses_that_distort_by_design_are_told_apart_from_those_that_came_out_badly() -> None:
    records = [binary(title, factor=3) for title in ("base", "focal")]
    records[0].loss.elicits, records[1].loss.elicits = "probability", "distorted probability"
    found = calibration.calibrations(contest(*records))
    assert found is not None
    assert found.distorted == ("focal",)
    table = listings.calibrated(found).table
    assert table is not None
    readings = {row[0]: row[-1] for row in table.rows}
    assert readings["focal"] == f"{readings['base']}; not calibrated by design"


def test_losses_without_probabilities_are_named() -> None:
    found = calibration.calibrations(contest(binary("base"), binary("hinge", probabilities=False)))
    assert found is not None
    assert found.without == ("hinge",)
    assert [loss.title for loss in found.losses] == ["base"]


def test_classes_are_judged_by_the_likeliest_one() -> None:
    found = calibration.calibrations(contest(sentences("base", READ)))
    assert found is not None
    assert found.top_label
    (loss,) = found.losses
    right = np.mean(np.array(TRUE) == np.array(READ))
    assert loss.ece[0] == pytest.approx(abs(0.8 - right))  # all predictions are equally sure: one bin
    wrong = 1 - right
    assert loss.brier[0] == pytest.approx(right * (0.04 + 4 * 0.0025) + wrong * (0.64 + 0.9025 + 3 * 0.0025))


# Numbers ------------------------------------------------------------------------------------------------------------


def test_tails_by_hand() -> None:
    errors = np.concatenate([np.ones(99), [-10.0]])
    found = calibration.residuals("mae", errors)
    assert found.worst == pytest.approx((100 / 199, 104 / 199))
    assert found.bias == 1
    assert found.quantiles == pytest.approx(np.quantile(errors, calibration.LEVELS))
    assert found.sizes == pytest.approx(stats.mstats.mquantiles(np.abs(errors), calibration.TAILS, alphap=1, betap=1))


def test_errors_twice_as_large_are_twice_the_baselines_at_every_level() -> None:
    found = calibration.tails(contest(numbers("base", 1), numbers("wide", 2)))
    assert isinstance(found, Tails)
    ratios = found.ratios(next(loss for loss in found.losses if loss.title == "wide"))
    assert ratios == pytest.approx(np.full(len(calibration.TAILS), 2))
    alone = calibration.tails(contest(numbers("wide", 2)))
    assert alone is not None
    assert alone.ratios(alone.losses[0]) is None


def test_coverage_is_the_share_of_rows_within() -> None:
    found = calibration.tails(contest(numbers("base", 1), numbers("nll", 1, interval=True)))
    assert found is not None
    by_title = {loss.title: loss.coverage for loss in found.losses}
    assert by_title["base"] is None
    coverage = by_title["nll"]
    assert coverage is not None
    inside = float(np.mean(np.abs(np.linspace(-1, 1, 100)) <= 0.8))
    assert coverage.share == pytest.approx(inside)
    assert coverage.interval == pytest.approx((inside, inside))
    assert coverage.width == pytest.approx(1.6)


def test_classes_have_no_residuals() -> None:
    assert calibration.tails(contest(binary("base"))) is None
    assert calibration.tails(contest(sentences("base", READ))) is None
    assert calibration.calibrations(contest(numbers("base", 1))) is None


# Shapes -------------------------------------------------------------------------------------------------------------

X = np.linspace(-5, 5, 201)


def test_a_factor_on_a_loss_shows_nowhere() -> None:
    one, ten = (
        shapes.shaped("mse", {"shape/x": X, "shape/value": k * X**2, "shape/gradient": 2 * k * X}, margin=False)
        for k in (1, 10)
    )
    assert one is not None
    assert ten is not None
    assert one.slope == pytest.approx(X)  # 1 at a residual of 1
    assert one.value == pytest.approx(X**2 / 2)
    assert ten.slope == pytest.approx(one.slope)
    assert ten.value == pytest.approx(one.value)


def test_a_lopsided_loss_has_a_mean_slope_of_one() -> None:
    gradient = np.where(X > 0, 0.1, -0.9)
    value = np.where(X > 0, 0.1 * X, -0.9 * X)
    found = shapes.shaped("q", {"shape/x": X, "shape/value": value, "shape/gradient": gradient}, margin=False)
    assert found is not None
    assert found.slope[-1] == pytest.approx(0.2)
    assert found.slope[0] == pytest.approx(-1.8)


def bce_shape(weight: float) -> dict[str, Any]:
    p = 1 / (1 + np.exp(-X))
    return {
        "shape/x": X,
        "shape/value": -weight * np.log(p),
        "shape/gradient": -weight * (1 - p),
        "shape/value_negative": -np.log(1 - p),
        "shape/gradient_negative": p,
    }


def test_the_negative_class_is_shown_along_its_own_margin_where_it_differs() -> None:
    same, weighted = (shapes.shaped("bce", bce_shape(w), margin=True) for w in (1, 3))
    assert same is not None
    assert weighted is not None
    assert same.other is None
    assert weighted.other is not None
    assert float(np.interp(0, X, same.slope)) == pytest.approx(-1)
    assert weighted.slope == pytest.approx(3 * weighted.other[1])


@pytest.mark.parametrize("gradient", [np.zeros(201), np.full(201, np.nan)])
def test_flat_and_broken_losses_have_no_shape(gradient: np.ndarray) -> None:
    arrays = {"shape/x": X, "shape/value": gradient, "shape/gradient": gradient}
    assert shapes.shaped("none", arrays, margin=False) is None


def test_pulls_are_shares_by_fifth_and_class() -> None:
    size, difficulty = np.array([1, 2, 3, 4, 10.0]), np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    target = np.array([0, 0, 1, 1, 1])
    found = shapes.pulled("bce", size[::-1], difficulty[::-1], target[::-1], 2)
    assert found is not None
    assert found.by_difficulty == pytest.approx(size / 20)
    assert found.by_class == pytest.approx([3 / 20, 17 / 20])
    assert found.hardest == 0.5
    assert shapes.pulled("none", np.zeros(5), difficulty) is None


def test_shapes_and_pulls_of_a_contest() -> None:
    stored = bce_shape(1) | {"pull/size": [1.0, 3.0], "pull/target": [0.0, 1.0], "pull/difficulty": [0.1, 0.2]}
    judged = contest(binary("base", arrays=stored), binary("bare"))
    found, pulls = shapes.shapes(judged), shapes.pulls(judged)
    assert found is not None
    assert pulls is not None
    assert [loss.title for loss in found.losses] == [loss.title for loss in pulls.losses] == ["base"]
    assert pulls.classes == ("negative", "positive")
    assert pulls.rows == pytest.approx([0.5, 0.5])
    assert shapes.shapes(contest(binary("bare"))) is None
    assert shapes.pulls(contest(binary("bare"))) is None


# Tags ---------------------------------------------------------------------------------------------------------------


def test_spans_are_the_strict_ones_of_seqeval() -> None:
    for _ in range(50):
        true, read = (list(np.random.default_rng(RNG.integers(1 << 30)).choice(TAGS, 12)) for _ in range(2))
        mine = [set(tags.spans(each)) for each in (true, read)]
        right, told, there = len(mine[0] & mine[1]), len(mine[1]), len(mine[0])
        expected = f1_score([true], [read], mode="strict", scheme=IOB2, zero_division=0)
        assert (2 * right / (told + there) if told + there else 0) == pytest.approx(expected)


def test_confusion_of_types_is_scikit_learns() -> None:
    (found,) = tags.confusions(contest(sentences("base", READ))) or []
    kinds = [[tag[2:] or "O" for tag in each] for each in (TRUE, READ)]
    assert found.types == ("LOC", "PER", "O")
    assert (found.counts == 2 * sk.confusion_matrix(*kinds, labels=list(found.types))).all()  # of two repeats
    assert found.worst == ("PER", "O", 0.5)


@pytest.mark.parametrize(
    ("true", "read", "kind"),
    [
        ("O B-PER", "O O", ("missed", "PER", "")),
        ("O O", "B-PER O", ("invented", "", "PER")),
        ("B-PER I-PER", "B-LOC I-LOC", ("wrong type", "PER", "LOC")),
        ("B-PER I-PER", "B-PER O", ("wrong boundary", "PER", "PER")),
        ("B-PER I-PER", "B-LOC O", ("wrong type", "PER", "LOC")),
        ("B-PER I-PER", "I-PER I-PER", ("missed", "PER", "")),
    ],
)
def test_kinds_of_errors(true: str, read: str, kind: tuple[str, str, str]) -> None:
    assert list(tags.wrong(tags.spans(true.split()), tags.spans(read.split()))) == [kind]


def test_an_entity_is_in_one_error_and_goes_with_what_it_shares_most_words_with() -> None:
    true = tags.spans(["B-PER", "I-PER", "I-PER", "O"])
    read = tags.spans(["B-LOC", "B-PER", "I-PER", "O"])
    assert list(tags.wrong(true, read)) == [("wrong boundary", "PER", "PER"), ("invented", "", "LOC")]
    assert list(tags.wrong(true, true)) == []


def test_the_commonest_errors_come_with_sentences() -> None:
    (found,) = tags.commonest_errors(contest(sentences("base", READ))) or []
    said = {error.said: error for error in found.commonest}
    assert list(said) == ["PER invented", "LOC missed", "boundary of PER wrong", "LOC taken for PER"]
    assert (found.total, found.entities) == (4, 4)
    example = said["boundary of PER wrong"].examples[0]
    assert example.true == "[PER Ada Byron] came to [LOC Ghent] ."
    assert example.predicted == "[PER Ada] Byron came to [PER Ghent] ."


def test_the_report_by_tag_leaves_averages_out() -> None:
    found = tags.tag_report(contest(sentences("base", READ), sentences("other", TRUE)))
    assert found is not None
    assert found.tags == ("B-PER", "O")
    assert found.of("f1-score")[0] == pytest.approx([2 / 3, 0])
    assert found.support.tolist() == [1, 0]
    assert found.best.tolist() == [[True, False], [True, False]]


def test_tables_have_no_tags() -> None:
    judged = contest(binary("base"))
    assert tags.tag_report(judged) is None
    assert tags.confusions(judged) is None
    assert tags.commonest_errors(judged) is None


def test_a_contest_without_a_finished_loss_has_no_evidence() -> None:
    broken = contest(sentences("base", READ, status=Status.FAILED))
    for evidence in (
        *(calibration.probabilities, calibration.calibrations, calibration.tails, thresholds.thresholds),
        *(shapes.shapes, shapes.pulls, tags.tag_report, tags.confusions, tags.commonest_errors),
    ):
        assert evidence(broken) is None
