"""The events of a sweep, from its cells to whoever watches: the terminal, the tracker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lossbench.plan.cells import Cell


class Observer:
    """Hears what happens and does nothing about it; whoever wants to know of an event overrides its method."""

    def cell_begins(self, cell: Cell) -> None:
        """Before the first training of a cell, or the look at its earlier record."""

    def epochs_end(self, cell: Cell, epochs: float) -> None:
        """So many epochs of single trainings have been done since this was last called."""

    def training_ends(self, cell: Cell, seconds: float) -> None:
        """After each training, with the seconds that it took."""

    def cell_ends(self, cell: Cell, record: Any) -> None:
        """Its record is saved."""


class Observers(Observer):
    """Several observers as one, told in their order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = tuple(observers)

    def cell_begins(self, cell: Cell) -> None:
        for observer in self._observers:
            observer.cell_begins(cell)

    def epochs_end(self, cell: Cell, epochs: float) -> None:
        for observer in self._observers:
            observer.epochs_end(cell, epochs)

    def training_ends(self, cell: Cell, seconds: float) -> None:
        for observer in self._observers:
            observer.training_ends(cell, seconds)

    def cell_ends(self, cell: Cell, record: Any) -> None:
        for observer in self._observers:
            observer.cell_ends(cell, record)
