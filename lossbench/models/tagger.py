"""A small tagger that trains in seconds: dilated convolutions over what words look like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lossbench.data.sentences import Sentence

PADDING, UNKNOWN = 0, 1
"""The first two rows of every table."""
AFFIX = 3
"""Letters in a prefix or suffix."""
OFTEN = 2
"""A feature seen less often than this in training is unknown, so that the unknown row is trained too."""


class Sizes(NamedTuple):
    """Rows of the four tables, padding and unknown included."""

    words: int
    shapes: int
    prefixes: int
    suffixes: int


class Encoded(NamedTuple):
    """Sentences as ids [sentences, longest], int64: 0 is padding, 1 unknown; tags are -1 beyond a length."""

    words: Tensor
    shapes: Tensor
    prefixes: Tensor
    suffixes: Tensor
    tags: Tensor
    lengths: Tensor

    @property
    def real(self) -> Tensor:
        """[sentences, longest] True where there is a word."""
        return real(self.lengths, self.words.shape[1])

    def rows(self, rows: Tensor) -> Encoded:
        """Some of the sentences, cut to the longest of them."""
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        return Encoded(
            words=self.words[rows, :longest],
            shapes=self.shapes[rows, :longest],
            prefixes=self.prefixes[rows, :longest],
            suffixes=self.suffixes[rows, :longest],
            tags=self.tags[rows, :longest],
            lengths=lengths,
        )


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


class Tagger(nn.Module):
    """Raw outputs [sentences, longest, outputs] for every word, from its looks and those of its neighbours.

    Embeddings of word, shape, prefix and suffix are mixed to `width` channels; residual convolutions of three
    words 1, 2, 4 ... apart, look around. Training forgets words at random: then looks and neighbours must do.
    """

    def __init__(
        self,
        inputs: Sizes,
        outputs: int,
        *,
        width: int = 64,
        layers: int = 2,
        dropout: float = 0.2,
        word_dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(inputs.words, 64)
        self.shapes = nn.Embedding(inputs.shapes, 16)
        self.prefixes = nn.Embedding(inputs.prefixes, 32)
        self.suffixes = nn.Embedding(inputs.suffixes, 32)
        self.mix = nn.Linear(64 + 16 + 32 + 32, width)
        self.around = nn.ModuleList(
            nn.Conv1d(width, width, kernel_size=3, dilation=2**depth, padding=2**depth) for depth in range(layers)
        )
        self.dropout = nn.Dropout(dropout)
        self.word_dropout = word_dropout
        self.output = nn.Linear(width, outputs)

    def forward(self, batch: Encoded) -> Tensor:
        words = batch.words
        if self.training and self.word_dropout:
            forgotten = torch.rand(words.shape, device=words.device) < self.word_dropout
            words = words.masked_fill(forgotten, UNKNOWN)
        looks = (
            self.words(words),
            self.shapes(batch.shapes),
            self.prefixes(batch.prefixes),
            self.suffixes(batch.suffixes),
        )
        # Zero beyond each sentence's end before every convolution, as if nothing were there.
        inside = real(batch.lengths, words.shape[1]).unsqueeze(1)
        seen = self.mix(self.dropout(torch.cat(looks, dim=-1))).transpose(1, 2) * inside
        for look in self.around:
            seen = seen + functional.gelu(look(seen)) * inside
        return self.output(self.dropout(seen.transpose(1, 2)))


def real(lengths: Tensor, longest: int) -> Tensor:
    """[sentences, longest] True up to each length."""
    return torch.arange(longest, device=lengths.device) < lengths.unsqueeze(1)


@lru_cache(maxsize=2**18)
def features(word: str) -> tuple[str, str, str, str]:
    """What a word looks like: itself in lower case, its shape, its first and its last letters."""
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
