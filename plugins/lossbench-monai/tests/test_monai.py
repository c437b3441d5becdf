"""Every loss against MONAI called in its own layout, and against formulas worked out by hand."""

import math
import re
import shlex
import subprocess
import sys
from pathlib import Path

import monai.losses as theirs
import pytest
import torch
from torch import Tensor

import lossbench
from lossbench.loss import Kind, check_prediction
from lossbench.loss.catalogue import catalogue

N, CLASSES = 8, 3
OURS = [plugin for plugin in catalogue().plugins if plugin.distribution == "lossbench-monai"]
EACH = [(plugin.name, kind) for plugin in OURS for kind in plugin.load()]
CLASS_OF = {
    "monai_dice": theirs.DiceLoss,
    "monai_generalized_dice": theirs.GeneralizedDiceLoss,
    "monai_tversky": theirs.TverskyLoss,
    "monai_dice_ce": theirs.DiceCELoss,
    "monai_dice_focal": theirs.DiceFocalLoss,
    "monai_generalized_dice_focal": theirs.GeneralizedDiceFocalLoss,
}


def batch(kind: Kind) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    if kind is Kind.BINARY:
        return torch.randn(N, generator=generator), torch.tensor([0.0, 1, 1, 0, 1, 0, 0, 0])
    return torch.randn(N, CLASSES, generator=generator), torch.tensor([0, 1, 2, 0, 0, 1, 1, 0])


def image(values: Tensor) -> Tensor:
    """The n targets as the pixels of one image of 2 rows and n/2 columns, (1, channels, 2, n/2)."""
    return values.reshape(N, -1).T.reshape(1, -1, 2, N // 2)


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_a_loss_gives_what_monai_gives_for_an_image(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    onehot = {} if kind is Kind.BINARY else {"to_onehot_y": True}
    if name == "monai_focal":
        expected = theirs.FocalLoss(**onehot)(image(z), image(y))
    else:
        link = {"sigmoid": True} if kind is Kind.BINARY else {"softmax": True}
        expected = CLASS_OF[name](**onehot, **link)(image(z), image(y))
    torch.testing.assert_close(lossbench.load_loss(name, kind)(z, y).mean(), expected)


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_a_loss_can_be_trained_with_and_read(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    loss = lossbench.load_loss(name, kind)
    z.requires_grad_()
    loss(z, y).mean().backward()
    assert torch.isfinite(z.grad).all()
    assert z.grad.abs().sum() > 0
    check_prediction(kind, loss.predict(z.detach()), z)


def test_the_focal_loss_of_a_target_is_lins_formula() -> None:
    p = 1 / (1 + math.exp(-1.0))  # σ(1)
    loss = lossbench.load_loss("monai_focal", "binary")
    got = loss(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]))
    assert got.tolist() == pytest.approx([(1 - p) ** 2 * -math.log(p), p**2 * -math.log(1 - p)], rel=1e-5)


def test_the_softmax_focal_loss_is_lins_formula_over_the_number_of_classes() -> None:
    # logits log 1, log 2, log 5: the true class has 5/8
    loss = lossbench.load_loss("monai_focal", "classes", use_softmax=True)
    got = loss(torch.tensor([[0.0, math.log(2), math.log(5)]]), torch.tensor([2]))
    assert got.item() == pytest.approx((3 / 8) ** 2 * math.log(8 / 5) / 3, rel=1e-5)


def test_tversky_weighs_false_positives_by_alpha_and_false_negatives_by_beta() -> None:
    # sure answers: 2 true positives, 1 false positive, 1 false negative
    z, y = torch.tensor([99.0, 99, 99, -99]), torch.tensor([1.0, 1, 0, 1])
    got = lossbench.load_loss("monai_tversky", "binary", alpha=0.2, beta=0.7)(z, y)
    assert got.item() == pytest.approx(1 - 2 / (2 + 0.2 + 0.7), rel=1e-4)


def test_dice_of_classes_is_the_mean_of_each_classs_own() -> None:
    # sure answers 0 0 1 2 for 0 1 1 2: Dice 2/3, 2/3 and 1
    z = 99.0 * torch.nn.functional.one_hot(torch.tensor([0, 0, 1, 2]), 3)
    got = lossbench.load_loss("monai_dice", "classes")(z, torch.tensor([0, 1, 1, 2]))
    assert got.item() == pytest.approx((1 / 3 + 1 / 3 + 0) / 3, rel=1e-4)


def test_a_class_against_the_rest_is_read_as_shares_of_its_sigmoid() -> None:
    z = torch.tensor([[0.0, math.log(3), -math.log(3)]])  # sigmoids 1/2, 3/4, 1/4
    loss = lossbench.load_loss("monai_focal", "classes")
    assert loss.predict(z).probability[0].tolist() == pytest.approx([2 / 6, 3 / 6, 1 / 6])
    softmax = lossbench.load_loss("monai_focal", "classes", use_softmax=True)
    assert softmax.predict(z).probability[0].tolist() == pytest.approx([3 / 13, 9 / 13, 1 / 13])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("monai_focal", "binary"), ("monai_dice", "binary"), ("monai_tversky", "binary"), ("monai_tversky", "classes")],
)
def test_what_monai_leaves_out_does_not_count(name: str, kind: str) -> None:
    z, y = batch(Kind(kind))
    mask = torch.tensor([True, True, True, False, True, False, True, True])
    loss = lossbench.load_loss(name, kind)
    torch.testing.assert_close(loss.native(z, y, mask), loss(z[mask], y[mask]).mean())


def test_the_readme_names_every_loss_and_no_other() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text()
    assert set(re.findall(r"`(monai_\w+)`", text)) == {plugin.name for plugin in OURS}


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
        assert "monai_dice" in done.stdout
