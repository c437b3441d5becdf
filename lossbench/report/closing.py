"""The last blocks of the report: what failed, the method, how to reproduce it, and all numbers."""

from __future__ import annotations

import math

from lossbench.metrics.catalogue import written
from lossbench.records.quoting import line
from lossbench.records.record import Record, Status
from lossbench.report.panels import Panel, Section, Table
from lossbench.verdicts.aims import NOT_CALIBRATED, distorts, rewards_probabilities
from lossbench.verdicts.comparison import Comparison, Contest, Difference
from lossbench.verdicts.words import amount, chosen_by, p_value, several, span


def failed(comparison: Comparison) -> Section:
    rows = [
        (
            r.title,
            f"{r.task} on {r.data.name}",
            r.status.value,
            _bad_repeats(r),
            r.reason,
            r.path.name if r.path else "",
        )
        for r in comparison.failures
    ]
    head = ("loss", "task", "how it ended", "repeats", "why", "record")
    panels = [Panel("What failed and why", table=Table(head, tuple(rows)), width="full")] if rows else []
    return Section("failed", "Failed", "What failed and why", panels=panels)


def _bad_repeats(record: Record) -> str:
    bad = [str(r.repeat) for r in record.repeats if r.status is not Status.DONE]
    return ", ".join(bad) or "all"


def method(comparison: Comparison) -> Section:
    contests = comparison.contests
    protocols = {f"{several(c.repeats, 'repeat')} of {several(c.trials, 'trial')}" for c in contests}
    margins = [f"{c.name}: {amount(c.margin, c)} {written(c.metric)}" for c in contests if c.margin > 0 and c.ranked]
    lines = (
        f"Budget, the same for every loss: {' or '.join(sorted(protocols))}; a repeat is a whole study with its own "
        "split, weights and batch orders, shared by all losses.",
        "Trials are Sobol points in learning rate and loss parameters, the same for every loss; trial 0 is the "
        "default parameters at the centre rate.",
        "Trial, epoch and threshold are chosen on validation data and frozen; the test part is the same in all repeats "
        "and is opened once.",
        "Gains are paired by repeat. On this test part: t interval over repeats.",
        "For new rows like the test part: repeats and test examples as crossed random effects, from the stored "
        "predictions; for metrics that are not averages, via influence functions (delta method, DeLong, jackknife). "
        "Both are for models trained on these training rows: another sample may give another difference.",
        f"Verdicts use the 95 % interval {comparison.rules.scope.words} (report.scope={comparison.rules.scope.value}).",
        "p belongs to the interval that gives the verdict, after Holm over all losses compared with the baseline; the "
        "sign-flip p next to it is for these rows and this test part.",
        f"Margins of equivalence, fixed before the run: {'; '.join(margins) or 'none'}.",
        "Verdicts: same in practice if the interval lies within the margin; with Holm p < .05, better or worse if it "
        "lies beyond the margin, maybe small if it only excludes 0; else can't tell.",
        "Losses that failed in any repeat, elicit something other than what the metric rewards, or judge whole batches "
        "with too few of the rarest class, are set apart: they have no tier and no verdict.",
    )
    return Section(
        "method",
        "Method",
        "Method and how to reproduce",
        panels=(
            Panel("The method in ten lines", lines=lines, width="full"),
            Panel("How to reproduce it", code=_reproduce(comparison), width="full"),
        ),
    )


def _reproduce(comparison: Comparison) -> str:
    records = comparison.records
    commands = dict.fromkeys(line(r.provenance.command) for r in records if r.provenance.command)
    commits = dict.fromkeys(r.provenance.git for r in records if r.provenance.git)
    versions: dict[str, str] = next((r.provenance.versions for r in records if r.provenance.versions), {})
    digests = dict.fromkeys(f"{r.data.name} {r.data.digest}" for r in records if r.data.digest)
    lines = [*commands, f"commit    {', '.join(commits)}" if commits else ""]
    lines += [f"versions  {', '.join(f'{k} {v}' for k, v in versions.items())}", f"data      {', '.join(digests)}"]
    return "\n".join(text for text in lines if text)


def numbers(comparison: Comparison) -> Section:
    panels = []
    for contest in comparison.contests:
        panels.append(_metrics(contest))
        if contest.differences:
            panels.append(_pairs(contest))
    return Section("numbers", "All numbers", "All numbers", panels=panels)


def _metrics(contest: Contest) -> Panel:
    names = contest.board.metrics
    rows = []
    for c in (*contest.contenders, *contest.controls, *contest.references):
        cells = []
        for name in names:
            found = c.row.metrics.get(name)
            spread = f" ± {found.sd:.3g}" if found and found.sd is not None else ""
            mark = "*" if rewards_probabilities(name) and distorts(c.record) else ""
            cells.append(f"{found.mean:.5g}{spread}{mark}" if found else "n/a")
        rows.append((c.title, *cells))
    marked = any(cell.endswith("*") for row in rows for cell in row[1:])
    star = f" * {NOT_CALIBRATED}." if marked else ""
    note = f"Mean ± standard deviation over repeats. On validation data {chosen_by(contest)}.{star}"
    title = f"Every metric, {contest.task} on {contest.name}"
    return Panel(title, note, table=Table(("loss", *map(written, names)), tuple(rows)), width="full", folded=True)


def _pairs(contest: Contest) -> Panel:
    head = (
        *(
            "pair",
            "gain",
            "this test part",
            "new rows",
            "other training rows",
            "p",
            "Holm p, all pairs",
            "sign-flip p (these rows, this test part)",
            "d_z",
            "P(better)",
        ),
        *("detectable", "verdict"),
    )
    order = {c.title: place for place, c in enumerate(contest.ranked)}
    pairs = [d for (a, b), d in contest.differences.items() if order[a] < order[b]]
    rows = tuple(_pair(d, contest) for d in pairs)
    note = f"{written(contest.metric)}; 95 % intervals; Holm over {several(len(pairs), 'pair')}."
    return Panel(
        f"Every pair, {contest.task} on {contest.name}", note, table=Table(head, rows), width="full", folded=True
    )


def _pair(d: Difference, contest: Contest) -> tuple[str, ...]:
    effect = f"{d.effect:.2f}" if math.isfinite(d.effect) else "∞"
    return (
        f"{d.one} − {d.other}",
        amount(d.test.mean, contest, sign=True),
        span(d.test.interval(), contest),
        *(span(e.interval(), contest) if e else "n/a" for e in (d.new_rows, d.training_rows)),
        *(p_value(p).removeprefix("p ").removeprefix("= ") for p in (d.p, d.p_holm, d.sign_flip.p)),
        effect,
        f"{round(100 * d.improvement)} %",
        amount(d.detectable, contest) if d.detectable is not None else "n/a",
        "" if contest.no_verdict else d.verdict.value,
    )
