"""Losses of sequences against brute force over every path, and against each other."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from lossbench.errors import LossbenchError
from lossbench.loss import Kind, Loss, Sequences
from lossbench.loss.catalogue import load_loss

LENGTHS = (4, 1, 5, 2)
CLASSES = 3


def crf(spread: float, classes: int = CLASSES, seed: int = 0) -> Loss:
    """With transitions so far apart, in float64: below 20 the matrix products serve, beyond the logarithms."""
    torch.manual_seed(seed)
    loss = load_loss("crf", Kind.SEQUENCES)
    loss.outputs(classes)
    loss.double()
    with torch.no_grad():
        for parameter in loss.parameters():
            parameter.copy_(torch.randn_like(parameter) * spread)
    return loss


def batch(seed: int = 1, size: float = 2.0, dtype: torch.dtype = torch.double) -> tuple[Sequences, Sequences]:
    draw = torch.Generator().manual_seed(seed)
    lengths = torch.tensor(LENGTHS)
    values = torch.randn(sum(LENGTHS), CLASSES, generator=draw, dtype=torch.double) * size
    labels = torch.randint(CLASSES, (sum(LENGTHS),), generator=draw)
    return Sequences(values.to(dtype), lengths), Sequences(labels, lengths)


def every_path(loss: Loss, z: Tensor) -> tuple[list[tuple[int, ...]], Tensor]:
    """All paths of one sequence and their scores by the definition, term by term."""
    start, end, moves = loss.start, loss.end, loss.transitions
    paths = list(itertools.product(range(z.shape[1]), repeat=len(z)))
    scores = []
    for path in paths:
        score = start[path[0]] + end[path[-1]] + sum(z[t, label] for t, label in enumerate(path))
        scores.append(score + sum(moves[a, b] for a, b in itertools.pairwise(path)))
    return paths, torch.stack(scores).detach()


def texts(output: Sequences, *more: Tensor) -> Iterator[tuple[Tensor, ...]]:
    yield from zip(output.split(), *(values.split(list(LENGTHS)) for values in more), strict=True)


@pytest.mark.parametrize("spread", [0.1, 2.0, 50.0])
def test_a_chain_costs_what_all_paths_together_say(spread: float) -> None:
    loss, (output, target) = crf(spread), batch()
    for cost, (z, labels) in zip(loss(output, target), texts(output, target.values), strict=True):
        paths, scores = every_path(loss, z)
        wanted = scores.logsumexp(0) - scores[paths.index(tuple(labels.tolist()))]
        assert float(cost.detach()) == pytest.approx(float(wanted), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("spread", [0.1, 2.0, 50.0])
def test_the_best_path_and_the_probabilities_are_those_of_all_paths(spread: float) -> None:
    loss, (output, _) = crf(spread), batch()
    found = loss.predict(output)
    assert found.label is not None
    assert found.probability is not None
    for z, label, probability in texts(output, found.label, found.probability):
        paths, scores = every_path(loss, z)
        assert tuple(label.tolist()) == paths[int(scores.argmax())]
        shares = torch.zeros_like(z)
        for path, share in zip(paths, scores.softmax(0), strict=True):
            shares[range(len(path)), list(path)] += share
        torch.testing.assert_close(probability, shares, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found.probability.sum(1), torch.ones(sum(LENGTHS), dtype=torch.double))


@pytest.mark.parametrize("spread", [2.0, 50.0])
def test_gradients_of_logits_and_transitions_are_those_of_finite_differences(spread: float) -> None:
    loss, (output, target) = crf(spread), batch()

    def cost(values: Tensor, transitions: Tensor, start: Tensor, end: Tensor) -> Tensor:
        given = {"transitions": transitions, "start": start, "end": end}
        found: Tensor = torch.func.functional_call(loss, given, (Sequences(values, output.lengths), target))
        return found

    inputs = [output.values, *(loss.get_parameter(name).detach() for name in ("transitions", "start", "end"))]
    assert torch.autograd.gradcheck(cost, [value.clone().requires_grad_() for value in inputs])


def test_without_transitions_a_chain_is_the_cross_entropy_of_each_word() -> None:
    loss, (output, target) = crf(0.0), batch()
    alone = load_loss("sequence_cross_entropy", Kind.SEQUENCES)(output, target)
    torch.testing.assert_close(loss(output, target), alone, rtol=1e-12, atol=1e-12)
    each = nn.functional.cross_entropy(output.values, target.values, reduction="none")
    torch.testing.assert_close(alone, torch.stack([part.sum() for part in each.split(list(LENGTHS))]))
    label = loss.predict(output).label
    assert label is not None
    assert label.tolist() == output.values.argmax(1).tolist()


@pytest.mark.parametrize("name", ["crf", "sequence_cross_entropy"])
def test_texts_cost_the_same_in_any_order_and_alone(name: str) -> None:
    loss = crf(1.0) if name == "crf" else load_loss(name, Kind.SEQUENCES)
    output, target = batch()
    together, order = loss(output, target), [2, 0, 3, 1]
    parts = list(zip(output.split(), target.split(), strict=True))
    lengths = torch.tensor([LENGTHS[i] for i in order])
    turned = loss(
        Sequences(torch.cat([parts[i][0] for i in order]), lengths),
        Sequences(torch.cat([parts[i][1] for i in order]), lengths),
    )
    torch.testing.assert_close(turned, together[order], rtol=1e-12, atol=1e-12)
    for cost, (z, labels) in zip(together, parts, strict=True):
        one = torch.tensor([len(z)])
        torch.testing.assert_close(loss(Sequences(z, one), Sequences(labels, one)), cost[None], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("size", [20.0, 100.0, 1e4])
@pytest.mark.parametrize("spread", [0.1, 30.0])
def test_large_logits_keep_costs_right_and_gradients_finite(size: float, dtype: torch.dtype, spread: float) -> None:
    loss, (output, target) = crf(spread), batch(size=size, dtype=dtype)
    values = output.values.clone().requires_grad_()
    costs = loss.float()(Sequences(values, output.lengths), target)
    (gradient,) = torch.autograd.grad(costs.sum(), values)
    assert torch.isfinite(gradient).all()
    loss.double()
    for cost, (z, labels) in zip(costs, texts(output, target.values), strict=True):
        paths, scores = every_path(loss, z.double())
        wanted = scores.logsumexp(0) - scores[paths.index(tuple(labels.tolist()))]
        assert float(cost.detach()) == pytest.approx(float(wanted), rel=1e-5, abs=1e-5 * len(z) * size)


def test_transitions_are_learned_kept_and_copied() -> None:
    """Labels that alternate, under logits that say nothing: only transitions can tell, and they come to."""
    loss, lengths = crf(0.1, classes=2), torch.tensor([6, 5])
    target = Sequences(torch.tensor([0, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1]), lengths)
    output = Sequences(torch.zeros(11, 2, dtype=torch.double), lengths)
    optimizer = torch.optim.Adam(loss.parameters(), lr=0.1)
    first = float(loss(output, target).detach().mean())
    for _ in range(200):
        optimizer.zero_grad()
        loss(output, target).mean().backward()
        optimizer.step()
    assert float(loss(output, target).detach().mean()) < first / 2
    label = loss.predict(output).label
    assert label is not None
    assert (label[:6].diff().abs() == 1).all()
    for copied in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(copied(output, target), loss(output, target))
    fresh = load_loss("crf", Kind.SEQUENCES)
    fresh.outputs(2)
    fresh.double().load_state_dict(loss.state_dict())
    assert torch.equal(fresh(output, target), loss(output, target))


def test_a_chain_that_was_not_told_of_its_classes_says_so() -> None:
    output, target = batch()
    with pytest.raises((ValueError, LossbenchError), match=r"outputs\(3\)"):
        load_loss("crf", Kind.SEQUENCES)(output, target)
