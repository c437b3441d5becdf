"""Paired randomness: the same initial weights and the same batch order, whatever the loss asks for."""

from __future__ import annotations

import random
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import Tensor, nn

from lossbench.models.tabular import MLP, Linear
from lossbench.task import Part, Splits
from lossbench.training.batches import PartBatches, TrainingBatches
from lossbench.training.weights import draw_weights, weights_digest


class Recurrent(nn.Module):
    """A tagger with every sort of layer that resets itself."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6, padding_idx=0)
        self.convolution = nn.Conv1d(6, 6, 3)
        self.recurrent = nn.GRU(6, 5, bidirectional=True)
        self.norm = nn.BatchNorm1d(10)
        self.output = nn.Linear(10, outputs)


def nameless(outputs: int) -> nn.Module:
    """No layer is called `output`."""
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, outputs))


MODELS = {
    "linear": lambda outputs: Linear(4, outputs),
    "mlp": lambda outputs: MLP(4, outputs, hidden=(8, 8)),
    "mlp_dropout": lambda outputs: MLP(4, outputs, hidden=(8,), dropout=0.5),
    "recurrent": Recurrent,
    "nameless": nameless,
}
HEADS = {"nameless": "4."}


def drawn(model: str, outputs: int, seed: int = 7) -> nn.Module:
    made = MODELS[model](outputs)
    draw_weights(made, seed, outputs)
    return made


def tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("outputs", [2, 9])
def test_bodies_and_first_output_rows_agree_whatever_the_number_of_outputs(model: str, outputs: int) -> None:
    one, many = tensors(drawn(model, 1)), tensors(drawn(model, outputs))
    head = HEADS.get(model, "output.")
    assert any(name.startswith(head) for name in one)
    for name, tensor in one.items():
        assert torch.equal(tensor, many[name][:1] if name.startswith(head) else many[name]), name


@pytest.mark.parametrize("model", MODELS)
def test_one_digest_proves_that_they_agree_and_that_seeds_differ(model: str) -> None:
    digests = {weights_digest(drawn(model, outputs), outputs) for outputs in (1, 2, 9)}
    others = {weights_digest(drawn(model, 1, seed), 1) for seed in (8, 9)}
    assert len(digests) == 1
    assert len(digests | others) == 3


def changed(model: nn.Module, name: str, place: int) -> str:
    """The digest after one number of one parameter was changed; the change is undone."""
    parameter = model.get_parameter(name)
    kept = parameter.detach().clone()
    with torch.no_grad():
        parameter.view(-1)[place] += 1
        digest = weights_digest(model, 2)
        parameter.copy_(kept)
    return digest


@pytest.mark.parametrize("model", MODELS)
def test_a_digest_sees_every_weight_but_the_later_output_rows(model: str) -> None:
    made = drawn(model, 2)
    digest = weights_digest(made, 2)
    for name, _ in made.named_parameters():
        in_head = name.startswith(HEADS.get(model, "output."))
        assert changed(made, name, 0) != digest, name
        assert (changed(made, name, -1) == digest) is in_head, name


@pytest.mark.parametrize("model", MODELS)
def test_what_was_drawn_before_changes_nothing(model: str) -> None:
    torch.manual_seed(0)
    first = drawn(model, 2)
    torch.manual_seed(1)
    torch.rand(100)
    second = drawn(model, 2)
    for name, tensor in tensors(first).items():
        assert torch.equal(tensor, tensors(second)[name]), name


def test_drawing_leaves_every_global_random_state_untouched() -> None:
    model = MLP(4, 3)
    random.seed(0)
    np.random.seed(0)  # the global state is what this is about
    torch.manual_seed(0)
    before = (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())
    draw_weights(model, 7, 3)
    after = (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


@pytest.mark.parametrize("layer", ["body.0", "body.2", "output"])
@pytest.mark.parametrize("part", ["weight", "bias"])
def test_weights_are_uniform_within_one_over_the_root_of_the_inputs_as_torchs_own(layer: str, part: str) -> None:
    # nn.Linear's documented default: U(-k, k) with k = 1/sqrt(in_features), for weights and biases alike
    model = MLP(25, 200, hidden=(100, 100))
    draw_weights(model, 3, 200)
    linear = model.get_submodule(layer)
    assert isinstance(linear, nn.Linear)
    found = getattr(linear, part).detach().double().numpy().ravel()
    bound = linear.in_features**-0.5
    assert 0.95 * bound < np.abs(found).max() <= bound * (1 + 1e-6)
    assert kstest(found, "uniform", args=(-bound, 2 * bound)).pvalue > 1e-3


def test_no_two_layers_and_no_two_output_rows_share_a_stream() -> None:
    model = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 4))
    draw_weights(model, 0, 4)
    rows = torch.cat([layer.weight.detach() for layer in model])
    assert len(torch.unique(rows, dim=0)) == 6 + 6 + 4


def test_an_output_layer_without_a_bias_is_drawn_too() -> None:
    one, two = (nn.Sequential(nn.Linear(3, 5), nn.Linear(5, n, bias=False)) for n in (1, 2))
    draw_weights(one, 0, 1)
    draw_weights(two, 0, 2)
    assert torch.equal(one[1].weight, two[1].weight[:1])


def test_layers_that_draw_nothing_are_put_back_to_their_start() -> None:
    model = Recurrent(2)
    with torch.no_grad():
        model.norm.weight.fill_(5)
        model.norm.running_mean.fill_(5)  # type: ignore[union-attr]
    draw_weights(model, 0, 2)
    assert model.norm.weight.tolist() == [1.0] * 10
    assert model.norm.running_mean.tolist() == [0.0] * 10  # type: ignore[union-attr]
    assert model.embedding.weight[0].tolist() == [0.0] * 6


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


def test_attention_layers_are_drawn_from_their_stream_too() -> None:
    digests = set()
    for start in range(2):
        torch.manual_seed(start)
        model = nn.ModuleDict({"body": nn.MultiheadAttention(4, 2), "output": nn.Linear(4, 1)})
        draw_weights(model, 7, 1)
        digests.add(weights_digest(model, 1))
    assert len(digests) == 1
