"""What makes a comparison fair, as pure functions of seeds: budgets, trials, and choices frozen on validation data.

Every loss gets the same repeats, epochs and patience; repeat r of every loss draws from the same random streams.
"""

from __future__ import annotations

from lossbench.plan import Cell, Trial, stream


def trials(cell: Cell) -> tuple[Trial, ...]:
    """The trainings of a cell: one a repeat, at the rate and the parameters that the cell states."""
    return tuple(Trial(r, cell.training.learning_rate, dict(cell.loss.params)) for r in range(cell.repeats))


def repeat_seed(cell: Cell, repeat: int) -> int:
    """The seed of everything that repeat draws, in [0, 2^31): the same for every loss, since no loss is part of it."""
    return stream(cell.seed, "repeat", repeat) % 2**31
