"""The laws of a loss, by topic."""

from __future__ import annotations

from lossbench.probe.law import Law
from lossbench.probe.laws import (
    contract,
    declared,
    library,
    meaning,
    mechanics,
    precision,
    refusals,
    relations,
    training,
)

ROOMS = (contract, precision, declared, meaning, relations, training, mechanics, refusals, library)
LAWS: tuple[Law, ...] = tuple(thing for room in ROOMS for thing in vars(room).values() if isinstance(thing, Law))
"""All laws, in the order in which they are tested."""
