"""One column of texts: all its values decide, in a fixed order, whether they are dates, times, numbers or words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lossbench.data import moments
from lossbench.data.columns import NEARLY_ALL
from lossbench.data.dialect import Dialect
from lossbench.data.numerals import Notation, Numerals
from lossbench.plan.overrides import override

Mask = NDArray[np.bool_]

ALWAYS_MISSING = (
    "",
    "NaN",
    "nan",
    "-nan",
    "<NA>",
    "#N/A",
    "#NA",
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NAME?",
    "#NUM!",
    r"\N",
)
"""What programs write for a gap, and nobody as a word."""
MISSING_AMONG_NUMBERS = frozenset(
    "?,??,-,--,---,----,–,—,.,..,...,…,*,**,/,:,na,n/a,n.a.,n.a,n. a.,#na,nan,none,null,(null),nil,nd,n.d.,n.d,n. d.,"  # noqa: SIM905
    "n/d,n/k,nk,missing,unknown,unk,undefined,not available,not applicable,not known,no data,no value,tbd,tba,n.v.,"
    "k.a.,k. a.,keine angabe,s.d.,s/d".split(",")
)
"""Texts, in small letters, that count as missing where the rest of the column is numbers, dates, times or booleans."""
BOOLEANS = {"true": True, "false": False}
HALF = 0.5
ODD = 0.01
SHOWN = 3
A_GROUP = 1000


@dataclass(frozen=True)
class ColumnNote:
    """How a column was read, in a few words, and what is doubtful about it: a sentence, or nothing."""

    how: str
    doubt: str = ""


@dataclass(frozen=True, eq=False)
class Texts:
    """The texts of one column without outer spaces: each distinct one, how often it occurs, and where.

    column: the texts as they stand in the file. untouched: whether that is what `distinct` holds.
    distinct: [m] texts. counts: [m]. places: [n] positions in `distinct`, -1 for an empty cell.
    """

    name: str
    column: pd.Series
    distinct: pa.Array
    counts: NDArray[np.int64]
    places: NDArray[np.int64]
    dialect: Dialect
    untouched: bool

    @classmethod
    def of(cls, column: pd.Series, name: str, dialect: Dialect) -> Texts:
        texts = pa.array(column.array, from_pandas=True)
        texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        coded = texts.dictionary_encode()
        places = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        written = pc.cast(coded.dictionary, pa.string())
        trimmed = pc.utf8_trim_whitespace(written)
        gone = pa.array([*ALWAYS_MISSING, *(dialect.missing or ())], trimmed.type)
        again = pc.if_else(pc.is_in(trimmed, gone), pa.scalar(None, trimmed.type), trimmed).dictionary_encode()
        moved = pc.fill_null(again.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        places = np.append(moved, -1)[places]
        counts = np.bincount(places[places >= 0], minlength=len(again.dictionary))
        untouched = again.dictionary.equals(written)
        return cls(name, column, again.dictionary, counts, places, dialect, untouched)

    @cached_property
    def codes(self) -> Mask:
        """Which distinct texts stand for a missing value, if the others are no words [m]."""
        if self.dialect.missing == ():
            return np.zeros(len(self.distinct), bool)
        short = pc.less_equal(pc.utf8_length(self.distinct), 16)
        known = pc.is_in(pc.utf8_lower(self.distinct), pa.array(sorted(MISSING_AMONG_NUMBERS), self.distinct.type))
        return _mask(pc.and_(short, known))

    @cached_property
    def numerals(self) -> Numerals:
        return Numerals.of(self.distinct, self.dialect.groups)

    def share(self, fits: Mask) -> float:
        """The share of the values that fit, codes for missing left out."""
        present = self.counts[~self.codes].sum()
        return float(self.counts[fits & ~self.codes].sum() / present) if present else 0.0

    def vote(self) -> Notation | None:
        """The notation that this column proves: values that only one of the two can read, and hardly others."""
        if not self._may_be_numbers():
            return None
        sure = {notation: self.share(self.numerals.certain(notation)) for notation in Notation}
        best = max(sure, key=lambda notation: sure[notation])
        return best if sure[best] > 0 and self.share(self.numerals.readable[best]) >= NEARLY_ALL else None

    def is_open(self) -> bool:
        """Whether both notations read all of its numbers, and some of them differently: 1,932."""
        return self._may_be_numbers() and self.vote() is None and bool((self.numerals.open() & ~self.codes).any())

    def read(self, votes: Iterable[Notation], separator: str = ",") -> tuple[pd.Series, ColumnNote]:
        """The column in its right type. `votes`: what all columns of the file prove, by `vote`."""
        plain = ~self.codes
        if not plain.any():
            return self._words()
        lower = pc.utf8_lower(self.distinct)
        flags = _mask(pc.is_in(lower, pa.array(list(BOOLEANS), lower.type)))
        if self.share(flags) == 1:
            values = np.where(_mask(pc.equal(lower, "true")), 1.0, 0.0)
            return self._numbers(values, flags, "yes or no")
        iso = moments.iso_dates(self.distinct)
        if self.share(iso) >= NEARLY_ALL:
            return self._dates(self.distinct, iso, "date")
        if (dates := moments.other_dates(self.distinct)) and self.share(dates.fits) >= NEARLY_ALL:
            if dates.order is None:
                return self._open_dates(dates)
            return self._dates(dates.iso, dates.fits, f"date, {dates.order}")
        times = moments.hours(self.distinct)
        if self.share(~np.isnan(times)) >= NEARLY_ALL:
            return self._numbers(times, ~np.isnan(times), "time of day, in hours")
        if self._may_be_numbers():
            notation, doubt = self._notation(frozenset(votes), separator)
            fits = self.numerals.readable[notation]
            if self.share(fits) >= NEARLY_ALL:
                return self._numbers(self.numerals.values(notation), fits, self._how(notation), doubt or self._units())
            if self.share(fits) >= HALF:
                return self._words(self._nearly(fits, "numbers"))
        if self.share(iso) >= HALF:
            return self._words(self._nearly(iso, "dates"))
        return self._words()

    # how numbers are read

    def _may_be_numbers(self) -> bool:
        return self.share(_mask(pc.match_substring_regex(self.distinct, r"\d"))) >= HALF

    def _notation(self, votes: frozenset[Notation], separator: str) -> tuple[Notation, str]:
        """The notation said, proved by this column, or that of the file; and a doubt where nothing proves it."""
        if self.dialect.notation:
            return self.dialect.notation, ""
        shares = {notation: self.share(self.numerals.readable[notation]) for notation in Notation}
        if shares[Notation.POINT] != shares[Notation.COMMA]:
            return max(shares, key=lambda notation: shares[notation]), ""
        numbers = self.numerals
        open_ = numbers.open() & ~self.codes
        if not open_.any():
            return Notation.POINT, ""
        file = next(iter(votes)) if len(votes) == 1 else None
        whole = numbers.readable[Notation.POINT] & ~open_ & ~self.codes
        small = bool((np.abs(numbers.values(Notation.POINT)[whole]) < A_GROUP).all())
        groups = small and self.share(whole) >= ODD  # 276 beside 1,932, and nothing like 1932: marks group digits
        commas = numbers.commas() & open_
        if commas.any():
            chosen = Notation.COMMA if file is Notation.COMMA else Notation.POINT
            sure = (groups and not votes - {Notation.POINT}) or (separator == "," and small)
        else:
            chosen = Notation.COMMA if file is Notation.COMMA or (file is None and groups) else Notation.POINT
            sure = file is not None or not groups
        if (commas & ~open_).any() or (commas.any() and (open_ & ~commas).any()):
            sure = False
        return chosen, "" if sure else self._open(chosen, int(np.flatnonzero(open_)[0]))

    def _open(self, chosen: Notation, example: int) -> str:
        read = {notation: f"{self.numerals.values(notation)[example]:.12g}" for notation in Notation}
        other = Notation.COMMA if chosen is Notation.POINT else Notation.POINT
        return (
            f"Column '{self.name}' can be read in two ways: {self.distinct[example].as_py()} is taken for "
            f"{read[chosen]}. If it means {read[other]}, set {override('task.data.decimal', other.value)}."
        )

    def _how(self, notation: Notation) -> str:
        numbers, used = self.numerals, self.numerals.readable[notation] & ~self.codes
        commas, points = (numbers.commas() & used).any(), (numbers.points() & used).any()
        decimals, groups = (points, commas) if notation is Notation.POINT else (commas, points)
        words = ["number"]
        if notation is Notation.COMMA and decimals:
            words.append("decimal comma")
        if groups:
            words.append(f"thousands {'comma' if notation is Notation.POINT else 'point'}")
        if (numbers.spaced & used).any():
            words.append("digits in groups")
        units = sorted(numbers.units - {""})
        return ", ".join([*words, *([f"in {' and '.join(units[:SHOWN])}"] if units else [])])

    def _units(self) -> str:
        units = self.numerals.units
        if len(units) < 2:
            return ""
        named = " and ".join(f"'{unit}'" for unit in sorted(units - {""})[:SHOWN])
        what = f"{named} beside plain numbers" if "" in units else named
        return f"Column '{self.name}' contains {what}: all are read as if they had the same unit."

    # what comes out

    def _numbers(
        self, values: NDArray[np.float64], fits: Mask, how: str, doubt: str = ""
    ) -> tuple[pd.Series, ColumnNote]:
        values = np.append(np.where(fits & ~self.codes, values, np.nan), np.nan)[self.places]
        column: pd.Series = pd.Series(values, name=self.name)
        if how == "yes or no" and not np.isnan(values).any():
            column = column.astype(bool)
        elif how.startswith("number") and "decimal" not in how and (np.abs(values) < 2**53).all():
            whole = column.astype("int64")
            column = whole if (whole == column).all() and not self._written_with_decimals() else column
        return column, ColumnNote(how + self._codes_said(), self._misfits(fits, how) or doubt)

    def _written_with_decimals(self) -> bool:
        return bool((self.numerals.points() & self.numerals.readable[Notation.POINT]).any())

    def _dates(self, iso: pa.Array, fits: Mask, how: str) -> tuple[pd.Series, ColumnNote]:
        kept = pc.if_else(pa.array(fits & ~self.codes), iso, pa.scalar(None, iso.type))
        return self._taken(kept), ColumnNote(how + self._codes_said(), self._misfits(fits, how))

    def _open_dates(self, dates: moments.Dates) -> tuple[pd.Series, ColumnNote]:
        example = self.distinct[int(np.flatnonzero(dates.fits)[0])].as_py()
        return self._words(
            f"Column '{self.name}' holds dates such as {example}, and nothing distinguishes day from month: it is read "
            "as categories. Write them as 2026-01-31 to have them read as dates."
        )

    def _words(self, doubt: str = "") -> tuple[pd.Series, ColumnNote]:
        return self._taken(self.distinct), ColumnNote("words", doubt)

    def _taken(self, texts: pa.Array) -> pd.Series:
        if texts is self.distinct and self.untouched:
            return self.column
        taken = texts.take(pa.array(self.places, mask=self.places < 0))
        return pd.Series(taken.to_pandas(), name=self.name).astype("str")

    # what is said about it

    def _codes_said(self) -> str:
        found = [str(text) for text in self.distinct.filter(pa.array(self.codes)).to_pylist()]
        if not found:
            return ""
        named = ", ".join(f"'{code}'" for code in found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
        return f"; {named} {'is' if len(found) == 1 else 'are'} missing"

    def _misfits(self, fits: Mask, how: str) -> str:
        odd = ~fits & ~self.codes
        if not odd.any():
            return ""
        count = int(self.counts[odd].sum())
        values = "value that is" if count == 1 else "values that are"
        what = "date" if how.startswith("date") else "time" if how.startswith("time") else "number"
        return (
            f"Column '{self.name}' has {count} {values} no {what}, and so {'counts' if count == 1 else 'count'} as "
            f"missing: {self._examples(odd)}."
        )

    def _nearly(self, fits: Mask, what: str) -> str:
        odd = ~fits & ~self.codes
        codes = [str(text) for text in self.distinct.filter(pa.array(odd)).slice(0, SHOWN).to_pylist()]
        step = f" If that stands for missing, set {override('task.data.missing', codes)}." if odd.sum() <= SHOWN else ""
        return (
            f"Column '{self.name}' is read as categories: {self.share(fits):.0%} of its values are {what}, "
            f"but not {self._examples(odd)}.{step}"
        )

    def _examples(self, which: Mask) -> str:
        order = np.flatnonzero(which)
        order = order[np.argsort(-self.counts[order], kind="stable")]
        shown = [shortened(self.distinct[int(i)].as_py()) for i in order[:SHOWN]]
        return ", ".join(f"'{text}'" for text in shown) + (", ..." if len(order) > SHOWN else "")


def shortened(text: str, most: int = 30) -> str:
    """A text on one line, without signs that steer a terminal, cut where it is long."""
    shown = "".join(sign if sign.isprintable() else " " for sign in text)
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def _mask(found: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)
