"""Every law of the kit has a loss that breaks it for its own reason."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lossbench.probe.law import tried
from lossbench.testing import LAWS, Status, subjects
from tests.mutants import MUTANTS, Mutant
from tests.right_losses import RIGHT

TRAINING = "intercept_is_found"
"""A training of seconds: tried on its mutants, and not on right losses."""


@pytest.mark.long
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_breaks_its_law_for_its_reason(mutant: Mutant) -> None:
    """Which other laws fall with it says nothing of this one, and is not asked."""
    (subject,) = subjects(mutant.loss)
    (law,) = [law for law in LAWS if law.name == mutant.law]
    found = tried(law, subject)
    assert found.status is Status.BROKEN
    assert re.search(mutant.words, found.words), found.words


@pytest.mark.long
@pytest.mark.parametrize("loss", RIGHT, ids=lambda loss: loss.__name__)
def test_a_right_loss_breaks_no_law_however_it_is_written(loss: Any) -> None:
    laws = [law for law in LAWS if law.name != TRAINING]
    found = [tried(law, subject) for subject in subjects(loss) for law in laws]
    assert [(one.law.name, one.words) for one in found if one.status is Status.BROKEN] == []


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_law_has_a_mutant(law) -> None:
    assert any(mutant.law == law.name for mutant in MUTANTS)


def test_mutants_name_laws_that_there_are() -> None:
    assert {mutant.law for mutant in MUTANTS} <= {law.name for law in LAWS}
