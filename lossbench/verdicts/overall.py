"""The advice over several data sets, in one sentence; and where another model helps more than another loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lossbench.records.record import Status
from lossbench.verdicts import statistics
from lossbench.verdicts.comparison import Across, Contender, Contest
from lossbench.verdicts.words import amount, listed

Values = NDArray[np.float64]
TRIVIAL = "trivial"
"""The reference row that uses no model."""


@dataclass(frozen=True)
class Overall:
    """The sentence, without its full stop. `pick`: the loss to train with everywhere; "" where the baseline stays."""

    sentence: str
    pick: str


def overall(across: Across) -> Overall | None:
    """What to train with on data sets like these: mean rank, wins and regret; None where losses are not ranked.

    The advice is a loss that is shown to be better than the baseline on more than half of the data sets; of several
    such losses, the one with the best mean rank.
    """
    ranking, tasks = across.ranking, len(across.contests)
    if ranking is None:
        return None
    won = (across.verdicts > 0).sum(0)
    baselines = {contest.baseline for contest in across.contests}
    baseline = str(next(iter(baselines))) if len(baselines) == 1 else "the baseline"
    others = [i for i, title in enumerate(across.titles) if title not in baselines]
    usual = [i for i in others if won[i] * 2 > tasks]
    where = f"over {tasks} {_data_sets(across)}"
    if usual:
        best = min(usual, key=lambda i: float(ranking.mean[i]))
        return Overall(
            f"{where} train with {across.titles[best]}: {_numbers(across, best, baseline)}", across.titles[best]
        )
    stay = f"{where} stay with {baseline}"
    first = min(range(len(across.titles)), key=lambda i: (float(ranking.mean[i]), -float(across.gains[:, i].mean())))
    title = across.titles[first]
    if title != baseline:
        numbers = _numbers(across, first, baseline)
        return Overall(f"{stay}: no loss is better on more than half; {title} comes first by {numbers}", "")
    beaten = int((across.verdicts[:, others] > 0).any(1).sum()) if others else 0
    numbers = f"mean rank {ranking.mean[first]:.1f} of {len(across.titles)} losses, beaten on {beaten or 'none'}"
    return Overall(f"{stay}: {numbers}, {_regret(across, first)}", "")


def regrets(across: Across) -> Values:
    """How far each loss falls short of the best loss of each task, on average, in margins of equivalence: [k]."""
    found: Values = (across.gains.max(1, keepdims=True) - across.gains).mean(0)
    return found


def _numbers(across: Across, loss: int, baseline: str) -> str:
    assert across.ranking is not None
    won, lost = (int((across.verdicts[:, loss] == sign).sum()) for sign in (1, -1))
    rank = f"mean rank {across.ranking.mean[loss]:.1f} of {len(across.titles)} losses"
    return f"{rank}, better than {baseline} on {won or 'none'} and worse on {lost or 'none'}, {_regret(across, loss)}"


def _regret(across: Across, loss: int) -> str:
    return f"regret {regrets(across)[loss]:.1f} margins per {_data_sets(across)[:-1]}"


def _data_sets(across: Across) -> str:
    """Data sets of one task; tasks, where contests differ in something else too."""
    data, tasks = ({getattr(contest.board, name) for contest in across.contests} for name in ("data", "task"))
    return "data sets" if len(data) == len(across.contests) and len(tasks) == 1 else "tasks"


@dataclass(frozen=True)
class Stronger:
    """A reference that beats every network of a contest by more than the loss is worth there."""

    contest: Contest
    title: str
    values: str
    """`0.884 against 0.815 to 0.859`."""


def stronger(contest: Contest) -> Stronger | None:
    """The reference, as gradient boosting, whose lead on the best network is more than the best loss gains.

    What the loss is worth is the lead of the best loss on the baseline, or the margin of equivalence if that is more.
    The lead must be shown too: its interval over repeats, paired with the network's, lies above 0.
    """
    networks = [c for c in contest.contenders if c.record.status is Status.DONE and c.mean is not None]
    rivals = [c for c in contest.references if c.record.loss.name != TRIVIAL and c.mean is not None]
    baseline = contest.reference
    if contest.no_verdict or len(networks) < 2 or not rivals or baseline is None:
        return None
    best, rival = max(networks, key=lambda c: _score(contest, c)), max(rivals, key=lambda c: _score(contest, c))
    lead, worth = _score(contest, rival) - _score(contest, best), _score(contest, best) - _score(contest, baseline)
    if lead <= max(worth, contest.margin) or len(rival.values) != len(best.values) or len(best.values) < 2:
        return None
    low, _ = statistics.over_repeats(contest.sign * (rival.values - best.values)).interval()
    if low <= 0:
        return None
    means = sorted(c.mean for c in networks if c.mean is not None)
    ends = [amount(mean, contest) for mean in (means[0], means[-1])]
    return Stronger(contest, rival.title, f"{amount(rival.mean or 0.0, contest)} against {ends[0]} to {ends[1]}")


def _score(contest: Contest, contender: Contender) -> float:
    return contest.sign * (contender.mean or 0.0)


def model_matters(found: Sequence[Stronger], most: int) -> str:
    """Where the model matters more than the loss, as a clause; "" if nowhere."""
    if not found:
        return ""
    titles = listed(list(dict.fromkeys(one.title for one in found)))
    named = [f"{one.contest.name} ({one.values})" for one in found[:most]]
    named += [f"{len(found) - most} more"] if len(found) > most else []
    return (
        f"on {listed(named)} {titles} beats every network by more than the choice of loss gains: there the model "
        "matters more than the loss"
    )
