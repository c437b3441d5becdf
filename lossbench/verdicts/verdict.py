"""From an interval to a verdict, and from verdicts to tiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

LEVEL = 0.05


class Verdict(Enum):
    """How one loss compares with another, given a margin of practical equivalence."""

    BETTER = "better"
    MAYBE_BETTER = "better, maybe small"
    SAME = "same in practice"
    UNCLEAR = "can't tell"
    MAYBE_WORSE = "worse, maybe small"
    WORSE = "worse"

    @property
    def sign(self) -> int:
        """+1 where it is better, -1 where it is worse, 0 where neither is shown."""
        if self in (Verdict.BETTER, Verdict.MAYBE_BETTER):
            return 1
        return -1 if self in (Verdict.WORSE, Verdict.MAYBE_WORSE) else 0

    @property
    def icon(self) -> str:
        return {
            Verdict.BETTER: "▲",
            Verdict.MAYBE_BETTER: "△",
            Verdict.SAME: "=",
            Verdict.UNCLEAR: "?",
            Verdict.MAYBE_WORSE: "▽",
            Verdict.WORSE: "▼",
        }[self]

    @property
    def mirrored(self) -> Verdict:
        """The same seen from the other loss."""
        return {
            Verdict.BETTER: Verdict.WORSE,
            Verdict.MAYBE_BETTER: Verdict.MAYBE_WORSE,
            Verdict.MAYBE_WORSE: Verdict.MAYBE_BETTER,
            Verdict.WORSE: Verdict.BETTER,
        }.get(self, self)


def judge(interval: tuple[float, float], margin: float, p: float) -> Verdict:
    """The verdict on a gain from its interval, the margin of equivalence and its p after Holm.

    An interval within the margin is `same in practice`, even if it excludes 0; one beyond it is `better` or `worse`;
    one that excludes 0 but crosses the margin is `maybe small`. A difference also needs p < .05 in its family; all
    else is `can't tell`.
    """
    low, high = interval
    if -margin <= low and high <= margin:
        return Verdict.SAME
    if not (p < LEVEL and (low > 0 or high < 0)):  # NaN gives no verdict
        return Verdict.UNCLEAR
    if low > 0:
        return Verdict.BETTER if low >= margin else Verdict.MAYBE_BETTER
    return Verdict.WORSE if high <= -margin else Verdict.MAYBE_WORSE


def tiers(ordered: Sequence[str], beats: Callable[[str, str], bool]) -> dict[str, str]:
    """A letter for each loss, best first: a loss is in the tier of its head unless the head is shown to beat it.

    Tiers are not ranks: a tier's losses cannot be told apart from its first, whatever their means.
    """
    found: dict[str, str] = {}
    head, letter = "", 0
    for name in ordered:
        if head and beats(head, name):
            letter += 1
            head = name
        head = head or name
        found[name] = _letter(letter)
    return found


def _letter(place: int) -> str:
    """A, B, ... Z, AA, AB: like the columns of a spreadsheet."""
    name = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        name = chr(65 + rest) + name
    return name
