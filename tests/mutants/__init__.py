"""Losses that are wrong, each in one way: what the laws of a loss are themselves held against.

Every one names the law that it breaks, and words that show that it is for the right reason. Those of published
libraries name their source.
"""

from __future__ import annotations

from tests.mutants import contract, declared, library, meaning, mechanics, precision, refusals, relations, training
from tests.mutants.registry import Mutant, mutants

ROOMS = (contract, precision, declared, meaning, relations, training, mechanics, refusals, library)
MUTANTS: tuple[Mutant, ...] = tuple(mutant for room in ROOMS for mutant in mutants(room.__name__))
