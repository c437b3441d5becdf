"""Weighted cross-entropies: the weights that they take from the data, held against scikit-learn's and torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from lossbench.loss import Kind
from lossbench.loss.catalogue import load_family, load_loss

Z = torch.tensor([[0.3, -1.2, 2.0], [1.0, 0.0, -0.5], [-2.0, 0.4, 0.1], [0.7, 0.7, -3.0]], dtype=torch.double)
Y = torch.tensor([0, 1, 2, 2])
SEEN = [0] * 50 + [1] * 30 + [2] * 4


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_classes_weigh_what_scikit_learn_calls_balanced(power: float) -> None:
    loss = load_loss("weighted_cross_entropy", power=power).double()
    loss.observe(torch.tensor(SEEN))
    balanced = compute_class_weight("balanced", classes=np.arange(3), y=np.array(SEEN))
    wanted = functional.cross_entropy(Z, Y, weight=torch.tensor(balanced**power), reduction="none")
    torch.testing.assert_close(loss(Z, Y), wanted)


@pytest.mark.parametrize("seen", [[0] * 50 + [2] * 4, [0] * 50 + [1] * 4])
def test_a_class_that_never_occurs_weighs_as_much_as_the_rarest(seen: list[int]) -> None:
    loss = load_loss("weighted_cross_entropy").double()
    loss.observe(torch.tensor(seen))
    weight = loss(torch.zeros(3, 3, dtype=torch.double), torch.arange(3)) / np.log(3)
    # scikit-learn's weights of the two classes that occur: 54/(2 · 50) and 54/(2 · 4)
    torch.testing.assert_close(weight, torch.tensor([0.54, 6.75, 6.75], dtype=torch.double))


def test_positives_weigh_as_much_as_the_negatives_in_all_unless_a_weight_is_given() -> None:
    seen = torch.tensor([0.0] * 27 + [1.0])
    z, y = Z[:, 0], torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.double)
    for given, weight in ((None, 27.0), (3.0, 3.0)):
        loss = load_loss("weighted_bce", "binary", pos_weight=given).double()
        assert loss.observes == ("class counts" if given is None else "")
        loss.observe(seen)
        wanted = functional.binary_cross_entropy_with_logits(
            z, y, pos_weight=torch.tensor(weight, dtype=torch.double), reduction="none"
        )
        torch.testing.assert_close(loss(z, y), wanted)


def test_weights_come_back_with_the_state_of_a_loss() -> None:
    for name, kind, seen, z in (
        ("weighted_bce", Kind.BINARY, torch.tensor([0.0, 0.0, 1.0]), Z[:, 0]),
        ("weighted_cross_entropy", Kind.CLASSES, torch.tensor(SEEN), Z),
    ):
        first, second = (load_loss(name, kind).double() for _ in range(2))
        first.observe(seen)
        second.load_state_dict(first.state_dict())
        y = (Y > 0).double() if kind is Kind.BINARY else Y
        torch.testing.assert_close(second(z, y), first(z, y))


def test_the_plain_losses_are_not_tuned_and_the_weighted_ones_are() -> None:
    searched = {
        name: {kind.value: list(member.search) for kind, member in load_family(name).items()}
        for name in ("bce", "cross_entropy", "weighted_bce", "weighted_cross_entropy")
    }
    assert searched == {
        "bce": {"binary": [], "classes": []},
        "cross_entropy": {"classes": []},
        "weighted_bce": {"binary": ["pos_weight"], "classes": ["pos_weight"]},
        "weighted_cross_entropy": {"classes": ["power"]},
    }


@pytest.mark.parametrize(
    ("name", "params", "elicits"),
    [
        ("bce", {}, "probability"),
        ("bce", {"pos_weight": 3.0}, "distorted probability"),
        ("weighted_bce", {}, "distorted probability"),
        ("weighted_bce", {"pos_weight": 0.3}, "distorted probability"),
        ("cross_entropy", {}, "probability"),
        ("cross_entropy", {"weight": [1.0, 2.0]}, "distorted probability"),
        ("weighted_cross_entropy", {}, "distorted probability"),
        ("weighted_cross_entropy", {"power": 0.1}, "distorted probability"),
    ],
)
def test_what_is_weighted_says_that_its_probabilities_are_distorted(name: str, params: dict, elicits: str) -> None:
    for kind in load_family(name):
        assert load_loss(name, kind, **params).elicits == elicits


def test_smoothed_and_weighted_together_the_cross_entropy_is_torchs() -> None:
    """torch weighs each class's share of the smoothed label by that class, not the row by its own."""
    weight = [0.5, 2.0, 3.0]
    loss = load_loss("cross_entropy", weight=weight, label_smoothing=0.1)
    each = torch.tensor(weight, dtype=torch.double)
    wanted = functional.cross_entropy(Z, Y, weight=each, label_smoothing=0.1, reduction="none")
    torch.testing.assert_close(loss(Z, Y), wanted)
    mean = functional.cross_entropy(Z, Y, weight=each, label_smoothing=0.1)  # torch divides by the weights of the rows
    torch.testing.assert_close(loss(Z, Y).sum() / each[Y].sum(), mean)
