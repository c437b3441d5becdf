"""Every built-in loss keeps every law that it is asked. The kit itself is tried by its mutants, in their own file."""

from __future__ import annotations

from typing import Any

import pytest

from lossbench.loss.catalogue import catalogue
from lossbench.probe.subject import Subject
from lossbench.testing import check, subjects

INSIDE = {"continuous": "huber", "binary": "focal", "classes": "focal", "sequences": "crf"}
"""Losses that a composite is tried with."""
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("focal", {"gamma": 0.5}),
    ("barron", {"alpha": -2.0}),
    ("barron", {"alpha": 0.0}),
    ("quantile", {"q": 0.9}),
    ("bce", {"pos_weight": 4.0}),
    ("gce", {"q": 1.0}),
    ("poly1", {"epsilon": -0.5}),
    ("cross_entropy", {"label_smoothing": 0.1}),
    ("asl", {"margin": 0.0}),
    ("bootstrap", {"beta": 0.1}),
]
"""Beside the defaults: parameters at which a loss declares something else."""


def every_subject() -> list[Subject]:
    built_in = [plugin.name for plugin in catalogue().plugins if plugin.built_in]
    plain = [s for name in built_in for s in subjects(name) if not any(p.required for p in s.family[s.kind].parameters)]
    return plain + [s for name, params in SETTINGS for s in subjects(name, **params)]


@pytest.mark.long
@pytest.mark.parametrize("subject", every_subject(), ids=str)
def test_a_built_in_loss_keeps_every_law(subject: Subject) -> None:
    conformance = check(subject)
    assert [f"{finding.law.name}: {finding.words}" for finding in conformance.broken] == []
    assert len(conformance.kept) >= 15
    assert conformance.counters is not None


@pytest.mark.long
@pytest.mark.parametrize("kind", INSIDE)
def test_a_loss_times_a_number_keeps_every_law(kind: str) -> None:
    (subject,) = subjects("scaled", kind, loss=INSIDE[kind], factor=2.0)
    assert [f"{finding.law.name}: {finding.words}" for finding in check(subject).broken] == []
