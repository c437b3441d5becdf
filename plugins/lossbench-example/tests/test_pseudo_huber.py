"""What an author tests: the laws of a loss, the formula at hand-computed points, and both of its limits."""

import pytest
import torch
from lossbench_example import PseudoHuber

from lossbench.testing import loss_laws


@loss_laws(PseudoHuber)
def test_pseudo_huber_keeps(law) -> None:
    law.holds()


def test_the_value_at_three_and_four_is_that_of_a_right_triangle() -> None:
    # delta 3, residual 4: hypotenuse 5, so 3 · (5 - 3)
    assert PseudoHuber(delta=3.0)(torch.tensor([4.0]), torch.tensor([0.0])).item() == pytest.approx(6.0)


def test_small_errors_count_by_half_their_square_and_large_ones_by_their_size() -> None:
    residual = torch.tensor([1e-3, 1e6], dtype=torch.float64)
    losses = PseudoHuber()(residual, torch.zeros(2, dtype=torch.float64))
    assert losses[0].item() == pytest.approx(1e-6 / 2, rel=1e-5)
    assert losses[1].item() == pytest.approx(1e6 - 1, rel=1e-9)


def test_a_delta_that_is_not_above_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        PseudoHuber(delta=0.0)
