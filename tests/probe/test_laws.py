"""Every built-in loss keeps every law that it is asked. The kit itself is tried by its mutants, in their own file."""

from __future__ import annotations

from typing import Any

import pytest

from lossbench.loss.catalogue import catalogue
from lossbench.probe.subject import Subject
from lossbench.testing import LAWS, check, subjects
from tests.standard.catalogue_cases import CATALOGUE, Case

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
    *((overlap, {"smooth": 0.0}) for overlap in ("dice", "jaccard")),
]
"""Beside the defaults: parameters at which a loss declares or computes something else."""
TRAINING = tuple(law for law in LAWS if law.name == "intercept_is_found")
"""A training of seconds."""
OTHERS = tuple(law for law in LAWS if law not in TRAINING)
DECLARED = tuple(law for law in LAWS if law.name.endswith("_as_declared") or law.name == "elicits_what_it_says")
"""Laws about what a loss says of itself, which it may say otherwise at other parameters."""


def every_subject() -> list[Subject]:
    built_in = [plugin.name for plugin in catalogue().plugins if plugin.built_in]
    plain = [s for name in built_in for s in subjects(name) if not any(p.required for p in s.family[s.kind].parameters)]
    chosen = [s for name, params in SETTINGS for s in subjects(name, **params)]
    return plain + [subject for subject in chosen if subject.params]


every_loss = pytest.mark.parametrize("subject", every_subject(), ids=str)


@every_loss
def test_a_built_in_loss_keeps_every_law_but_the_one_that_trains(subject: Subject) -> None:
    conformance = check(subject, OTHERS)
    assert [f"{finding.law.name}: {finding.words}" for finding in conformance.broken] == []
    assert len(conformance.kept) >= 15
    assert conformance.counters is not None


@pytest.mark.long
@every_loss
def test_a_constant_trained_by_a_built_in_loss_becomes_the_best_constant(subject: Subject) -> None:
    conformance = check(subject, TRAINING)
    assert [finding.words for finding in conformance.broken] == []
    assert len(conformance.kept) == 1


@pytest.mark.parametrize("case", CATALOGUE, ids=str)
def test_what_a_built_in_loss_says_of_itself_is_so_at_other_parameters_too(case: Case) -> None:
    (subject,) = subjects(case.name, case.kind, **case.params)
    # a list of weights is of three classes, and that law begins with two: see test_catalogue_traits
    laws = [law for law in DECLARED if "weight" not in case.params or law.name != "elicits_what_it_says"]
    conformance = check(subject, laws)
    assert [f"{finding.law.name}: {finding.words}" for finding in conformance.broken] == []
    assert conformance.kept


@pytest.mark.parametrize("kind", INSIDE)
def test_a_loss_times_a_number_keeps_every_law_but_the_one_that_trains(kind: str) -> None:
    (subject,) = subjects("scaled", kind, loss=INSIDE[kind], factor=2.0)
    assert [f"{finding.law.name}: {finding.words}" for finding in check(subject, OTHERS).broken] == []


@pytest.mark.long
@pytest.mark.parametrize("kind", INSIDE)
def test_a_constant_trained_by_a_loss_times_a_number_becomes_the_best_constant(kind: str) -> None:
    (subject,) = subjects("scaled", kind, loss=INSIDE[kind], factor=2.0)
    assert [finding.words for finding in check(subject, TRAINING).broken] == []
