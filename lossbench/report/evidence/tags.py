"""What each loss gets wrong in named entities: tag by tag, type by type, and sentence by sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossbench.plan.tags import Span, bracketed, spans
from lossbench.verdicts.comparison import Contest
from lossbench.verdicts.parts import Part

Values = NDArray[np.float64]
"""An entity: its type, its first word and the word after its last."""
OUTSIDE = "O"
SCORES = ("precision", "recall", "f1-score", "support")


# Tag by tag -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TagReport:
    """Means over repeats of every loss's token report. scores: [losses, tags, 4], in the order of `SCORES`."""

    titles: tuple[str, ...]
    tags: tuple[str, ...]
    scores: Values

    def of(self, name: str) -> Values:
        """[losses, tags] of one score, as `f1-score`."""
        return np.asarray(self.scores[:, :, SCORES.index(name)])

    @property
    def support(self) -> Values:
        """How many words of the test part have each tag."""
        return np.asarray(self.of("support")[0])

    @property
    def best(self) -> NDArray[np.bool_]:
        """[losses, tags] whether it is the highest F1 for the tag, to three digits."""
        f1 = self.of("f1-score").round(3)
        return np.asarray((f1 == f1.max(0)) & (f1 > 0))


def tag_report(contest: Contest) -> TagReport | None:
    """Which tags each loss is good at; None where there are no tags, or no loss has all repeats."""
    whole = [r for r in contest.done if all(repeat.report for repeat in r.repeats)]
    if not whole:
        return None
    first = whole[0].repeats[0].report or {}
    tags = [tag for tag in first if tag == OUTSIDE or tag.startswith(("B-", "I-"))]
    scores = [
        [[[(r.report or {}).get(tag, {}).get(s, 0.0) for s in SCORES] for tag in tags] for r in record.repeats]
        for record in whole
    ]
    means = np.array([np.mean(loss, axis=0) for loss in scores])
    return TagReport(tuple(r.title for r in whole), tuple(tags), means)


# Type by type -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Confusion:
    """Which entity types one loss confuses: words of all repeats, counts [true, predicted], O last."""

    title: str
    types: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def shares(self) -> Values:
        """Of the words of each true type, what they were taken for; 0 for a type that has none."""
        return np.asarray(self.counts / np.maximum(self.counts.sum(1, keepdims=True), 1))

    @property
    def worst(self) -> tuple[str, str, float] | None:
        """The true type, what it is most often mistaken for, and the share of its words; None without mistakes."""
        wrong = np.where(np.eye(len(self.types), dtype=bool), 0.0, self.shares)
        if not wrong.any():
            return None
        true, predicted = np.unravel_index(int(wrong.argmax()), wrong.shape)
        return self.types[true], self.types[predicted], float(wrong[true, predicted])


def confusions(contest: Contest) -> list[Confusion] | None:
    """One table per loss."""
    found = []
    for record in contest.done:
        with record.stored() as stored:
            if "legend/tags" not in stored:
                continue
            tags = [str(tag) for tag in stored["legend/tags"]]
            pairs = [Part(stored, "test", repeat.repeat) for repeat in record.repeats]
            true, predicted = (np.concatenate([part[name] for part in pairs]) for name in ("target", "label"))
        found.append(confusion(record.title, tags, true, predicted))
    return found or None


def confusion(title: str, tags: Sequence[str], true: NDArray[Any], predicted: NDArray[Any]) -> Confusion:
    """From numbers of tags [words]: B-PER and I-PER are both PER."""
    kinds = [tag.partition("-")[2] or OUTSIDE for tag in tags]
    types = (*sorted(set(kinds) - {OUTSIDE}), OUTSIDE)
    place = np.array([types.index(kind) for kind in kinds])
    counts = np.zeros((len(types), len(types)), dtype=np.int64)
    np.add.at(counts, (place[true.astype(int)], place[predicted.astype(int)]), 1)
    return Confusion(title, types, counts)


# Sentence by sentence ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """One sentence with its true and its predicted tags."""

    true: str
    predicted: str


@dataclass(frozen=True)
class Error:
    """One kind of error: `missed`, `invented`, `wrong type` or `wrong boundary`; "" for a type it does not have."""

    kind: str
    true: str
    predicted: str
    count: int
    examples: tuple[Example, ...] = ()

    @property
    def said(self) -> str:
        """`PER missed`, `LOC invented`, `ORG taken for PER`, `boundary of LOC wrong`."""
        match self.kind:
            case "missed":
                return f"{self.true} missed"
            case "invented":
                return f"{self.predicted} invented"
            case "wrong boundary":
                return f"boundary of {self.true} wrong"
        return f"{self.true} taken for {self.predicted}"


@dataclass(frozen=True)
class Errors:
    """The commonest errors of one loss in repeat 0, most frequent first, out of `total` in `entities` entities."""

    title: str
    commonest: tuple[Error, ...]
    total: int
    entities: int


def commonest_errors(contest: Contest, kinds: int = 5, examples: int = 2) -> list[Errors] | None:
    """What each loss gets wrong most often, with the shortest sentences that show it."""
    found = []
    for record in contest.done:
        with record.stored() as stored:
            part = Part(stored, "test", record.repeats[0].repeat)
            if "legend/words" not in stored or "label" not in part:
                continue
            tags, words = stored["legend/tags"], stored["legend/words"]
            ends = np.flatnonzero(np.diff(part["rows"])) + 1
            sentences = [
                ([str(w) for w in ws], [str(t) for t in true], [str(t) for t in predicted])
                for ws, true, predicted in zip(
                    np.split(words, ends),
                    np.split(tags[part["target"]], ends),
                    np.split(tags[part["label"]], ends),
                    strict=True,
                )
            ]
        found.append(errors(record.title, sentences, kinds, examples))
    return found or None


def errors(
    title: str,
    sentences: Sequence[tuple[Sequence[str], Sequence[str], Sequence[str]]],
    kinds: int = 5,
    examples: int = 2,
) -> Errors:
    """From sentences as (words, true tags, predicted tags)."""
    shown: dict[tuple[str, str, str], list[int]] = {}
    entities = 0
    for number, (_, true, predicted) in enumerate(sentences):
        entities += len(spans(true))
        for key in wrong(spans(true), spans(predicted)):
            shown.setdefault(key, []).append(number)
    ordered = sorted(shown.items(), key=lambda item: (-len(item[1]), item[0]))

    def example(number: int) -> Example:
        words, true, predicted = sentences[number]
        return Example(bracketed(words, spans(true)), bracketed(words, spans(predicted)))

    commonest = []
    for key, numbers in ordered[:kinds]:
        shortest = sorted(set(numbers), key=lambda number: (len(sentences[number][0]), number))[:examples]
        commonest.append(Error(*key, len(numbers), tuple(example(number) for number in shortest)))
    return Errors(title, tuple(commonest), sum(map(len, shown.values())), entities)


def wrong(true: Sequence[Span], predicted: Sequence[Span]) -> Iterator[tuple[str, str, str]]:
    """The errors of one sentence as (kind, true type, predicted type), each entity in at most one of them.

    An entity that is not there as it should be goes with the prediction that shares most words with it: the same type
    makes the boundary wrong, another one the type.
    """
    missing = [span for span in true if span not in predicted]
    spare = [span for span in predicted if span not in true]
    pairs = sorted(
        (-_shared(one, other), one[0] != other[0], one[1], other[1], one, other)
        for one in missing
        for other in spare
        if _shared(one, other) > 0
    )
    for *_, one, other in pairs:
        if one in missing and other in spare:
            missing.remove(one)
            spare.remove(other)
            yield ("wrong boundary" if one[0] == other[0] else "wrong type"), one[0], other[0]
    yield from (("missed", span[0], "") for span in missing)
    yield from (("invented", "", span[0]) for span in spare)


def _shared(one: Span, other: Span) -> int:
    return min(one[2], other[2]) - max(one[1], other[1])
