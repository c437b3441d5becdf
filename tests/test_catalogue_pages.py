"""The pages in docs/losses are what the losses tell of themselves now; `make docs` writes them."""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from lossbench.plugins import catalogue

DOCS = Path(__file__).resolve().parents[1] / "docs"
NUMBER = re.compile(r"-?\d+\.?\d*")


@cache
def made() -> dict[str, bytes]:
    found = importlib.util.spec_from_file_location("catalogue", DOCS / "catalogue.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    files: dict[str, bytes] = module.files()
    return files


def test_every_built_in_loss_has_its_page_and_no_page_is_left_over() -> None:
    names = {f"{plugin.name}.md" for plugin in catalogue().plugins if plugin.built_in}
    assert {path.name for path in (DOCS / "losses").glob("*.md")} == names | {"README.md"}
    assert {path.name for path in (DOCS / "losses").iterdir()} == set(made())


def test_the_pages_say_what_the_losses_say() -> None:
    stale = [name for name, text in made().items() if name.endswith(".md") and kept(name) != text]
    assert stale == [], "make docs writes them anew"


def kept(name: str) -> bytes:
    return (DOCS / "losses" / name).read_bytes()


@pytest.mark.parametrize("name", ["huber-continuous.svg", "focal-binary.svg", "crf-sequences.svg", "dice-classes.svg"])
def test_the_curves_are_those_of_the_losses(name: str) -> None:
    ours, theirs = ([float(x) for d in re.findall(r' d="([^"]+)"', text) for x in NUMBER.findall(d)] for text in (
        kept(name).decode(), made()[name].decode(),
    ))  # fmt: skip
    assert len(ours) > 200
    assert np.allclose(ours, theirs, atol=0.5)  # half a pixel


def test_a_page_tells_formula_parameters_traits_and_citation() -> None:
    page = kept("focal.md").decode()
    for told in (
        "(1 - p)^γ · -log p",
        "Lin et al. 2017",
        "| `gamma` | 2.0 |",
        "monotone",
        "gamma=0: is bce",
        "focal-binary.svg",
    ):
        assert told in page
    index = kept("README.md").decode()
    assert index.count("[`focal`](focal.md)") == 2


def test_pictures_stay_small() -> None:
    assert max(path.stat().st_size for path in (DOCS / "losses").glob("*.svg")) < 60_000
