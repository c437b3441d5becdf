"""Penalties beside a loss: which weights they shrink, and by how much."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossbench.loss import Sequences
from lossbench.models.tabular import MLP
from lossbench.plan import Penalty
from lossbench.training.penalties import penalty_of, weights

L1, L2 = Penalty("l1", "weights", 1, 0.03), Penalty("l2", "weights", 2, 0.03)


def mlp() -> MLP:
    torch.manual_seed(0)
    return MLP(3, 2, hidden=(5, 4)).double()


def test_biases_are_left_out() -> None:
    assert [name for name, _ in weights(mlp())] == ["body.0.weight", "body.2.weight", "output.weight"]


@pytest.mark.parametrize(
    "layer",
    [
        nn.BatchNorm1d(4),
        nn.BatchNorm2d(4),
        nn.LayerNorm(4),
        nn.GroupNorm(2, 4),
        nn.RMSNorm(4),
        nn.InstanceNorm1d(4, affine=True),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_normalisation_layers_are_left_out(layer: nn.Module) -> None:
    assert sum(p.numel() for p in layer.parameters()) > 0
    model = nn.Sequential(nn.Linear(4, 4), layer, nn.Linear(4, 1))
    assert [name for name, _ in weights(model)] == ["0.weight", "2.weight"]


def test_of_a_recurrent_tagger_the_embedding_and_both_matrices_are_shrunk() -> None:
    model = nn.ModuleDict({"embedding": nn.Embedding(7, 3), "gru": nn.GRU(3, 4), "output": nn.Linear(4, 2)})
    names = {name for name, _ in weights(model)}
    assert names == {"embedding.weight", "gru.weight_ih_l0", "gru.weight_hh_l0", "output.weight"}


@pytest.mark.parametrize(
    ("penalty", "size"), [(L1, np.abs), (L2, np.square)], ids=lambda case: getattr(case, "name", None)
)
def test_a_penalty_on_weights_is_strength_times_their_sum_by_numpy(
    penalty: Penalty, size: Callable[[np.ndarray], np.ndarray]
) -> None:
    model = mlp()
    matrices = [model.body[0].weight, model.body[2].weight, model.output.weight]
    wanted = 0.03 * sum(size(matrix.detach().numpy()).sum() for matrix in matrices)
    found = penalty_of(penalty, model, torch.zeros(1))
    assert found.shape == ()
    np.testing.assert_allclose(found.detach(), wanted, 1e-12)


def trained(model: nn.Module, penalty: Penalty | None, groups: list[dict]) -> list[Tensor]:
    """Parameters after six steps of SGD on fixed data."""
    generator = torch.Generator().manual_seed(1)
    x, y = (torch.randn(shape, generator=generator, dtype=torch.double) for shape in ((20, 3), (20, 2)))
    optimizer = torch.optim.SGD(groups, lr=0.1)
    for _ in range(6):
        optimizer.zero_grad()
        output = model(x)
        total = functional.mse_loss(output, y)
        if penalty:
            total = total + penalty_of(penalty, model, output)
        total.backward()
        optimizer.step()
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_l2_is_sgds_weight_decay_of_twice_the_strength_step_for_step() -> None:
    ours, torchs, free = (mlp() for _ in range(3))
    decayed = [p for name, p in torchs.named_parameters() if name.endswith("weight")]
    spared = [p for name, p in torchs.named_parameters() if name.endswith("bias")]
    by_penalty = trained(ours, L2, [{"params": ours.parameters()}])
    by_decay = trained(torchs, None, [{"params": decayed, "weight_decay": 2 * 0.03}, {"params": spared}])
    without = trained(free, None, [{"params": free.parameters()}])
    for one, other, third in zip(by_penalty, by_decay, without, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)
        assert (one - third).abs().max() > 1e-5


def test_l1_pulls_every_weight_towards_zero_by_the_same_force_and_no_bias() -> None:
    model = mlp()
    penalty_of(L1, model, torch.zeros(1)).backward()
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert parameter.grad is None
        else:
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad, 0.03 * parameter.detach().sign())


OUTPUTS = torch.tensor([[1.0, -2.0], [0.0, 3.0], [-4.0, 0.5]])


@pytest.mark.parametrize(
    ("output", "power", "wanted"),
    [
        (OUTPUTS[:, 0], 1, (1 + 0 + 4) / 3),
        (OUTPUTS[:, 0], 2, (1 + 0 + 16) / 3),
        (OUTPUTS, 1, (3 + 3 + 4.5) / 3),
        (OUTPUTS, 2, (5 + 9 + 16.25) / 3),
        (Sequences(OUTPUTS, torch.tensor([2, 1])), 1, (3 + 3 + 4.5) / 3),
        (Sequences(OUTPUTS, torch.tensor([2, 1])), 2, (5 + 9 + 16.25) / 3),
    ],
)
def test_a_penalty_on_outputs_is_strength_times_its_mean_over_positions(
    output: Tensor | Sequences, power: int, wanted: float
) -> None:
    found = penalty_of(Penalty("outputs", "outputs", power, 0.1), mlp(), output)
    assert float(found) == pytest.approx(0.1 * wanted, rel=1e-6)


def test_a_penalty_on_outputs_does_not_depend_on_the_size_of_the_batch() -> None:
    penalty = Penalty("outputs", "outputs", 2, 0.1)
    once, thrice = (penalty_of(penalty, mlp(), OUTPUTS.repeat(times, 1)) for times in (1, 3))
    torch.testing.assert_close(once, thrice)


def test_a_penalty_changes_no_weight_by_itself() -> None:
    model = mlp()
    before = deepcopy(model.state_dict())
    penalty_of(L2, model, torch.zeros(1)).backward()
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_biases_of_attention_are_left_out_and_tied_weights_count_once() -> None:
    attention = nn.MultiheadAttention(4, 2)
    assert {name for name, _ in weights(attention)} == {"in_proj_weight", "out_proj.weight"}
    tied = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    tied[1].weight = tied[0].weight
    assert len(list(weights(tied))) == 1


def test_a_model_without_weights_has_no_penalty() -> None:
    assert penalty_of(Penalty("l2", "weights", 2, 1.0), nn.ReLU(), torch.ones(3)).item() == 0
