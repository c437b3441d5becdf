"""Named-entity data from CoNLL column files: a word and its tag a line, a blank line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lossbench.data.sentences import OUTSIDE, Corpus, Sentence, to_iob2
from lossbench.errors import DataError
from lossbench.plan import stream

COLUMNS = (2, 4)
"""Word and tag, with part of speech and chunk between them or not."""
FEWEST = 10
"""A file with fewer sentences can neither be learned from nor judge a loss."""


def read_conll(path: str | Path, *, name: str | None = None) -> list[Sentence]:
    """The sentences of a column file, tags in IOB2 whether the file has IOB1, IOB2 or IOBES.

    Columns are separated by tabs or spaces, 2 or 4 of them, the same number throughout; `-DOCSTART-` lines
    are dropped. UTF-8, with or without a byte order mark. `name` stands for the file in messages.
    Raises DataError, with the line, on a missing file, a malformed line or an unknown tag.
    """
    name = name or str(path)
    sentences: list[list[tuple[str, str]]] = [[]]
    lines: list[list[int]] = [[]]
    width = None
    for number, line in enumerate(text(path, name).split("\n"), start=1):
        # Only tabs and spaces separate: words may be non-breaking spaces or other line separators of Unicode.
        line = line.removesuffix("\r").rstrip("\t ")
        columns = line.split("\t") if "\t" in line else re.split(" +", line)
        if not line or columns[0] == "-DOCSTART-":
            if sentences[-1]:
                sentences.append([])
                lines.append([])
            continue
        width = width or len(columns)
        if len(columns) not in COLUMNS or len(columns) != width or not columns[0]:
            raise DataError(
                f"{name}, line {number}: {len(columns)} column(s) in {line!r}. Expected "
                f"{' or '.join(map(str, COLUMNS))}, as many as on the first line, the word first and its tag "
                "last, separated by tabs or spaces."
            )
        sentences[-1].append((columns[0].strip(" "), columns[-1].strip(" ")))
        lines[-1].append(number)
    found = [sentence for sentence in sentences if sentence]
    tags = to_iob2(
        [[tag for _, tag in sentence] for sentence in found],
        where=lambda sentence, word: f"{name}, line {lines[sentence][word]}",
    )
    return [Sentence(tuple(word for word, _ in pairs), row) for pairs, row in zip(found, tags, strict=True)]


def load_conll(data: Mapping[str, Any]) -> Corpus:
    """A corpus from column files.

    path: the training file. validation, test: files, or absent.
    test_share: without a test file, this share of the training file is set aside for the test (.2).
    split_seed: which sentences those are (0).
    """
    if not data.get("path"):
        raise DataError("No CoNLL file is named: give task.data.path, and task.data.test if there is a test file.")
    rest = enough(data["path"])
    validation = enough(data["validation"]) if data.get("validation") else None
    if data.get("test"):
        test = enough(data["test"])
    else:
        rest, test = set_aside(rest, float(data.get("test_share", 0.2)), data.get("split_seed", 0))
    files = [str(data[key]) for key in ("path", "validation", "test") if data.get(key)]
    corpus = Corpus(
        name=str(data.get("name") or Path(data["path"]).stem),
        source=", ".join(files),
        rest=tuple(rest),
        test=tuple(test),
        validation=None if validation is None else tuple(validation),
        warnings=tuple(warnings(rest, validation or [], test)),
    )
    if not any(tag != OUTSIDE for sentence in rest for tag in sentence.tags):
        raise DataError(f"{data['path']}: every word is tagged O. Expected entities such as B-PER, I-PER.")
    return corpus


def text(path: str | Path, name: str) -> str:
    """The text of a file, its line ends untouched."""
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}. Check the path of the CoNLL file.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{name} is not UTF-8 (byte {error.start}). Save it as UTF-8.") from error


def enough(path: str | Path) -> list[Sentence]:
    """The sentences of a file that has at least `FEWEST`."""
    sentences = read_conll(path)
    if len(sentences) < FEWEST:
        raise DataError(
            f"{path} has {len(sentences)} sentence(s); at least {FEWEST} are needed. A blank line ends a sentence."
        )
    return sentences


def set_aside(sentences: list[Sentence], share: float, seed: object) -> tuple[list[Sentence], list[Sentence]]:
    """The rest and the test part, each in the order of the file; the same for a seed on every machine."""
    if not 0 < share < 1:
        raise DataError(f"task.data.test_share={share:g}: expected a share between 0 and 1, such as 0.2.")
    drawn = sorted(range(len(sentences)), key=lambda row: stream(seed, "test", row))
    test = set(drawn[: min(max(round(share * len(sentences)), 1), len(sentences) - 1)])
    return (
        [sentence for row, sentence in enumerate(sentences) if row not in test],
        [sentence for row, sentence in enumerate(sentences) if row in test],
    )


def warnings(rest: list[Sentence], validation: list[Sentence], test: list[Sentence]) -> list[str]:
    """What a reader of the results should know of the parts."""
    found = []
    known = {tag for sentence in rest for tag in sentence.tags}
    for part, sentences in (("validation", validation), ("test", test)):
        new = sorted({tag for sentence in sentences for tag in sentence.tags} - known)
        if new:
            found.append(f"The {part} part has tags that the training part lacks: {', '.join(new)}.")
    seen = {sentence.words for sentence in rest}
    twice = sum(sentence.words in seen for sentence in test)
    if twice:
        found.append(f"{twice} of {len(test)} test sentences stand word for word in the training part too.")
    return found
