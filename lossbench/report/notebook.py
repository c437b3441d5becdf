"""A comparison as a notebook shows it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from io import StringIO

import pandas as pd

from lossbench.report.page import html
from lossbench.report.tables import HEAD, JUDGED, to_csv
from lossbench.verdicts.comparison import Comparison


class ShownComparison(Comparison):
    """A judged sweep that shows its report as the last value of a cell."""

    notes: tuple[str, ...] = ()
    """Warnings on data and losses, and unreadable records, in the words of the command line."""

    @classmethod
    def of(cls, comparison: Comparison, notes: Sequence[str] = ()) -> ShownComparison:
        shown = cls(comparison.name, comparison.contests, comparison.across, comparison.rules)
        object.__setattr__(shown, "notes", tuple(notes))
        return shown

    def to_pandas(self) -> pd.DataFrame:
        """One line per table row, as in leaderboard.csv; missing numbers are NaN, missing words empty."""
        words = dict.fromkeys((*HEAD, *JUDGED), str)
        table = pd.read_csv(StringIO(to_csv(self)), dtype=words, keep_default_na=False)
        numbers = [str(name) for name in table if name not in words]
        return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})

    def _repr_html_(self) -> str:
        """The report in a frame of its own, so that its styles and the notebook's do not mix."""
        page = escape(html(self), quote=True)
        notes = "".join(f"<p>note: {escape(note)}</p>" for note in self.notes)
        return f'{notes}<iframe srcdoc="{page}" style="width: 100%; height: 720px; border: 0"></iframe>'
