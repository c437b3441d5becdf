"""Losses made of other losses, against sums written out by hand: schedules, warm-up, learned weights."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lossbench.compose.composition import cells
from lossbench.errors import InputError
from lossbench.loss import Kind, Loss, Schedule, Sequences, reduce
from lossbench.loss.catalogue import build, code_of, load_loss, search_of
from lossbench.plan import LossChoice
from lossbench.records.record import read_record, read_records
from lossbench.training.objectives import Calling, Objectives
from lossbench_standard.composite import BinarySum
from tests.conftest import Result
from tests.training.test_replicas import assert_agree, cell, sequentially, side_by_side

Command = Callable[..., Result]
OUTPUT, TARGET = torch.tensor([3.0, -0.5]), torch.tensor([1.0, 0.0])
# residuals 2 and -0.5
SQUARES, SIZES = torch.tensor([4.0, 0.25]), torch.tensor([2.0, 0.5])
LOGITS, LABELS = torch.tensor([0.5, 2.0, -1.0, 0.1]), torch.tensor([1.0, 0.0, 0.0, 1.0])


def at(loss: Loss, progress: float, output: Tensor = OUTPUT, target: Tensor = TARGET) -> Tensor:
    loss.advance(progress)
    return loss(output, target)


def scheduled(**schedule: Any) -> Loss:
    return load_loss("sum", "continuous", terms={"mse": 1, "mae": schedule})


# Schedules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "weights"),
    [
        ({"from": 0, "to": 0.5}, (0.0, 0.25, 0.5)),
        ({"from": 2, "to": 1}, (2.0, 1.5, 1.0)),
        ({"from": 0, "to": 0.5, "until": 0.5}, (0.0, 0.5, 0.5)),
        # (1 - cos πt)/2 is ½ at t = ½ whatever the pace
        ({"from": 0, "to": 0.5, "shape": "cosine"}, (0.0, 0.25, 0.5)),
        ({"from": 0, "to": 1, "until": 0.75, "shape": "cosine"}, (0.0, 0.75, 1.0)),  # cos(2π/3) = -½
    ],
)
def test_a_weight_moves_from_one_number_to_another(schedule: dict[str, Any], weights: tuple[float, ...]) -> None:
    loss = scheduled(**schedule)
    for progress, weight in zip((0.0, 0.5, 1.0), weights, strict=True):
        torch.testing.assert_close(at(loss, progress), SQUARES + weight * SIZES)


def test_before_anything_is_told_a_weight_is_where_it_begins() -> None:
    torch.testing.assert_close(scheduled(**{"from": 2, "to": 1})(OUTPUT, TARGET), SQUARES + 2 * SIZES)


def test_a_schedule_ends_on_its_number_to_the_last_digit() -> None:
    assert Schedule(0.1, 0.3).at(1.0) == 0.3
    assert Schedule(0.1, 0.3, until=0.3).at(0.7) == 0.3
    assert Schedule(0.1, 0.3, shape="cosine").at(0.0) == 0.1
    assert {Schedule(0.3, 0.3).at(n / 59) for n in range(60)} == {0.3}


def test_every_term_is_logged_even_one_that_does_not_count_yet() -> None:
    loss = scheduled(**{"from": 0, "to": 0.5})
    at(loss, 0.0)
    assert {name: part.tolist() for name, part in loss.parts().items()} == {"mse": [4.0, 0.25], "mae": [2.0, 0.5]}


def test_a_term_that_overflows_while_it_does_not_count_harms_nothing() -> None:
    loss = load_loss("sum", "continuous", terms={"mae": 1, "mse": {"from": 0, "to": 1}})
    output = torch.tensor([1e30], requires_grad=True)  # its square is infinite in float32
    value = at(loss, 0.0, output, torch.zeros(1))
    assert value.item() == pytest.approx(1e30)
    assert torch.autograd.grad(value.sum(), output)[0].item() == 1.0
    assert math.isinf(at(loss, 0.5, output, torch.zeros(1)).item())


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ({"from": 0}, "the weight of 'mae': a schedule needs 'to'"),
        ({"to": 1}, "a schedule needs 'from'"),
        ({"from": 0, "too": 1}, "a schedule has no 'too'"),
        ({"from": 0, "to": "much"}, "'to' of a schedule must be a finite number, not 'much'"),
        ({"from": True, "to": 1}, "'from' of a schedule must be a finite number, not True"),
        ({"from": 0, "to": float("inf")}, "'to' of a schedule must be a finite number"),
        (
            {"from": 0, "to": 1, "until": 0},
            "'until' of a schedule must be a share of the training, above 0 and at most 1",
        ),
        ({"from": 0, "to": 1, "until": 2}, "not 2"),
        ({"from": 0, "to": 1, "shape": "steep"}, "'shape' of a schedule must be linear or cosine, not 'steep'"),
        ([0, 1], "must be a number, or a schedule such as {from: 0, to: 0.5}"),
        (float("nan"), "must be a number, or a schedule"),
    ],
)
def test_a_weight_that_is_neither_a_number_nor_a_schedule_is_refused(weight: object, message: str) -> None:
    with pytest.raises(InputError, match=message) as refusal:
        load_loss("sum", "continuous", terms={"mse": 1, "mae": weight})
    assert str(refusal.value).startswith("loss.params.terms: the weight of 'mae'")


@pytest.mark.parametrize(
    ("terms", "when"), [({"mse": 0}, "begins"), ({"mse": {"from": 0, "to": 1}}, "begins"),
                        ({"mse": {"from": 1, "to": 0}, "mae": {"from": 1, "to": 0}}, "ends")]
)  # fmt: skip
def test_a_sum_of_nothing_is_refused(terms: dict[str, Any], when: str) -> None:
    with pytest.raises(InputError, match=f"all weights are 0 when the training {when}"):
        load_loss("sum", "continuous", terms=terms)


# Which terms can be added -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "first", "second", "difference"),
    [
        ("binary", "bce", "hinge", "only one gives a probability"),
        ("binary", "bce", "squared_hinge", "the probability differs"),
        ("classes", "mse", "cross_entropy", "the probability differs"),
        ("classes", "bce", "cross_entropy", "the probability differs"),
        ("continuous", "poisson_nll", "msle", "the score differs"),
        ("continuous", "gaussian_nll", "student_t_nll", "the interval differs"),
        ("sequences", "sequence_cross_entropy", "crf", "differs"),
    ],
)
@pytest.mark.parametrize("name", ["sum", "warmup", "uncertainty_weighting"])
def test_terms_that_read_outputs_differently_are_refused_by_name(
    name: str, kind: str, first: str, second: str, difference: str
) -> None:
    params: dict[str, dict[str, Any]] = {
        "sum": {"terms": {first: 1, second: 1}},
        "warmup": {"start": first, "loss": second},
        "uncertainty_weighting": {"terms": [first, second]},
    }
    with pytest.raises(InputError, match=f"'{first}' and '{second}' read raw outputs as different.*{difference}"):
        load_loss(name, kind, **params[name])


def test_terms_that_read_outputs_alike_may_be_added_though_each_says_so_itself() -> None:
    terms: dict[str, Any] = {"squared_hinge": 1, "modified_huber": 1}  # both have the same predict of their own
    assert load_loss("sum", "binary", terms=terms).predict(torch.tensor([0.5])).probability == 0.75


def test_what_a_term_learns_has_the_size_that_the_classes_call_for() -> None:
    composed: Any = load_loss("sum", "sequences", terms={"sequence_cross_entropy": 1})
    whole = load_loss("scaled", "sequences", loss="crf", factor=2)
    assert composed.outputs(5) == whole.outputs(5) == 5
    assert {tuple(p.shape) for p in whole.parameters()} == {(5, 5), (5,)}


def test_making_a_composite_draws_nothing() -> None:
    before = torch.random.get_rng_state()
    load_loss("scaled", "sequences", loss="crf", factor=2)
    assert torch.equal(torch.random.get_rng_state(), before)


# Warm-up --------------------------------------------------------------------------------------------------------------


def test_one_loss_blends_into_another() -> None:
    loss = load_loss("warmup", "continuous", start="mse", loss="mae", until=0.4)
    for progress, share in ((0.0, 1.0), (0.1, 0.75), (0.2, 0.5), (0.4, 0.0), (1.0, 0.0)):
        torch.testing.assert_close(at(loss, progress), share * SQUARES + (1 - share) * SIZES)
    assert set(loss.parts()) == {"mse", "mae"}


def test_a_loss_may_warm_up_with_other_parameters_of_its_own() -> None:
    start, end = {"name": "huber", "delta": 10.0}, {"name": "huber", "delta": 1.0}
    loss = load_loss("warmup", "continuous", start=start, loss=end, until=1)
    # delta 10: r²/2; delta 1: 2 - 1/2 and r²/2
    torch.testing.assert_close(at(loss, 0.5), 0.5 * SQUARES / 2 + 0.5 * torch.tensor([1.5, 0.125]))
    assert set(loss.parts()) == {"huber", "huber 2"}


def test_the_aim_of_a_warm_up_is_that_of_its_loss() -> None:
    assert load_loss("warmup", "continuous", start="mse", loss="mae").elicits == "median"
    assert load_loss("warmup", "binary", start="bce", loss="dice").elicits == "distorted probability"


def test_what_is_tuned_first_is_the_loss_that_stays() -> None:
    params = {"start": "focal", "loss": "tversky"}
    assert list(search_of(LossChoice("warmup", params), Kind.BINARY)) == ["loss.alpha", "loss.beta"]


@pytest.mark.parametrize("until", [0.0, -1.0, 1.5, float("nan")])
def test_a_warm_up_without_a_share_is_refused(until: float) -> None:
    with pytest.raises(InputError, match="'until' of a schedule"):
        load_loss("warmup", "continuous", start="mse", loss="mae", until=until)


# Learned weights ------------------------------------------------------------------------------------------------------


def test_learned_weights_begin_at_those_of_a_plain_sum() -> None:
    loss = load_loss("uncertainty_weighting", "continuous", terms=["mse", "mae"])
    torch.testing.assert_close(loss(OUTPUT, TARGET), 0.5 * SQUARES + 0.5 * SIZES)  # s = 0: exp(-0)/2
    loss = load_loss("uncertainty_weighting", "binary", terms=["bce", "brier"])
    bce, brier = (load_loss(name, "binary")(LOGITS, LABELS) for name in ("bce", "brier"))
    torch.testing.assert_close(loss(LOGITS, LABELS), bce + brier)


def test_learned_weights_are_those_of_the_paper() -> None:
    loss: Any = load_loss("uncertainty_weighting", "continuous", terms=["mse", "mae"])
    for s, value in zip(loss.log_variances, (0.7, -0.4), strict=True):
        s.data.fill_(value)
    wanted = SQUARES / (2 * math.exp(0.7)) + SIZES / (2 * math.exp(-0.4)) + (0.7 - 0.4) / 2
    torch.testing.assert_close(loss(OUTPUT, TARGET), wanted)
    s.data.fill_(-9.0)
    assert loss(TARGET, TARGET).max() < 0  # a likelihood may be above 1


@pytest.mark.parametrize(
    ("kind", "names", "output", "target", "factor"),
    [
        ("continuous", ["mse", "mae"], OUTPUT, TARGET, 1),  # ½ e^-s L + s/2 is least at e^s = L
        ("binary", ["bce", "dice"], LOGITS, LABELS, 2),  # e^-s L + s/2 at e^s = 2L
        ("classes", ["cross_entropy", "brier"], torch.eye(3), torch.tensor([0, 0, 2]), 2),
    ],
)
def test_a_log_variance_settles_where_theory_puts_it(
    kind: str, names: list[str], output: Tensor, target: Tensor, factor: int
) -> None:
    loss: Any = load_loss("uncertainty_weighting", kind, terms=names)
    optimizer = torch.optim.LBFGS(loss.parameters(), max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-9)

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = reduce(loss(output, target))
        value.backward()
        return value

    optimizer.step(closure)
    for name, s in zip(names, loss.log_variances, strict=True):
        mean = reduce(load_loss(name, kind)(output, target))
        assert math.exp(s.item()) == pytest.approx(factor * mean.item(), rel=1e-3)


@pytest.mark.parametrize("terms", ["mse", {"mse": 1}])
def test_terms_without_weights_are_a_list(terms: object) -> None:
    with pytest.raises(InputError, match=r"loss.params.terms must be a list \[loss, loss\]"):
        load_loss("uncertainty_weighting", "continuous", terms=terms)


# Traits and kinds -----------------------------------------------------------------------------------------------------


def test_a_sum_is_what_all_its_terms_are() -> None:
    both = load_loss("sum", "continuous", terms={"mse": 1, "mae": 1})
    assert (both.elicits, both.bounded, both.convex, both.zero) == ("", False, True, True)
    robust = load_loss("sum", "continuous", terms={"welsch": 1, "tukey": 2})
    assert (robust.elicits, robust.bounded, robust.convex, robust.zero) == ("centre", True, None, True)
    mixed = load_loss("sum", "binary", terms={"bce": 1, "dice": 1})
    assert (mixed.elicits, mixed.bounded, mixed.convex, mixed.zero) == ("", False, None, True)
    signed = load_loss("sum", "continuous", terms={"mse": 2, "log_cosh": -0.5})
    assert (signed.elicits, signed.bounded, signed.convex, signed.zero) == ("", None, None, None)
    learned = load_loss("uncertainty_weighting", "binary", terms=["bce", "brier"])
    assert (learned.elicits, learned.bounded, learned.convex, learned.zero) == ("probability", False, None, False)
    scaled = load_loss("scaled", "binary", loss="brier", factor=3)
    assert (scaled.elicits, scaled.bounded, scaled.convex, scaled.zero) == ("probability", True, False, True)


def test_what_a_sum_asks_for_is_what_is_left_of_it_at_the_end() -> None:
    fading = load_loss("sum", "continuous", terms={"mse": 1, "mae": {"from": 1, "to": 0}})
    assert fading.elicits == "mean"


def test_what_is_observed_is_told_once() -> None:
    loss = load_loss("sum", "binary", terms={"class_balanced": 1, "ldam": 1, "bce": 1})
    watching = [load_loss(name, "binary").observes for name in ("class_balanced", "ldam")]
    assert loss.observes == " and ".join(dict.fromkeys(watching))


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_has_its_own_final_class(kind: Kind) -> None:
    terms = {"continuous": ["mse"], "binary": ["bce"], "classes": ["cross_entropy"]}.get(kind.value, ["crf"])
    loss = load_loss("uncertainty_weighting", kind, terms=terms)
    assert type(loss).__name__ == f"{kind.value.capitalize()}UncertaintyWeighting"
    assert type(pickle.loads(pickle.dumps(loss))) is type(loss)
    with pytest.raises(TypeError, match="final"):
        type("More", (type(loss),), {})


def test_sequences_are_summed_too() -> None:
    output = Sequences(torch.randn(5, 3, generator=torch.Generator().manual_seed(0)), torch.tensor([3, 2]))
    target = Sequences(torch.tensor([0, 2, 1, 1, 0]), torch.tensor([3, 2]))
    loss = load_loss("sum", "sequences", terms={"sequence_cross_entropy": {"from": 1, "to": 3}})
    loss.advance(0.5)
    # torch's cross-entropy of every label, added up a sequence
    each = torch.nn.functional.cross_entropy(output.values, target.values, reduction="none")
    torch.testing.assert_close(loss(output, target), 2 * torch.stack([each[:3].sum(), each[3:].sum()]))


def test_the_code_of_a_composite_is_that_of_its_terms_too() -> None:
    text = "".join(code_of(LossChoice("uncertainty_weighting", {"terms": ["bce", {"name": "huber", "delta": 2}]})))
    assert "class Huber(Loss)" in text
    assert "class UncertaintyWeighting(Composite)" in text


# Trainings side by side -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "choice"),
    [
        ("diabetes", LossChoice("sum", {"terms": {"mse": 1, "mae": {"from": 0, "to": 5, "until": 0.5}}})),
        ("breast_cancer", LossChoice("sum", {"terms": {"bce": 1, "dice": {"from": 0, "to": 2, "shape": "cosine"}}})),
        ("diabetes", LossChoice("warmup", {"start": "mse", "loss": "mae", "until": 0.5})),
        ("diabetes", LossChoice("warmup", {"start": "mse", "loss": "barron_adaptive", "until": 0.5})),
        ("diabetes", LossChoice("uncertainty_weighting", {"terms": ["mse", "mae"]})),
        ("breast_cancer", LossChoice("uncertainty_weighting", {"terms": ["bce", "dice"]})),
    ],
    ids=lambda value: value.title if isinstance(value, LossChoice) else value,
)
def test_both_engines_move_and_learn_weights_alike(data: str, choice: LossChoice) -> None:
    whole = cell(choice, data, max_epochs=10)
    assert_agree(side_by_side(whole), sequentially(whole))


def test_a_schedule_moves_a_training() -> None:
    terms = {"mse": 1.0, "mae": {"from": 0, "to": 50.0}}
    still = sequentially(cell(LossChoice("sum", {"terms": {**terms, "mae": 0.0}}), max_epochs=5))
    moved = sequentially(cell(LossChoice("sum", {"terms": terms}), max_epochs=5))
    one, other = (record.arrays["curve/0/train_loss"] for record in (still, moved))
    assert one[0] == other[0]  # in the first epoch the weight is 0
    assert (one[1:] != other[1:]).all()


def test_pointwise_composites_are_called_once_for_all_trainings() -> None:
    target = torch.rand(5, 19, generator=torch.Generator().manual_seed(0), dtype=torch.double)

    def calling(make: Callable[[int], Loss]) -> Calling:
        return Objectives([make(number).double() for number in range(5)], target, 1).calling

    assert calling(lambda n: scheduled(**{"from": 1, "to": 2})) is Calling.FLAT
    assert calling(lambda n: load_loss("warmup", "continuous", start="mse", loss="mae")) is Calling.FLAT
    assert calling(lambda n: load_loss("uncertainty_weighting", "continuous", terms=["mse", "mae"])) is Calling.FLAT


# From the command line ------------------------------------------------------------------------------------------------

QUICK = ("task=binary", "protocol=fixed", "protocol.repeats=2", "training.max_epochs=3", "tracking=off")


def test_a_schedule_is_written_on_the_command_line(lossbench: Command) -> None:
    words = "loss.params.terms={bce: 1, dice: {from: 0, to: 0.5}},{bce: 1, dice: {from: 0, to: 0.5, shape: cosine}}"
    result = lossbench("+loss=sum", words, "-m", *QUICK, "name=s")
    assert result.code == 0, result.text
    found = {record.title: record for record in read_records("results/s", arrays=False)}
    record = found["sum(terms={bce:1,dice:{from:0,to:0.5}})"]
    assert "sum(terms={bce:1,dice:{from:0,to:0.5,shape:cosine}})" in found
    assert record.path is not None
    arrays = read_record(record.path).arrays
    loss, bce, dice = (np.asarray(arrays[f"curve/0/{name}"]) for name in ("train_loss", "part/bce", "part/dice"))
    np.testing.assert_allclose(loss, bce + np.array([0, 0.25, 0.5]) * dice, rtol=1e-5)


@pytest.mark.long
def test_composites_of_a_list_and_of_two_names_are_written_on_the_command_line(lossbench: Command) -> None:
    assert lossbench("+loss=uncertainty_weighting", "loss.params.terms=[bce,dice]", *QUICK, "name=u").code == 0
    warm = ("+loss=warmup", "loss.params.start=bce", "loss.params.loss=dice", "loss.params.until=0.5")
    assert lossbench(*warm, *QUICK, "name=w").code == 0
    records = [*read_records("results/u"), *read_records("results/w")]
    assert {r.title for r in records if r.role == "chosen"} == {
        "uncertainty_weighting(terms=[bce,dice])",
        "warmup(start=bce, loss=dice, until=0.5)",
    }
    assert all(r.status.value == "done" for r in records)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ("{bce: 1, dice: {from: 0, too: 1}}", "loss.params.terms: the weight of 'dice': a schedule has no 'too'"),
        ("{bce: 1, hinge: 1}", "'sum' refuses terms={'bce': 1, 'hinge': 1}: 'bce' and 'hinge' read raw outputs"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(lossbench: Command, terms: str, message: str) -> None:
    result = lossbench("+loss=sum", f"loss.params.terms={terms}", *QUICK)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.text


# A first look ---------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_first_look_takes_five_losses_of_each_kind() -> None:
    found = cells("+experiment=first_look", "-m")
    kinds = {"regression": (Kind.CONTINUOUS,), "binary": (Kind.BINARY,), "ner": (Kind.CLASSES, Kind.SEQUENCES)}
    fitting = {
        task: [c.loss.name for c in found if c.task.name == task and any(_offers(c.loss, kind) for kind in offered)]
        for task, offered in kinds.items()
    }
    assert fitting == {
        "regression": ["mse", "mae", "huber", "gaussian_nll", "poisson_nll"],
        "binary": ["mse", "bce", "focal", "hinge", "dice"],
        "ner": ["mse", "bce", "focal", "dice", "cross_entropy", "crf"],
    }


def _offers(choice: LossChoice, kind: Kind) -> bool:
    try:
        return build(choice, kind).kind is kind
    except KeyError:
        return False


@pytest.mark.long
def test_what_the_command_says_takes_the_place_of_what_an_experiment_says() -> None:
    first = cells("+experiment=first_look", "-m", "task=binary")
    assert {c.task.name for c in first} == {"binary"}
    assert len(first) == 11
    own = cells("+experiment=first_look", "-m", "+loss=mae")
    assert [(c.loss.name, c.task.name) for c in own] == [("mae", t) for t in ("regression", "binary", "ner")]
    with pytest.raises(InputError, match="add -m"):
        cells("+experiment=first_look")


@pytest.mark.long
def test_a_first_look_runs(lossbench: Command) -> None:
    result = lossbench("+experiment=first_look", "-m", *QUICK, "name=f")
    assert result.code == 0, result.text
    done = {r.title for r in read_records("results/f", arrays=False) if r.role in ("chosen", "baseline")}
    assert done >= {"mse", "bce", "focal", "hinge", "dice"}


def test_a_sum_of_modules_made_in_python_takes_schedules() -> None:
    bce, dice = load_loss("bce", "binary"), load_loss("dice", "binary")
    loss = BinarySum({bce: 1.0, dice: Schedule(0, 2, until=0.5)})
    wanted = bce(LOGITS, LABELS).mean() + 1.0 * dice(LOGITS, LABELS)
    torch.testing.assert_close(at(loss, 0.25, LOGITS, LABELS), wanted)


def test_where_all_weights_pass_through_zero_at_once_nothing_is_asked_and_nothing_breaks() -> None:
    """Half-way from 1 to -1 and from -1 to 1 both weights are 0: the sum is 0, and so is its slope."""
    loss = load_loss("sum", "binary", terms={"bce": {"from": 1, "to": -1}, "brier": {"from": -1, "to": 1}})
    loss.advance(0.5)
    output = torch.zeros(2, requires_grad=True)
    losses = loss(output, torch.tensor([0.0, 1.0]))
    losses.sum().backward()
    assert losses.tolist() == [0, 0]
    assert output.grad is not None
    assert output.grad.tolist() == [0, 0]
