"""Bundled data sets, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossbench.data.packaged import load_packaged
from lossbench.data.sources.contract import Rows
from lossbench.data.target import two_classes


class Packaged:
    """`task/data=house_prices` and the others; each has options of its own."""

    options: Mapping[str, Any] = {}

    def rows(self, options: Mapping[str, Any]) -> Rows:
        own = {key: value for key, value in options.items() if key != "name"}
        name = str(options.get("name"))
        chosen, (frame, target) = load_packaged(name, own)
        whose = f"data set '{name}'"
        classes = two_classes(chosen.positive) if chosen.positive else ()
        return Rows(frame, name, chosen.source, whose, target=target, target_name=chosen.target, classes=classes)
