"""Paired randomness: the same initial weights and the same batch order, whatever the loss asks for."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import Tensor, nn

from lossbench.data.splits import Splits
from lossbench.models.tabular import MLP, Linear
from lossbench.plan import Part
from lossbench.training.batches import PartBatches, TrainingBatches
from lossbench.training.weights import paired_model


class Recurrent(nn.Module):
    """A tagger with every sort of layer that resets itself."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6, padding_idx=0)
        self.convolution = nn.Conv1d(6, 6, 3)
        self.recurrent = nn.GRU(6, 5, bidirectional=True)
        self.norm = nn.BatchNorm1d(10)
        self.output = nn.Linear(10, outputs)


class Raw(nn.Module):
    """Its parameters are drawn after its head, outside of any layer that resets itself."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.head = nn.utils.parametrizations.weight_norm(nn.Linear(3, outputs))
        self.scale = nn.Parameter(torch.randn(3))


def nameless(outputs: int) -> nn.Module:
    """No layer is called `output`."""
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, outputs))


MODELS = {
    "linear": lambda outputs: Linear(4, outputs),
    "mlp": lambda outputs: MLP(4, outputs, hidden=(8, 8)),
    "mlp_dropout": lambda outputs: MLP(4, outputs, hidden=(8,), dropout=0.5),
    "recurrent": Recurrent,
    "nameless": nameless,
    "raw": Raw,
    "attention": lambda outputs: nn.ModuleDict({"body": nn.MultiheadAttention(4, 2), "output": nn.Linear(4, outputs)}),
}


def drawn(model: str, outputs: int, seed: int = 7) -> tuple[nn.Module, str]:
    return paired_model(MODELS[model], outputs, seed)


def tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("outputs", [2, 9])
def test_bodies_and_first_output_rows_agree_whatever_the_number_of_outputs(model: str, outputs: int) -> None:
    (one, digest), (many, other) = drawn(model, 1), drawn(model, outputs)
    for name, tensor in tensors(many).items():
        own = tensors(one)[name]
        assert torch.equal(tensor if own.ndim == 0 else tensor[: len(own)], own), name
    assert digest == other


@pytest.mark.parametrize("model", MODELS)
def test_seeds_differ_in_weights_and_digest(model: str) -> None:
    (one, digest), (two, other) = drawn(model, 1, seed=7), drawn(model, 1, seed=8)
    assert digest != other
    assert any(not torch.equal(a, tensors(two)[name]) for name, a in tensors(one).items())


@pytest.mark.parametrize("model", MODELS)
def test_what_was_drawn_before_changes_nothing_and_nothing_is_drawn_from_the_global_streams(model: str) -> None:
    torch.manual_seed(1)
    one, _ = drawn(model, 2)
    torch.manual_seed(2)
    random.seed(2)
    np.random.seed(2)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    two, _ = drawn(model, 2)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states[1:]
    assert all(torch.equal(tensor, tensors(two)[name]) for name, tensor in tensors(one).items())


def test_later_output_rows_are_drawn_as_torch_draws_them_and_differ() -> None:
    # nn.Linear documents U(-1/sqrt(inputs), 1/sqrt(inputs)) for weights and biases
    model, _ = paired_model(lambda outputs: nn.Linear(400, outputs), 50, 3)
    bound = 1 / 400**0.5
    assert kstest(model.weight.detach().flatten().numpy(), "uniform", (-bound, 2 * bound)).pvalue > 1e-4
    assert len({row.sum().item() for row in model.weight}) == 50


def test_a_models_own_initialisation_is_kept() -> None:
    def zero_headed(outputs: int) -> nn.Module:
        model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, outputs))
        nn.init.zeros_(model[1].weight)
        nn.init.orthogonal_(model[0].weight)
        return model

    model, _ = paired_model(zero_headed, 2, 5)
    assert model[1].weight.abs().sum().item() == 0
    assert torch.allclose(model[0].weight.T @ model[0].weight, torch.eye(3), atol=1e-5)


def test_a_digest_sees_every_shared_weight() -> None:
    def shifted(name: str) -> Callable[[int], nn.Module]:
        def build(outputs: int) -> nn.Module:
            model = MLP(4, outputs, hidden=(8,))
            with torch.no_grad():
                tensors(model)[name].view(-1)[-1].add_(1e-3)
            return model

        return build

    plain = paired_model(lambda outputs: MLP(4, outputs, hidden=(8,)), 1, 7)[1]
    digests = {paired_model(shifted(name), 1, 7)[1] for name in tensors(MLP(4, 1, hidden=(8,)))}
    assert plain not in digests
    assert len(digests) == 4


def test_weights_that_cannot_be_paired_change_the_digest() -> None:
    def wider(outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(3, 4 * outputs), nn.Linear(4 * outputs, outputs))

    assert paired_model(wider, 1, 5)[1] != paired_model(wider, 2, 5)[1]


class Rows:
    """A fold of numbered rows whose batches are the rows themselves."""

    def __init__(self, train: int = 23, validation: int = 7) -> None:
        numbers = np.arange(train + validation + 5)
        self.splits = Splits(*np.split(numbers, [train, train + validation]))

    def batch(self, part: Part, rows: Tensor) -> Any:
        return SimpleNamespace(part=part, rows=rows.tolist())


def batches(size: int = 5, seed: int = 1, **rows: int) -> TrainingBatches:
    return TrainingBatches(Rows(**rows), size, seed)  # type: ignore[arg-type]


def epoch(made: TrainingBatches, number: int) -> list[list[int]]:
    made.epoch = lambda: number
    found = list(made)
    assert {batch.part for batch in found} == {Part.TRAIN}
    return [batch.rows for batch in found]


@pytest.mark.parametrize("number", [0, 1, 30])
@pytest.mark.parametrize("size", [1, 5, 23, 100])
def test_every_epoch_shows_every_training_row_once(size: int, number: int) -> None:
    made = batches(size)
    found = epoch(made, number)
    assert len(found) == len(made)
    assert sorted(chain(*found)) == list(range(23))
    assert {len(batch) for batch in found[:-1]} <= {size}
    assert 1 <= len(found[-1]) <= size


def test_the_order_is_the_seeds_and_the_epochs_alone() -> None:
    first = [epoch(batches(), number) for number in range(4)]
    torch.manual_seed(99)
    again = batches()
    assert [epoch(again, number) for number in (3, 2, 1, 0)] == first[::-1]
    assert [epoch(batches(seed=2), number) for number in range(4)] != first
    assert len({tuple(chain(*order)) for order in first}) == 4


def test_a_larger_batch_sees_the_rows_in_the_same_order() -> None:
    by_four, by_seven = (chain(*epoch(batches(size), 2)) for size in (4, 7))
    assert list(by_four) == list(by_seven)


def test_drawing_an_order_leaves_the_global_random_state_untouched() -> None:
    before = torch.get_rng_state()
    epoch(batches(), 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_digest_of_batches_changes_with_size_seed_and_rows_and_with_nothing_else() -> None:
    assert batches().digest == batches().digest == batches(validation=9).digest
    different = [batches(), batches(size=6), batches(seed=2), batches(train=24)]
    assert len({made.digest for made in different}) == 4


def test_evaluation_sees_every_row_of_a_part_once_in_order() -> None:
    made = PartBatches(Rows(), Part.VALIDATION, batch_size=3)  # type: ignore[arg-type]
    found = [(batch.part, batch.rows) for batch in made]
    assert found == [(Part.VALIDATION, [0, 1, 2]), (Part.VALIDATION, [3, 4, 5]), (Part.VALIDATION, [6])]
    assert len(made) == 3
