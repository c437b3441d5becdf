"""Bundled data sets, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lossbench.data.packaged import load_packaged
from lossbench.data.sources.contract import Rows


class Packaged:
    """`task/data=house_prices` and the others; each has options of its own."""

    options: Mapping[str, Any] = {}

    def rows(self, options: Mapping[str, Any], *, binary: bool) -> Rows:
        own = {key: value for key, value in options.items() if key != "name"}
        name = str(options.get("name"))
        chosen, (frame, target) = load_packaged(name, own, binary=binary)
        whose = f"data set '{name}'"
        return Rows(
            frame, name, chosen.source, whose, target=target, target_name=chosen.target, positive=chosen.positive
        )
