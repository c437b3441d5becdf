"""Annotated sentences in column files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossbench.data.conll import load_conll
from lossbench.data.sentences import Corpus
from lossbench.data.sources.contract import Rows
from lossbench.data.splits import TEST_SHARE
from lossbench.errors import DataError


class Conll:
    """`task=ner task.data.path=train.conll`."""

    options: Mapping[str, Any] = {
        "path": "???",
        "validation": None,
        "test": None,
        "columns": None,
        "test_share": TEST_SHARE,
    }

    def rows(self, options: Mapping[str, Any]) -> Rows:
        raise DataError("CoNLL files contain tagged sentences, not a table: set task=ner.")

    def corpus(self, options: Mapping[str, Any]) -> Corpus:
        return load_conll(options)
