"""The contract of a loss: n targets in, n losses out, nothing broadcast, and one place that reduces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from scipy.stats import norm
from torch import Tensor

from lossbench.loss import CONTRACT, Domain, Kind, Loss, Prediction, Range, Sequences, check, reduce


def sequences(*shape: int, lengths: tuple[int, ...] = (2, 1), dtype: torch.dtype = torch.float) -> Sequences:
    return Sequences(torch.zeros(shape, dtype=dtype), torch.tensor(lengths))


def labels(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.long)


class Returning(Loss):
    """Gives back whatever it was told to, and counts how often it was asked."""

    kind = Kind.CONTINUOUS

    def __init__(self, value: Any = None, kind: Kind = Kind.CONTINUOUS, pointwise: bool = True) -> None:
        super().__init__()
        self.kind, self.pointwise, self.value, self.asked = kind, pointwise, value, 0

    def forward(self, output: Any, target: Any) -> Tensor:
        self.asked += 1
        return torch.zeros(len(target)) if self.value is None else self.value


class GaussianNLL(Loss):
    """Asks for the mean and the variance. Outputs [n, 2]: the mean and the logarithm of the variance."""

    kind = Kind.CONTINUOUS
    search = {"floor": Range(1e-6, 1e-2, log=True)}

    def __init__(self, floor: float = 1e-6) -> None:
        super().__init__()
        self.floor = floor

    def outputs(self, classes: int) -> int:
        return 2

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        mean, variance = output[:, 0], output[:, 1].exp().clamp(min=self.floor)
        return (torch.log(2 * torch.pi * variance) + (target - mean) ** 2 / variance) / 2

    def predict(self, output: Tensor) -> Prediction:
        mean, sd = output[:, 0], output[:, 1].exp().sqrt()
        return Prediction(mean, interval=(mean - 1.6448536 * sd, mean + 1.6448536 * sd))


ALLOWED = [
    (Kind.CONTINUOUS, torch.zeros(3), torch.zeros(3)),
    (Kind.CONTINUOUS, torch.zeros(3, 2), torch.zeros(3)),
    (Kind.CONTINUOUS, torch.zeros(1), torch.zeros(1)),
    (Kind.BINARY, torch.zeros(3), torch.ones(3)),
    (Kind.CLASSES, torch.zeros(3, 4), labels(3)),
    (Kind.CLASSES, torch.zeros(4, 4), labels(4)),
    (Kind.SEQUENCES, sequences(3, 4), sequences(3, dtype=torch.long)),
]

REFUSED = [
    (Kind.CONTINUOUS, torch.zeros(3, 1), torch.zeros(3)),
    (Kind.CONTINUOUS, torch.zeros(3), torch.zeros(3, 1)),
    (Kind.CONTINUOUS, torch.zeros(3, 1), torch.zeros(3, 1)),
    (Kind.CONTINUOUS, torch.zeros(3), torch.zeros(1)),
    (Kind.CONTINUOUS, torch.zeros(1), torch.zeros(3)),
    (Kind.CONTINUOUS, torch.zeros(()), torch.zeros(3)),
    (Kind.CONTINUOUS, torch.zeros(3), torch.zeros(())),
    (Kind.CONTINUOUS, torch.zeros(3, 2, 2), torch.zeros(3)),
    (Kind.CONTINUOUS, torch.zeros(2, 3), torch.zeros(3)),
    (Kind.BINARY, torch.zeros(3, 1), torch.zeros(3)),
    (Kind.BINARY, torch.zeros(3), torch.zeros(3, 1)),
    (Kind.BINARY, torch.zeros(3, 2), torch.zeros(3)),
    (Kind.BINARY, torch.zeros(3), torch.zeros(2)),
    (Kind.CLASSES, torch.zeros(3), labels(3)),
    (Kind.CLASSES, torch.zeros(3, 4), labels(3, 1)),
    (Kind.CLASSES, torch.zeros(3, 4), labels(3, 4)),
    (Kind.CLASSES, torch.zeros(3, 4), labels(4)),
    (Kind.CLASSES, torch.zeros(3, 4, 5), labels(3)),
    (Kind.CLASSES, torch.zeros(3, 4), torch.zeros(3)),
    (Kind.SEQUENCES, torch.zeros(3, 4), labels(3)),
    (Kind.SEQUENCES, sequences(3, 4), labels(3)),
    (Kind.SEQUENCES, sequences(3, 4), sequences(3, lengths=(1, 2), dtype=torch.long)),
    (Kind.SEQUENCES, sequences(3, 4), sequences(2, dtype=torch.long)),
    (Kind.SEQUENCES, sequences(3, 4), sequences(3)),
]


def shown(case: object) -> str | None:
    match case:
        case Kind():
            return case.value
        case Sequences():
            return f"packed{list(case.values.shape)}"
        case Tensor():
            return f"{str(case.dtype)[6:]}{list(case.shape)}"
    return None


@pytest.mark.parametrize(("kind", "output", "target"), ALLOWED, ids=shown)
def test_the_shapes_of_a_kind_reach_the_loss(kind: Kind, output: Any, target: Any) -> None:
    loss = Returning(kind=kind)
    assert loss(output, target).shape == (len(target),)
    assert loss.asked == 1


@pytest.mark.parametrize(("kind", "output", "target"), REFUSED, ids=shown)
def test_other_shapes_are_refused_before_the_loss_could_broadcast_them(kind: Kind, output: Any, target: Any) -> None:
    loss = Returning(torch.zeros(3), kind=kind)
    with pytest.raises(ValueError, match=r"takes|lengths|labels"):
        loss(output, target)
    assert loss.asked == 0


def test_a_refusal_says_what_is_due_and_what_came() -> None:
    with pytest.raises(ValueError, match=r"binary loss takes outputs \[n\] .* not \[3, 1\] and \[3\]"):
        check(Kind.BINARY, torch.zeros(3, 1), torch.zeros(3))


@pytest.mark.parametrize(
    "value",
    [torch.zeros(()), torch.zeros(3, 1), torch.zeros(3, 3), torch.zeros(1), torch.zeros(2), 0.0, np.zeros(3)],
    ids=lambda value: f"{type(value).__name__}{list(np.shape(value))}",
)
def test_a_loss_that_does_not_give_n_losses_is_stopped_by_name(value: Any) -> None:
    with pytest.raises(ValueError, match=r"Returning returned .* n targets in, n losses out"):
        Returning(value)(torch.zeros(3), torch.zeros(3))


def test_a_reduced_loss_of_a_single_target_is_stopped_too() -> None:
    with pytest.raises(ValueError, match="n targets in, n losses out"):
        Returning(torch.zeros(()))(torch.zeros(1), torch.zeros(1))


def test_a_sequence_loss_gives_a_loss_a_sequence_not_a_loss_a_token() -> None:
    pair = sequences(3, 4), sequences(3, dtype=torch.long)
    assert Returning(torch.zeros(2), Kind.SEQUENCES)(*pair).shape == (2,)
    with pytest.raises(ValueError, match=r"returned \[3\] for 2 targets"):
        Returning(torch.zeros(3), Kind.SEQUENCES)(*pair)


def test_a_set_loss_gives_one_value() -> None:
    assert Returning(torch.tensor(2.0), pointwise=False)(torch.zeros(3), torch.zeros(3)) == 2.0


@pytest.mark.parametrize("shape", [(3,), (1,)])
def test_a_set_loss_that_gives_more_than_one_value_is_stopped(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a set loss returns one value"):
        Returning(torch.zeros(shape), pointwise=False)(torch.zeros(3), torch.zeros(3))


def test_a_loss_without_a_formula_says_whose_it_is() -> None:
    class Wordless(Loss):
        kind = Kind.CONTINUOUS

    # torch's own message is about Module, and names no class
    with pytest.raises(NotImplementedError, match="Wordless does not define forward"):
        Wordless()(torch.zeros(3), torch.zeros(3))


values = st.floats(-1e6, 1e6)


@given(st.lists(values, min_size=1, max_size=20))
def test_without_weights_the_mean_is_numpys(losses: list[float]) -> None:
    np.testing.assert_allclose(reduce(torch.tensor(losses).double()), np.mean(losses, dtype=float), 1e-5, 1e-2)


@given(st.lists(st.tuples(values, st.floats(0, 100)), min_size=1, max_size=20))
def test_with_weights_the_mean_is_numpys_weighted_average(pairs: list[tuple[float, float]]) -> None:
    losses, weight = np.array([*pairs, (1.0, 0.5)]).T  # the last pair keeps the weights from all being 0
    found = reduce(torch.from_numpy(losses), torch.from_numpy(weight))
    np.testing.assert_allclose(found, np.average(losses, weights=weight), 1e-9, 1e-6)


@given(st.lists(st.tuples(values, st.integers(0, 5)), min_size=1, max_size=20))
def test_an_integer_weight_is_that_many_copies_and_zero_is_none(pairs: list[tuple[float, int]]) -> None:
    losses, weight = np.array([*pairs, (1.0, 1)]).T
    copies = np.repeat(losses, weight.astype(int))
    found = reduce(torch.from_numpy(losses), torch.from_numpy(weight))
    np.testing.assert_allclose(found, copies.mean(), 1e-9, 1e-6)


def test_a_weight_of_zero_drops_the_target_and_its_gradient() -> None:
    losses = torch.tensor([1.0, 100.0, 3.0], requires_grad=True)
    mean = reduce(losses, torch.tensor([1.0, 0.0, 3.0]))
    assert mean == (1 + 3 * 3) / 4
    (gradient,) = torch.autograd.grad(mean, losses)
    assert gradient.tolist() == [0.25, 0.0, 0.75]


@pytest.mark.parametrize("shape", [(3, 1), (1, 3), (1,), (2,), ()])
def test_weights_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one weight per target"):
        reduce(torch.zeros(3), torch.ones(shape))


def test_the_value_of_a_set_is_kept_and_takes_no_weights() -> None:
    assert reduce(torch.tensor(2.5)) == 2.5
    with pytest.raises(ValueError, match="sample weights do not apply"):
        reduce(torch.tensor(2.5), torch.ones(3))


def test_sequences_split_into_what_was_packed() -> None:
    pieces = [torch.arange(3), torch.arange(3, 4), torch.arange(4, 9)]
    packed = Sequences(torch.cat(pieces), torch.tensor([3, 1, 5]))
    assert len(packed) == 3
    assert [piece.tolist() for piece in packed.split()] == [piece.tolist() for piece in pieces]


def test_split_sequences_carry_gradients_back_to_the_packed_values() -> None:
    packed = Sequences(torch.zeros(3, 2, requires_grad=True), torch.tensor([2, 1]))
    first, second = packed.split()
    (first.sum() + 10 * second.sum()).backward()
    assert packed.values.grad is not None
    assert packed.values.grad.tolist() == [[1, 1], [1, 1], [10, 10]]


def test_a_loss_that_states_its_kind_is_final() -> None:
    with pytest.raises(TypeError, match="Child extends GaussianNLL, which states its kind and is therefore final"):
        type("Child", (GaussianNLL,), {})


def test_what_states_no_kind_may_be_extended_once_for_every_kind() -> None:
    class Nothing(Loss):
        def forward(self, output: Tensor, target: Tensor) -> Tensor:
            return torch.zeros(len(target))

    class Continuous(Nothing):
        kind = Kind.CONTINUOUS

    class Binary(Nothing):
        kind = Kind.BINARY

    for loss in (Continuous(), Binary()):
        assert loss(torch.zeros(2), torch.zeros(2)).tolist() == [0, 0]


def test_at_most_two_parameters_can_be_searched() -> None:
    ranges = {name: Range(0.1, 1.0) for name in "abc"}
    two = type("Two", (Loss,), {"kind": Kind.CONTINUOUS, "search": {key: ranges[key] for key in "ab"}})
    assert len(two.search) == 2
    with pytest.raises(TypeError, match=r"Three\.search names 3 parameters, but at most two"):
        type("Three", (Loss,), {"kind": Kind.CONTINUOUS, "search": ranges})


@pytest.mark.parametrize(("low", "high", "log"), [(1, 1, False), (2, 1, False), (0, 1, True), (-1, 1, True)])
def test_a_range_that_holds_nothing_is_refused(low: float, high: float, log: bool) -> None:
    with pytest.raises(ValueError, match="low < high"):
        Range(low, high, log)


@pytest.mark.parametrize("classes", [1, 2, 9])
def test_by_default_a_loss_asks_for_an_output_a_class_and_changes_nothing_else(classes: int) -> None:
    loss = Returning()
    loss.observe(torch.zeros(3))
    loss.advance(0.5)
    assert loss.outputs(classes) == classes
    assert (loss.domain, loss.pointwise, loss.contract, dict(loss.search)) == (
        Domain.REAL,
        True,
        CONTRACT,
        {},
    )
    assert dict(loss.parts()) == {}
    assert list(loss.state_dict()) == []


LOGITS = np.array([-30.0, -1.5, 0.0, 0.25, 4.0])
CLASS_LOGITS = np.array([[0.0, 2.0, -1.0], [5.0, -5.0, 4.5], [-300.0, -301.0, -299.0]])


def test_a_continuous_output_is_its_own_prediction() -> None:
    prediction = Returning().predict(torch.from_numpy(LOGITS))
    assert prediction.score.tolist() == LOGITS.tolist()
    assert (prediction.label, prediction.probability, prediction.interval) == (None, None, None)


def test_of_several_continuous_outputs_the_first_is_the_prediction() -> None:
    assert Returning().predict(torch.from_numpy(CLASS_LOGITS)).score.tolist() == [0, 5, -300]


def test_a_logit_is_a_probability_by_scipys_expit_and_a_label_by_its_sign() -> None:
    prediction = Returning(kind=Kind.BINARY).predict(torch.from_numpy(LOGITS))
    assert prediction.probability is not None
    assert prediction.label is not None
    np.testing.assert_allclose(prediction.probability, expit(LOGITS), 1e-12)
    assert prediction.score.tolist() == LOGITS.tolist()
    assert prediction.label.tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize("kind", [Kind.CLASSES, Kind.SEQUENCES])
def test_class_logits_are_probabilities_by_scipys_softmax_and_labels_by_the_largest(kind: Kind) -> None:
    raw = torch.from_numpy(CLASS_LOGITS)
    output = raw if kind is Kind.CLASSES else Sequences(raw, torch.tensor([1, 2]))
    prediction = Returning(kind=kind).predict(output)
    assert prediction.probability is not None
    assert prediction.label is not None
    np.testing.assert_allclose(prediction.probability, softmax(CLASS_LOGITS, axis=1), 1e-12)
    assert prediction.score.tolist() == CLASS_LOGITS.tolist()
    assert prediction.label.tolist() == [1, 0, 2]


def test_a_loss_with_two_outputs_a_target_is_scipys_normal_density() -> None:
    loss = GaussianNLL()
    mean, sd, target = np.array([0.0, 1.0, -2.0]), np.array([1.0, 0.5, 3.0]), np.array([0.0, 2.0, 7.0])
    output = torch.from_numpy(np.stack([mean, 2 * np.log(sd)], axis=1))
    assert loss.outputs(1) == 2
    np.testing.assert_allclose(loss(output, torch.from_numpy(target)), -norm.logpdf(target, mean, sd), 1e-12)
    prediction = loss.predict(output)
    assert prediction.score.tolist() == mean.tolist()
    assert prediction.interval is not None
    np.testing.assert_allclose(prediction.interval, norm.interval(0.9, mean, sd), 1e-6)


def test_a_loss_prints_its_parameters() -> None:
    assert repr(GaussianNLL(floor=0.5)) == "GaussianNLL(floor=0.5)"


def test_weights_that_are_all_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="At least one weight must be above 0"):
        reduce(torch.ones(3), torch.zeros(3))
