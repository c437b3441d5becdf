"""Words as numbers: features of a word's form, learned from training sentences only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch

from lossbench.data.sentences import Sentence
from lossbench.models.tagger import PADDING, UNKNOWN, Encoded, Sizes, real

AFFIX = 3
"""Letters in a prefix or suffix."""
OFTEN = 2
"""A rarer feature counts as unknown, so that the unknown row is trained too."""


@dataclass(frozen=True)
class Vocabulary:
    """Numbers for words, shapes, prefixes, suffixes and tags, learned from training sentences alone."""

    words: dict[str, int]
    shapes: dict[str, int]
    prefixes: dict[str, int]
    suffixes: dict[str, int]
    tags: tuple[str, ...]

    @classmethod
    def of(cls, sentences: Iterable[Sentence], tags: Sequence[str]) -> Vocabulary:
        """The vocabulary of training sentences; `tags` in the order of the classes, those of every part."""
        counts: tuple[Counter[str], ...] = (Counter(), Counter(), Counter(), Counter())
        for word, times in Counter(word for sentence in sentences for word in sentence.words).items():
            for count, feature in zip(counts, features(word), strict=True):
                count[feature] += times
        words, shapes, prefixes, suffixes = map(numbered, counts)
        return cls(words, shapes, prefixes, suffixes, tuple(tags))

    @property
    def sizes(self) -> Sizes:
        tables = (self.words, self.shapes, self.prefixes, self.suffixes)
        return Sizes(*(UNKNOWN + 1 + len(table) for table in tables))

    def encode(self, sentences: Sequence[Sentence]) -> Encoded:
        """The ids of sentences, in their order."""
        tables = (self.words, self.shapes, self.prefixes, self.suffixes)
        ids: dict[str, list[int]] = {}
        for word in {word for sentence in sentences for word in sentence.words}:
            pairs = zip(tables, features(word), strict=True)
            ids[word] = [table.get(feature, UNKNOWN) for table, feature in pairs]
        label = {tag: number for number, tag in enumerate(self.tags)}
        lengths = torch.tensor([len(sentence) for sentence in sentences])
        place = real(lengths, int(lengths.max()))
        padded = torch.full((*place.shape, 5), PADDING)
        padded[..., 4] = -1
        padded[place] = torch.tensor(
            [
                [*ids[word], label[tag]]
                for sentence in sentences
                for word, tag in zip(sentence.words, sentence.tags, strict=True)
            ]
        )
        words, shapes, prefixes, suffixes, tags = padded.permute(2, 0, 1).contiguous()
        return Encoded(words, shapes, prefixes, suffixes, tags, lengths)


@lru_cache(maxsize=2**18)
def features(word: str) -> tuple[str, str, str, str]:
    """Features of a word: itself in lower case, its shape, its first and its last letters."""
    small = word.lower()
    return small, shape(word), small[:AFFIX], small[-AFFIX:]


def shape(word: str) -> str:
    """Capitals as X, small letters as x, digits as 0, runs shortened: `McKay-88` is `XxXx-0`."""
    classes = "".join("X" if c.isupper() else "x" if c.isalpha() else "0" if c.isdigit() else c for c in word)
    return re.sub(r"(.)\1+", r"\1\1", classes)[:10]


def numbered(counts: Counter[str]) -> dict[str, int]:
    """A row for each feature that was seen often enough, in alphabetical order."""
    kept = sorted(feature for feature, count in counts.items() if count >= OFTEN)
    return {feature: row for row, feature in enumerate(kept, start=UNKNOWN + 1)}
