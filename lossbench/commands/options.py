"""What subcommands share: their parsers, and where results are."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from lossbench.errors import InputError


def results_folder(overrides: Sequence[str]) -> Path:
    for word in overrides:
        if "=" not in word or word.partition("=")[0] not in ("results", "tracking.uri"):
            raise InputError(f"'{word}': only results=DIR (and tracking.uri= for ui) can be given here.")
    return Path(dict(word.split("=", 1) for word in overrides if "=" in word).get("results", "results"))


def parser(name: str, text: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"lossbench {name}", description=text)
