"""A small tagger that trains in seconds: dilated convolutions over what words look like."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

PADDING, UNKNOWN = 0, 1
"""The first two rows of every table."""


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
