"""The sparse losses against entmax called directly, and against formulas of two classes worked out by hand."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import entmax
import pytest
import torch

import lossbench
from lossbench.loss import check_prediction
from lossbench.loss.catalogue import catalogue

OURS = [plugin.name for plugin in catalogue().plugins if plugin.distribution == "lossbench-entmax"]
Z = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 3, 0, 1])
BY_ENTMAX = {
    "entmax_sparsemax": entmax.SparsemaxLoss(reduction="none"),
    "entmax_15": entmax.Entmax15Loss(reduction="none"),
    "entmax_bisect": entmax.EntmaxBisectLoss(reduction="none"),
}


@pytest.mark.parametrize("name", OURS)
def test_a_loss_gives_what_entmax_gives(name: str) -> None:
    torch.testing.assert_close(lossbench.load_loss(name)(Z, Y), BY_ENTMAX[name](Z, Y))


@pytest.mark.parametrize("name", OURS)
def test_its_slope_is_its_own_probability_less_the_answer(name: str) -> None:
    """What makes it a Fenchel-Young loss (Blondel, Martins and Niculae, JMLR 2020), and `predict` its inverse link."""
    loss, z = lossbench.load_loss(name), Z.clone().requires_grad_()
    (slope,) = torch.autograd.grad(loss(z, Y).sum(), z)
    prediction = loss.predict(Z)
    check_prediction(loss.kind, prediction, Z)
    torch.testing.assert_close(slope, prediction.probability - torch.nn.functional.one_hot(Y, 4), rtol=1e-4, atol=1e-5)


def test_sparsemax_of_two_classes_is_a_quarter_of_the_modified_huber_loss() -> None:
    # Martins and Astudillo 2016: 0 from 1 on, (1 - s)²/4 from -1 to 1, -s below; s = z_y - z_other
    s = torch.tensor([-3.0, -1.0, 0.0, 0.5, 1.0, 4.0])
    z = torch.stack([s, torch.zeros(6)], 1)
    losses = lossbench.load_loss("entmax_sparsemax")(z, torch.zeros(6, dtype=torch.long))
    assert losses.tolist() == pytest.approx([3.0, 1.0, 0.25, 0.0625, 0.0, 0.0], abs=1e-6)
    modified_huber = lossbench.load_loss("modified_huber")
    torch.testing.assert_close(losses, modified_huber(s, torch.ones(6)) / 4, rtol=1e-5, atol=1e-6)


def test_classes_that_are_far_behind_get_no_probability_at_all() -> None:
    z = torch.tensor([[2.0, 1.5, -1.0]])
    # sparsemax: the two ahead share 1 with a difference of a half
    got = lossbench.load_loss("entmax_sparsemax").predict(z).probability
    assert got[0].tolist() == pytest.approx([0.75, 0.25, 0.0])
    assert lossbench.load_loss("entmax_15").predict(z).probability[0, 2].item() == 0


def test_alpha_leads_from_the_cross_entropy_to_sparsemax() -> None:
    z, exact = Z.double(), {"rtol": 1e-3, "atol": 1e-3}
    near_one = lossbench.load_loss("entmax_bisect", alpha=1.0001)(z, Y)
    torch.testing.assert_close(near_one, torch.nn.functional.cross_entropy(z, Y, reduction="none"), **exact)
    two = lossbench.load_loss("entmax_bisect", alpha=2.0)(z, Y)
    torch.testing.assert_close(two, lossbench.load_loss("entmax_sparsemax")(z, Y), **exact)


def test_the_commands_of_the_readme_run(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text()
    commands = re.findall(r"^    lossbench (.+)$", text, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "lossbench", *shlex.split(command)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "entmax_15" in done.stdout
