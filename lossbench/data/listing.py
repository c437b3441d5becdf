"""A table's columns for people to read: one line each, with how it is read, its gaps and an example."""

from __future__ import annotations

import pandas as pd

from lossbench.data.columns import Content
from lossbench.data.table import Table
from lossbench.data.texts import shortened

MOST = 40
WIDEST = 32
PLAIN = {Content.NUMBER: "number", Content.BOOLEAN: "yes or no", Content.DATE: "date", Content.WORD: "words"}


def column_lines(table: Table, most: int = MOST) -> tuple[str, ...]:
    """Name, how it is read, gaps and an example of the target and each feature; of a wide table the first `most`."""
    names = [str(name) for name in table.features][:most]
    rows = [("column", "read as", "gaps", "example"), _target_facts(table)]
    rows += [(shortened(name, WIDEST), *_facts(table.features[name], table)) for name in names]
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    ]
    left = table.features.shape[1] - len(names)
    return (*lines, *([f"... and {left} more"] if left else []))


def _target_facts(table: Table) -> tuple[str, str, str, str]:
    """The target's line; rows without one are not in the table."""
    note, name = table.notes.get(table.target_name), f"{shortened(table.target_name, WIDEST)} (target)"
    if len(table.classes) == 2:
        return name, f"1 for {shortened(table.classes[1])}, else 0", "-", f"{table.target[0]:.0f}"
    return name, note.how if note else PLAIN[Content.NUMBER], "-", f"{table.target[0]:.6g}"


def _facts(column: pd.Series, table: Table) -> tuple[str, str, str]:
    content, note = Content.of(column), table.notes.get(str(column.name))
    how = note.how if note and note.how != "words" else PLAIN[content]
    if content is Content.WORD:
        how = f"{column.nunique()} categories"
    gaps = int(column.isna().sum())
    present = column.dropna()
    return how, str(gaps) if gaps else "-", _example(present.iloc[0], content) if len(present) else "-"


def _example(value: object, content: Content) -> str:
    if content is Content.DATE:
        return str(value).removesuffix(" 00:00:00")
    return f"{value:.6g}" if isinstance(value, float) else shortened(str(value))
