"""How a file writes its values, as far as the user says so: `task.data.decimal=comma`. The file tells the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from lossbench.data.numerals import MARKS, Notation
from lossbench.errors import DataError, InputError
from lossbench.plan.overrides import override

SIGNS = {"comma": ",", "point": ".", "semicolon": ";", "tab": "\t", "space": " ", "bar": "|", "apostrophe": "'"}
"""Signs by words that need no quotes in a shell; the signs themselves are taken too."""
NAMES = {sign: name for name, sign in SIGNS.items()} | {"\\t": "tab", "’": "apostrophe", "\u00a0": "space"}
NAMES |= {"dot": "point", "period": "point", "pipe": "bar"}


@dataclass(frozen=True)
class Dialect:
    """What `task.data` says of a text file; None where the file itself is to tell.

    decimal: the mark before decimals, "point" or "comma".
    thousands: the mark between groups of three digits: "comma", "point", "space", "apostrophe" or "none".
    missing: further texts that stand for a missing value, in every column; () for none but empty cells.
    header: whether the first line holds the names of the columns.
    separator: the one sign between values.
    encoding: by Python's names, as "utf-8", "latin-1" or "utf-16".
    """

    decimal: str | None = None
    thousands: str | None = None
    missing: tuple[str, ...] | None = None
    header: bool | None = None
    separator: str | None = None
    encoding: str | None = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Dialect:
        """The dialect among the keys of `task.data`. Raises InputError for a value that a key cannot take."""
        given = {key: data[key] for key in KEYS if data.get(key) is not None}
        decimal = _one_of("decimal", given.get("decimal"), ("point", "comma"))
        thousands = _one_of("thousands", given.get("thousands"), (*MARKS, "none"))
        if decimal is not None and decimal == thousands:
            other = "comma" if decimal == "point" else "point"
            raise InputError(
                f"task.data.decimal={decimal} and task.data.thousands={thousands} cannot both hold: one mark cannot "
                f"have two meanings. Set {override('task.data.decimal', other)}, or leave one of them out."
            )
        header = given.get("header")
        if header is not None and not isinstance(header, bool):
            raise InputError(f"task.data.header={header}: set it to true (the first line holds names) or false.")
        return cls(
            decimal, thousands, _missing(given.get("missing")), header, _separator(given.get("separator")),
            _encoding(given.get("encoding")),
        )  # fmt: skip

    @property
    def notation(self) -> Notation | None:
        """The mark before decimals where it is said, or follows from the mark between thousands."""
        if self.decimal is not None:
            return Notation(self.decimal)
        return {"comma": Notation.POINT, "point": Notation.COMMA}.get(self.thousands or "")

    @property
    def groups(self) -> frozenset[str]:
        """The marks that may stand between groups of three digits."""
        if self.thousands is None:
            return frozenset(MARKS)
        return frozenset({self.thousands} - {"none"})

    def said(self) -> list[str]:
        """The keys that are set, for messages."""
        return [f"task.data.{key}" for key in KEYS if getattr(self, key) is not None]


KEYS = tuple(field.name for field in fields(Dialect))


def _one_of(key: str, value: object, known: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    name = NAMES.get(str(value), str(value).lower())
    name = NAMES.get(name, name)
    if name not in known:
        raise InputError(f"task.data.{key}={value}: set it to {', '.join(known[:-1])} or {known[-1]}.")
    return name


def _missing(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, Mapping):
        raise InputError(
            f"task.data.missing={value}: give a list of texts, {override('task.data.missing', ['?', 'ND'])}."
        )
    listed = value if isinstance(value, (list, tuple)) else [value]
    texts = ["" if code is None else str(code).strip() for code in listed]
    return tuple(dict.fromkeys(text for text in texts if text))


def _separator(value: object) -> str | None:
    if value is None:
        return None
    name = str(value).lower() if len(str(value)) > 1 else str(value)
    sign = SIGNS.get(NAMES.get(name, name), name)
    if len(sign) != 1 or sign.isalnum() or sign in '"\n\r':
        known = "comma, semicolon, tab, bar, space"
        raise InputError(f"task.data.separator={value}: set it to {known}, or to another single sign.")
    return sign


def _encoding(value: object) -> str | None:
    if value is None:
        return None
    name = str(value)
    try:
        "".encode(name)
    except LookupError as error:
        raise InputError(
            f"task.data.encoding={value}: Python has no text encoding with that name. "
            "Set it to utf-8, latin-1, cp1252 or utf-16, or leave it out."
        ) from error
    return "utf-8-sig" if name.lower().replace("_", "-") in ("utf-8", "utf8") else name


def refuse_for_parquet(dialect: Dialect, whose: str) -> None:
    """Raises DataError where the dialect says of a Parquet file what only a text file leaves open."""
    said = [key for key in dialect.said() if key != "task.data.missing"]
    if said:
        raise DataError(f"{whose} is a Parquet file, whose values have types of their own: leave out {said[0]}=.")
