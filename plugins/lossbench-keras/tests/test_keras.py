"""Every loss against Keras called as its documentation calls it, and against formulas worked out apart from it."""

import inspect
import math
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lossbench_keras.adapter import keras  # imported there once its backend is chosen
from torch import Tensor

import lossbench
from lossbench.loss import Kind, Loss
from lossbench.loss.catalogue import catalogue

N, CLASSES = 7, 4
OURS = [plugin for plugin in catalogue().plugins if plugin.distribution == "lossbench-keras"]
EACH = [(plugin.name, kind) for plugin in OURS for kind in plugin.load()]


def batch(kind: Kind) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    match kind:
        case Kind.CONTINUOUS:
            return torch.randn(N, generator=generator), torch.rand(N, generator=generator) + 0.5
        case Kind.BINARY:
            return torch.randn(N, generator=generator), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0])
        case _:
            return torch.randn(N, CLASSES, generator=generator), torch.tensor([0, 1, 2, 3, 0, 1, 1])


def one_hot(target: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(target, CLASSES).float()


def by_keras(name: str, kind: Kind, z: Tensor, y: Tensor) -> Tensor:
    """What Keras itself gives, written as a user of Keras would: tensors of rows, probabilities, its own functions."""
    losses, p = keras.losses, torch.sigmoid(z) if kind is Kind.BINARY else z.softmax(-1) if kind is Kind.CLASSES else z
    if kind is Kind.CONTINUOUS:
        column, rows, positive = z[:, None], y[:, None], z.exp()[:, None]
        return {
            "keras_mse": lambda: losses.mean_squared_error(rows, column),
            "keras_mae": lambda: losses.mean_absolute_error(rows, column),
            "keras_mape": lambda: losses.mean_absolute_percentage_error(rows, column),
            "keras_msle": lambda: losses.mean_squared_logarithmic_error(rows, positive),
            "keras_huber": lambda: losses.huber(rows, column),
            "keras_log_cosh": lambda: losses.log_cosh(rows, column),
            "keras_poisson": lambda: losses.poisson(rows, positive),
            "keras_cosine_similarity": lambda: losses.cosine_similarity(y, z),
        }[name]()
    if kind is Kind.BINARY:
        return {
            "keras_bce": lambda: losses.binary_crossentropy(y[:, None], p[:, None]),
            "keras_focal": lambda: losses.binary_focal_crossentropy(y[:, None], p[:, None]),
            "keras_hinge": lambda: losses.hinge(y[:, None], z[:, None]),
            "keras_squared_hinge": lambda: losses.squared_hinge(y[:, None], z[:, None]),
            "keras_dice": lambda: losses.dice(y, p),
            "keras_tversky": lambda: losses.tversky(y, p),
            "tf_bce_by_hand": lambda: losses.binary_crossentropy(y[:, None], p[:, None]),
        }[name]()
    return {
        "keras_cce": lambda: losses.categorical_crossentropy(one_hot(y), p),
        "keras_scce": lambda: losses.sparse_categorical_crossentropy(y, p),
        "keras_focal": lambda: losses.categorical_focal_crossentropy(one_hot(y), p),
        "keras_gce": lambda: losses.categorical_generalized_cross_entropy(y, p, q=0.5),
        "keras_kl_divergence": lambda: losses.kl_divergence(one_hot(y), p),
        "keras_categorical_hinge": lambda: losses.categorical_hinge(one_hot(y), z),
        "keras_dice": lambda: losses.dice(one_hot(y), p),
        "keras_tversky": lambda: losses.tversky(one_hot(y), p),
    }[name]()


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_a_loss_gives_what_keras_gives(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    torch.testing.assert_close(lossbench.load_loss(name, kind)(z, y), by_keras(name, kind, z, y), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_a_loss_can_be_trained_with_and_read(name: str, kind: Kind) -> None:
    z, y = batch(kind)
    loss: Loss = lossbench.load_loss(name, kind)
    z.requires_grad_()
    loss(z, y).mean().backward()
    assert torch.isfinite(z.grad).all()
    assert z.grad.abs().sum() > 0
    prediction = loss.predict(z.detach())
    lossbench.loss.check_prediction(kind, prediction, z)


@pytest.mark.parametrize(("name", "kind"), EACH, ids=lambda value: getattr(value, "value", value))
def test_defaults_are_those_of_keras(name: str, kind: Kind) -> None:
    loss = lossbench.load_loss(name, kind)
    if name != "tf_bce_by_hand":
        theirs = inspect.signature(type(loss.each)).parameters
        for ours in catalogue().find(name).load()[kind].parameters:
            assert theirs[ours.name].default == ours.default


# formulas by hand


def test_the_hand_written_cross_entropy_agrees_with_ours_at_ordinary_logits() -> None:
    z = torch.linspace(-8, 8, 33).repeat(2)
    y = torch.cat([torch.zeros(33), torch.ones(33)])
    by_hand, ours = lossbench.load_loss("tf_bce_by_hand"), lossbench.load_loss("bce", "binary")
    torch.testing.assert_close(by_hand(z, y), ours(z, y), rtol=2e-4, atol=1e-6)  # float32 keeps 1 - p to 6e-8


def test_the_hand_written_cross_entropy_stops_pulling_where_ours_goes_on() -> None:
    z, y = torch.tensor([40.0], requires_grad=True), torch.tensor([0.0])
    for name, slope in (("tf_bce_by_hand", 0.0), ("bce", 1.0)):
        (grad,) = torch.autograd.grad(lossbench.load_loss(name, "binary")(z, y).sum(), z)
        assert grad.item() == pytest.approx(slope)


def test_the_hand_written_one_clips_where_it_says() -> None:
    loss = lossbench.load_loss("tf_bce_by_hand", epsilon=0.1)
    assert loss(torch.tensor([30.0]), torch.tensor([0.0])).item() == pytest.approx(-math.log(0.1), rel=1e-5)


def test_the_focal_loss_is_lins_formula() -> None:
    # p = σ(1): (1 - p)² · -log p for a positive, p² · -log(1 - p) for a negative
    p = 1 / (1 + math.exp(-1.0))
    got = lossbench.load_loss("keras_focal", "binary")(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]))
    assert got.tolist() == pytest.approx([(1 - p) ** 2 * -math.log(p), p**2 * -math.log(1 - p)], rel=1e-5)


def test_huber_is_a_square_near_and_a_line_far() -> None:
    got = lossbench.load_loss("keras_huber", delta=2.0)(torch.tensor([1.0, 5.0]), torch.zeros(2))
    assert got.tolist() == pytest.approx([0.5, 2 * (5 - 1)])


def test_poisson_and_msle_predict_the_exponential_of_their_output() -> None:
    for name, value in (("keras_poisson", 3 - 2 * math.log(3)), ("keras_msle", math.log(4 / 3) ** 2)):
        loss, z = lossbench.load_loss(name), torch.tensor([math.log(3.0)])
        assert loss(z, torch.tensor([2.0])).item() == pytest.approx(value, rel=1e-5)
        assert loss.predict(z).score.item() == pytest.approx(3.0)


def test_logits_and_their_probabilities_cost_the_same() -> None:
    for name, kind in (("keras_bce", Kind.BINARY), ("keras_focal", Kind.BINARY), ("keras_scce", Kind.CLASSES)):
        z, y = batch(kind)
        by_logits = lossbench.load_loss(name, kind, from_logits=True)
        torch.testing.assert_close(by_logits(z, y), lossbench.load_loss(name, kind)(z, y), rtol=1e-5, atol=1e-6)


def test_a_hinge_has_no_probabilities_and_a_squared_hinge_reads_them_off_the_margin() -> None:
    z = torch.tensor([-3.0, 0.5])
    assert lossbench.load_loss("keras_hinge").predict(z).probability is None
    assert lossbench.load_loss("keras_squared_hinge").predict(z).probability.tolist() == pytest.approx(
        [0, 0.75], abs=1e-5
    )


# Keras's own ways of leaving targets out


@pytest.mark.parametrize("name", ["keras_bce", "keras_focal", "keras_scce", "keras_cce", "keras_mse"])
def test_keras_masks_give_the_mean_of_the_targets_that_are_left(name: str) -> None:
    kind = next(iter(catalogue().find(name).load()))
    z, y = batch(kind)
    mask = torch.tensor([True, True, False, True, False, True, True])
    loss = lossbench.load_loss(name, kind)
    torch.testing.assert_close(loss.native(z, y, mask), loss(z[mask], y[mask]).mean())


# the package as a whole


def test_another_backend_is_refused_in_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import lossbench_keras"],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ImportError: Keras uses the jax backend, but lossbench trains with torch" in done.stderr


def test_the_readme_names_every_loss_and_no_other() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text()
    table = {name for row in text.splitlines() if row.startswith("|") for name in re.findall(r"`(\w+)`", row)}
    assert table == {plugin.name for plugin in OURS}


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
        assert "keras_bce" in done.stdout
