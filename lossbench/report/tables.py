"""A comparison as files that other programs and papers read: CSV, JSON, Markdown, LaTeX."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from lossbench.metrics.catalogue import written
from lossbench.records.quoting import csv_cell, latex, markdown
from lossbench.records.record import Record
from lossbench.report.chosen import choices
from lossbench.verdicts import costs
from lossbench.verdicts.answer import Answer
from lossbench.verdicts.comparison import Across, Comparison, Contender, Contest, Difference
from lossbench.verdicts.leaderboard import Row, Summary
from lossbench.verdicts.overall import regrets
from lossbench.verdicts.statistics import Estimate
from lossbench.verdicts.words import amount, span

SCHEMA = 1
"""The version of report.json; it changes when a key goes or gets another meaning."""


# CSV --------------------------------------------------------------------------------------------------------------

HEAD = ("task", "data", "variant", "model", "loss", "title", "params", "chosen", "elicits", "role", "status", "reason")
WIDER = ("rows_low", "rows_high", "training_rows_low", "training_rows_high")
"""Intervals of the wider scopes."""
JUDGED = ("baseline", "tier", "apart", "verdict")
"""Columns of words; all others are numbers."""
TIME = ("time", "time_low", "time_high")
"""The step time relative to the baseline's, with its spread."""


def to_csv(comparison: Comparison) -> str:
    """One line per table row: tier, gain and verdict, then means and standard deviations of all metrics."""
    names = list(dict.fromkeys(name for contest in comparison.contests for name in contest.board.metrics))
    judged = [*JUDGED, "gain", "gain_low", "gain_high", *WIDER, "p", "p_holm"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    spread = [f"{name}_{what}" for name in names for what in ("mean", "sd")]
    writer.writerow(map(csv_cell, [*HEAD, "repeats", *judged, "seconds", "step_seconds", *TIME, *spread]))
    for contest in comparison.contests:
        for contender in _all(contest):
            values: list[Any] = []
            for name in names:
                found = contender.row.metrics.get(name)
                values += ["" if found is None else found.mean, "" if found is None or found.sd is None else found.sd]
            row = [*_head(contest, contender), *_judged(contest, contender), *_times(contest, contender), *values]
            writer.writerow(map(csv_cell, row))
    return out.getvalue()


def to_table(comparison: Comparison) -> dict[str, list[Any]]:
    """The same by column, as other tools expect it; "" where there is no value."""
    rows = list(csv.reader(io.StringIO(to_csv(comparison))))
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])} if len(rows) > 1 else {}


def _all(contest: Contest) -> Iterator[Contender]:
    yield from (*contest.contenders, *contest.controls, *contest.references)
    for record in contest.board.skipped:
        yield Contender(Row(record, {}, None), _nothing())


def _nothing() -> Any:
    import numpy as np

    return np.array([])


def _head(contest: Contest, c: Contender) -> list[Any]:
    r, b = c.record, contest.board
    params = json.dumps(r.loss.params, sort_keys=True, default=str)
    chosen = json.dumps(found.to_dict(), default=str) if (found := choices(r)) else ""
    names = [b.task, b.data, b.variant, b.model, r.loss.name, r.title, params, chosen, r.loss.elicits]
    return [*names, r.role, r.status.value, r.reason, len(r.repeats) - c.failed]


def _judged(contest: Contest, c: Contender) -> list[Any]:
    d = c.difference
    if d is None:
        return [contest.baseline or "", c.tier, c.apart, *[""] * 10]
    verdict = "" if contest.no_verdict else d.verdict.value
    wide = [bound for e in (d.new_rows, d.training_rows) for bound in (e.interval() if e else ("", ""))]
    return [d.other, c.tier, c.apart, verdict, d.test.mean, *d.test.interval(), *wide, d.p, d.p_holm]


def _times(contest: Contest, c: Contender) -> list[Any]:
    found = costs.times(contest, c)
    beside = (found.ratio, found.low, found.high) if found else (None,) * 3
    return ["" if v is None else f"{v:.4g}" for v in (c.row.seconds, c.step_seconds, *beside)]


# JSON ---------------------------------------------------------------------------------------------------------------


def to_json(comparison: Comparison, told: Answer) -> dict[str, Any]:
    """Everything that was concluded, under a schema of its own version."""
    return {
        "schema": SCHEMA,
        "name": comparison.name,
        "scope": comparison.rules.scope.value,
        "invalid": comparison.invalid,
        "answer": told.sentence,
        "tiles": [{"question": t.question, "answer": t.answer, "detail": t.detail} for t in told.tiles],
        "limits": list(told.limits),
        "contests": [
            {**_contest(contest), "advice": advice.words, "picks": [c.title for c in advice.picks]}
            for contest, advice in zip(comparison.contests, told.advice, strict=True)
        ],
        "across": _across(comparison.across) if comparison.across else None,
        "failures": [_failure(record) for record in comparison.failures],
    }


def _contest(contest: Contest) -> dict[str, Any]:
    pairs = {(a, b): d for (a, b), d in contest.differences.items() if a < b}
    return {
        "task": contest.task,
        "data": contest.board.data,
        "variant": contest.board.variant,
        "model": contest.board.model,
        "metric": contest.metric,
        "chosen_by": contest.chosen_by,
        "direction": contest.direction.value,
        "margin": contest.margin,
        "baseline": contest.baseline,
        "protocol": contest.board.cell.to_dict()["protocol"],
        "no_verdict": contest.no_verdict,
        "saturated": contest.saturated,
        "rows": [_row(contest, c) for c in _all(contest)],
        "pairs": [_difference(d, contest) for _, d in sorted(pairs.items())],
    }


def _row(contest: Contest, c: Contender) -> dict[str, Any]:
    return {
        "loss": c.record.loss.name,
        "title": c.title,
        "params": c.record.loss.params,
        "chosen": choices(c.record).to_dict(),
        "elicits": c.record.loss.elicits,
        "role": c.role,
        "status": c.record.status.value,
        "reason": c.record.reason,
        "tier": c.tier,
        "apart": c.apart,
        "metrics": {name: _summary(found) for name, found in c.row.metrics.items()},
        "values": [float(v) for v in c.values],
        "interval": list(c.interval) if c.interval else None,
        "step_seconds": c.step_seconds,
        "time": asdict(found) if (found := costs.times(contest, c)) else None,
        "step_bytes": c.step_bytes,
        "cost": asdict(c.price) if c.price else None,
        "difference": _difference(c.difference, contest) if c.difference else None,
    }


def _summary(found: Summary) -> dict[str, Any]:
    return {"mean": found.mean, "sd": found.sd, "n": found.n}


def _difference(d: Difference, contest: Contest) -> dict[str, Any]:
    return {
        "one": d.one,
        "other": d.other,
        "verdict": None if contest.no_verdict else d.verdict.value,
        "gains": [float(g) for g in d.gains],
        "test": _estimate(d.test),
        "rows": _estimate(d.new_rows) if d.new_rows else None,
        "training_rows": _estimate(d.training_rows) if d.training_rows else None,
        "p": d.p,
        "p_holm": d.p_holm,
        "family": d.family,
        "p_sign_flip": d.sign_flip.p,
        "p_sign_flip_error": d.sign_flip.error,
        "d_z": d.effect if math.isfinite(d.effect) else None,
        "improvement": d.improvement,
        "detectable": d.detectable,
        "repeats_needed": d.repeats_needed,
        "rows_needed": d.rows_needed,
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    low, high = estimate.interval()
    return {
        "mean": estimate.mean,
        "low": low,
        "high": high,
        "error": estimate.error,
        "df": estimate.df,
        "p": estimate.p,
    }


def _across(across: Across) -> dict[str, Any]:
    ranking = across.ranking
    return {
        "tasks": [contest.name for contest in across.contests],
        "losses": list(across.titles),
        "gains_in_margins": across.gains.tolist(),
        "verdicts": across.verdicts.tolist(),
        "mean_ranks": ranking.mean.tolist() if ranking else None,
        "friedman": ranking.friedman if ranking else None,
        "iman_davenport": ranking.f if ranking and math.isfinite(ranking.f) else None,
        "p": ranking.p if ranking else None,
        "critical_difference": ranking.critical if ranking else None,
        "wilcoxon": [
            {"losses": [across.titles[i], across.titles[j]], "p": p, "holm": ranking.pairs_holm[i, j]}
            for (i, j), p in ranking.pairs.items()
        ]
        if ranking
        else [],
        "regret": across.regret.tolist() if across.regret is not None else None,
        "regret_by_loss": regrets(across).tolist(),
    }


def _failure(record: Record) -> dict[str, Any]:
    return {
        "loss": record.title,
        "task": record.task,
        "data": record.data.name,
        "status": record.status.value,
        "reason": record.reason,
        "repeats": [r.repeat for r in record.repeats if r.status.value != "done"],
        "folder": record.path.name if record.path else "",
    }


# Text ---------------------------------------------------------------------------------------------------------------


def to_markdown(comparison: Comparison, told: Answer | None) -> str:
    """The answer, a short table per contest, and the limits; only the tables without an answer."""
    lines = [f"# {markdown(comparison.name or 'Comparison')}", "", markdown(told.sentence), ""] if told else []
    for contest in comparison.contests:
        lines += [f"**{markdown(f'{contest.task} on {contest.name}')}** ({markdown(contest.board.model)})", ""]
        lines += [_piped(cells) for cells in _short(contest)]
        lines.append("")
    if told and told.limits:
        lines += ["Limits of this sweep:", "", *(f"- {markdown(limit)}" for limit in told.limits), ""]
    return "\n".join(lines)


def _short(contest: Contest) -> list[tuple[str, ...]]:
    """Head, rule and rows: tier, loss, metric ± standard deviation, gain with the interval that judges it, verdict."""
    rows: list[tuple[str, ...]] = [
        (
            "tier",
            "loss",
            written(contest.metric),
            f"gain over {contest.baseline}" if contest.baseline else "gain",
            "verdict",
        ),
        ("---", "---", "---:", "---:", "---"),
    ]
    for c in (*contest.contenders, *contest.controls, *contest.references):
        d, gain, verdict = c.difference, "", f"set apart: {c.apart}" if c.apart else ""
        if d:
            interval = f" ({span((d.judged or d.test).interval(), contest)})"
            gain = amount(d.test.mean, contest, sign=True) + interval
            verdict = "" if contest.no_verdict else d.verdict.value
        spread = "" if c.spread is None else f" ± {amount(c.spread, contest)}"
        value = "–" if c.mean is None else amount(c.mean, contest) + spread
        verdict = verdict or ("baseline" if c.title == contest.baseline else c.role if c.role != "chosen" else "")
        rows.append((c.tier, c.title, value, gain, verdict))
    return rows


def _piped(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(markdown, cells)) + " |"


def to_latex(comparison: Comparison) -> str:
    """One booktabs table per contest."""
    tables = []
    for contest in comparison.contests:
        head, _, *rows = _short(contest)
        lines = [" & ".join(map(latex, cells)) + r" \\" for cells in (head, *rows)]
        tables += [
            f"% {latex(f'{contest.task} on {contest.name}, {contest.board.model}')}",
            r"\begin{tabular}{llrrl}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    return "\n".join(tables)
