"""Sentences made by a grammar."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossbench.data.corpus import generate_corpus
from lossbench.data.sentences import Corpus
from lossbench.data.sources.contract import Rows
from lossbench.errors import DataError

LEAST = {"sentences": 10, "test_sentences": 1, "seed": 0}


class Generated:
    """`task=ner task/data=generated`."""

    options: Mapping[str, Any] = {"sentences": 2500, "test_sentences": 1000, "seed": 0}

    def rows(self, options: Mapping[str, Any]) -> Rows:
        raise DataError("Generated sentences are not a table: set task=ner.")

    def corpus(self, options: Mapping[str, Any]) -> Corpus:
        sizes: dict[str, Any] = {key: options.get(key) for key in LEAST}
        for key, least in LEAST.items():
            if not isinstance(sizes[key], int) or sizes[key] < least:
                raise DataError(f"task.data.{key}={sizes[key]} must be an integer of at least {least}.")
        return generate_corpus(**sizes)
