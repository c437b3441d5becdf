"""The losses against imbalanced-losses called directly, and against numbers counted by hand."""

import math
import re
import shlex
import subprocess
import sys
from pathlib import Path

import imbalanced_losses as library
import pytest
import torch
from torch import Tensor

import lossbench
from lossbench.loss import Kind, check_prediction
from lossbench.loss.catalogue import catalogue

N, CLASSES = 8, 3
OURS = [plugin for plugin in catalogue().plugins if plugin.distribution == "lossbench-imbalanced"]
EACH = [(plugin.name, kind) for plugin in OURS for kind in plugin.load()]
CLASS_OF = {
    "imbalanced_smooth_ap": library.SmoothAPLoss,
    "imbalanced_recall_at_quantile": library.RecallAtQuantileLoss,
    "imbalanced_pauc_at_budget": library.PAUCAtBudgetLoss,
}


def batch(kind: Kind) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    if kind is Kind.BINARY:
        return torch.randn(N, generator=generator), torch.tensor([0.0, 1, 1, 0, 1, 0, 0, 0])
    return torch.randn(N, CLASSES, generator=generator), torch.tensor([0, 1, 2, 0, 0, 1, 1, 0])


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_a_loss_gives_what_imbalanced_losses_gives(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    if name == "imbalanced_focal":
        expected = (library.SigmoidFocalLoss() if kind is Kind.BINARY else library.SoftmaxFocalLoss())(z, y)
    elif kind is Kind.BINARY:
        expected = CLASS_OF[name](1)(z[:, None], y.long())
    else:
        expected = CLASS_OF[name](CLASSES)(z, y)
    torch.testing.assert_close(lossbench.load_loss(name, kind)(z, y).mean(), expected)


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_a_loss_can_be_trained_with_and_read(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    z.requires_grad_()
    softly = {} if name == "imbalanced_focal" else {"temperature": 1.0}
    loss = lossbench.load_loss(name, kind, **softly)
    loss(z, y).mean().backward()
    assert torch.isfinite(z.grad).all()
    assert z.grad.abs().sum() > 0
    check_prediction(kind, loss.predict(z.detach()), z)


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_what_is_ignored_does_not_count(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    mask = torch.tensor([True, True, True, False, True, False, True, True])
    loss = lossbench.load_loss(name, kind)
    torch.testing.assert_close(loss.native(z, y, mask), loss(z[mask], y[mask]).mean())


def test_the_focal_loss_is_lins_formula_with_a_quarter_for_positives() -> None:
    p = 1 / (1 + math.exp(-1.0))  # σ(1)
    got = lossbench.load_loss("imbalanced_focal", "binary")(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]))
    assert got.tolist() == pytest.approx([0.25 * (1 - p) ** 2 * -math.log(p), 0.75 * p**2 * -math.log(1 - p)], rel=1e-5)


def test_average_precision_of_a_clear_order_is_that_of_the_ranks() -> None:
    # positives at ranks 1 and 3: precision 1/1 and 2/3
    z, y = torch.tensor([4.0, 3.0, 2.0, 1.0]), torch.tensor([1.0, 0, 1, 0])
    assert lossbench.load_loss("imbalanced_smooth_ap", "binary")(z, y).item() == pytest.approx(1 - (1 + 2 / 3) / 2)


def test_a_queue_remembers_the_batch_before_and_none_forgets_it() -> None:
    z, y = batch(Kind.BINARY)
    with_queue, without = (lossbench.load_loss("imbalanced_smooth_ap", "binary", queue_size=n) for n in (1024, 0))
    assert with_queue(z, y) != with_queue(z + 1, y)
    torch.testing.assert_close(without(z, y), without(z + 1, y))


def test_a_ranking_loss_has_no_probabilities() -> None:
    for name, kind in EACH:
        if name != "imbalanced_focal":
            assert lossbench.load_loss(name, kind).predict(batch(kind)[0]).probability is None


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
        assert "imbalanced_smooth_ap" in done.stdout
