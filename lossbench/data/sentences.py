"""Sentences with one tag per word, corpora of such sentences, and their tagging schemes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from lossbench.errors import DataError
from lossbench.plan.tags import OUTSIDE, bracketed, spans


@dataclass(frozen=True)
class Sentence:
    """Words and their IOB2 tags, one tag per word, at least one word."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.words or len(self.words) != len(self.tags):
            raise ValueError(f"A sentence of {len(self.words)} words cannot have {len(self.tags)} tags.")

    def __len__(self) -> int:
        return len(self.words)

    def __str__(self) -> str:
        """The sentence with its entities in brackets: `[PER Ada Byron] came to [LOC Ghent] .`"""
        return bracketed(self.words, spans(self.tags))


@dataclass(frozen=True)
class Corpus:
    """Tagged sentences: a fixed test part, and the rest from which repeats draw training and validation.

    `validation` is None where repeats redraw it from `rest`; a data set that ships one keeps it.
    """

    name: str
    source: str
    rest: tuple[Sentence, ...]
    test: tuple[Sentence, ...]
    validation: tuple[Sentence, ...] | None = None
    warnings: tuple[str, ...] = ()

    def sentences(self) -> Iterator[Sentence]:
        """Every sentence of every part."""
        for part in (self.rest, self.validation or (), self.test):
            yield from part

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """The tags in use: B-X before I-X, types in alphabetical order, O last."""
        return ordered({tag for sentence in self.sentences() for tag in sentence.tags})

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits over all words and tags, part by part."""
        state = hashlib.sha256()
        for part in (self.rest, self.validation or (), self.test):
            for sentence in part:
                state.update("\x1f".join((*sentence.words, *sentence.tags, "")).encode())
            state.update(b"\x1e")
        return state.hexdigest()[:16]


def ordered(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags in the order in which classes are numbered: B-X, I-X by type, then O, which is always there."""
    return (*sorted(set(tags) - {OUTSIDE}, key=lambda tag: (tag[2:], tag[0])), OUTSIDE)


def sentence_and_word(sentence: int, word: int) -> str:
    """Where a tag stands, for people: both numbers count from 1."""
    return f"sentence {sentence + 1}, word {word + 1}"


def prefixed(tag: str) -> bool:
    """Whether a tag has one of the prefixes of IOB, IOBES, BILOU or BMES and a type, as B-PER has."""
    return len(tag) > 2 and tag[0] in "BIESLUM" and tag[1] == "-"


def to_iob2(
    sequences: Sequence[Sequence[str]], where: Callable[[int, int], str] = sentence_and_word
) -> list[tuple[str, ...]]:
    """Tag sequences of one source in IOB2, whether they are IOB2, IOB1, IOBES (BILOU, BMES) or plain types now.

    The scheme is recognised over all sequences. IOB2 opens every entity with B-X, IOB1 only one that follows
    another of its type directly. Plain types (PER beside O) are those of IOB1 without its prefix: words of one type
    side by side are one entity. `where` names the place of a tag in an error's message.
    Raises DataError on a tag of another form, and on tags that no one scheme explains.
    """
    if are_plain(sequences):
        sequences = [tuple(tag if tag == OUTSIDE else f"I-{tag}" for tag in tags) for tags in sequences]
    for n, tags in enumerate(sequences):
        for k, tag in enumerate(tags):
            if tag != OUTSIDE and not prefixed(tag):
                shown = tag if len(tag) <= LONGEST_TAG else f"{tag[:LONGEST_TAG]}..."
                raise DataError(
                    f"{where(n, k)}: '{shown}' is not a tag. Expected O, or B-, I- (IOB1, IOB2), E- and S- "
                    "(IOBES, BMES) with an entity type, such as B-PER; or O and plain types such as PER throughout."
                )
    prefixes = {tag[0] for tags in sequences for tag in tags}
    if prefixes & set("ESLUM"):
        sequences = [tuple(IOBES[tag[0]] + tag[1:] for tag in tags) for tags in sequences]
    stray = unfounded(sequences, "I")
    if stray is None:
        return [tuple(tags) for tags in sequences]
    if unfounded(sequences, "B") or prefixes & set("ESLUM"):
        tag = sequences[stray[0]][stray[1]][:LONGEST_TAG]
        raise DataError(
            f"{where(*stray)}: '{tag}' continues no entity, yet others open with "
            "B-, so the tags are neither IOB2 nor IOB1. Open every entity with B-, or none but those that "
            "follow another of their type directly."
        )
    return [opened(tags) for tags in sequences]


def are_plain(sequences: Sequence[Sequence[str]]) -> bool:
    """Whether tags are types without any prefix: few of them, beside O."""
    tags = {tag for row in sequences for tag in row}
    return (
        {"", OUTSIDE} & tags == {OUTSIDE} and 1 < len(tags) <= MOST_PLAIN and not any(tag[1:2] == "-" for tag in tags)
    )


MOST_PLAIN = 100
"""Different tags without a prefix; where a column has more of them, it holds words or something else."""
LONGEST_TAG = 60
"""Characters of a tag that a message shows."""
IOBES = {"O": "O", "B": "B", "I": "I", "M": "I", "E": "I", "L": "I", "S": "B", "U": "B"}
"""The IOB2 prefix for each prefix of IOBES, and of BILOU and BMES, its other spellings."""


def unfounded(sequences: Sequence[Sequence[str]], prefix: str) -> tuple[int, int] | None:
    """The place of the first tag with this prefix that does not stand right after a tag of its own type."""
    for n, tags in enumerate(sequences):
        before = OUTSIDE
        for k, tag in enumerate(tags):
            if tag[0] == prefix and before[1:] != tag[1:]:
                return n, k
            before = tag
    return None


def opened(tags: Sequence[str]) -> tuple[str, ...]:
    """IOB1 tags in IOB2: an I-X that continues nothing of type X becomes B-X."""
    before = [OUTSIDE, *tags]
    return tuple("B" + tag[1:] if tag[0] == "I" and before[k][1:] != tag[1:] else tag for k, tag in enumerate(tags))
