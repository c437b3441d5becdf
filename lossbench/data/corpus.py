"""A corpus for named-entity recognition, written by a grammar over the word lists that ship with Faker.

What makes it hard: most names of the test part occur nowhere in the rest, a quarter of its sentences follow
patterns that the rest never shows, the same name is a town here, a club there and a firm elsewhere, and many
capitals mean nothing. A few entities of the rest are mislabelled, as in data that people tagged; the test
part is clean.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import faker

from lossbench.data import grammar
from lossbench.data.sentences import Corpus, Sentence
from lossbench.plan import stream
from lossbench.plan.tags import OUTSIDE, spans

UNSEEN = 0.4
"""The share of every list of names that only the test part uses,"""
NOVELTY = 0.7
"""and how often a name of the test part is one of them."""
HELD_OUT = 0.25
"""How often a test sentence follows a pattern that only the test part uses."""
NOISE = 0.04
"""The share of entities in the rest that are mislabelled: dropped, of a wrong type or cut short."""
LOWERED = 0.06
"""The share of sentences in lower case throughout."""

Tagged = list[tuple[str, str]]


def generate_corpus(*, sentences: int = 2500, test_sentences: int = 1000, seed: int = 0) -> Corpus:
    """A corpus of `sentences` to learn from and `test_sentences` to be judged by, no two of them alike.

    The same for a seed on every machine, as long as Faker's lists stay as they are.
    """
    seen, unseen = {}, {}
    for name, words in gazetteers().items():
        # Popularity is drawn with the order: names early in a list are drawn more often.
        shuffled = sorted(words, key=lambda word: stream(seed, "names", word))
        cut = round(UNSEEN * len(shuffled))
        unseen[name], seen[name] = shuffled[:cut], shuffled[cut:]
    met: set[tuple[str, ...]] = set()
    rest = Writer(seen, unseen, novelty=0.0, held_out=0.0, draw=Random(stream(seed, "rest")).random)
    test = Writer(seen, unseen, NOVELTY, HELD_OUT, draw=Random(stream(seed, "test")).random)
    slip = Random(stream(seed, "noise")).random
    return Corpus(
        name="generated",
        source=f"a grammar over the word lists of Faker {faker.VERSION} (MIT), seed {seed}",
        rest=tuple(mislabelled(rest.sentence(met), slip) for _ in range(sentences)),
        test=tuple(test.sentence(met) for _ in range(test_sentences)),
    )


def gazetteers() -> dict[str, list[str]]:
    """Faker's lists of names, by what they name: sorted, each name once, odd spellings left out."""
    found = {}
    for name, sources in grammar.LISTS.items():
        words: set[str] = set()
        for source in sources.split():
            module, _, attribute = source.rpartition(".")
            words.update(getattr(importlib.import_module(f"faker.providers.{module}").Provider, attribute))
        spelt = filter(re.compile(grammar.SPELLING[name]).fullmatch, words)
        found[name] = sorted(word.lower() if name in grammar.LOWER else word for word in spelt)
    return found | {name: text.split() for name, text in grammar.OWN.items()}


@dataclass
class Writer:
    """Writes tagged sentences; `draw` gives uniform numbers in [0, 1) and is all the chance there is."""

    seen: dict[str, list[str]]
    unseen: dict[str, list[str]]
    novelty: float
    held_out: float
    draw: Callable[[], float]

    def sentence(self, met: set[tuple[str, ...]]) -> Sentence:
        """A sentence that `met` lacks, which is added to it."""
        while True:
            tagged = self.styled(punctuated(with_articles(self.written(self.pattern()))))
            words = tuple(word for word, _ in tagged)
            if words not in met:
                met.add(words)
                return Sentence(words, tuple(tag for _, tag in tagged))

    def pattern(self) -> str:
        """A pattern of those in common, or one of those held out."""
        new = self.draw() < self.held_out
        return self.one_of(grammar.HELD_OUT if new else grammar.SENTENCES)

    def written(self, pattern: str) -> Tagged:
        """A pattern with its slots filled: {CAPITALS} are entities, {lower case} words, phrases or names."""
        tagged: Tagged = []
        for piece in pattern.split():
            slot = piece[1:-1] if piece[0] == "{" else ""
            if slot in grammar.ENTITIES:
                kind, forms = grammar.ENTITIES[slot]
                words = [word for word, _ in self.written(self.one_of(forms))]
                tagged += [(word, f"{'I' if k else 'B'}-{kind}") for k, word in enumerate(words)]
            elif slot in grammar.PHRASES:
                tagged += self.written(self.one_of(grammar.PHRASES[slot]))
            else:
                filled = re.sub(r"\{(\w+)\}", lambda found: self.word(found[1]), piece)
                tagged += [(word, OUTSIDE) for word in filled.split()]
        return tagged

    def word(self, slot: str) -> str:
        """A word for a slot; {Noun} is a {noun} with a capital."""
        name = slot.lower()
        if name in grammar.NUMBERS:
            low, high = grammar.NUMBERS[name]
            return str(low + int(self.draw() * (high - low)))
        if name == "letter":
            return self.one_of(grammar.LETTERS)
        if name == "acronym":
            return "".join(self.one_of(grammar.LETTERS) for _ in range(3 + (self.draw() < 0.3)))
        if name in grammar.WORDS:
            word = self.one_of(grammar.WORDS[name])
        else:
            names = (self.unseen if self.draw() < self.novelty else self.seen)[name]
            word = names[int(len(names) * self.draw() ** 2)]
        return " ".join(map(capital, word.split())) if slot[0].isupper() else word

    def one_of(self, choices: tuple[str, ...] | str) -> str:
        """One of the choices, each as likely."""
        return choices[int(self.draw() * len(choices))]

    def styled(self, tagged: Tagged) -> Tagged:
        """Capitals as print has them: on the first word, on all of a headline, now and then nowhere."""
        if tagged[-1][0] not in ".?!":
            style = str.upper if self.draw() < 0.5 else capital
            return [(style(word), tag) for word, tag in tagged]
        if self.draw() < LOWERED:
            return [(word.lower(), tag) for word, tag in tagged]
        at = next(k for k, (word, _) in enumerate(tagged) if word[0].isalnum())
        return [(capital(word) if k == at else word, tag) for k, (word, tag) in enumerate(tagged)]


def mislabelled(sentence: Sentence, draw: Callable[[], float]) -> Sentence:
    """The sentence with each entity, by a small chance, dropped, of another type or a word short."""
    tags = list(sentence.tags)
    for kind, start, end in spans(sentence.tags):
        chance, fault, other = draw(), draw(), draw()
        if chance >= NOISE:
            continue
        if fault < 0.4:
            tags[start:end] = [OUTSIDE] * (end - start)
        elif fault < 0.7 or end - start == 1:
            others = sorted(grammar.TYPES - {kind})
            tags[start:end] = [tag[:2] + others[int(other * len(others))] for tag in tags[start:end]]
        else:
            tags[end - 1] = OUTSIDE
    return Sentence(sentence.words, tuple(tags))


def capital(word: str) -> str:
    """The word with its first letter in upper case, and the others as they are."""
    return word[:1].upper() + word[1:]


def with_articles(tagged: Tagged) -> Tagged:
    """'a' made 'an' before a vowel's sound."""
    return [
        ("an", tag) if word == "a" and vowel(tagged[k + 1][0]) else (word, tag) for k, (word, tag) in enumerate(tagged)
    ]


def punctuated(tagged: Tagged) -> Tagged:
    """Without the comma that closes an apposition where another mark follows it."""
    return [
        pair
        for pair, after in zip(tagged, [*tagged[1:], tagged[-1]], strict=True)
        if pair[0] != "," or after[0] not in ",."
    ]


def vowel(word: str) -> bool:
    """Whether a word opens with a vowel's sound; an acronym is spelt out."""
    if word.isupper() and len(word) > 1:
        return word[0] in "AEFHILMNORSX"
    if re.match(r"(?i)(uni[^mn]|use|usu|util|ubi|eu|one\b|once)", word):
        return False
    return bool(re.match(r"(?i)([aeioáéíóäöøå]|u|hour|honest|8|11\b|18\b)", word))
