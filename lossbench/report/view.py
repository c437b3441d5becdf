"""What a tracker shows of a whole sweep, as plain values: a description, tables, numbers and words by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from lossbench.report.tables import to_json, to_markdown, to_table
from lossbench.verdicts.answer import Answer
from lossbench.verdicts.comparison import Comparison, Contest

LONGEST = 7900
"""Characters of a description: MLflow silently cuts what is longer than 8,000."""


@dataclass(frozen=True)
class SweepView:
    """`tables` by file name, each by column; `metrics` and `tags` by key; `pictures` as PNG by file name."""

    description: str
    tables: dict[str, dict[str, list[Any]]]
    metrics: dict[str, float]
    tags: dict[str, str]
    pictures: dict[str, bytes] = field(default_factory=dict)


def view(comparison: Comparison, told: Answer, pictures: dict[str, bytes]) -> SweepView:
    """The sentence and short tables as description; every gain with its interval as a metric, verdicts as tags."""
    several = len(comparison.contests) > 1
    metrics: dict[str, float] = {}
    tags = {"lossbench.kind": "sweep", "lossbench.verdict": told.sentence[:4000]}
    for contest, advice in zip(comparison.contests, told.advice, strict=True):
        place = f"{slug(contest.name)}/" if several else ""
        tags[f"lossbench.pick/{slug(contest.name)}"] = ", ".join(c.title for c in advice.picks) or "none"
        metrics |= _metrics(contest, place)
        for c in contest.contenders:
            if c.difference and not contest.no_verdict:
                tags[f"lossbench.verdict/{place}{slug(c.title)}"] = c.difference.verdict.value
            elif c.apart:
                tags[f"lossbench.verdict/{place}{slug(c.title)}"] = f"set apart: {c.apart}"[:500]
    metrics["failed"] = float(len(comparison.failures))
    data = to_json(comparison, told)
    pairs = [{"data": c["data"], **_flat(pair)} for c in data["contests"] for pair in c["pairs"]]
    failures = [{**f, "repeats": ", ".join(map(str, f["repeats"]))} for f in data["failures"]]
    tables = {
        "leaderboard.json": to_table(comparison),
        "pairs.json": _columns(pairs),
        "failures.json": _columns(failures),
    }
    return SweepView(
        _cut(to_markdown(comparison, told)), {k: v for k, v in tables.items() if v}, metrics, tags, pictures
    )


def slug(text: str) -> str:
    """A name reduced to what metric keys may contain: `huber(delta=0.5)` as huber_delta_0.5."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII).strip("_") or "loss"


def _metrics(contest: Contest, place: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for rank, c in enumerate(contest.ranked, start=1):
        name = f"{place}{slug(c.title)}"
        if not contest.no_verdict:
            found[f"rank/{name}"] = float(rank)
        if c.difference:
            low, high = (c.difference.judged or c.difference.test).interval()
            found[f"delta/{name}"] = c.difference.test.mean
            found |= {f"delta_lo/{name}": low, f"delta_hi/{name}": high, f"p_holm/{name}": c.difference.p_holm}
    return found


def _flat(pair: dict[str, Any]) -> dict[str, Any]:
    """A pair on one line."""
    rows, training_rows = pair["rows"] or {}, pair["training_rows"] or {}
    return {
        **{key: pair[key] for key in ("one", "other", "verdict")},
        "gain": pair["test"]["mean"],
        "test_low": pair["test"]["low"],
        "test_high": pair["test"]["high"],
        "rows_low": rows.get("low", ""),
        "rows_high": rows.get("high", ""),
        "training_rows_low": training_rows.get("low", ""),
        "training_rows_high": training_rows.get("high", ""),
        **{key: pair[key] for key in ("p", "p_holm", "p_sign_flip", "improvement")},
    }


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {key: ["" if row[key] is None else row[key] for row in rows] for key in rows[0]} if rows else {}


def _cut(text: str) -> str:
    """Whole lines up to the longest that is kept."""
    if len(text) <= LONGEST:
        return text
    return text[: LONGEST - 60].rsplit("\n", 1)[0] + "\n\n… the rest is in report.md"
