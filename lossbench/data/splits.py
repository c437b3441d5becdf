"""Which rows are for training, validation and test: one fixed test part, the rest redrawn for each repeat."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.errors import DataError
from lossbench.plan import Part, stream

Rows = NDArray[np.int64]

TEST_SHARE = 0.2
"""Of all rows, where nothing else is said."""
VALIDATION_SHARE = 0.2
"""Of the rows that are left, where nothing else is said."""
KINDS = ("random", "group", "time", "column")
WORDS = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "eval": "validation",
    "test": "test",
}
FEWEST_GROUPS = 5
TIME_BLOCK = 0.9
GROUP_DRAWS = 100


@dataclass(frozen=True)
class Splits:
    """The row numbers of the three parts of one repeat: int64 arrays, disjoint, in a fixed order."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]

    def rows(self, part: Part) -> NDArray[np.int64]:
        return {Part.TRAIN: self.train, Part.VALIDATION: self.validation, Part.TEST: self.test}[part]

    @property
    def digest(self) -> str:
        """Sixteen hex digits over all three parts; equal digests mean equal rows in equal order."""
        state = hashlib.sha256()
        for rows in (self.train, self.validation, self.test):
            state.update(np.ascontiguousarray(rows, dtype=np.int64).tobytes() + b"|")
        return state.hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class SplitRule:
    """How rows are split.

    kind: "random"; "group": rows of one group stay together; "time": the test part is the latest; "column": the column
        names the part of each row.
    values: [n] groups, moments or names from the column that defines the split; None for "random".
    column: the name of that column, for messages.
    """

    kind: str = "random"
    values: NDArray[Any] | None = None
    column: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS or (self.values is None) != (self.kind == "random"):
            raise ValueError(
                f"A split is random, or has one value per row for {', '.join(KINDS[1:])}; not {self.kind}."
            )

    def refuse(self, why: str) -> DataError:
        """The error for a column that cannot split these rows."""
        return DataError(
            f"The rows cannot be split by {self.kind}:{self.column}, because {why}. "
            "Set task.data.split= to random or to another column."
        )


def draw_splits(
    rule: SplitRule,
    target: NDArray[np.float64],
    *,
    repeat: int,
    seed: int,
    split_seed: int = 0,
    stratify: bool,
    test_share: float = TEST_SHARE,
    validation_share: float = VALIDATION_SHARE,
) -> Splits:
    """The rows of one repeat, each part sorted.

    The test part takes `test_share` of all rows and depends on `split_seed` alone; validation takes
    `validation_share` of what is left. `stratify` keeps the shares of the classes in random draws and demands
    every class in every part.
    Raises DataError when the rule's column leaves a part empty or without one of the classes.
    """
    fixed = np.random.default_rng(stream(split_seed, "test"))
    redrawn = np.random.default_rng(stream(seed, repeat, "split"))
    classes = target if stratify else np.zeros(len(target))
    rows = np.arange(len(target), dtype=np.int64)
    match rule.kind:
        case "random":
            test = _draw(rows, classes, test_share, fixed)
            rest = np.setdiff1d(rows, test)
            validation = _draw(rest, classes, validation_share, redrawn)
            train = np.setdiff1d(rest, validation)
        case "group":
            groups = _groups(rule)
            test = _draw_groups(rows, groups, classes, test_share, fixed)
            rest = np.setdiff1d(rows, test)
            validation = _draw_groups(rest, groups, classes, validation_share, redrawn)
            train = np.setdiff1d(rest, validation)
        case "time":
            train, validation, test = _by_time(rule, test_share, validation_share, redrawn)
        case _:
            train, validation, test = _by_column(rule)
            if not len(validation):
                validation = _draw(train, classes, validation_share, redrawn)
                train = np.setdiff1d(train, validation)
    splits = Splits(train=np.sort(train), validation=np.sort(validation), test=np.sort(test))
    _refuse_poor_parts(rule, splits, classes)
    return splits


def halved(
    rule: SplitRule,
    target: NDArray[np.float64],
    whole: Splits,
    *,
    stratify: bool,
    seed: int,
    repeat: int,
    half: int,
    again: int,
) -> Splits | None:
    """One half (0 or 1) of a repeat's training and validation rows, split again in the same shares.

    The two halves of a repeat share no row, and no group if rows are split by groups. None if the training rows are not
    drawn at random: by time, or by a column that names the validation rows.
    """
    if rule.kind == "time" or (rule.kind == "column" and len(_by_column(rule)[1])):
        return None
    pool = np.sort(np.concatenate([whole.train, whole.validation]))
    classes = target if stratify else np.zeros(len(target))
    share = len(whole.validation) / len(pool)
    halving = np.random.default_rng(stream(seed, repeat, "half"))
    inner = np.random.default_rng(stream(seed, repeat, "half", half, again))
    if rule.kind == "group":
        groups = _groups(rule)
        order = halving.permutation(np.unique(groups[pool]))
        mine = pool[np.isin(groups[pool], order[half::2])]
        validation = _draw_groups(mine, groups, classes, share, inner)
    else:
        alike = [halving.permutation(pool[classes[pool] == label])[half::2] for label in np.unique(classes[pool])]
        mine = np.sort(np.concatenate(alike))
        validation = _draw(mine, classes, share, inner)
    splits = Splits(train=np.setdiff1d(mine, validation), validation=np.sort(validation), test=whole.test)
    _refuse_poor_parts(rule, splits, classes)
    return splits


def _draw(rows: Rows, classes: NDArray[np.float64], share: float, random: np.random.Generator) -> Rows:
    """`share` of the rows of each class, at least one and never all where a class has two."""
    drawn = []
    for label in np.unique(classes[rows]):
        alike = random.permutation(rows[classes[rows] == label])
        drawn.append(alike[: min(max(round(share * len(alike)), 1), len(alike) - 1)])
    return np.concatenate(drawn)


def _groups(rule: SplitRule) -> NDArray[np.int64]:
    codes, names = pd.factorize(np.asarray(rule.values))
    if len(names) < FEWEST_GROUPS:
        raise rule.refuse(f"it has {len(names)} groups and at least {FEWEST_GROUPS} are needed")
    return codes


def _draw_groups(
    rows: Rows,
    groups: NDArray[np.int64],
    classes: NDArray[np.float64],
    share: float,
    random: np.random.Generator,
) -> Rows:
    """Whole groups in random order, at most half of them, each if it brings the rows nearer to the share."""
    sizes = np.bincount(groups[rows])
    wanted = share * len(rows)
    drawn = rows[:0]
    for _ in range(GROUP_DRAWS):
        order = random.permutation(np.flatnonzero(sizes))
        taken: list[int] = []
        held = 0
        for group in order:
            nearer = abs(held + sizes[group] - wanted) < abs(held - wanted)
            if nearer and len(taken) < len(order) // 2:
                taken.append(int(group))
                held += sizes[group]
        inside = np.isin(groups[rows], taken or order[:1])
        drawn = rows[inside]
        # groups may hold one class alone: draw again until both sides have them all
        if len(np.unique(classes[drawn])) == len(np.unique(classes[rows[~inside]])) == len(np.unique(classes[rows])):
            break
    return drawn


def _by_time(
    rule: SplitRule, test_share: float, validation_share: float, random: np.random.Generator
) -> tuple[Rows, Rows, Rows]:
    """Training, then validation, then test, each strictly later; rows with the same timestamp stay together."""
    moments = np.asarray(rule.values)
    order = np.argsort(moments, kind="stable").astype(np.int64)
    moments = moments[order]
    first_test = _first_of_moment(moments, len(order) - max(round(test_share * len(order)), 1))
    length = round(TIME_BLOCK * first_test)
    start = int(random.integers(0, first_test - length + 1))
    block = slice(start, start + length)
    cut = start + _first_of_moment(moments[block], length - max(round(validation_share * length), 1))
    return order[start:cut], order[cut : start + length], order[first_test:]


def _first_of_moment(moments: NDArray[Any], position: int) -> int:
    """The earliest position that has the same moment."""
    return int(np.searchsorted(moments, moments[position], side="left")) if len(moments) else 0


def _by_column(rule: SplitRule) -> tuple[Rows, Rows, Rows]:
    """The parts that the column's words name; validation may be absent."""
    codes, values = pd.factorize(np.asarray(rule.values), use_na_sentinel=False)
    words = [str(value).strip().lower() for value in values]  # a few, however many rows there are
    unknown = sorted(set(words) - set(WORDS))
    if unknown:
        raise rule.refuse(f"it holds {', '.join(map(repr, unknown[:5]))} where {', '.join(WORDS)} are known")
    parts = np.array([WORDS[word] for word in words])[codes]
    for part in ("train", "test"):
        if not (parts == part).any():
            raise rule.refuse(f"no row says {part}")
    train, validation, test = (np.flatnonzero(parts == part) for part in ("train", "validation", "test"))
    return train, validation, test


def _refuse_poor_parts(rule: SplitRule, splits: Splits, classes: NDArray[np.float64]) -> None:
    for name, rows in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
        if not len(rows):
            raise rule.refuse(f"no row is left for the {name} part")
        if len(np.unique(classes[rows])) < len(np.unique(classes)):
            raise rule.refuse(f"the {name} part has one class only")
