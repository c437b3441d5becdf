"""What a verdict claims."""

from __future__ import annotations

from enum import Enum


class Scope(Enum):
    """What a verdict claims: for which training rows, and for which rows that are predicted."""

    ROWS = "rows"
    """Models trained on these training rows, for new rows like the test part."""
    TRAINING_ROWS = "training_rows"
    """Models trained on another sample of training rows as well, for new rows like the test part; approximate."""
    TEST = "test"
    """Models trained on these training rows, on this test part alone."""

    @classmethod
    def of(cls, name: str | None) -> Scope:
        """The scope of this name; old records and plans use `population` for rows. ValueError for any other name."""
        return cls.ROWS if name in (None, "population") else cls(name)

    @property
    def words(self) -> str:
        """What an interval of this scope is for, as words after `95 % interval`."""
        return {
            Scope.ROWS: "trained on these rows, for new rows like the test part",
            Scope.TRAINING_ROWS: "with other training rows, approximate",
            Scope.TEST: "trained on these rows, on this test part",
        }[self]
