"""A comparison as a notebook shows it."""

from __future__ import annotations

from html import escape
from io import StringIO

import pandas as pd

from lossbench.report.page import html
from lossbench.report.tables import HEAD, JUDGED, to_csv
from lossbench.verdicts.comparison import Comparison


class ShownComparison(Comparison):
    """A judged sweep that shows its report as the last value of a cell."""

    @classmethod
    def of(cls, comparison: Comparison) -> ShownComparison:
        return cls(comparison.name, comparison.contests, comparison.across, comparison.rules)

    def to_pandas(self) -> pd.DataFrame:
        """One line a row of the tables, as leaderboard.csv has it; numbers that are not there are NaN, words empty."""
        words = dict.fromkeys((*HEAD, *JUDGED), str)
        table = pd.read_csv(StringIO(to_csv(self)), dtype=words, keep_default_na=False)
        numbers = [str(name) for name in table if name not in words]
        return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})

    def _repr_html_(self) -> str:
        """The report, in a frame of its own: a notebook's styles and the page's leave each other alone."""
        page = escape(html(self), quote=True)
        return f'<iframe srcdoc="{page}" style="width: 100%; height: 720px; border: 0"></iframe>'
