"""The losses against kornia called with images, and against formulas and counts worked out by hand."""

import math
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kornia import losses as kornia
from torch import Tensor

import lossbench
from lossbench.loss import Kind, check_prediction
from lossbench.loss.catalogue import catalogue

N, CLASSES = 8, 3
OURS = [plugin for plugin in catalogue().plugins if plugin.distribution == "lossbench-kornia"]
EACH = [(plugin.name, kind) for plugin in OURS for kind in plugin.load()]


def batch(kind: Kind) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    match kind:
        case Kind.CONTINUOUS:
            return torch.randn(N, generator=generator), torch.randn(N, generator=generator)
        case Kind.BINARY:
            return torch.randn(N, generator=generator), torch.tensor([0.0, 1, 1, 0, 1, 0, 0, 0])
        case _:
            return torch.randn(N, CLASSES, generator=generator), torch.tensor([0, 1, 2, 0, 0, 1, 1, 0])


def image(values: Tensor) -> Tensor:
    """Classes in channels over 2 rows of n/2 pixels: (1, classes, 2, n/2) for outputs, (1, 2, n/2) for targets."""
    return values.reshape(2, N // 2, -1).permute(2, 0, 1)[None] if values.ndim == 2 else values.reshape(1, 2, N // 2)


def by_kornia(name: str, kind: Kind, z: Tensor, y: Tensor) -> Tensor:
    if kind is Kind.CONTINUOUS:
        robust = {
            "kornia_cauchy": kornia.CauchyLoss,
            "kornia_welsch": kornia.WelschLoss,
            "kornia_geman_mcclure": kornia.GemanMcclureLoss,
            "kornia_charbonnier": kornia.CharbonnierLoss,
        }
        return robust[name](reduction="mean")(z, y)
    if kind is Kind.BINARY:
        binary = {
            "kornia_focal": lambda: kornia.binary_focal_loss_with_logits(z[:, None], y[:, None], reduction="mean"),
            "kornia_lovasz": lambda: kornia.lovasz_hinge_loss(image(z[:, None]), image(y)),
        }
        return binary[name]()
    classes = {
        "kornia_focal": lambda: kornia.focal_loss(image(z), image(y), alpha=None, reduction="mean"),
        "kornia_dice": lambda: kornia.dice_loss(image(z), image(y)),
        "kornia_tversky": lambda: kornia.tversky_loss(image(z), image(y), alpha=0.5, beta=0.5),
        "kornia_lovasz": lambda: kornia.lovasz_softmax_loss(image(z), image(y)),
    }
    return classes[name]()


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_a_loss_gives_what_kornia_gives_for_an_image(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    torch.testing.assert_close(lossbench.load_loss(name, kind)(z, y).mean(), by_kornia(name, kind, z, y))


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_a_loss_can_be_trained_with_and_read(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    z.requires_grad_()
    loss = lossbench.load_loss(name, kind)
    loss(z, y).mean().backward()
    assert torch.isfinite(z.grad).all()
    assert z.grad.abs().sum() > 0
    check_prediction(kind, loss.predict(z.detach()), z)


@pytest.mark.parametrize(
    ("name", "alpha"), [("cauchy", 0.0), ("welsch", -math.inf), ("geman_mcclure", -2.0), ("charbonnier", 1.0)]
)
def test_the_robust_losses_are_barrons_at_scale_one(name: str, alpha: float) -> None:
    r, zero = torch.linspace(-5, 5, 21, dtype=torch.float64), torch.zeros(21, dtype=torch.float64)
    expected = lossbench.load_loss("barron", alpha=alpha)(r, zero)
    torch.testing.assert_close(lossbench.load_loss(f"kornia_{name}")(r, zero), expected, rtol=1e-9, atol=1e-12)


def test_the_robust_losses_have_their_formulas_values_at_two() -> None:
    expected = {"cauchy": math.log(3), "welsch": 1 - math.exp(-2), "geman_mcclure": 1.0, "charbonnier": 5**0.5 - 1}
    for name, value in expected.items():
        got = lossbench.load_loss(f"kornia_{name}")(torch.tensor([2.0]), torch.tensor([0.0]))
        assert got.item() == pytest.approx(value, rel=1e-6)


def test_the_focal_losses_are_lins_formula_that_of_classes_over_their_number() -> None:
    p = 1 / (1 + math.exp(-1.0))  # σ(1)
    binary = lossbench.load_loss("kornia_focal", "binary")(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]))
    by_hand = [0.25 * (1 - p) ** 2 * -math.log(p), 0.75 * p**2 * -math.log(1 - p)]
    assert binary.tolist() == pytest.approx(by_hand, rel=1e-5)
    # logits log 1, log 2, log 5: the true class has 5/8
    z = torch.tensor([[0.0, math.log(2), math.log(5)]])
    classes = lossbench.load_loss("kornia_focal", "classes")(z, torch.tensor([2]))
    assert classes.item() == pytest.approx((3 / 8) ** 2 * math.log(8 / 5) / 3, rel=1e-5)


def test_tversky_weighs_false_positives_by_alpha_and_false_negatives_by_beta() -> None:
    # sure answers 0 0 0 1 for 0 0 1 1: class 0 has 2 right and 1 too many, class 1 has 1 right and 1 missed
    z = 99.0 * torch.nn.functional.one_hot(torch.tensor([0, 0, 0, 1]), 2)
    got = lossbench.load_loss("kornia_tversky", alpha=0.2, beta=0.7)(z, torch.tensor([0, 0, 1, 1]))
    assert got.item() == pytest.approx(1 - (2 / (2 + 0.2) + 1 / (1 + 0.7)) / 2, rel=1e-5)


def test_lovasz_of_sure_answers_is_one_less_the_intersection_over_union() -> None:
    # sure answers 0 0 0 1 for 0 0 1 1: 2/3 and 1/2
    z = 99.0 * torch.nn.functional.one_hot(torch.tensor([0, 0, 0, 1]), 2)
    got = lossbench.load_loss("kornia_lovasz", "classes")(z, torch.tensor([0, 0, 1, 1]))
    assert got.item() == pytest.approx(1 - (2 / 3 + 1 / 2) / 2, rel=1e-5)


@pytest.mark.parametrize("name", ["kornia_dice", "kornia_tversky"])
def test_what_kornia_ignores_does_not_count(name: str) -> None:
    z, y = batch(Kind.CLASSES)
    mask = torch.tensor([True, True, True, False, True, False, True, True])
    loss = lossbench.load_loss(name)
    torch.testing.assert_close(loss.native(z, y, mask), loss(z[mask], y[mask]))


def test_the_readme_names_every_loss_and_no_other() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text()
    assert set(re.findall(r"`(kornia_\w+)`", text)) == {plugin.name for plugin in OURS}


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
        assert "kornia_" in done.stdout
