"""Every law of the kit has a loss that breaks it for its own reason, and breaks nothing else that is not listed."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from lossbench.probe.law import Finding, tried
from lossbench.testing import LAWS, Status, subjects
from tests.mutants import MUTANTS, Mutant
from tests.right_losses import RIGHT

TRAINING = "intercept_is_found"
"""A training of seconds: tried on the mutants that it is for, and on no other."""


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def broken(mutant: Mutant) -> dict[str, Finding]:
    (subject,) = subjects(mutant.loss)
    laws = [law for law in LAWS if law.name != TRAINING or mutant.law == TRAINING]
    return {law.name: found for law in laws if (found := tried(law, subject)).status is Status.BROKEN}


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_breaks_its_law_for_its_reason_and_no_other_but_those_listed(mutant: Mutant) -> None:
    found = broken(mutant)
    assert set(found) == {mutant.law, *mutant.collateral}, {name: one.words for name, one in found.items()}
    assert re.search(mutant.words, found[mutant.law].words), found[mutant.law].words


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("loss", RIGHT, ids=lambda loss: loss.__name__)
def test_a_right_loss_breaks_no_law_however_it_is_written(loss: Any) -> None:
    laws = [law for law in LAWS if law.name != TRAINING]
    found = [tried(law, subject) for subject in subjects(loss) for law in laws]
    assert [(one.law.name, one.words) for one in found if one.status is Status.BROKEN] == []


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_every_law_has_a_mutant(law) -> None:
    assert any(mutant.law == law.name for mutant in MUTANTS)


def test_mutants_name_laws_that_there_are() -> None:
    named = {name for mutant in MUTANTS for name in (mutant.law, *mutant.collateral)}
    assert named <= {law.name for law in LAWS}
