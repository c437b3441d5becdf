"""The answer in words: one sentence to act on, five tiles, and the limits of the sweep. Made from verdicts alone."""

from __future__ import annotations

import statistics as plain
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lossbench.metrics.catalogue import written
from lossbench.records.record import Status
from lossbench.verdicts import costs
from lossbench.verdicts.aims import NOT_CALIBRATED, distorts
from lossbench.verdicts.comparison import Comparison, Contender, Contest
from lossbench.verdicts.limits import MOST_TASKS, limits
from lossbench.verdicts.overall import Overall, model_matters, overall, stronger
from lossbench.verdicts.verdict import Verdict
from lossbench.verdicts.words import amount, could_detect, listed, p_value, several, span, what_would_decide

DEAR = 1.25
"""The step time, in multiples of the baseline's, above which the cost is marked as worse."""
NAMED = 3
"""How many losses are named at most, where there are too many tasks to name each."""


@dataclass(frozen=True)
class Advice:
    """What to train with on one task. `picks`: equally good, cheapest first; empty without a verdict."""

    contest: Contest
    picks: tuple[Contender, ...]
    better: bool
    """Whether they are shown to be better than the baseline, or are the baseline."""
    words: str
    """The clause that follows `on <data> `."""


@dataclass(frozen=True)
class Tile:
    """A question, its answer in a word or two, and one line of detail."""

    question: str
    answer: str
    detail: str
    mood: str = "neutral"
    """neutral, better, worse: the colour of its edge."""


@dataclass(frozen=True)
class Answer:
    """What stands on top of the report and last in the terminal."""

    sentence: str
    tiles: tuple[Tile, ...]
    limits: tuple[str, ...]
    advice: tuple[Advice, ...]


def answer(comparison: Comparison) -> Answer:
    """The whole answer of a sweep."""
    advice = tuple(advise(contest) for contest in comparison.contests)
    return Answer(_sentence(comparison, advice), _tiles(advice), limits(comparison), advice)


def advise(contest: Contest) -> Advice:
    """What the verdicts of one contest come to."""
    if contest.no_verdict:
        return Advice(contest, (), better=False, words=f"no verdict: {contest.no_verdict}")
    if contest.spoiled:
        names = listed([c.title for c in contest.spoiled])
        return Advice(contest, (), better=False, words=f"nothing can be concluded: {names}, a negative control, won")
    reference = contest.reference
    assert reference is not None
    winners = [c for c in contest.ranked if c.difference and c.difference.verdict.sign > 0 and c.tier == "A"]
    if winners:
        picks = tuple(costs.cheapest_first(winners))
        return Advice(contest, picks, better=True, words=_better(contest, picks) + _apart(contest))
    return Advice(contest, (reference,), better=False, words=_stay(contest, reference) + _apart(contest))


def _apart(contest: Contest) -> str:
    """Which losses have a score and no verdict, and why; the report lists those that failed elsewhere."""
    found = [c for c in contest.contenders if c.apart and c.record.status is Status.DONE]
    if len(found) > NAMED:
        return f"; {len(found)} losses are set apart; the table shows why"
    return "".join(f"; {c.title} is set apart ({c.apart})" for c in found)


def _better(contest: Contest, picks: Sequence[Contender]) -> str:
    names = listed([c.title for c in picks], "or")
    first = picks[0].difference
    assert first is not None
    assert first.judged is not None
    small = ", though maybe by little" if all(_verdict(c) is Verdict.MAYBE_BETTER for c in picks) else ""
    gain = f"{amount(first.test.mean, contest)} {written(contest.metric)}"
    interval = f"95 % interval {span(first.judged.interval(), contest, sign=False)}"
    if len(picks) == 1:
        return f"train with {names}: it is better than {contest.baseline} by {gain} ({interval}){small}"
    cheaper = f"; {picks[0].title} takes the least time" if _dearer(picks[1], picks[0]) else ""
    return (
        f"train with {names}: they can't be told apart, and are better than {contest.baseline} "
        f"({picks[0].title} by {gain}, {interval}){small}{cheaper}"
    )


def _stay(contest: Contest, reference: Contender) -> str:
    others = [c for c in contest.ranked if c is not reference]
    by = {verdict: [c.title for c in others if _verdict(c) is verdict] for verdict in Verdict}
    worse = [*by[Verdict.WORSE], *by[Verdict.MAYBE_WORSE]]
    said = [f"{listed(by[Verdict.SAME])} {_is(by[Verdict.SAME])} the same in practice"] if by[Verdict.SAME] else []
    if by[Verdict.UNCLEAR]:
        unclear = [c.difference for c in others if c.title in by[Verdict.UNCLEAR] and c.difference]
        easiest = min(unclear, key=lambda d: (d.repeats_needed or 10**6, d.rows_needed or 10**9, d.p_holm))
        said.append(f"can't tell about {listed(by[Verdict.UNCLEAR])} ({what_would_decide(easiest)})")
    said += [f"{listed(worse)} {_is(worse)} worse"] if worse else []
    if contest.saturated:
        near = f"within {amount(contest.margin, contest)} of the best possible {written(contest.metric)}"
        room = f"{reference.title} is {near}"
        left = f"; {listed(worse)} {_is(worse)} worse" if worse else ""
        return f"this task cannot separate losses: {room}{left}"
    now = " for now" if by[Verdict.UNCLEAR] else ""
    return f"stay with {reference.title}{now}: {'; '.join(said) or 'nothing is better'}"


def _is(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _verdict(contender: Contender) -> Verdict | None:
    return contender.difference.verdict if contender.difference else None


def _dearer(one: Contender, other: Contender) -> bool:
    found = costs.beside(one, other)
    return found is not None and not found.same and found.ratio > 1


# One sentence ------------------------------------------------------------------------------------------------------


def _sentence(comparison: Comparison, advice: Sequence[Advice]) -> str:
    """Clause by clause: what all data sets say together, the exceptions, whether the model matters more, and where
    there is no verdict."""
    if comparison.invalid:
        spoiled = [c for contest in comparison.contests for c in contest.spoiled]
        where = listed([contest.name for contest in comparison.contests if contest.spoiled])
        return (
            f"Conclude nothing from this sweep: {listed([c.title for c in spoiled])}, which cannot be better than the "
            f"baseline, won on {where}."
        )
    judged = [a for a in advice if a.picks]
    silent = [a for a in advice if not a.picks]
    if not judged:
        reasons = dict.fromkeys(a.contest.no_verdict for a in silent)
        if len(reasons) == 1 and len(silent) > 1:
            return f"No verdict: {next(iter(reasons))}."
        return _ended("No verdict: " + "; ".join(f"on {a.contest.name} {a.contest.no_verdict}" for a in silent))
    together = overall(comparison.across) if comparison.across else None
    model = model_matters([found for a in judged if (found := stronger(a.contest))], NAMED)
    if len(advice) > MOST_TASKS:
        clauses = [*([together.sentence] if together else []), _counted(judged, silent), *([model] if model else [])]
        return _ended(". ".join(_capital(clause) for clause in clauses))
    if together:
        clauses = [together.sentence, *_exceptions(together, judged)]
    else:
        one_by_one = [f"on {a.contest.name} {a.words}" for a in sorted(judged, key=lambda a: not a.better)]
        clauses = (_common(judged) if len(judged) > 1 else None) or one_by_one
    clauses += [model] if model else []
    clauses += [f"no verdict on {a.contest.name} ({a.contest.no_verdict})" for a in silent]
    return _ended(". ".join(_capital(clause) for clause in clauses))


def _counted(judged: Sequence[Advice], silent: Sequence[Advice]) -> str:
    """On how many tasks each loss is picked, where there are too many to name."""
    picked = Counter(advice.picks[0].title for advice in judged if advice.better)
    stays, tasks = len(judged) - picked.total(), several(len(judged), "task")
    first = [f"{title} on {count}" for title, count in picked.most_common(NAMED)]
    others = picked.total() - sum(count for _, count in picked.most_common(NAMED))
    told = [f"train with {listed([*first, *([f'others on {others}'] if others else [])])} of {tasks}"] if first else []
    told += [f"stay with the baseline on {stays} of {tasks}"] if stays else []
    said = f"task by task, {'; '.join(told)}: the tables show which"
    return said + (f". No verdict on {len(silent)}" if silent else "")


def _exceptions(together: Overall, judged: Sequence[Advice]) -> list[str]:
    """The data sets whose advice differs from the overall advice; if that is the baseline and they are few, all."""
    if together.pick:
        found = [a for a in judged if together.pick not in {c.title for c in a.picks}]
    else:
        found = list(judged) if len(judged) <= NAMED else [a for a in judged if a.better]
    return [f"on {a.contest.name} {a.words}" for a in sorted(found, key=lambda a: not a.better)]


def _common(judged: Sequence[Advice]) -> list[str] | None:
    """First what is picked on more than half of the tasks, then the exceptions; None if no pick is that common."""
    sets = [frozenset(c.title for c in a.picks) for a in judged]
    usual = max(set(sets), key=lambda s: (sets.count(s), sorted(s)))
    if sets.count(usual) * 2 <= len(sets) or not any(a.better for a in judged):
        return None
    same = [a for a, names in zip(judged, sets, strict=True) if names == usual]
    rest = [a for a, names in zip(judged, sets, strict=True) if names != usual]
    if not all(a.better for a in same):
        return None
    gains = [
        f"{amount(a.picks[0].difference.test.mean, a.contest)} {written(a.contest.metric)} on {a.contest.name}"
        for a in same
        if a.picks[0].difference
    ]
    names = listed([c.title for c in same[0].picks], "or")
    tie = " (they can't be told apart)" if len(usual) > 1 else ""
    first = f"train with {names}{tie}: better than {same[0].contest.baseline} by {listed(gains)}"
    return [first, *(f"on {a.contest.name} {a.words}" for a in rest)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ended(text: str) -> str:
    return text if text.endswith(".") else f"{text}."


# Tiles ----------------------------------------------------------------------------------------------------------------


def _tiles(advice: Sequence[Advice]) -> tuple[Tile, ...]:
    judged = [a for a in advice if a.picks]
    if not judged:
        return ()
    lead = next((a for a in judged if a.better), judged[0])
    pick, where = lead.picks[0], f"on {lead.contest.name}"
    return (
        _which(judged, lead),
        _real(lead, pick, where),
        _cost(lead, pick),
        _breaks(judged, pick),
        _calibrated(judged, pick),
    )


def _which(judged: Sequence[Advice], lead: Advice) -> Tile:
    names = listed([c.title for c in lead.picks], "or")
    told = [f"{a.contest.name}: {listed([c.title for c in a.picks], 'or')}" for a in judged[:MOST_TASKS]]
    told += [f"{len(judged) - MOST_TASKS} more in the tables"] if len(judged) > MOST_TASKS else []
    mean = lead.picks[0].mean or 0.0
    shown = f"{written(lead.contest.metric)} {amount(mean, lead.contest)} on {lead.contest.name}"
    return Tile("Which?", names, "; ".join(told) if len(told) > 1 else shown, "better" if lead.better else "neutral")


def _real(lead: Advice, pick: Contender, where: str) -> Tile:
    if not lead.better:
        other = [c for c in lead.contest.ranked if c is not pick and c.difference]
        unclear = [c for c in other if _verdict(c) is Verdict.UNCLEAR]
        if lead.contest.saturated:
            return Tile("Is it real?", "no room", f"{pick.title} is almost perfect {where}: losses cannot differ there")
        if not unclear:
            return Tile("Is it real?", "nothing better", f"no loss beats {pick.title} {where}", "neutral")
        found = min((c.difference for c in unclear if c.difference), key=lambda d: d.repeats_needed or 10**6)
        detail = f"{found.one} {where}. {could_detect(found, lead.contest)}{what_would_decide(found)}"
        return Tile("Is it real?", "can't tell", detail)
    difference = pick.difference
    assert difference is not None
    assert difference.judged is not None
    gain = f"{amount(difference.test.mean, lead.contest, sign=True)} {written(lead.contest.metric)}"
    detail = (
        f"better than {difference.other} {where}; 95 % interval {span(difference.judged.interval(), lead.contest)}; "
        f"{p_value(difference.p_holm)} after Holm over {difference.family}"
    )
    return Tile("Is it real?", gain, detail, "better")


def _cost(lead: Advice, pick: Contender) -> Tile:
    """The step time relative to the baseline's, both run in turn; `not measured` where either is missing."""
    reference = lead.contest.reference
    if reference is None or pick is reference:
        return _cost_of_others(lead.contest, pick)
    found = costs.times(lead.contest, pick)
    if found is None:
        return Tile("Cost?", "not measured", f"no step was timed in turn with {reference.title}'s")
    if found.vague:
        detail = f"{found.spread} × as long as with {reference.title}: the machine was too busy to tell"
        return Tile("Cost?", found.said, detail)
    detail = f"a step takes {found.ratio:.2f} × as long as with {reference.title} (spread {found.spread})"
    share = round((found.ratio - 1) * 100)
    said = found.said if found.same else f"{share:+d} % time".replace("-", "−")
    return Tile("Cost?", said, detail, "worse" if not found.same and found.ratio >= DEAR else "neutral")


def _cost_of_others(contest: Contest, pick: Contender) -> Tile:
    """Where the baseline stays: what the others would cost relative to it."""
    others = [c for c in contest.ranked if c is not pick]
    known = [(c.title, found) for c in others if (found := costs.beside(c, pick)) is not None]
    if not known:
        why = f"no step was timed in turn with {pick.title}'s" if others else "there is no other loss"
        return Tile("Cost?", "not measured", why)
    apart = {title: found.ratio for title, found in known if not found.same}
    cheaper = [title for title, ratio in apart.items() if ratio < 1]
    said = f"{min(cheaper, key=lambda title: apart[title])} is cheaper" if cheaper else f"{pick.title} is the cheapest"
    if not apart:
        said = "not clear" if any(found.vague for _, found in known) else "about the same"
    detail = ", ".join(f"{title} {found.said}" for title, found in known[:NAMED])
    return Tile("Cost?", said, f"time of a step relative to {pick.title}: {detail}")


def _breaks(judged: Sequence[Advice], pick: Contender) -> Tile:
    """Tasks on which it is worse or failed; else repeats that it lost and trainings that diverged."""
    worse, failed = [], []
    for a in judged:
        for c in a.contest.contenders:
            if c.title == pick.title and c.failed:
                failed.append(a.contest.name)
            elif c.title == pick.title and c.difference and c.difference.verdict.sign < 0:
                worse.append(a.contest.name)
    if failed:
        return Tile("Where does it break?", listed(failed), f"{pick.title} failed there", "worse")
    if worse:
        return Tile("Where does it break?", listed(worse), f"{pick.title} is worse there", "worse")
    trials = [t for repeat in pick.record.repeats for t in repeat.trials]
    diverged = sum(t.status is Status.DIVERGED for t in trials)
    if diverged:
        detail = f"{diverged} of {several(len(trials), 'training')} diverged, at the highest rates tried"
        return Tile("Where does it break?", "high rates", detail, "worse")
    if pick.difference is None:
        return Tile("Where does it break?", "nowhere so far", "no training diverged")
    won, tied, lost = pick.difference.outcomes
    counted = f"{pick.title} won {won}, tied {tied} and lost {lost} of {several(len(pick.values), 'repeat')}"
    return Tile("Where does it break?", "nowhere so far", f"no training diverged; {counted}")


def _calibrated(judged: Sequence[Advice], pick: Contender) -> Tile:
    """The calibration error of what was picked, on the first task that has probabilities."""
    for a in judged:
        for c in a.contest.ranked:
            if c.title in {p.title for p in a.picks}:
                values = c.record.values("ece")
                if values:
                    error = plain.fmean(values)
                    log = plain.fmean(c.record.values("log_loss"))
                    design = f"; {NOT_CALIBRATED}" if distorts(c.record) else ""
                    detail = (
                        f"{c.title} on {a.contest.name}; log loss {log:.3f}; before any temperature scaling{design}"
                    )
                    return Tile("Calibrated?", f"ECE {error:.3f}", detail)
    return Tile("Calibrated?", "not applicable", "no task here has probabilities to judge")
