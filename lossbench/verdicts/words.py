"""Numbers and names as people write them, with as many digits as are meaningful for the metric."""

from __future__ import annotations

from collections.abc import Sequence

from lossbench.metrics.catalogue import written
from lossbench.plan import Scope
from lossbench.verdicts.comparison import Contest, Difference

NO_MARGIN = "no equivalence margin is set (task.equivalence=)"
NOT_KNOWN = {
    Scope.TEST: "nothing was measured on the test part",
    Scope.ROWS: "its record has no contributions per test example, or its test part is one group",
    Scope.TRAINING_ROWS: "one data set cannot show what other training rows would change; several data sets can",
}
"""Why there is no interval for a scope."""


def chosen_otherwise(contest: Contest) -> str:
    """Which metric chose the runs of a rejudged contest, as a clause; empty if it is the metric that judges."""
    if not contest.rejudged:
        return ""
    return (
        f"judged by {written(contest.metric)}; rates, parameters and epochs were chosen by {written(contest.chosen_by)}"
    )


def amount(value: float, contest: Contest, *, sign: bool = False) -> str:
    """A value or gain of a contest's metric, with digits that fit its margin."""
    digits = contest.digits
    text = f"{value:+.{digits}f}" if sign else f"{value:.{digits}f}"
    zero = f"{0:.{digits}f}"
    return zero if text.lstrip("+-") == zero else text.replace("-", "−")


def span(interval: tuple[float, float], contest: Contest, *, sign: bool = True) -> str:
    """`−12 to +140`."""
    low, high = (amount(bound, contest, sign=sign) for bound in interval)
    return f"{low} to {high}"


def p_value(p: float) -> str:
    """`p < .001`, `p = .03`."""
    if p < 0.001:
        return "p < .001"
    return f"p = {p:.2g}".replace("0.", ".", 1) if p < 1 else "p = 1"


def listed(names: Sequence[str], word: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}" if names else ""


def several(n: int, what: str) -> str:
    """`1 repeat`, `3 repeats`."""
    return f"{n} {what}{'s' * (n != 1)}"


def what_would_decide(difference: Difference) -> str:
    """How many repeats, or test rows, would settle an inconclusive result; printed after every `can't tell`."""
    now = len(difference.gains)
    if difference.judged is None:
        return NOT_KNOWN[difference.scope]
    if difference.repeats_needed is not None and difference.repeats_needed > now:
        return f"about {difference.repeats_needed} repeats should settle it"
    if difference.rows_needed is not None and difference.rows_needed > difference.rows > 0:
        return f"more repeats will not help: you would need about {_rounded(difference.rows_needed)} test rows"
    if difference.repeats_needed is None:  # only the rows' uncertainty is left, or the mean lies on the margin
        return "more repeats will not help; other data sets may"
    return f"{p_value(difference.p_holm)} after Holm over {difference.family}: a few more repeats may settle it"


def could_detect(difference: Difference, contest: Contest) -> str:
    """The smallest difference that the run can detect, as a clause with a trailing space; "" if unknown."""
    if not difference.detectable:
        return ""
    return f"This run can detect differences of {amount(difference.detectable, contest)} or more; "


def chosen_by(contest: Contest) -> str:
    """Which metric chose what on validation data, and which metrics chose nothing."""
    if contest.rejudged:
        return chosen_otherwise(contest)
    first, *others = contest.board.metrics
    losses = (*contest.contenders, *contest.controls)
    decided = {name for c in losses for repeat in c.record.repeats for name in repeat.decision}
    own = [written(name) for name in others if name in decided]
    rest = [written(name) for name in others if name not in decided]
    what = "rate, parameters and epoch were" if contest.trials > 1 else "the epoch was"
    thresholds = f", thresholds by {listed(own)}" if own else ""
    nothing = f", nothing by {'the other metrics' if len(rest) > 2 else listed(rest)}" if rest else ""
    return f"{what} chosen by {written(first)}{thresholds}{nothing}"


def _rounded(n: int) -> str:
    """Two digits of a large number, since it is an estimate: `12,000`, `2 M`."""
    if n >= 1_000_000:
        return f"{n / 1e6:.2g} M" if n < 100_000_000 else f"{round(n, -len(str(n)) + 2) // 1_000_000:,} M"
    power = max(0, len(str(n)) - 2)
    return f"{round(n, -power):,}"
