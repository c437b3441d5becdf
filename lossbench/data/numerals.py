"""Numbers as people write them: which texts are numbers in which notation, and their values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

SPACES = r" \x{A0}\x{2007}\x{2009}\x{202F}"
APOSTROPHES = r"'\x{2019}"
MINUS = r"[\x{2212}\x{2010}-\x{2013}\x{FE63}\x{FF0D}]"
"""The signs that typesetters put for a minus, the en dash among them."""
CURRENCY = r"(?:[A-Z]{0,2}\p{Sc}|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|Fr\.|kr\.?|Rs\.?)"
POWER = r"(?:[eE][+-]?\d+)?"
NUMBER = rf"(?:\d[\d.,{SPACES}{APOSTROPHES}]*|[.,]\d+){POWER}"
WRITTEN = (
    rf"^(?P<open>\(?)(?P<first>[+-]?)[{SPACES}]?(?P<before>{CURRENCY}?)[{SPACES}]?(?P<second>[+-]?)"
    rf"(?P<number>{NUMBER})[{SPACES}]?(?P<after>(?:%|‰|{CURRENCY})?)(?P<last>-?)(?P<close>\)?)$"
)
BARE = rf"^[+-]?(?:\d[\d.,]*|[.,]\d+){POWER}$"
"""Most columns: a sign, digits and marks alone."""
GROUPED_BY = {
    "space": rf"^\d{{1,3}}(?:[{SPACES}]\d{{3}})+(?:[.,]\d*)?$",
    "apostrophe": rf"^\d{{1,3}}(?:[{APOSTROPHES}]\d{{3}})+(?:[.,]\d*)?$",
}
WHOLE = rf"^\d+{POWER}$"
CODE = r"^\d{19,}$"
"""More digits than 64 bits hold: an identifier, whose neighbours would become one number."""
WITH_POINT = rf"^(?:\d+\.\d*|\.\d+){POWER}$"
WITH_COMMA = rf"^(?:\d+,\d*|,\d+){POWER}$"
GROUPED_POINT = r"^[1-9]\d{0,2}(?:\.\d{3})+(?:,\d*)?$"
GROUPED_COMMA = r"^(?:[1-9]\d{0,2}(?:,\d{3})+|[1-9]\d?(?:,\d{2})+,\d{3})(?:\.\d*)?$"
"""Also by two after the first three, as in India: 12,34,567."""
MARKS = ("comma", "point", "space", "apostrophe")


class Notation(Enum):
    """Which mark stands before the decimals."""

    POINT = "point"  # 1,234.5
    COMMA = "comma"  # 1.234,5


@dataclass(frozen=True, eq=False)
class Numerals:
    """n texts looked at as numbers.

    digits: [n] digits and marks alone, without sign, unit and grouping spaces; null for what is no number.
    negative: [n] which have a minus, or stand in parentheses.
    units: the currency and percent signs that were found, and "" where some have none.
    spaced: which have spaces or apostrophes between groups of three digits [n].
    readable: for each notation, which texts it can read [n].
    """

    digits: pa.Array
    negative: Mask
    units: frozenset[str]
    spaced: Mask
    readable: dict[Notation, Mask]

    @classmethod
    def of(cls, texts: pa.Array, groups: frozenset[str]) -> Numerals:
        """Texts without outer spaces; `groups`: the marks that may stand between groups of three digits."""
        if pc.all(_fits(texts, BARE)).as_py():
            negative = _mask(pc.starts_with(texts, "-"))
            digits, units = pc.utf8_ltrim(texts, "+-"), frozenset({""})
        else:
            digits, negative, units = _taken_apart(texts)
        spaced = np.zeros(len(texts), bool)
        for mark in ("space", "apostrophe"):
            if mark in groups:
                found = _fits(digits, GROUPED_BY[mark])
                if pc.any(found).as_py():
                    spaced |= _mask(found)
                    closed = pc.replace_substring_regex(digits, f"[{SPACES}{APOSTROPHES}]", "")
                    digits = pc.if_else(found, closed, digits)
        return cls(digits, negative, units, spaced, _readable(digits, groups))

    def certain(self, notation: Notation) -> Mask:
        """The texts that this notation reads and the other does not."""
        other = Notation.COMMA if notation is Notation.POINT else Notation.POINT
        return self.readable[notation] & ~self.readable[other]

    def open(self) -> Mask:
        """The texts that both notations read, as different numbers: 1,932 and 1.932."""
        return self.readable[Notation.POINT] & self.readable[Notation.COMMA] & ~_mask(_fits(self.digits, WHOLE))

    def values(self, notation: Notation) -> NDArray[np.float64]:
        """The numbers [n]; NaN where the notation reads none."""
        group, mark = (",", ".") if notation is Notation.POINT else (".", ",")
        plain = pc.replace_substring(pc.replace_substring(self.digits, group, ""), mark, ".")
        kept = pc.if_else(pa.array(self.readable[notation]), plain, pa.scalar(None, plain.type))
        numbers = pc.cast(kept, pa.float64()).to_numpy(zero_copy_only=False)
        return np.where(self.negative, -numbers, numbers)

    def commas(self) -> Mask:
        return _mask(pc.match_substring(self.digits, ","))

    def points(self) -> Mask:
        return _mask(pc.match_substring(self.digits, "."))


def _readable(digits: pa.Array, groups: frozenset[str]) -> dict[Notation, Mask]:
    whole = _mask(_fits(digits, WHOLE)) & ~_mask(_fits(digits, CODE))
    point, comma = _mask(_fits(digits, WITH_POINT)), _mask(_fits(digits, WITH_COMMA))
    by_point, by_comma = np.zeros(len(digits), bool), np.zeros(len(digits), bool)
    if "point" in groups:
        by_point = _mask(_fits(digits, GROUPED_POINT))
    if "comma" in groups:
        by_comma = _mask(_fits(digits, GROUPED_COMMA))
    return {Notation.POINT: whole | point | by_comma, Notation.COMMA: whole | comma | by_point}


def _taken_apart(texts: pa.Array) -> tuple[pa.Array, Mask, frozenset[str]]:
    """Digits, signs and units of texts that hold more than digits."""
    parts = pc.extract_regex(pc.replace_substring_regex(texts, MINUS, "-"), WRITTEN)
    one = {name: pc.struct_field(parts, name) for name in ("open", "first", "second", "last", "close")}
    opened, closed = _mask(pc.equal(one["open"], "(")), _mask(pc.equal(one["close"], ")"))
    minus = np.sum([_mask(pc.equal(one[name], "-")) for name in ("first", "second", "last")], axis=0)
    signs = minus + opened + np.sum([_mask(pc.equal(one[name], "+")) for name in ("first", "second")], axis=0)
    fine = _mask(pc.is_valid(parts)) & (opened == closed) & (signs <= 1)
    digits = pc.utf8_trim(pc.struct_field(parts, "number"), " \u00a0\u2007\u2009\u202f")
    digits = pc.if_else(pa.array(fine), digits, pa.scalar(None, digits.type))
    units = pc.binary_join_element_wise(pc.struct_field(parts, "before"), pc.struct_field(parts, "after"), "")
    found = pc.unique(units.filter(pa.array(fine))).to_pylist()
    return digits, (minus + opened > 0) & fine, frozenset(str(unit) for unit in found)


def _fits(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.match_substring_regex(texts, pattern)


def _mask(found: pa.Array) -> Mask:
    """Booleans [n], false for null."""
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)
