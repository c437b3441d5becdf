"""Figures of probabilities, numbers, shapes and tags: real text, the page's colours, the same bytes every time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from lossbench.report.evidence.calibration import (
    Calibrations,
    Coverage,
    Judged,
    Scaled,
    Tails,
    calibrated,
    residuals,
)
from lossbench.report.evidence.shapes import Pulls, Shapes, pulled, shaped
from lossbench.report.evidence.tags import confusion
from lossbench.report.evidence.thresholds import Remedied, Thresholds, remains
from lossbench.report.figures import numbers, probabilities, shapes, style, tags

TITLES = ("bce", "focal (γ=2)", "a < b & c", *(f"loss {n}" for n in range(3, 10)))
Drawing = Callable[[Any, style.Colours], Figure]


def judged(rng: np.random.Generator) -> Judged:
    p = rng.uniform(size=300)
    return Judged((rng.uniform(size=300) < p).astype(float), p, 0.5, 0.2)


def calibrations(n: int, without: tuple[str, ...] = ()) -> Calibrations:
    rng = np.random.default_rng(0)
    losses = tuple(calibrated(title, (Scaled(1.5, judged(rng), judged(rng)),) * 2) for title in TITLES[:n])
    return Calibrations(losses, without, False, 2)


def remedied(n: int) -> Thresholds:
    rng = np.random.default_rng(1)

    def table(*names: str) -> dict[str, Any]:
        return {name: remains(name, rng.normal(0.03, 0.01, 5), rng.normal(0, 0.01, 5), 0.005) for name in names}

    losses = (Remedied(title, table("f1", "accuracy"), table("log_loss", "ece"), True) for title in TITLES[1 : n + 1])
    return Thresholds(TITLES[0], tuple(losses), 5)


def tailed(n: int, baseline: str | None = TITLES[0]) -> Tails:
    rng = np.random.default_rng(2)
    coverage = Coverage(0.87, (0.85, 0.89), 12.0)
    return Tails(tuple(residuals(title, rng.standard_t(4, 300) * 1e4, coverage) for title in TITLES[:n]), baseline)


def curves(n: int) -> Shapes:
    x = np.linspace(-10, 10, 201)
    p = 1 / (1 + np.exp(-x))

    def one(title: str, weight: float) -> Any:
        arrays = {"x": x, "value": -weight * np.log(p), "gradient": weight * (p - 1)}
        arrays |= {"value_negative": -np.log(1 - p), "gradient_negative": p}
        return shaped(title, {f"shape/{k}": v for k, v in arrays.items()}, margin=True, params={"weight": weight})

    return Shapes(tuple(one(t, 1 + k) for k, t in enumerate(TITLES[:n])), "margin", "its slope at 0", True)


def pulling(n: int, classes: int) -> Pulls:
    rng = np.random.default_rng(3)
    target = rng.integers(0, max(classes, 1), 500)
    found = [pulled(t, rng.gamma(1, size=500), rng.uniform(size=500), target, classes) for t in TITLES[:n]]
    losses = tuple(p for p in found if p)
    if not classes:
        return Pulls(tuple(replace(p, by_class=None) for p in losses), (), None)
    return Pulls(losses, tuple(f"B-{k}" for k in range(classes)), np.full(classes, 1 / classes))


def confused(n: int) -> list[Any]:
    rng = np.random.default_rng(4)
    names = ["B-LOC", "I-LOC", "B-PER", "I-PER", "O"]
    return [confusion(title, names, *rng.integers(0, 5, (2, 200))) for title in TITLES[:n]]


CASES: dict[str, tuple[Drawing, Callable[[Any], str], Callable[[int], Any]]] = {
    "thresholds": (probabilities.thresholds, probabilities.said_thresholds, remedied),
    "temperature": (probabilities.temperature, probabilities.said_temperature, remedied),
    "reliability": (probabilities.reliability, probabilities.said_reliability, calibrations),
    "residuals": (numbers.residuals, numbers.said_residuals, tailed),
    "shapes": (shapes.shapes, shapes.said_shapes, curves),
    "pulls by class": (shapes.pulls, shapes.said_pulls, lambda n: pulling(n, 2)),
    "pulls by tag": (shapes.pulls, shapes.said_pulls, lambda n: pulling(n, 9)),
    "pulls": (shapes.pulls, shapes.said_pulls, lambda n: pulling(n, 0)),
    "confusion": (tags.confusion, tags.said_confusion, confused),
}


@cache
def drawn(name: str, n: int) -> str:
    draw, say, make = CASES[name]
    found = make(n)
    return style.svg(draw(found, style.Colours(TITLES)), "figure-1", say(found))


def words(text: str) -> str:
    """All text of an SVG, in order; titles may break between lines."""
    root = ElementTree.fromstring(text)
    return " ".join(" ".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text"))


@pytest.mark.parametrize("n", [1, 3, 9])
@pytest.mark.parametrize("name", CASES)
def test_figures_are_xml_with_the_names_of_losses_as_text(name: str, n: int) -> None:
    text = drawn(name, n)
    found = " ".join(words(text).split())
    shown = TITLES[1 : n + 1] if name in ("thresholds", "temperature") else TITLES[:n]
    assert all(title in found for title in shown)


@pytest.mark.parametrize("name", CASES)
def test_figures_use_the_pages_colours_alone(name: str) -> None:
    text = drawn(name, 9)
    assert re.findall(r"#[0-9a-fA-F]{6}\b", text) == []
    assert not re.search(r"(fill|stroke): (black|white|rgb)", text)


@pytest.mark.parametrize("name", CASES)
def test_figures_are_the_same_bytes_twice(name: str) -> None:
    assert drawn(name, 3) == drawn.__wrapped__(name, 3)


@pytest.mark.parametrize("name", CASES)
def test_alternatives_name_every_loss_and_hold_numbers(name: str) -> None:
    _, say, make = CASES[name]
    said = say(make(3))
    shown = TITLES[1:4] if name in ("thresholds", "temperature") else TITLES[:3]
    assert all(title in said for title in shown)
    assert re.search(r"\d", said)
    assert "nan" not in said


def test_alternatives_say_the_numbers() -> None:
    found = Thresholds(
        "bce", (Remedied("focal", {"f1": remains("f1", np.full(3, 0.1), np.full(3, 0.05))}, None, True),), 3
    )
    said = probabilities.said_thresholds(found)
    assert "focal: F1 +0.100 (+0.100 to +0.100) at .5, +0.050 (+0.050 to +0.050)" in said
    assert "50 % remains" in said
    assert "focal: nothing can be said" in probabilities.said_temperature(found)
    assert "its 90 % intervals hold 87 % of the test rows" in numbers.said_residuals(tailed(2))


def test_losses_without_probabilities_have_a_square_that_says_so() -> None:
    found = calibrations(2, ("hinge",))
    text = words(style.svg(probabilities.reliability(found, style.Colours(TITLES)), "a", ""))
    assert "hinge" in text
    assert "no probabilities" in text
    assert "No probabilities: hinge." in probabilities.said_reliability(found)


def test_losses_that_distort_by_design_are_drawn_and_told_as_such() -> None:
    found = replace(calibrations(2), distorted=(TITLES[1],))
    text = words(style.svg(probabilities.reliability(found, style.Colours(TITLES)), "a", ""))
    assert " ".join(text.split()).count("not calibrated") == 1
    said = probabilities.said_reliability(found)
    assert said.count("(not calibrated by design)") == 1
    assert said.index("(not calibrated by design)") > said.index(f"{TITLES[1]}: ")


def test_losses_without_probabilities_alone_are_drawn_too() -> None:
    assert "hinge" in words(
        style.svg(probabilities.reliability(calibrations(0, ("hinge",)), style.Colours(())), "a", "")
    )


def test_residuals_are_drawn_without_a_baseline() -> None:
    assert "Size of errors" not in words(style.svg(numbers.residuals(tailed(2, None), style.Colours(TITLES)), "a", ""))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.long
def test_papers_and_mlflow_get_the_same_figures(name: str) -> None:
    draw, _, make = CASES[name]
    for kind, head in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        first, second = (style.saved(draw(make(2), style.Colours(TITLES)), kind, 60) for _ in range(2))
        assert first == second
        assert first.startswith(head)
