"""The formula at points worked out by hand; nothing here needs lossbench."""

import subprocess
import sys

import pytest
import torch
from lossbench_example_plain import power_error


def test_the_values_at_four_and_nine_are_powers_of_their_roots() -> None:
    residuals = torch.tensor([4.0, -9.0, 0.0])  # 4^1.5 = 2³, 9^1.5 = 3³
    assert power_error(residuals, torch.zeros(3)).tolist() == pytest.approx([8.0, 27.0, 0.0])


@pytest.mark.parametrize(("p", "torchs"), [(1.0, torch.nn.L1Loss), (2.0, torch.nn.MSELoss)])
def test_it_becomes_torchs_own_at_both_ends(p: float, torchs: type[torch.nn.Module]) -> None:
    output, target = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(power_error(output, target, p=p), torchs(reduction="none")(output, target))


def test_a_perfect_answer_has_no_slope() -> None:
    output = torch.zeros(1, requires_grad=True)
    power_error(output, torch.zeros(1)).sum().backward()
    assert output.grad is not None
    assert output.grad.item() == 0


@pytest.mark.parametrize("p", [0.5, float("nan"), float("inf")])
def test_a_p_below_1_or_without_end_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="p must be at least 1"):
        power_error(torch.zeros(1), torch.zeros(1), p=p)


def test_the_package_does_without_lossbench() -> None:
    code = "import sys, lossbench_example_plain; sys.exit('lossbench' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
