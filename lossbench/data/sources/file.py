"""A file of one's own: CSV, TSV or Parquet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lossbench.data.dialect import KEYS, Dialect
from lossbench.data.file import read_table, stem
from lossbench.data.sources.contract import Rows
from lossbench.errors import DataError


class File:
    """`task.data.path=mine.csv task.data.target=price`."""

    options: Mapping[str, Any] = {"path": "???", **dict.fromkeys(KEYS)}

    def rows(self, options: Mapping[str, Any]) -> Rows:
        if "path" not in options:
            raise DataError("A file of your own needs its path: set task.data.path=.")
        path = Path(str(options["path"])).expanduser()
        read = read_table(path, Dialect.of(options))
        return Rows(read.frame, stem(path), str(options["path"]), path.name, read.columns, read.notes)
