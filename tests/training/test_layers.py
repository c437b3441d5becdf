"""One model with the weights of many, against a loop over the plain models; what it cannot do it has to refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lossbench.models.tabular import MLP, Linear
from lossbench.training.layers import Draws, StackedDropout, StackedLinear, StackedModel, stack_models
from lossbench.training.optimizers import StackedSGD

COUNTS = (4, 7)
ROWS, COLUMNS, WORDS = 9, 4, 11


# Models that a stack can take ---------------------------------------------------------------------------------------


class Skips(nn.Module):
    """Somebody's own forward: a shortcut, columns side by side, functions of torch between layers."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.gate, self.output = nn.Linear(4, 4), nn.Linear(4, 4, bias=False), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = functional.gelu(self.inner(x)) * torch.sigmoid(self.gate(x)) + x
        return self.output(torch.cat([h, x.square()], dim=-1))


class Pairs(nn.Module):
    """Its first layer sees columns in pairs, one more dimension than the rows have."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.output = nn.Linear(2, 3), nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.tanh(self.pair(x.unflatten(-1, (2, 2)))).flatten(-2))


class Reused(nn.Module):
    """One layer serves twice."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.output = nn.Linear(4, 4), nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.inner(torch.tanh(self.inner(x))))


class Words(nn.Module):
    """Whole numbers in, a mean of their vectors out."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.norm, self.output = nn.Embedding(WORDS, 5), nn.LayerNorm(5), nn.Linear(5, 2)

    def forward(self, ids: Tensor) -> Tensor:
        return self.output(self.norm(self.embedding(ids)).mean(-2))


class Bare(nn.Module):
    """A weight outside of any layer."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.output = nn.Parameter(torch.randn(4)), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x * self.scale.exp())


class Centred(nn.Module):
    """Looks at all rows of a batch at once."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x - x.mean(0)) * len(x) / x.shape[0] ** 0.5


class Frozen(nn.Module):
    """Its first layer is not trained."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.output = nn.Linear(4, 6), nn.Linear(6, 1)
        self.inner.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(torch.tanh(self.inner(x)))


class Columns(nn.Module):
    """Divides by the root of the number of columns."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.output = nn.Linear(columns, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x * x.size(1) ** -0.5)


def norms(affine: bool, bias: bool = True) -> nn.Module:
    norm = nn.LayerNorm(6, eps=1e-3, elementwise_affine=affine, bias=bias)
    if affine:
        nn.init.normal_(norm.weight)
        if bias:
            nn.init.normal_(norm.bias)
    return nn.Sequential(nn.Linear(4, 6), norm, nn.Tanh(), nn.Linear(6, 2, bias=False))


def hooked() -> nn.Module:
    layer = nn.Linear(4, 2)
    layer.register_forward_hook(lambda module, given, output: 2 * output)
    return nn.Sequential(layer)


LAYERED: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: Linear(4, 2),
    "mlp": lambda: MLP(4, 1, hidden=(8, 8)),
    "mlp_one_layer": lambda: MLP(4, 3, hidden=()),
    "tanh": lambda: nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)),
    "norm": lambda: norms(affine=True),
    "norm_without_bias": lambda: norms(affine=True, bias=False),
    "norm_without_weights": lambda: norms(affine=False),
    "skips": Skips,
    "pairs": Pairs,
    "reused": Reused,
    "words": Words,
}
"""Of layers that have a form for many."""
MAPPED: dict[str, Callable[[], nn.Module]] = {
    "batch_norm": lambda: nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)),
    "convolution": lambda: nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 3, 2), nn.Flatten(), nn.Linear(9, 1)),
    "bare": Bare,
    "centred": Centred,
    "frozen": Frozen,
    "hooked": hooked,
}
"""Of others, and of code that counts dimensions from the left."""
MODELS = {**LAYERED, **MAPPED}
TAKES_WORDS = ("words",)


def made(make: Callable[[], nn.Module], count: int) -> list[nn.Module]:
    """Models of one make, each with weights of its own, in float64."""
    models = []
    for seed in range(count):
        torch.manual_seed(seed)
        models.append(make().double())
    return models


def rows(count: int, *, words: bool = False, n: int = ROWS, columns: int = COLUMNS, seed: int = 1) -> Tensor:
    """[count, n, columns] rows for each of so many models."""
    generator = torch.Generator().manual_seed(seed)
    if words:
        return torch.randint(WORDS, (count, n, 3), generator=generator)
    return torch.randn(count, n, columns, generator=generator, dtype=torch.double)


def stacked(models: Sequence[nn.Module], some: Tensor, seeds: Sequence[int] | None = None) -> StackedModel | None:
    """`some`: [R, n, ...], of which the first model's rows, in float32 as data sets have them, are tried."""
    tried = some[0].float() if some.is_floating_point() else some[0]
    return stack_models(models, tried, seeds or range(len(models)))


def certainly(model: StackedModel | None) -> StackedModel:
    assert model is not None
    return model


@dataclass(frozen=True)
class Found:
    """What models give: outputs [R, n, outputs], and by name gradients and buffers [R, ...]."""

    values: Tensor
    gradients: dict[str, Tensor]
    buffers: dict[str, Tensor]


def zeros_for_none(gradients: Sequence[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    return [torch.zeros_like(p) if g is None else g for g, p in zip(gradients, like, strict=True)]


def uneven(values: Tensor) -> Tensor:
    """One number of all values, in which each of them has a weight of its own."""
    return (values * torch.cos(torch.arange(values.numel(), dtype=values.dtype)).view_as(values)).sum()


def by_loop(models: Sequence[nn.Module], x: Tensor, seeds: Sequence[int] | None = None) -> Found:
    """The models one after the other; with seeds, each draws from the stream that its seed begins."""
    values = []
    for place, (model, own) in enumerate(zip(models, x, strict=True)):
        if seeds is not None:
            torch.manual_seed(seeds[place])
        values.append(model(own))
    every = torch.stack(values)
    parameters = [p for model in models for p in model.parameters() if p.requires_grad]
    found = zeros_for_none(torch.autograd.grad(uneven(every), parameters, allow_unused=True), parameters)
    names = [name for name, p in models[0].named_parameters() if p.requires_grad]
    return Found(
        every.detach(),
        {name: torch.stack(found[place :: len(names)]) for place, name in enumerate(names)},
        {name: torch.stack([m.get_buffer(name) for m in models]) for name, _ in models[0].named_buffers()},
    )


def at_once(model: StackedModel, x: Tensor) -> Found:
    values = model(x)
    trained = {name: t for name, t in model.tensors().items() if isinstance(t, nn.Parameter) and t.requires_grad}
    gradients = torch.autograd.grad(uneven(values), list(trained.values()), allow_unused=True)
    gradients = zeros_for_none(gradients, list(trained.values()))
    buffers = {name: t.clone() for name, t in model.tensors().items() if not isinstance(t, nn.Parameter)}
    return Found(values.detach(), dict(zip(trained, gradients, strict=True)), buffers)


def assert_same(found: Found, wanted: Found) -> None:
    torch.testing.assert_close(found.values, wanted.values, rtol=1e-12, atol=1e-12)
    assert found.gradients.keys() == wanted.gradients.keys()
    assert found.buffers.keys() == wanted.buffers.keys()
    for mine, theirs in ((found.gradients, wanted.gradients), (found.buffers, wanted.buffers)):
        for name, tensor in theirs.items():
            torch.testing.assert_close(mine[name], tensor, rtol=1e-12, atol=1e-12, msg=lambda m, n=name: f"{n}: {m}")


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("name", MODELS)
def test_a_stack_gives_the_values_gradients_and_buffers_of_its_models_one_by_one(name: str, count: int) -> None:
    models, x = made(MODELS[name], count), rows(count, words=name in TAKES_WORDS)
    stack = certainly(stacked(models, x))
    for training in (True, False):
        stack.train(training)
        for model in models:
            model.train(training)
        assert_same(at_once(stack, x), by_loop(models, x))


@pytest.mark.parametrize("n", [1, 2, 5, 32])
@pytest.mark.parametrize("name", ["mlp", "norm", "convolution", "centred"])
def test_a_batch_may_have_any_number_of_rows(name: str, n: int) -> None:
    models, x = made(MODELS[name], 4), rows(4, n=n)
    assert_same(at_once(certainly(stacked(models, rows(4))), x), by_loop(models, x))


def test_the_layers_that_are_known_are_taken_all_at_once() -> None:
    plain = (nn.Linear, nn.LayerNorm, nn.Embedding, nn.Dropout)
    for name, make in {**LAYERED, "dropout": lambda: MLP(4, 1, hidden=(3,), dropout=0.5)}.items():
        stack = certainly(stacked(made(make, 4), rows(4, words=name in TAKES_WORDS)))
        assert not any(isinstance(module, plain) for module in stack.modules()), name
        assert any(isinstance(module, StackedLinear) for module in stack.modules()), name


@pytest.mark.parametrize("name", MODELS)
def test_the_weights_have_the_names_and_shapes_that_each_model_has(name: str) -> None:
    models = made(MODELS[name], 4)
    tensors = certainly(stacked(models, rows(4, words=name in TAKES_WORDS))).tensors()
    for place, model in enumerate(models):
        own = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        assert own.keys() == tensors.keys()
        assert all(torch.equal(tensors[key][place], tensor) for key, tensor in own.items())


@pytest.mark.parametrize("name", ["mlp", "batch_norm", "bare", "frozen", "words"])
def test_after_steps_of_training_weights_and_running_statistics_agree(name: str) -> None:
    models = made(MODELS[name], 4)
    stack = certainly(stacked(models, rows(4, words=name in TAKES_WORDS)))
    for step in range(5):
        x = rows(4, words=name in TAKES_WORDS, seed=10 + step)
        uneven(stack.train()(x)).backward()
        uneven(torch.stack([model.train()(own) for model, own in zip(models, x, strict=True)])).backward()
        with torch.no_grad():
            for tensor in [*stack.parameters(), *(p for model in models for p in model.parameters())]:
                if tensor.grad is not None:
                    tensor -= 0.05 * tensor.grad
                    tensor.grad = None
    tensors = stack.tensors()
    for place, model in enumerate(models):
        for key, tensor in model.state_dict().items():
            torch.testing.assert_close(tensors[key][place], tensor, rtol=1e-11, atol=1e-12)
    x = rows(4, words=name in TAKES_WORDS, seed=99)
    for model in (stack, *models):
        model.eval()
    assert_same(at_once(stack, x), by_loop(models, x))


def test_no_row_reaches_another_model() -> None:
    x = rows(5).requires_grad_()
    stack = certainly(stacked(made(MODELS["mlp"], 5), x.detach()))
    stack(x)[2].sum().backward()
    assert x.grad is not None
    assert [bool(own.abs().sum() > 0) for own in x.grad] == [False, False, True, False, False]


def test_stacking_changes_no_model_and_draws_nothing_from_the_global_stream() -> None:
    for name in ("mlp", "batch_norm"):
        models = made(MODELS[name], 4)
        before = [{key: t.clone() for key, t in model.state_dict().items()} for model in models]
        torch.manual_seed(5)
        state = torch.get_rng_state()
        stack = certainly(stacked(models, rows(4)))
        assert torch.equal(torch.get_rng_state(), state)
        with torch.no_grad():
            for tensor in stack.tensors().values():
                tensor.zero_()
        for model, own in zip(models, before, strict=True):
            assert all(torch.equal(tensor, own[key]) for key, tensor in model.state_dict().items())


@pytest.mark.parametrize("name", MODELS)
def test_a_stack_whose_weights_lie_in_the_optimizers_matrix_gives_the_same(name: str) -> None:
    models, x = made(MODELS[name], 4), rows(4, words=name in TAKES_WORDS)
    stack = certainly(stacked(models, x))
    StackedSGD([p for p in stack.parameters() if p.requires_grad], torch.ones(4, dtype=torch.double))
    assert_same(at_once(stack, x), by_loop(models, x))


@pytest.mark.parametrize("name", ["mlp", "norm", "batch_norm", "words", "frozen"])
def test_those_who_stay_give_what_they_gave_before_others_left(name: str) -> None:
    models, x = made(MODELS[name], 7), rows(7, words=name in TAKES_WORDS)
    stack = certainly(stacked(models, x))
    stack.train()(x)  # running statistics that differ
    trained = [parameter for parameter in stack.parameters() if parameter.requires_grad]
    optimizer = StackedSGD(trained, torch.ones(7, dtype=torch.double))
    places = torch.tensor([0, 3, 4, 6])
    with torch.no_grad():
        before = stack.eval()(x)
        optimizer.keep(places)
        stack.keep(places)
        assert torch.equal(stack(x[places]), before[places])


# Models that a stack cannot take ------------------------------------------------------------------------------------


class Noise(nn.Module):
    """Draws at random while it trains."""

    def __init__(self, always: bool = False) -> None:
        super().__init__()
        self.output, self.always = nn.Linear(4, 1), always

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x + 0.1 * torch.randn_like(x) if self.training or self.always else x)


class Forgets(nn.Module):
    """Dropout without a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(functional.dropout(x, 0.5, self.training))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent, self.output = nn.GRU(4, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.recurrent(x.unsqueeze(-2))[0].squeeze(-2))


def tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Tanh(), nn.Linear(4, 4, bias=False), nn.Linear(4, 1))
    model[2].weight = model[0].weight
    return model


def registered_twice() -> nn.Module:
    layer = nn.Linear(4, 4)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(4, 1))


class Counts(nn.Module):
    """Replaces a buffer of its own in each call."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(4, 1)
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.seen = self.seen + x.detach().abs().mean()
        return self.output(x) * self.seen


REFUSED: dict[str, Callable[[], nn.Module]] = {
    "noise": Noise,
    "noise_always": lambda: Noise(always=True),
    "dropout_by_hand": Forgets,
    "random_slopes": lambda: nn.Sequential(nn.Linear(4, 4), nn.RReLU(), nn.Linear(4, 1)),
    "recurrent": Recurrent,
    "tied": tied,
    "registered_twice": registered_twice,
    "dropout_beside_batch_norm": lambda: nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)),
    "counts": Counts,
}


@pytest.mark.parametrize("count", [1, *COUNTS])
@pytest.mark.parametrize("name", REFUSED)
def test_a_model_that_would_not_train_as_it_does_alone_is_refused(name: str, count: int) -> None:
    assert stacked(made(REFUSED[name], count), rows(count)) is None


# Never wrong --------------------------------------------------------------------------------------------------------


class Drawn(nn.Module):
    """Keeps what it drew when it was made, outside of parameters and buffers."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.inner, self.output = what, nn.Linear(4, 4), nn.Linear(4, 1)
        self.number = torch.rand(()).item()
        self.tensor = torch.randn(4, dtype=torch.double)
        self.order = torch.randperm(4)
        self.activation = nn.ReLU() if torch.rand(()) < 0.5 else nn.Tanh()

    def forward(self, x: Tensor) -> Tensor:
        match self.what:
            case "number":
                x = x * self.number
            case "tensor":
                x = x * self.tensor
            case "order":
                x = x[..., self.order]
        h = self.inner(x)
        return self.output(self.activation(h) if self.what == "activation" else torch.tanh(h))


class OwnDropout(nn.Dropout):
    """A dropout under another name."""


def with_dropout(layer: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), layer, nn.Linear(6, 1))


class Words64(nn.Module):
    """A mean over vectors of words, with options that show in gradients alone."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.embedding, self.output = nn.Embedding(64, 3, **options), nn.Linear(3, 1)

    def forward(self, ids: Tensor) -> Tensor:
        return self.output(self.embedding(ids).mean(-2))


class Batchwise(nn.Module):
    """Softmax over the rows of a batch, whose number it takes from the first dimension."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(x.softmax(0)) * x.shape[0]


class Transposed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.output((x.T @ x).sum(0) + x)


TRICKY: dict[str, tuple[Callable[[], nn.Module], int]] = {
    **{f"columns_{n}": (lambda n=n: Columns(n), n) for n in range(3, 8)},
    "number_drawn": (lambda: Drawn("number"), 4),
    "tensor_drawn": (lambda: Drawn("tensor"), 4),
    "order_drawn": (lambda: Drawn("order"), 4),
    "activation_drawn": (lambda: Drawn("activation"), 4),
    "dropout": (lambda: with_dropout(nn.Dropout(0.4)), 4),
    "dropout_of_ones_own": (lambda: with_dropout(OwnDropout(0.4)), 4),
    "alpha_dropout": (lambda: with_dropout(nn.AlphaDropout(0.4)), 4),
    "dropout_of_channels": (lambda: with_dropout(nn.Dropout1d(0.4)), 4),
    "batchwise": (Batchwise, 4),
    "transposed": (Transposed, 4),
}


@pytest.mark.parametrize("name", TRICKY)
def test_a_model_is_refused_or_stacked_rightly(name: str) -> None:
    make, columns = TRICKY[name]
    models, x = made(make, 7), rows(7, columns=columns)
    stack = stacked(models, x)
    if stack is not None:
        assert_same(at_once(stack.train(), x), by_loop(models, x, seeds=range(7)))


@pytest.mark.parametrize("options", [{"scale_grad_by_freq": True}, {"padding_idx": 0}], ids=lambda o: next(iter(o)))
def test_an_embedding_is_refused_or_right_on_words_that_the_tried_rows_do_not_show(options: dict[str, Any]) -> None:
    models, tried = made(lambda: Words64(**options), 4), torch.arange(1, 64).view(63, 1)
    stack = stack_models(models, tried, range(4))
    if stack is not None:
        x = torch.tensor([7, 7, 7, 8, 0]).view(5, 1).expand(4, 5, 1)  # a word thrice, and the one for padding
        assert_same(at_once(stack, x), by_loop(models, x))


@pytest.mark.parametrize("outside", [WORDS, -1])
def test_a_word_that_is_in_no_table_is_in_nobodys(outside: int) -> None:
    stack = certainly(stacked(made(Words, 4), rows(4, words=True)))
    for place in range(4):
        ids = rows(4, words=True)
        ids[place, 0, 0] = outside
        with pytest.raises((IndexError, RuntimeError)):
            stack(ids)


# Dropout ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.double])
@pytest.mark.parametrize("shape", [(5, 3), (1, 1), (32, 64), (7, 2, 3)])
def test_a_replica_forgets_what_torchs_dropout_forgets_after_its_seed(shape: tuple[int, ...], dtype: Any) -> None:
    seeds, x = [3, 8, 3], torch.ones(3, *shape, dtype=dtype)
    ours = StackedDropout(0.3, Draws(seeds))
    found = [ours(x) for _ in range(3)]  # the streams go on from call to call
    for place, seed in enumerate(seeds):
        torch.manual_seed(seed)
        for each in found:
            torch.testing.assert_close(each[place], nn.Dropout(0.3)(x[place]), rtol=1e-6, atol=0)


def test_replicas_of_equal_seeds_forget_the_same_and_others_do_not() -> None:
    x = torch.ones(4, 20, 10)
    first, second, third, fourth = StackedDropout(0.5, Draws([1, 2, 1, 3]))(x)
    assert torch.equal(first, third)
    assert not torch.equal(first, second)
    assert not torch.equal(second, fourth)


def test_dropout_forgets_nothing_in_evaluation_and_draws_nothing_from_the_global_stream() -> None:
    layer, x = StackedDropout(0.5, Draws([1, 2])), torch.randn(2, 6, 3)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    layer(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(layer.eval()(x), x)


@pytest.mark.parametrize("count", COUNTS)
def test_a_stack_with_several_dropouts_is_each_model_alone_after_its_seed(count: int) -> None:
    seeds = [100 + place // 2 for place in range(count)]  # pairs share theirs
    models = made(lambda: MLP(4, 2, hidden=(8, 6), dropout=0.3), count)
    x = rows(1).expand(count, ROWS, COLUMNS)
    stack = certainly(stacked(models, x, seeds)).train()
    assert_same(at_once(stack, x), by_loop(models, x, seeds))


def test_whoever_stays_goes_on_with_its_own_stream() -> None:
    seeds = [1, 2, 1, 3, 2]
    whole, cut = StackedDropout(0.5, Draws(seeds)), StackedDropout(0.5, Draws(seeds))
    x = torch.ones(5, 8, 4)
    assert torch.equal(whole(x), cut(x))
    places = torch.tensor([1, 3, 4])
    cut.draws.keep(places)
    for _ in range(3):
        assert torch.equal(whole(x)[places], cut(x[places]))
