"""Losses from installed packages and from the current folder, whatever state those are in."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lossbench.errors import InputError, PluginError, UnknownName
from lossbench.loss import CONTRACT, Kind, Loss, reduce
from lossbench.loss.catalogue import build, catalogue, custom_family, load_family, load_loss
from lossbench.loss.parameters import REQUIRED
from lossbench.plan import LossChoice, Range
from lossbench.plan.installed import import_target
from tests.conftest import Site, forget

BUILT_IN = ["bce", "cross_entropy", "huber", "mae", "mse", "sum"]

MINE = """
    from lossbench.loss import Kind, Loss

    class Mine(Loss):
        '''Twice the absolute error.

        More about it.
        '''
        kind = Kind.CONTINUOUS
        reference = "2 |r|"

        def forward(self, output, target):
            return 2 * (output - target).abs()
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """The current folder of somebody with a module `own_losses`, whose source the test writes."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(folder)

    def write(source: str) -> None:
        (folder / "own_losses.py").write_text(dedent(source))
        importlib.invalidate_caches()

    sys.modules.pop("own_losses", None)
    yield write
    sys.modules.pop("own_losses", None)


def numbers(kind: Kind, rows: int = 9) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    if kind is Kind.CLASSES:
        return torch.randn(rows, 3, generator=generator, dtype=torch.double), torch.arange(rows) % 3
    z = torch.randn(rows, generator=generator, dtype=torch.double)
    if kind is Kind.BINARY:
        return z, (torch.arange(rows) % 2).double()
    return z, torch.randn(rows, generator=generator, dtype=torch.double)


def custom(attribute: str, serves: Kind, params: dict[str, Any] | None = None, **given: Any) -> Loss:
    return build(LossChoice("custom", params or {}, target=f"own_losses.{attribute}", **given), serves)


def test_the_built_in_losses_are_found_by_their_entry_points(site: Site) -> None:
    assert set(BUILT_IN) <= set(catalogue().names())
    assert {catalogue().find(name).distribution for name in BUILT_IN} == {"lossbench"}


def test_a_plugin_is_found_without_being_imported_and_imported_when_it_is_chosen(site: Site) -> None:
    site.install("kit", {"mine": "kit_losses:Mine"}, MINE, module="kit_losses")
    assert "mine" in catalogue().names()
    assert catalogue().find("mine").version == "1.0"
    load_loss("mae")
    assert "kit_losses" not in sys.modules
    loss = load_loss("mine")
    assert "kit_losses" in sys.modules
    assert loss(torch.tensor([1.0, -3.0]), torch.zeros(2)).tolist() == [2.0, 6.0]


def test_a_plugin_says_of_itself_what_its_class_says(site: Site) -> None:
    site.install("kit", {"mine": "kit_losses:Mine"}, MINE, module="kit_losses")
    family = load_family("mine")
    assert list(family) == [Kind.CONTINUOUS]
    assert family.distribution == "kit 1.0"
    assert family[Kind.CONTINUOUS].reference == "2 |r|"
    assert family[Kind.CONTINUOUS].summary == "Twice the absolute error."


BROKEN = {
    "an error": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "an exit": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "a syntax error": ("def broken(:", "SyntaxError"),
    "a missing module": ("import no_module_of_this_name", "No module named 'no_module_of_this_name'"),
    "a missing object": ("x = 1", "has no attribute 'Mine'"),
}


@pytest.mark.parametrize(("source", "message"), BROKEN.values(), ids=BROKEN)
def test_a_plugin_that_breaks_on_import_is_named_and_disturbs_nobody(site: Site, source: str, message: str) -> None:
    site.install("bad-kit", {"mine": "bad_losses:Mine"}, source, module="bad_losses", version="2.5")
    site.install("kit", {"fine": "kit_losses:Mine"}, MINE, module="kit_losses")
    assert {"mine", "fine", *BUILT_IN} <= set(catalogue().names())
    assert load_loss("fine").kind is load_loss("mae").kind is Kind.CONTINUOUS
    with pytest.raises(PluginError, match=r"'mine' of bad-kit 2\.5 broke on import") as broken:
        load_loss("mine")
    assert message in str(broken.value)
    assert "Upgrade or uninstall bad-kit" in str(broken.value)


def test_a_plugin_whose_module_is_gone_is_named(site: Site) -> None:
    site.install("half-kit", {"mine": "half_losses:Mine"})
    with pytest.raises(PluginError, match=r"'mine' of half-kit 1\.0 broke on import.*half_losses"):
        load_loss("mine")


def test_a_stranger_never_takes_the_name_of_a_built_in(site: Site) -> None:
    site.install("kit", {"mae": "kit_losses:Mine"}, MINE, module="kit_losses")
    assert catalogue().find("mae").distribution == "lossbench"
    assert load_loss("mae")(torch.ones(1), torch.zeros(1)) == 1.0
    assert load_loss("kit.mae")(torch.ones(1), torch.zeros(1)) == 2.0
    assert {"mae", "kit.mae"} <= set(catalogue().names())


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_answers_to_its_qualified_name_too(name: str) -> None:
    assert catalogue().find(f"lossbench.{name}") is catalogue().find(name)


@pytest.mark.parametrize("distribution", ["kit", "loss-kit", "Loss.Kit_2"])
def test_distribution_and_loss_always_name_a_plugin(site: Site, distribution: str) -> None:
    site.install(distribution, {"mine": "kit_losses:Mine"}, MINE, module="kit_losses")
    assert catalogue().find(f"{distribution}.mine") is catalogue().find("mine")
    assert load_loss(f"{distribution}.mine")(torch.ones(1), torch.zeros(1)) == 2.0


def test_a_name_that_two_strangers_claim_belongs_to_neither(site: Site) -> None:
    site.install("one-kit", {"mine": "kit_losses:Mine"}, MINE, module="kit_losses")
    site.install("two-kit", {"mine": "kit_losses:Mine"})
    with pytest.raises(InputError, match=r"the loss 'mine': use one-kit\.mine or two-kit\.mine"):
        load_loss("mine")
    names = catalogue().names()
    assert {"one-kit.mine", "two-kit.mine"} <= set(names)
    assert "mine" not in names
    for distribution in ("one-kit", "two-kit"):
        assert load_family(f"{distribution}.mine").distribution == f"{distribution} 1.0"


def test_a_distribution_that_is_found_twice_counts_once(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("kit", {"mine": "kit_losses:Mine"}, MINE, module="kit_losses")
    later = tmp_path / "later"
    later.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(later)])
    Site(later).install("kit", {"mine": "old_losses:Mine"}, version="0.1")
    assert catalogue().find("mine").version == "1.0"
    assert load_loss("mine").kind is Kind.CONTINUOUS


def test_entry_points_of_other_groups_are_no_losses(site: Site) -> None:
    site.install("kit", {"mine": "kit_losses:Mine"}, MINE, module="kit_losses")
    (site.folder / "kit-1.0.dist-info" / "entry_points.txt").write_text("[console_scripts]\nmine = kit_losses:Mine\n")
    forget()
    assert "mine" not in catalogue().names()


OTHER_CONTRACTS = {
    "class": """
        from lossbench.loss import Kind, Loss
        class Mine(Loss):
            kind = Kind.BINARY
            contract = 99
    """,
    "function": """
        def Mine(output, target):
            return output
        Mine.__lossbench__ = {"kind": "binary", "contract": 99}
    """,
}


@pytest.mark.parametrize("source", OTHER_CONTRACTS.values(), ids=OTHER_CONTRACTS)
def test_a_loss_for_another_version_of_the_contract_is_refused_by_name(site: Site, source: str) -> None:
    site.install("old-kit", {"mine": "old_losses:Mine"}, source, module="old_losses")
    message = rf"'mine' of old-kit 1\.0 was written for version 99 .* has version {CONTRACT}"
    with pytest.raises(PluginError, match=message):
        load_loss("mine")


FUNCTIONS = """
    import torch
    from lossbench.plan import Range

    def cauchy(output, target, scale: float = 1.0):
        "The log of one and the square."
        return torch.log1p(((output - target) / scale) ** 2)

    cauchy.__lossbench__ = {
        "kind": "continuous",
        "reference": "log(1 + r²)",
        "search": {"scale": Range(0.1, 10.0, log=True)},
        "units": {"scale": "standard deviations"},
    }

    def keras_bce(y_true, y_pred):
        return -(y_true * y_pred.log() + (1 - y_true) * (1 - y_pred).log())

    keras_bce.__lossbench__ = {"kind": "binary", "order": "true_pred", "input": "probability"}

    def keras_ce(y_true, y_pred):
        return -y_pred[torch.arange(len(y_true)), y_true].log()

    keras_ce.__lossbench__ = {"kind": "classes", "order": "true_pred", "input": "probability"}

    def poisson(output, target):
        return output.exp() - target * output

    poisson.__lossbench__ = {"kind": "continuous", "link": "exp", "domain": "nonnegative"}

    def hinge(output, target):
        return (1 - (2 * target - 1) * output).clamp(min=0)

    hinge.__lossbench__ = {"kind": "binary", "link": "none"}

    def tuned(output, target):
        return (output - target).square()

    tuned.__lossbench__ = {"kind": ("continuous", "binary")}
"""


@pytest.fixture
def functions(site: Site) -> None:
    """A distribution `plain` that knows nothing of lossbench but the name of a dict."""
    names = ["cauchy", "keras_bce", "keras_ce", "poisson", "hinge", "tuned"]
    losses = {f"my_{name}": f"plain_losses:{name}" for name in names}
    site.install("plain", losses, FUNCTIONS, module="plain_losses")


@pytest.mark.parametrize("scale", [None, 1.0, 2.5])
def test_a_plain_function_is_a_loss_with_its_parameters(functions: None, scale: float | None) -> None:
    z, y = numbers(Kind.CONTINUOUS)
    loss = load_loss("my_cauchy", **({} if scale is None else {"scale": scale}))
    np.testing.assert_allclose(loss(z, y), np.log1p(np.square((z - y).numpy() / (scale or 1.0))), 1e-12)


def test_what_a_function_states_beside_it_is_read(functions: None) -> None:
    member = load_family("my_cauchy")[Kind.CONTINUOUS]
    assert (member.reference, member.summary) == ("log(1 + r²)", "The log of one and the square.")
    assert dict(member.search) == {"scale": Range(0.1, 10.0, log=True)}
    (scale,) = member.parameters
    assert (scale.name, scale.type, scale.default, scale.unit) == ("scale", float, 1.0, "standard deviations")


def test_a_function_of_targets_and_probabilities_gives_torchs_binary_cross_entropy(functions: None) -> None:
    z, y = numbers(Kind.BINARY)
    found = load_loss("my_keras_bce")(z, y)
    torch.testing.assert_close(found, functional.binary_cross_entropy(z.sigmoid(), y, reduction="none"))
    torch.testing.assert_close(found, load_loss("bce", "binary")(z, y))


def test_a_function_of_targets_and_class_probabilities_gives_torchs_cross_entropy(functions: None) -> None:
    z, y = numbers(Kind.CLASSES)
    found = load_loss("my_keras_ce")(z, y)
    torch.testing.assert_close(found, functional.cross_entropy(z, y, reduction="none"))


def test_a_link_turns_outputs_into_predictions(functions: None) -> None:
    z, _ = numbers(Kind.CONTINUOUS)
    loss = load_loss("my_poisson")
    assert loss.domain.value == "nonnegative"
    np.testing.assert_allclose(loss.predict(z).score, np.exp(z.numpy()), 1e-12)


def test_a_binary_loss_without_a_link_has_no_probability(functions: None) -> None:
    prediction = load_loss("my_hinge").predict(torch.tensor([-2.0, 3.0]))
    assert prediction.probability is None
    assert prediction.label is not None
    assert (prediction.score.tolist(), prediction.label.tolist()) == ([-2, 3], [0, 1])


def test_one_function_may_serve_several_kinds(functions: None) -> None:
    assert list(load_family("my_tuned")) == [Kind.CONTINUOUS, Kind.BINARY]
    assert load_loss("my_tuned", "binary").kind is Kind.BINARY


SMOOTH = """
    import torch

    class Smooth(torch.nn.SmoothL1Loss):
        __lossbench__ = {"kind": "continuous", "units": {"beta": "standard deviations"}}
"""


@pytest.mark.parametrize("beta", [0.25, 1.0, 2.0])
def test_a_module_with_a_reduction_is_built_without_one(site: Site, beta: float) -> None:
    site.install("kit", {"smooth": "kit_losses:Smooth"}, SMOOTH, module="kit_losses")
    r = np.array([0.0, 0.1, -0.2, 0.9, -1.5, 7.0])
    # torch's documentation: r²/(2 beta) where |r| < beta, else |r| - beta/2
    wanted = np.where(np.abs(r) < beta, r**2 / (2 * beta), np.abs(r) - beta / 2)
    loss = load_loss("smooth", beta=beta)
    np.testing.assert_allclose(loss(torch.from_numpy(r), torch.zeros(6).double()), wanted, 1e-12)
    assert [parameter.name for parameter in load_family("smooth").parameters] == ["beta"]
    with pytest.raises(UnknownName, match="no parameter of 'smooth' 'reduction'"):
        load_loss("smooth", reduction="sum")


def test_a_module_keeps_what_it_learns(site: Site) -> None:
    source = """
        import torch
        class Scaled(torch.nn.Module):
            __lossbench__ = {"kind": "continuous"}
            def __init__(self):
                super().__init__()
                self.scale = torch.nn.Parameter(torch.tensor(2.0))
            def forward(self, output, target):
                return self.scale * (output - target).abs()
    """
    site.install("kit", {"stretched": "kit_losses:Scaled"}, source, module="kit_losses")
    loss = load_loss("stretched")
    assert [parameter.item() for parameter in loss.parameters()] == [2.0]
    loss(torch.tensor([3.0]), torch.zeros(1)).sum().backward()
    assert [float(parameter.grad) for parameter in loss.parameters()] == [3.0]  # type: ignore[arg-type]


TUPLES = """
    from lossbench.loss import Kind, Loss

    class Number(Loss):
        kind = Kind.CONTINUOUS
        def forward(self, output, target):
            return output * 0 + 1

    class Answer(Loss):
        kind = Kind.BINARY
        def __init__(self, cost: float = 2.0):
            super().__init__()
            self.cost = cost
        def forward(self, output, target):
            return output * 0 + self.cost

    class SecondAnswer(Loss):
        kind = Kind.BINARY

    good = (Number, Answer)
    twice = (Number, Answer, SecondAnswer)
"""


def test_a_tuple_serves_one_kind_by_each_of_its_losses(site: Site) -> None:
    site.install("kit", {"both": "kit_losses:good"}, TUPLES, module="kit_losses")
    family = load_family("both")
    assert list(family) == [Kind.CONTINUOUS, Kind.BINARY]
    assert family.first((Kind.CLASSES, Kind.BINARY, Kind.CONTINUOUS)) is Kind.BINARY
    assert family.first((Kind.CLASSES,)) is None
    values = [load_loss("both", kind)(torch.zeros(1), torch.zeros(1)).item() for kind in family]
    assert values == [1.0, 2.0]
    with pytest.raises(InputError, match="'both' has no parameter 'cost' for continuous targets"):
        load_loss("both", "continuous", cost=3.0)


def test_two_losses_of_one_kind_under_one_name_are_refused(site: Site) -> None:
    site.install("kit", {"both": "kit_losses:twice"}, TUPLES, module="kit_losses")
    with pytest.raises(PluginError, match=r"'both' of kit 1\.0 offers two losses of one kind"):
        load_loss("both", "binary")


WRONG = {
    "an int": ("thing = 3", "is a int"),
    "a string": ("thing = 'mse'", "is a str"),
    "nothing": ("thing = None", "is a NoneType"),
    "a tuple with an int": (MINE + "\n    thing = (Mine, 3)", "is a int"),
    "the abstract loss": ("from lossbench.loss import Loss as thing", "does not state its kind"),
    "a function without a kind": (
        "def thing(p, y): return p",
        "does not state what it predicts",
    ),
    "a function of no known kind": (
        "def thing(p, y): return p\n    thing.__lossbench__ = {'kind': 'ternary'}",
        "'ternary' is not a kind of loss; known: continuous, binary",
    ),
    "an unknown trait": (
        "def thing(p, y): return p\n    thing.__lossbench__ = {'kind': 'binary', 'colour': 1}",
        "unknown keys \\['colour'\\]",
    ),
    "an unknown order": (
        "def thing(p, y): return p\n    thing.__lossbench__ = {'kind': 'binary', 'order': 'both'}",
        "order must be pred_true or true_pred, not 'both'",
    ),
    "an unknown input": (
        "def thing(p, y): return p\n    thing.__lossbench__ = {'kind': 'binary', 'input': 'odds'}",
        "input must be raw, probability, log_probability or prediction, not 'odds'",
    ),
    "an unknown link": (
        "def thing(p, y): return p\n    thing.__lossbench__ = {'kind': 'binary', 'link': 'probit'}",
        "link must be one of .* not 'probit'",
    ),
}


@pytest.mark.parametrize(("source", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_loss_is_refused_with_its_distribution(site: Site, source: str, message: str) -> None:
    body = source if source.startswith("\n") else f"\n    {source}"
    site.install("wrong-kit", {"thing": "wrong_losses:thing"}, body, module="wrong_losses")
    with pytest.raises(PluginError, match=rf"'thing' of wrong-kit 1\.0.*{message}"):
        load_loss("thing")


def test_a_plugin_that_breaks_on_construction_is_named(site: Site) -> None:
    source = """
        from lossbench.loss import Kind, Loss
        class Mine(Loss):
            kind = Kind.BINARY
            def __init__(self):
                raise OSError("no such table")
    """
    site.install("kit", {"mine": "kit_losses:Mine"}, source, module="kit_losses")
    with pytest.raises(PluginError, match=r"'mine' of kit 1\.0 broke on construction: OSError: no such table"):
        load_loss("mine")


@pytest.mark.parametrize(
    ("name", "kind", "params", "message"),
    [
        ("mse", None, {}, r"'mse' has several kinds .*kind='continuous', kind='binary', kind='classes'"),
        ("mae", "binary", {}, "'mae' is not for binary targets, only continuous"),
        ("mae", "ternary", {}, "no kind of loss 'ternary'"),
        ("mae", "continous", {}, "Did you mean continuous"),
        ("hubert", None, {}, "no loss 'hubert'. Did you mean huber"),
        ("huber", None, {"dleta": 1.0}, "no parameter of 'huber' 'dleta'. Did you mean delta"),
        ("mae", None, {"delta": 1.0}, "no parameter of 'mae' 'delta'"),
        ("huber", None, {"delta": "wide"}, "loss.params.delta of 'huber' must be a float, not 'wide'"),
        ("huber", None, {"delta": True}, "loss.params.delta of 'huber' must be a float, not True"),
        ("huber", None, {"delta": None}, "loss.params.delta of 'huber' must be a float, not None"),
        ("huber", None, {"delta": -1}, "'huber' refuses delta=-1: delta must be above 0"),
        ("sum", "binary", {}, "'sum' needs a value: loss.params.terms"),
    ],
)
def test_a_wrong_choice_is_the_users_to_mend(name: str, kind: str | None, params: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_loss(name, kind, **params)


@pytest.mark.parametrize("kind", ["binary", Kind.BINARY])
def test_a_kind_is_named_by_word_or_by_member(kind: Kind | str) -> None:
    assert load_loss("mse", kind).kind is Kind.BINARY


def test_a_whole_number_will_do_for_a_float() -> None:
    assert load_loss("huber", delta=2)(torch.tensor([4.0]), torch.zeros(1)) == 2 * (4 - 1)


def test_every_load_is_a_fresh_loss() -> None:
    assert load_loss("mae") is not load_loss("mae")


def test_a_parameter_without_a_default_is_required(site: Site) -> None:
    source = """
        def power(output, target, p: int):
            return (output - target).abs() ** p
        power.__lossbench__ = {"kind": "continuous"}
    """
    site.install("kit", {"power": "kit_losses:power"}, source, module="kit_losses")
    assert load_family("power").parameters[0].default is REQUIRED
    with pytest.raises(InputError, match=r"'power' needs a value: loss\.params\.p="):
        load_loss("power")
    with pytest.raises(InputError, match=r"loss\.params\.p of 'power' must be an int, not 2\.5"):
        load_loss("power", p=2.5)
    assert load_loss("power", p=3)(torch.tensor([2.0]), torch.zeros(1)) == 8.0


def test_a_sum_is_the_weighted_sum_of_its_terms_by_hand() -> None:
    loss = load_loss("sum", "continuous", terms={"mse": 1, "mae": 0.5, "huber": 2.0})
    values = loss(torch.tensor([3.0, -0.5]), torch.tensor([1.0, 0.0]))
    # residuals 2 and -0.5: squares 4 and 0.25, sizes 2 and 0.5, Huber's 2 - 1/2 and 0.25/2
    assert values.tolist() == [4 + 0.5 * 2 + 2 * 1.5, 0.25 + 0.5 * 0.5 + 2 * 0.125]
    assert loss.pointwise


def test_the_parts_of_a_sum_are_its_terms_unweighted_and_without_gradient() -> None:
    loss = load_loss("sum", "continuous", terms={"mse": 1, "lossbench.mae": 0.5})
    loss(torch.tensor([3.0, -0.5], requires_grad=True), torch.tensor([1.0, 0.0]))
    parts = loss.parts()
    assert {name: values.tolist() for name, values in parts.items()} == {
        "mse": [4.0, 0.25],
        "lossbench.mae": [2.0, 0.5],
    }
    assert not any(values.requires_grad for values in parts.values())


@pytest.mark.parametrize("kind", [Kind.BINARY, Kind.CLASSES])
def test_the_terms_of_a_sum_are_of_the_kind_of_the_sum(kind: Kind) -> None:
    z, y = numbers(kind)
    name = "bce" if kind is Kind.BINARY else "cross_entropy"
    found = load_loss("sum", kind, terms={"brier": 0.25, name: 3})(z, y)
    torch.testing.assert_close(found, 0.25 * load_loss("brier", kind)(z, y) + 3 * load_loss(name, kind)(z, y))


def test_the_gradient_of_a_sum_is_the_sum_of_the_gradients() -> None:
    z, y = numbers(Kind.CONTINUOUS)
    z.requires_grad_()
    total = load_loss("sum", "continuous", terms={"mse": 2, "mae": -0.5})(z, y)
    (slope,) = torch.autograd.grad(total.sum(), z)
    torch.testing.assert_close(slope, (4 * (z - y) - 0.5 * (z - y).sign()).detach())


def test_a_sum_reads_the_outputs_as_its_terms_do() -> None:
    z, _ = numbers(Kind.CLASSES)
    for first, second in (("brier", "cross_entropy"), ("cross_entropy", "brier")):
        loss = load_loss("sum", "classes", terms={first: 1, second: 1})
        assert torch.equal(loss.predict(z).probability, z.softmax(1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "terms", "message"),
    [
        ("continuous", {"mse": 1, "maee": 1}, "no loss 'maee'. Did you mean mae"),
        ("binary", {"bce": 1, "mae": 1}, "'mae' is not for binary targets"),
        ("continuous", {"mse": "much"}, "the weight of 'mse' must be a number"),
        ("continuous", {"mse": True}, "the weight of 'mse' must be a number"),
        ("continuous", {}, "terms must name at least one loss"),
        ("continuous", {"sum": 1}, "'sum' needs a value"),
    ],
)
def test_a_sum_of_what_cannot_be_summed_is_the_users_to_mend(kind: str, terms: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_loss("sum", kind, terms=terms)


TERMS = """
    import torch
    from lossbench.loss import Domain, Kind, Loss

    class Worst(Loss):
        kind = Kind.BINARY
        pointwise = False
        def forward(self, output, target):
            return (torch.sigmoid(output) - target).abs().max()

    class Three(Loss):
        kind = Kind.CONTINUOUS
        def outputs(self, classes):
            return 3
        def forward(self, output, target):
            return output[:, 0] * 0

    class Counted(Loss):
        kind = Kind.CONTINUOUS
        domain = Domain.NONNEGATIVE
        def forward(self, output, target):
            return output * 0

    class Watching(Loss):
        kind = Kind.CONTINUOUS
        def __init__(self):
            super().__init__()
            self.seen = []
        def observe(self, target):
            self.seen.append(target.tolist())
        def advance(self, progress):
            self.seen.append(progress)
        def forward(self, output, target):
            return output * 0
"""


@pytest.fixture
def terms(site: Site) -> None:
    """A distribution of losses to be summed."""
    names = ["worst", "three", "counted", "watching"]
    site.install("terms", {name: f"terms_losses:{name.title()}" for name in names}, TERMS, module="terms_losses")


def test_a_sum_with_a_set_loss_is_a_set_loss(terms: None) -> None:
    z, y = torch.tensor([0.0, 2.0, -1.0]), torch.tensor([1.0, 0.0, 0.0])
    loss = load_loss("sum", "binary", terms={"bce": 1, "worst": 2})
    value = loss(z, y)
    assert value.shape == ()
    assert not loss.pointwise
    # torch's mean cross-entropy, and the worst probability: sigmoid(2) where 0 was due
    wanted = functional.binary_cross_entropy_with_logits(z, y) + 2 * torch.sigmoid(torch.tensor(2.0))
    torch.testing.assert_close(value, wanted)
    torch.testing.assert_close(loss.parts()["worst"], torch.sigmoid(torch.tensor(2.0)))
    with pytest.raises(ValueError, match="sample weights do not apply"):
        reduce(value, torch.ones(3))


@pytest.mark.parametrize(
    ("second", "message"),
    [("three", "the same number of raw outputs"), ("counted", "targets in the same unit")],
)
def test_terms_that_need_different_outputs_or_targets_are_not_summed(terms: None, second: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_loss("sum", "continuous", terms={"mse": 1, second: 1})


def test_a_sum_tells_its_terms_what_it_is_told(terms: None) -> None:
    loss: Any = load_loss("sum", "continuous", terms={"mse": 1, "watching": 1})
    loss.observe(torch.tensor([1.0, 2.0]))
    loss.advance(0.25)
    assert loss.terms[1].seen == [[1.0, 2.0], 0.25]
    assert load_loss("sum", "continuous", terms={"three": 1}).outputs(1) == 3


def test_a_loss_of_the_current_folder_is_imported_from_there(here: Callable[[str], None]) -> None:
    here(MINE)
    assert custom("Mine", Kind.CONTINUOUS)(torch.ones(1), torch.zeros(1)) == 2.0


def test_a_function_of_the_current_folder_takes_its_kind_from_the_command(
    here: Callable[[str], None],
) -> None:
    here("def third(y, p, power: float = 3.0): return (y - p).abs() ** power")
    z, y = numbers(Kind.BINARY)
    given = {"kind": "binary", "order": "true_pred", "input": "probability"}
    found = custom("third", Kind.BINARY, {"power": 2.0}, **given)(z, y)
    torch.testing.assert_close(found, functional.mse_loss(z.sigmoid(), y, reduction="none"))


@pytest.mark.parametrize("delta", [0.5, 2.0])
@pytest.mark.parametrize("target", ["torch.nn.HuberLoss", "torch.nn.functional.huber_loss"])
def test_torchs_own_losses_are_taken_unreduced_as_modules_and_as_functions(target: str, delta: float) -> None:
    z, y = numbers(Kind.CONTINUOUS)
    loss = build(LossChoice("custom", {"delta": delta}, target=target, kind="continuous"), Kind.CONTINUOUS)
    torch.testing.assert_close(loss(4 * z, y), load_loss("huber", delta=delta)(4 * z, y))


def test_a_reduced_function_is_stopped_in_the_batch(here: Callable[[str], None]) -> None:
    here("def mean(output, target): return ((output - target) ** 2).mean()")
    with pytest.raises(ValueError, match="n targets in, n losses out"):
        custom("mean", Kind.CONTINUOUS, kind="continuous")(torch.zeros(3), torch.zeros(3))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("MyLoss", "loss.target=MyLoss is not a dotted path such as my.module.MyLoss"),
        (
            "no_module_here.MyLoss",
            "loss.target=.*: there is no module 'no_module_here' here or among the installed",
        ),
        ("own_losses.MyLoss", "loss.target=.*: the module 'own_losses' has no 'MyLoss'"),
        ("own_losses.number", "'number' of loss.target=own_losses.number is a int"),
        ("own_losses.kindless", "loss.kind=binary on the command line"),
    ],
)
def test_a_target_that_is_no_loss_is_the_users_to_mend(here: Callable[[str], None], target: str, message: str) -> None:
    here("number = 3\ndef kindless(output, target): return output")
    with pytest.raises(InputError, match=message):
        custom_family(LossChoice("custom", target=target))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('no licence')", "broke on import: RuntimeError: no licence"),
        ("def broken(:", "broke on import: SyntaxError"),
        ("import no_module_of_this_name", "there is no module 'no_module_of_this_name'"),
    ],
)
def test_a_module_of_the_current_folder_that_breaks_says_how(
    here: Callable[[str], None], source: str, message: str
) -> None:
    here(source)
    with pytest.raises(InputError, match=f"loss.target=own_losses.mine.*{message}"):
        custom_family(LossChoice("custom", target="own_losses.mine"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"kind": "ternary"}, "'ternary' is not a kind of loss"),
        ({"kind": "binary", "order": "both"}, "order must be pred_true or true_pred"),
        ({"kind": "binary", "input": "odds"}, "input must be raw, probability, log_probability or prediction"),
    ],
)
def test_a_custom_loss_described_in_unknown_words_is_the_users_to_mend(
    here: Callable[[str], None], given: dict[str, str], message: str
) -> None:
    here("def mine(output, target): return output")
    with pytest.raises(InputError, match=message):
        custom_family(LossChoice("custom", target="own_losses.mine", **given))


def test_a_stranger_cannot_pass_for_another_distributions_loss(site: Site) -> None:
    site.install("evil", {"lossbench.mse": "evil_losses:anything"})
    assert catalogue().find("lossbench.mse").distribution == "lossbench"
    assert catalogue().find("evil.lossbench.mse").distribution == "evil"
    assert "evil.lossbench.mse" in catalogue().names()


@pytest.mark.parametrize("damage", ["[lossbench.losses]\na line without a sign\n", "[lossbench.losses]\nx = y\n"])
def test_damaged_metadata_of_one_package_hide_that_package_alone(site: Site, damage: str) -> None:
    folder = site.folder / "damaged-1.0.dist-info"
    folder.mkdir()
    (folder / "entry_points.txt").write_text(damage)  # and no METADATA at all
    forget()
    assert "mse" in catalogue().names()
    assert all(plugin.distribution for plugin in catalogue().plugins)


def test_a_kind_on_the_command_line_leaves_the_functions_own_order_and_input(here: Callable[[str], None]) -> None:
    here("""
        def keras_bce(y_true, y_pred):
            return -(y_true * y_pred.log() + (1 - y_true) * (1 - y_pred).log())
        keras_bce.__lossbench__ = {"order": "true_pred", "input": "probability"}
    """)
    output, target = numbers(Kind.BINARY)
    expected = torch.nn.functional.binary_cross_entropy_with_logits(output, target, reduction="none")
    loss = build(LossChoice("custom", {}, "own_losses.keras_bce", "binary"), Kind.BINARY)
    assert torch.allclose(loss(output, target), expected)


@pytest.mark.parametrize(
    ("traits", "message"),
    [
        ("{'kind': 'continuous', 'input': 'probability'}", "input=probability is not possible for continuous targets"),
        ("['binary']", "__lossbench__ is a list, not a dict"),
        ("{'kind': 'binary', 'link': []}", "link must be one of"),
        ("{'kind': 'binary', 'domain': 'positive'}", "domain must be real or nonnegative"),
        ("{'kind': 'binary', 'search': {'powr': (1, 3)}}", "`search` names 'powr', which is not one of its parameters"),
        ("{'kind': 'binary', 'bounded': 'yes'}", "bounded must be True, False or left out, not 'yes'"),
        ("{'kind': 'binary', 'convex': 1}", "convex must be True, False or left out, not 1"),
        ("{'kind': 'binary', 'zero': 0.0}", "zero must be True, False or left out, not 0.0"),
        ("{'kind': 'binary', 'monotone': 'no'}", "monotone must be True, False or left out, not 'no'"),
        ("{'kind': 'binary', 'gives_up_on': True}", "gives_up_on must be text, not True"),
        ("{'kind': 'binary', 'gives_up_on': 'outliers'}", "gives_up_on must name positives, negatives, not 'outliers'"),
        ("{'kind': 'binary', 'observes': ['counts']}", r"observes must be text, not \['counts'\]"),
        ("{'kind': 'binary', 'elicits': 0.5}", "elicits must be text, not 0.5"),
        ("{'kind': 'binary', 'reference': None}", "reference must be text, not None"),
        (
            "{'kind': 'binary', 'special_cases': 'bce'}",
            "special_cases must be a dict of text such as {'gamma=0': 'bce'}",
        ),
        ("{'kind': 'binary', 'special_cases': {0: 'bce'}}", "special_cases must be a dict of text"),
        ("{'kind': 'binary', 'raises': {'power': 2}}", "raises must be a dict of text such as {'beta': 'positives'}"),
        ("{'kind': 'binary', 'raises': {'power': 'all'}}", "raises must name positives, .*downwards, not 'all'"),
        (
            "{'kind': 'binary', 'raises': {'powr': 'positives'}}",
            "`raises` names 'powr', which is not one of its parameters",
        ),
        ("{'kind': 'binary', 'units': 'logits'}", "units must be a dict of text such as {'delta'"),
        ("{'kind': 'binary', 'search': {'power': (3, 1)}}", "`search` of 'power' is not a range"),
        ("{'kind': 'binary', 'search': {'power': (1, 3, 'ln')}}", "`search` of 'power' is not a range"),
        ("{'kind': 'binary', 'search': {'power': (1, 3), 'b': (1, 3), 'c': (1, 3)}}", "more than two parameters"),
    ],
)
def test_impossible_traits_are_refused_in_words(here: Callable[[str], None], traits: str, message: str) -> None:
    here(f"def loss(output, target, power=2, b=2, c=2): return output\nloss.__lossbench__ = {traits}")
    with pytest.raises(InputError, match=message):
        custom_family(LossChoice("custom", {}, "own_losses.loss"))


def test_a_function_tells_every_trait_that_a_class_can_tell(here: Callable[[str], None]) -> None:
    traits = {
        "bounded": True,
        "convex": False,
        "zero": True,
        "monotone": None,
        "gives_up_on": "negatives",
        "special_cases": {"power=2": "brier"},
        "raises": {"power": "positives"},
        "observes": "class counts",
        "elicits": "probability",
    }
    here(f"def loss(output, target, power=2): return output\nloss.__lossbench__ = { ({'kind': 'binary'} | traits)!r}")
    loss = build(LossChoice("custom", {}, "own_losses.loss"), Kind.BINARY)
    assert {name: getattr(loss, name) for name in traits} == traits


@pytest.mark.parametrize(("source", "message"), [("raise SystemExit(3)", "broke on import: SystemExit"),
                                                 ("[].nothing", "broke on import: AttributeError")])  # fmt: skip
def test_a_module_that_breaks_on_import_is_told_from_one_without_the_name(
    here: Callable[[str], None], source: str, message: str
) -> None:
    here(source)
    with pytest.raises(InputError, match=message):
        custom_family(LossChoice("custom", {}, "own_losses.loss", "binary"))


@pytest.mark.parametrize("terms", ["mse", ["mse", "mae"]])
def test_terms_that_are_no_mapping_are_refused_in_words(terms: object) -> None:
    with pytest.raises(InputError, match=r"terms must be a mapping \{loss: weight\}"):
        load_loss("sum", kind="continuous", terms=terms)


def test_a_sum_refuses_terms_that_want_different_numbers_of_outputs(site: Site) -> None:
    site.install("two", {"two_outputs": "two_outputs:TwoOutputs"}, """
        from lossbench.loss import Kind, Loss
        class TwoOutputs(Loss):
            kind = Kind.CONTINUOUS
            def outputs(self, classes):
                return 2
    """, module="two_outputs")  # fmt: skip
    with pytest.raises(InputError, match="the same number of raw outputs"):
        load_loss("sum", kind="continuous", terms={"mse": 1, "two_outputs": 1})


def test_a_search_is_written_without_depending_on_us(here: Callable[[str], None]) -> None:
    here("""
        def loss(output, target, power=2.0, share=0.5):
            return (output - target).abs() ** power
        loss.__lossbench__ = {"kind": "continuous", "search": {"power": (1, 3), "share": (0.1, 1, "log")}}
    """)
    member = custom_family(LossChoice("custom", {}, "own_losses.loss"))[Kind.CONTINUOUS]
    assert member.search == {"power": Range(1, 3), "share": Range(0.1, 1, log=True)}


def test_a_parameter_may_be_called_kind(here: Callable[[str], None]) -> None:
    here("""
        def loss(output, target, kind: float = 1.0):
            return (output - target) * kind
        loss.__lossbench__ = {"kind": "continuous"}
    """)
    loss = build(LossChoice("custom", {"kind": 3.0}, "own_losses.loss"), Kind.CONTINUOUS)
    assert loss(torch.ones(2), torch.zeros(2)).tolist() == [3.0, 3.0]


def test_the_tests_of_published_plugins_find_the_catalogue_under_its_former_name() -> None:
    import lossbench.loss.catalogue as home
    import lossbench.plugins as former

    assert former is home
    assert former.catalogue is catalogue
    assert home.__spec__ is not None
    assert home.__spec__.name == "lossbench.loss.catalogue"


@pytest.mark.parametrize(
    "path",
    [
        "tasks.regression.Regression",
        "tasks.binary.Binary",
        "tasks.ner.NER",
        "models.tabular.MLP",
        "models.tabular.Linear",
    ],
)
def test_the_targets_in_stored_records_stay_importable(path: str) -> None:
    assert import_target(f"lossbench.{path}", "task.target").__name__ == path.rpartition(".")[2]


def test_what_scripts_import_stays_where_it_was() -> None:
    from lossbench import cells, compare, load_loss, read_records, run, run_cell  # noqa: F401
    from lossbench.data.file import read_file  # noqa: F401
    from lossbench.loss import Kind, Loss, Prediction, Range  # noqa: F401
    from lossbench.testing import LAWS, check, loss_laws, subjects  # noqa: F401
