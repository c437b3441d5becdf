"""Ranking metrics of two classes: they depend only on the order of scores, and ties share their rank.

torchmetrics computes them in float32 and puts raw scores through a sigmoid; these are our own, in float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lossbench.metrics.metric import Direction, Family, Metric, Target, Values, numbered

if TYPE_CHECKING:
    from torch import Tensor


def _ordered(target: Tensor, score: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Scores in ascending order with their targets, how many scores are below each, and the number of positives."""
    import torch

    target, score = target.double(), score.contiguous()
    ordered, order = torch.sort(score, dim=-1)
    hits = target.gather(-1, order)
    return ordered, hits, torch.searchsorted(ordered, score), hits.sum(-1)


def _where_both(positives: Tensor, n: int, value: Tensor) -> Tensor:
    """The value, or NaN if all targets are equal: there is nothing to rank."""
    import torch

    return torch.where((positives > 0) & (positives < n), value, torch.nan)


def roc_auc(target: Tensor, score: Tensor) -> Tensor:
    """Mann-Whitney: the share of pairs in which the positive scores above the negative, ties counted half."""
    import torch

    ordered, _, lower, positives = _ordered(target, score)
    n = score.shape[-1]
    upper = torch.searchsorted(ordered, score.contiguous(), right=True)
    ranks = (lower + upper + 1).double() / 2
    # ranks of the positives minus their ranks among themselves
    above = (ranks * target.double()).sum(-1) - positives * (positives + 1) / 2
    return _where_both(positives, n, above / (positives * (n - positives)))


def average_precision(target: Tensor, score: Tensor) -> Tensor:
    """The precision among rows with at least the same score, averaged over the positives."""
    positives, n = target.double().sum(-1), score.shape[-1]
    return _where_both(positives, n, (_precision(target, score) * target.double()).sum(-1) / positives)


def _precision(target: Tensor, score: Tensor) -> Tensor:
    """For each row: the share of positives among rows with at least the same score."""
    import torch

    _, hits, lower, positives = _ordered(target, score)
    before = torch.cat([torch.zeros_like(hits[..., :1]), hits.cumsum(-1)], dim=-1).gather(-1, lower)
    return (positives.unsqueeze(-1) - before) / (score.shape[-1] - lower)


def recall_at_precision(least: float) -> Metric:
    """The largest recall at a precision of at least this."""
    if not 0 < least <= 1:
        raise ValueError("it must be above 0 and at most 1")

    def stacked(target: Tensor, score: Tensor) -> Tensor:
        import torch

        _, hits, lower, positives = _ordered(target, score)
        before = torch.cat([torch.zeros_like(hits[..., :1]), hits.cumsum(-1)], dim=-1).gather(-1, lower)
        found = positives.unsqueeze(-1) - before
        enough = found / (score.shape[-1] - lower) >= least
        recall = torch.where(enough, found / positives.unsqueeze(-1), 0.0).amax(-1)
        return _where_both(positives, score.shape[-1], recall)

    return Metric(
        numbered("recall_at_precision", least),
        Direction.MAX,
        Target.TWO_CLASSES,
        label=f"recall at {100 * least:g} % precision",
        stacked=stacked,
        margin=0.01,
        best=1.0,
    )


def lift(share: float) -> Metric:
    """The share of positives among the best-scored rows, divided by that among all rows."""
    if not 0 < share <= 1:
        raise ValueError("it must be above 0 and at most 1")

    def stacked(target: Tensor, score: Tensor) -> Tensor:
        import torch

        target, n = target.double(), score.shape[-1]
        picked = max(1, round(share * n))
        edge = score.double().topk(picked, -1).values[..., -1:]
        above, tied = score > edge, score == edge
        left = picked - above.sum(-1)
        # rows tied at the cut-off count by the share of them that is selected
        within = (target * tied).sum(-1) * left / tied.sum(-1)
        hits, positives = (target * above).sum(-1) + within, target.sum(-1)
        return torch.where(positives > 0, hits / picked / (positives / n), torch.nan)

    return Metric(
        numbered("lift", share),
        Direction.MAX,
        Target.TWO_CLASSES,
        label=f"lift of the best {100 * share:g} %",
        stacked=stacked,
    )


# What each example has to do with them ---------------------------------------------------------------------------


def _roc_auc_parts(target: Values, score: Values) -> Values | None:
    """DeLong, DeLong and Clarke-Pearson 1988: the share of the other class that each row is ranked right against."""
    positive = target > 0.5
    of, n = int(positive.sum()), len(target)
    if of in (0, n):
        return None
    placed = np.empty(n)
    placed[positive] = _placements(score[~positive], score[positive])
    placed[~positive] = 1 - _placements(score[positive], score[~positive])
    area = float(placed[positive].mean())
    share = np.where(positive, n / of, n / (n - of))
    return np.asarray(area + share * (placed - area))


def _placements(others: Values, score: Values) -> Values:
    """The share of the others below each score, ties counted half."""
    ordered = np.sort(others)
    below, upto = (np.searchsorted(ordered, score, side=side) for side in ("left", "right"))
    return np.asarray((below + upto) / (2 * len(others)))


def _average_precision_parts(target: Values, score: Values) -> Values | None:
    """The jackknife in closed form: leaving out a row changes the precision only at or below its score."""
    n, total = len(target), float(target.sum())
    if total in (0, n) or total < 2:
        return None
    order = np.argsort(-score, kind="stable")
    y, s = target[order], score[order]
    last = np.searchsorted(-s, -s, side="right")  # how many rows have at least this score
    first = np.searchsorted(-s, -s, side="left")
    hits, above = np.cumsum(y)[last - 1], last.astype(float)
    precision = hits / above
    whole = float((precision * y).sum() / total)
    others = np.maximum(above - 1, 1)
    # with a positive or a negative row left out that scores at least as much, and as it is where none is
    less = {True: (hits - 1) / others, False: hits / others}
    before = np.concatenate([[0.0], np.cumsum(precision * y)])[first]  # strictly above: unchanged
    without = np.empty(n)
    for left_out, values in less.items():
        following = np.concatenate([np.cumsum((values * y)[::-1])[::-1], [0.0]])[first]
        mine = y > 0.5 if left_out else y <= 0.5
        kept = before + following - (values if left_out else 0.0)  # itself is left out
        without[mine] = kept[mine] / (total - left_out)
    found = np.empty(n)
    found[order] = whole + (n - 1) * (without.mean() - without)
    return found


METRICS = (
    Metric(
        "roc_auc",
        Direction.MAX,
        Target.TWO_CLASSES,
        label="ROC-AUC",
        stacked=roc_auc,
        influence=_roc_auc_parts,
        margin=0.005,
        best=1.0,
        usual=True,
    ),
    Metric(
        "average_precision",
        Direction.MAX,
        Target.TWO_CLASSES,
        stacked=average_precision,
        influence=_average_precision_parts,
        margin=0.005,
        best=1.0,
        usual=True,
    ),
)
FAMILIES = (
    Family("recall_at_precision", "precision", 0.9, recall_at_precision),
    Family("lift", "share", 0.1, lift),
)
