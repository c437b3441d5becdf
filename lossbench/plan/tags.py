"""Entities in a sentence, by its tags."""

from __future__ import annotations

from collections.abc import Sequence

OUTSIDE = "O"
"""The tag of a word that belongs to no entity."""
Span = tuple[str, int, int]
"""An entity: its type, its first word and the word after its last."""


def spans(tags: Sequence[str]) -> list[Span]:
    """The entities of one sentence in their order, by the strict IOB2 reading: a B-X and the I-X right after it.

    An I-X that continues nothing of type X is part of no entity.
    """
    found = []
    for start, tag in enumerate(tags):
        if tag[:2] == "B-":
            inside, end = f"I-{tag[2:]}", start + 1
            while end < len(tags) and tags[end] == inside:
                end += 1
            found.append((tag[2:], start, end))
    return found


def bracketed(words: Sequence[str], entities: Sequence[Span]) -> str:
    """`[PER Ada Byron] came to [LOC Ghent] .`"""
    pieces: list[str] = []
    end = 0
    for kind, start, stop in entities:
        pieces += [*words[end:start], f"[{kind} {' '.join(words[start:stop])}]"]
        end = stop
    return " ".join([*pieces, *words[end:]])
