"""A table ready to be split: features, a target, the rule that parts its rows, and doubts about columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lossbench.data import sources
from lossbench.data.columns import Content, tidy, tidy_column
from lossbench.data.sources import Rows
from lossbench.data.splits import KINDS, SplitRule
from lossbench.data.suspicion import suspicions
from lossbench.data.target import TargetReader, binary_target, numbers_target
from lossbench.data.texts import ColumnNote
from lossbench.errors import DataError, InputError, UnknownName
from lossbench.plan import Target

FEWEST_ROWS = 30
FEWEST_OF_A_CLASS = 10
ELSEWHERE = ("source", "name", "drop", "split", "split_seed", "test_share", "validation_share")
"""Keys of `task.data` that every source shares; what is left are the options of one source."""
READERS: Mapping[Target, TargetReader] = {Target.NUMBERS: numbers_target, Target.TWO_CLASSES: binary_target}
TARGET_KEYS = ("target", "positive")
"""Of a source that does not know what is predicted."""


@dataclass(frozen=True, eq=False)
class Table:
    """n rows with a target each.

    features: n rows of numbers, booleans, dates and words (`columns.Content`), gaps allowed.
    target: [n] float64, in the target's own unit or the number of a class.
    classes: the names of classes 0, 1, ...; none where numbers are predicted.
    notes: how the columns of an own file were read, by name.
    """

    name: str
    source: str
    features: pd.DataFrame
    target: NDArray[np.float64]
    target_name: str
    classes: tuple[str, ...]
    split: SplitRule
    warnings: tuple[str, ...] = ()
    notes: Mapping[str, ColumnNote] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits over features, targets and the column that splits them, the same on every machine."""
        state = hashlib.sha256()
        for name, column in self.features.items():
            state.update(f"{name}|{Content.of(column).value}|".encode() + _as_bytes(column))
        state.update(self.target.astype("<f8").tobytes())
        if self.split.values is not None:
            words = "|".join(str(value) for value in self.split.values)
            state.update(f"|{self.split.kind}|{words}".encode())
        return state.hexdigest()[:16]


def load_table(data: Mapping[str, Any], predicts: Target, read: TargetReader | None = None) -> Table:
    """Loads the table described by `task.data`, from the source that it names.

    data: `source` and its own options; `target`, `positive` and `name` where the source does not know them; `drop`
        (columns) and `split` ("random", "group:COL", "time:COL" or "column:COL"; COL is then no feature). None counts
        as not given.
    predicts: numbers, or classes. read: how a column becomes that; None for numbers and two classes, as usual.
    Raises DataError, UnknownName or InputError, each naming the key to change.
    """
    given = {key: value for key, value in data.items() if value is not None}
    name = str(given.get("source"))
    source = sources.find(name)
    if name != "packaged":  # whose sets have options of their own
        for key in given:
            if key not in (*ELSEWHERE, *TARGET_KEYS, *source.options):
                kind = "data option of a file" if name == "file" else f"option of the data source '{name}'"
                raise UnknownName(kind, key, (*source.options, *TARGET_KEYS, "drop", "split", "name"))
    shared = () if name == "packaged" else TARGET_KEYS
    options = {key: value for key, value in given.items() if key not in (*ELSEWHERE, *shared) or key == "name"}
    rows = source.rows(options)
    if rows.split is not None:
        given.setdefault("split", rows.split)
        if given["split"] != rows.split:  # which part a row was published in is no feature
            rows = replace(rows, frame=rows.frame.drop(columns=rows.split.partition(":")[2]))
    if rows.target is None:
        return _own_target(given, rows, read or READERS[predicts])
    return _known_target(given, rows, rows.target, predicts)


def _known_target(given: Mapping[str, Any], rows: Rows, target: NDArray[np.float64], predicts: Target) -> Table:
    """Of a source that says what is predicted, whose rows were vetted: no doubts are raised."""
    if target.shape != (len(rows.frame),) or not np.isfinite(target).all():
        raise DataError(f"{rows.whose} gives no finite target for each of its {len(rows.frame)} rows.")
    if rows.predicts is not predicts:
        suited, asked = rows.predicts.task, predicts.task
        raise InputError(
            f"{rows.whose[:1].upper()}{rows.whose[1:]} ({rows.target_name}) is for task={suited}, not task={asked}. "
            f"Set task={suited}, or choose other data: task/data=."
        )
    if rows.classes and not np.isin(target, range(len(rows.classes))).all():
        raise DataError(f"{rows.whose} gives targets other than the numbers of its {len(rows.classes)} classes.")
    features, rule = _features_and_rule(given, rows.frame, rows.whose)
    _refuse_few_rows(target, rows.classes, rows.whose)
    name = str(given.get("name", rows.name))
    return Table(name, rows.source, features, target, rows.target_name, rows.classes, rule, rows.notes, rows.columns)


def _own_target(given: Mapping[str, Any], rows: Rows, read_target: TargetReader) -> Table:
    """Of rows among whose columns the command names the target."""
    frame, whose = rows.frame, rows.whose
    if "target" not in given:
        columns = ", ".join(map(str, frame.columns))
        raise DataError(f"Which column of {whose} is to be predicted? Set task.data.target= to one of: {columns}.")
    target_name = _known(str(given["target"]), frame, whose, "target")
    frame, absent = _with_target(frame, target_name, whose)
    read = read_target(frame.pop(target_name), given.get("positive"), whose)
    target = read.values
    _refuse_few_rows(target, read.classes, whose)
    features, rule = _features_and_rule(given, frame, whose)
    used = {target_name, rule.column, *map(str, features)}
    of_columns = tuple(note.doubt for name, note in rows.columns.items() if note.doubt and name in used)
    doubts = (*rows.notes, *of_columns, *absent, *read.notes, *suspicions(features, target, read.classes))
    name = str(given.get("name", rows.name))
    return Table(name, rows.source, features, target, target_name, read.classes, rule, doubts, rows.columns)


def _with_target(frame: pd.DataFrame, target: str, whose: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The rows whose target is present and finite, and a warning about the others."""
    absent = frame[target].replace([np.inf, -np.inf], np.nan).isna()
    if absent.all():
        raise DataError(f"Target '{target}' of {whose} is missing in every row. Choose another: task.data.target=.")
    if not absent.any():
        return frame, ()
    return frame[~absent].reset_index(drop=True), (f"{absent.sum()} rows without '{target}' are left out.",)


def _features_and_rule(given: Mapping[str, Any], frame: pd.DataFrame, whose: str) -> tuple[pd.DataFrame, SplitRule]:
    """The columns to learn from, and the rule by which the rows are split."""
    asked = given.get("drop", ())
    drop = [_known(str(name), frame, whose, "drop") for name in ([asked] if isinstance(asked, str) else asked)]
    rule = _split_rule(str(given.get("split", "random")), frame, whose)
    left = frame.drop(columns=drop if rule.values is None else {*drop, rule.column})
    if not len(left.columns):
        raise DataError(f"No column of {whose} is left to predict from. Shorten task.data.drop=.")
    return tidy(left, whose), rule


def _split_rule(text: str, frame: pd.DataFrame, whose: str) -> SplitRule:
    kind, _, name = text.partition(":")
    if kind not in KINDS or (kind == "random") != (name == ""):
        raise DataError(
            f"task.data.split={text} cannot split {whose}. It is random, group:COL, time:COL or column:COL."
        )
    if kind == "random":
        return SplitRule()
    column = frame[_known(name, frame, whose, "split")]
    if kind == "time":
        column = tidy_column(column, whose)
    if column.isna().any():
        raise DataError(
            f"Column '{name}' of {whose} is missing in {column.isna().sum()} rows, and so cannot split them. "
            "Fill it, or set task.data.split=random."
        )
    if kind == "time" and Content.of(column) not in (Content.NUMBER, Content.DATE):
        raise DataError(
            f"Column '{name}' of {whose} holds neither dates (2026-01-31) nor numbers, and so no time. "
            "Set task.data.split=time: to another column."
        )
    return SplitRule(kind, column.to_numpy(), name)


def _known(name: str, frame: pd.DataFrame, whose: str, key: str) -> str:
    """The column of this name; outer spaces count neither here nor in the file."""
    name = name.strip()
    if name not in frame.columns:
        raise UnknownName(f"column of {whose} named", name, map(str, frame.columns), f"Change task.data.{key}=.")
    return name


def _refuse_few_rows(target: NDArray[np.float64], classes: Sequence[str], whose: str) -> None:
    if len(target) < FEWEST_ROWS:
        raise DataError(
            f"{whose} has {len(target)} rows with a target, but three parts need at least {FEWEST_ROWS}. "
            "Provide more rows (task.data.path=, task.data.rows=)."
        )
    fewest = int(np.bincount(target.astype(int), minlength=len(classes)).min()) if classes else FEWEST_OF_A_CLASS
    if fewest < FEWEST_OF_A_CLASS:
        raise DataError(
            f"{whose} has {fewest} rows of its rarest class, but three parts need {FEWEST_OF_A_CLASS}. "
            "Provide more of them, or choose another target (task.data.target=)."
        )


def _as_bytes(column: pd.Series) -> bytes:
    """A column in one byte order, with one way to be missing."""
    match Content.of(column):
        case Content.NUMBER:
            values = column.to_numpy(np.float64, na_value=np.nan)
            return np.where(np.isnan(values), np.nan, values).astype("<f8").tobytes()
        case Content.BOOLEAN:
            return column.to_numpy(np.uint8).tobytes()
        case Content.DATE:
            return column.to_numpy("datetime64[us]").astype("<i8").tobytes()
        case Content.WORD:
            words: Iterable[Any] = column.astype(object).where(column.notna(), None)
            return json.dumps(list(words)).encode()
