"""The pages in docs/losses are what the losses say now: docstring, signature, traits and shape."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from lossbench.loss.catalogue import catalogue, load_loss
from tests.conftest import ROOT

AGAIN = "run `make docs`"
SPEC = spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert SPEC is not None
assert SPEC.loader is not None
generate = module_from_spec(SPEC)
SPEC.loader.exec_module(generate)
FOLDER = generate.FOLDER


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    found: dict[str, str] = generate.files()
    return found


def committed() -> dict[str, Path]:
    return {str(path.relative_to(FOLDER)): path for path in FOLDER.rglob("*") if path.is_file()}


@pytest.mark.long
def test_every_built_in_loss_has_its_page_and_nothing_else_has_one(made: dict[str, str]) -> None:
    assert set(committed()) == set(made), AGAIN
    names = {plugin.name for plugin in catalogue().plugins if plugin.built_in}
    assert {name.removesuffix(".md") for name in made if re.fullmatch(r"\w+\.md", name)} == names | {"README"}


@pytest.mark.long
def test_what_is_committed_is_what_the_losses_say(made: dict[str, str]) -> None:
    stale = [n for n, path in committed().items() if n.endswith(".md") and path.read_text("utf-8") != made[n]]
    assert not stale, AGAIN


@pytest.mark.long
def test_drawings_are_those_of_the_losses_to_half_a_pixel(made: dict[str, str]) -> None:
    """Not to the byte: another processor rounds another way."""
    number = re.compile(r"-?\d+(?:\.\d+)?")
    for name, path in committed().items():
        if name.endswith(".svg"):
            old, new = path.read_text("utf-8"), made[name]
            assert number.sub("#", old) == number.sub("#", new), f"{name}: {AGAIN}"
            pairs = np.array([number.findall(old), number.findall(new)], dtype=float)
            assert np.allclose(*pairs, rtol=0, atol=0.5), f"{name}: {AGAIN}"


@pytest.mark.long
def test_a_drawing_is_small_and_stands_by_itself_in_both_colours(made: dict[str, str]) -> None:
    drawings = {name: text for name, text in made.items() if name.endswith(".svg")}
    assert len(drawings) > 40
    for name, text in drawings.items():
        assert len(text.encode()) < 30_000, name
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        style, dark = re.findall(r"svg\{([^}]*)\}", text)[:2]
        for variable in set(re.findall(r"var\((--[\w-]+)\)", text)):
            assert f"{variable}:#" in style, (name, variable)
            assert f"{variable}:#" in dark, (name, variable)
        assert "<dc:date>" not in text


def test_the_same_drawing_is_the_same_bytes() -> None:
    family = catalogue().find("huber").load()
    first, second = (dict(generate._drawings("huber", family)) for _ in range(2))
    assert first == second


@pytest.mark.long
def test_the_curves_are_the_losses_own(made: dict[str, str]) -> None:
    """mse at a residual of 5 is 25, and its slope 10: the highest and steepest of all points drawn, cut off nowhere."""
    (curve,), caption = generate._curves("mse", catalogue().find("mse").load(), load_loss("mse", "continuous").kind)
    assert (curve.value.max(), curve.slope.max(), curve.slope.min()) == (25.0, 10.0, -10.0)
    assert caption == "Value and slope against the residual: prediction less target."


def test_a_tuned_loss_is_drawn_at_its_defaults_and_at_both_ends() -> None:
    curves, caption = generate._curves("huber", catalogue().find("huber").load(), load_loss("huber").kind)
    assert [curve.title for curve in curves] == ["delta=1", "delta=0.1", "delta=3"]
    # δ(|r| - δ/2) at a residual of 5: 1 · 4.5, 0.1 · 4.95, 3 · 3.5
    assert [float(curve.value[-1]) for curve in curves] == pytest.approx([4.5, 0.495, 10.5])
    assert "other values of `delta`" in caption


def test_signs_of_formulas_are_no_markdown() -> None:
    assert generate._escaped("a * b_c < `a * b_c`") == r"a \* b\_c \< `a * b_c`"
    assert generate._linked(r"0.5 · cross\_entropy", "mse", {"cross_entropy", "mse"}) == (
        r"0.5 · [cross\_entropy](cross_entropy.md)"
    )


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.md")), ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    found = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", page.read_text("utf-8"))
    assert found
    for target in found:
        assert (page.parent / target).exists(), target
