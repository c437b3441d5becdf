"""Dates and times as people write them: `2026-01-31 12:00`, `31.01.2026`, `18:30`, `6:30 PM`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from lossbench.data.columns import ISO_DATE

Mask = NDArray[np.bool_]

YEAR = r"(?:1[89]|20|21)\d\d"
CLOCK = r"(?:[T ]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?"
DAY_AND_MONTH = rf"^(?P<first>\d\d?)(?P<mark>[./-])(?P<second>\d\d?)[./-](?P<year>{YEAR})(?P<clock>{CLOCK})$"
TIME = (
    r"^(?P<hours>\d\d?)(?::(?P<minutes>[0-5]\d)(?::(?P<seconds>[0-5]\d(?:\.\d+)?))?"
    r"|\.(?P<minutes2>[0-5]\d)\.(?P<seconds2>[0-5]\d)) ?(?P<half>(?:[AaPp]\.?[Mm]\.?)?)$"
)


@dataclass(frozen=True, eq=False)
class Dates:
    """n texts of which some are a day, a month and a year: as ISO dates, or null. `order` says how they were read.

    order is None where nothing tells day/month from month/day: no first or second number is above 12.
    """

    iso: pa.Array
    fits: Mask
    order: str | None


def iso_dates(texts: pa.Array) -> Mask:
    """Which texts read like 2026-01-31, 2026/01 or 2026-01-31 12:00 [n]."""
    return _mask(pc.match_substring_regex(texts, f"^(?:{ISO_DATE})$"))


def other_dates(texts: pa.Array) -> Dates | None:
    """31.01.2026, 1/31/2026 or 31-1-2026 12:00, in the one order that all of them allow; None where there are none."""
    parts = pc.extract_regex(texts, DAY_AND_MONTH)
    fits = _mask(pc.is_valid(parts))
    if not fits.any():
        return None
    first, second = (pc.cast(pc.struct_field(parts, name), pa.int64()) for name in ("first", "second"))
    pointed = pc.all(pc.equal(pc.struct_field(parts, "mark"), ".")).as_py()
    day_first = pointed or pc.max(first).as_py() > 12
    month_first = not day_first and pc.max(second).as_py() > 12
    if not (day_first or month_first):
        return Dates(texts, fits, None)
    day, month = (first, second) if day_first else (second, first)
    two = [pc.utf8_lpad(pc.cast(part, pa.string()), 2, "0") for part in (month, day)]
    year, clock = (pc.cast(pc.struct_field(parts, name), pa.string()) for name in ("year", "clock"))
    clock = pc.replace_substring_regex(clock, r"^[T ](\d):", r"T0\1:")
    iso = pc.binary_join_element_wise(pc.binary_join_element_wise(year, *two, "-"), clock, "")
    return Dates(iso, fits, "day first" if day_first else "month first")


def hours(texts: pa.Array) -> NDArray[np.float64]:
    """Times of day as hours [n]: 18.5 for 18:30, 18:30:00, 18.30.00 and 6:30 PM; NaN for what is no time."""
    parts = pc.extract_regex(texts, TIME)

    def part(name: str) -> NDArray[np.float64]:
        text = pc.struct_field(parts, name)
        numbers = pc.cast(pc.if_else(pc.equal(text, ""), pa.scalar(None, text.type), text), pa.float64())
        return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.float64)

    whole, half = part("hours"), pc.utf8_lower(pc.struct_field(parts, "half"))
    past_noon, named = _mask(pc.starts_with(half, "p")), _mask(pc.not_equal(half, ""))
    whole = np.where(named, whole % 12 + 12 * past_noon, whole)
    rest = [np.nan_to_num(part(name)) for name in ("minutes", "minutes2", "seconds", "seconds2")]
    return np.asarray(whole + (rest[0] + rest[1]) / 60 + (rest[2] + rest[3]) / 3600)


def _mask(found: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(found, False).to_numpy(zero_copy_only=False), dtype=bool)
