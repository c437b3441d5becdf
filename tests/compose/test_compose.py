"""From a command line to cells: order, globs, axes that belong to one loss alone, values that travel with their job."""

from __future__ import annotations

from pathlib import Path

import pytest

import lossbench
from lossbench.compose.arguments import arrange
from lossbench.compose.composition import Composition, composition
from lossbench.errors import InputError
from lossbench.plan import Cell


def compose(*words: str) -> Composition:
    return composition(arrange(words))


def cells(*words: str) -> list[Cell]:
    return list(compose(*words).cells)


def test_overrides_may_follow_the_flag_and_a_loss_needs_no_plus() -> None:
    one = arrange(["+loss=mse,bce", "-m", "training.max_epochs=3"])
    other = arrange(["-m", "loss=mse,bce", "training.max_epochs=3"])
    assert one.flags == other.flags == ("-m",)
    assert one.overrides == other.overrides == ("+loss=mse,bce", "training.max_epochs=3")


def test_values_of_flags_stay_with_their_flags(tmp_path: Path) -> None:
    arguments = arrange(["+loss=mse", "--config-dir", str(tmp_path), "-m", "seed=1"])
    assert arguments.flags == ("--config-dir", str(tmp_path), "-m")
    assert arguments.config_dir == str(tmp_path)


def test_a_sweep_is_the_product_of_tasks_and_losses() -> None:
    found = [(cell.task.name, cell.loss.name) for cell in cells("-m", "+loss=mse,bce")]
    assert found == [(task, loss) for task in ("regression", "binary", "ner") for loss in ("mse", "bce")]


def test_without_m_one_cell_is_composed() -> None:
    (cell,) = cells("+loss=bce", "task=binary", "task/data=loans")
    assert (cell.task.name, cell.task.data["name"], cell.loss.title) == ("binary", "loans", "bce")


def test_the_command_line_narrows_the_tasks() -> None:
    assert {cell.task.name for cell in cells("-m", "+loss=mse", "task=ner,binary")} == {"ner", "binary"}


def test_parameters_have_the_types_of_the_signature() -> None:
    found = [
        cell.loss.params["delta"] for cell in cells("-m", "+loss=huber", "loss.params.delta=0.5,1,2", "task=regression")
    ]
    assert found == [0.5, 1.0, 2.0]
    assert all(isinstance(value, float) for value in found)


def test_a_parameter_that_only_some_losses_have_leaves_the_others_alone() -> None:
    found = cells("-m", "+loss=mse,huber", "loss.params.delta=1,2", "task=regression")
    distinct = {cell.digest: cell.loss.title for cell in found}
    assert sorted(distinct.values()) == ["huber(delta=1)", "huber(delta=2)", "mse"]


def test_a_given_parameter_is_kept_apart_from_a_default() -> None:
    (given,), (default,) = cells("+loss=huber", "loss.params.delta=1"), cells("+loss=huber")
    assert given.loss.params == {"delta": 1.0}
    assert default.loss.params == {}


@pytest.mark.long
def test_a_glob_takes_every_loss_that_runs_with_its_defaults() -> None:
    composed = compose("-m", "+loss=glob(*)", "task=binary")
    assert {cell.loss.name for cell in composed.cells} >= {"bce", "cross_entropy", "huber", "mae", "mse"}
    assert composed.left_out["sum"] == "needs loss.params.terms"
    assert "custom" not in {cell.loss.name for cell in composed.cells}


def test_a_mapping_reaches_a_composite() -> None:
    (cell,) = cells("+loss=sum", "loss.params.terms={mse: 1, mae: 0.5}")
    assert cell.loss.params == {"terms": {"mse": 1, "mae": 0.5}}


def test_data_of_ones_own_choose_their_reader() -> None:
    (table,) = cells("+loss=mse", "task=regression", "task.data.path=a/houses.csv", "task.data.target=price")
    (text,) = cells("+loss=mse", "task=ner", "task.data.path=a/train.conll")
    assert (table.task.data["source"], table.task.data["name"]) == ("file", "houses")
    assert (text.task.data["source"], text.task.data["name"]) == ("conll", "train")


def test_a_model_of_ones_own_needs_only_its_target() -> None:
    (cell,) = cells("+loss=mse", "model.target=my.module.Net", "model.params.width=32")
    assert (cell.model.name, cell.model.target, cell.model.params) == ("Net", "my.module.Net", {"width": 32})


def test_a_regularizer_is_added_with_its_strength() -> None:
    (cell,) = cells("+loss=mse", "regularizer=l2", "regularizer.strength=0.5")
    assert cell.penalty is not None
    assert (cell.penalty.of, cell.penalty.power, cell.penalty.strength) == ("weights", 2, 0.5)


def test_a_folder_of_ones_own_adds_tasks_and_experiments(tmp_path: Path) -> None:
    (tmp_path / "task").mkdir()
    (tmp_path / "experiment").mkdir()
    (tmp_path / "task" / "heavy.yaml").write_text(
        "defaults:\n  - regression\n  - override data: net_assets\n  - _self_\nmetric: mae\n"
    )
    (tmp_path / "experiment" / "short.yaml").write_text("# @package _global_\ntraining:\n  max_epochs: 2\n")
    (cell,) = cells("+loss=mse", "task=heavy", "+experiment=short", "--config-dir", str(tmp_path))
    assert (cell.task.data["name"], cell.task.metric, cell.training.max_epochs) == ("net_assets", "mae", 2)


def test_the_shipped_experiment_is_the_textbook_line() -> None:
    (cell,) = cells("+loss=mse", "+experiment=classic")
    assert (cell.task.name, cell.model.name) == ("regression", "linear")


def test_cells_of_one_contest_differ_in_their_loss_alone() -> None:
    mse, bce = cells("-m", "+loss=mse,bce", "task=binary")
    (other,) = cells("+loss=bce", "task=binary", "training.max_epochs=7")
    assert mse.contest == bce.contest != other.contest
    assert mse.digest != bce.digest


def test_the_baseline_of_a_cell_is_what_the_command_would_compose() -> None:
    composed = compose("+loss=huber", "loss.params.delta=2", "training.max_epochs=7", "task=regression")
    assert (composed.cells[0].with_baseline,) == compose("+loss=mse", "training.max_epochs=7", "task=regression").cells


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["+loss=hubber"], "Did you mean huber"),
        (["+loss=huber", "task=regresion"], "Did you mean regression"),
        (["+loss=huber", "loss.params.dleta=1"], "Did you mean delta"),
        (["+loss=mse,huber", "-m", "loss.params.delta=1", "loss.params.gamma=2"], "parameter of mse or huber 'gamma'"),
        (["+loss=huber", "loss.params.delta=abc"], "could not be converted to Float"),
        (["+loss=mse", "training.epochs=3"], "Did you mean training.max_epochs"),
        (["+loss=mse", "mdel=linear"], "Did you mean model"),
        (["+loss=mse", "training.max_epochs=many"], "training.max_epochs=many must be int"),
        (["+loss=mse", "training.patience=0"], "must be a number above 0"),
        (["+loss=mse", "training.optimizer=lion"], "Known: adamw, sgd"),
        (["+loss=mse", "training.precision=7"], "There is no precision '7'"),
        (["+loss=mse", "training.devices=all"], "training.devices=all must be a number, or auto"),
        (["+loss=mse", "training.engine=fast"], "Known: auto, replicas, sequential"),
        (["+loss=mse", "training.clip_norm=0"], "must be a number above 0"),
        (["+loss=mse", "task=ner", "model.budget.standard=[5]"], "must be [repeats, trials]"),
        (["+loss=mse", "protocol.repeats=0"], "protocol.repeats=0"),
        (["+loss=mse", "seed=x"], "seed=x"),
        (["+loss=mse", "name=../up"], "sweep's name"),
        (["+loss=mse,bce"], "add -m"),
        (["+loss=mse", "task=regression,binary"], "add -m"),
        (["task=binary"], "Choose at least one loss"),
        (["+loss=sum"], "loss.params.terms is missing: set it with loss.params.terms="),
        (["+loss=custom"], "loss.target is missing: set it with loss.target="),
        (["+loss=mse", "+regularizer=l3"], "Did you mean l2 or l1"),
        (["+loss=mse", "task.data.path=x.csv"], "needs a task"),
        (["+loss=mse", "--config-dir", "nowhere"], "there is no such folder"),
        (["+loss=mse", "--foo"], "unrecognized arguments: --foo"),
        (["+loss=mse", "word"], "'word' is not an override"),
        (["+loss=[mse"], "no viable alternative"),
        (["+loss=glob(x*)", "-m"], "No installed loss matches"),
    ],
)
def test_what_cannot_be_is_refused_in_words(words: list[str], message: str) -> None:
    with pytest.raises(InputError) as refusal:
        compose(*words)
    assert message in str(refusal.value)
    assert len(str(refusal.value).splitlines()) < 12


def test_cells_are_had_from_python_by_the_same_words() -> None:
    found = lossbench.cells("+loss=mse,huber", "-m", "task=regression", "loss.params.delta=1,2")
    assert [cell.loss.title for cell in found] == ["mse", "huber(delta=1)", "huber(delta=2)"]


def test_a_file_without_a_task_is_looked_at_for_a_proposal(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "x,y,z\n" + "".join(f"{i},{'yes' if i % 3 else 'no'},{i * 0.5}\n" for i in range(9))
    )
    for target, task in (("y", "task=binary"), ("z", "task=regression")):
        with pytest.raises(InputError, match=task):
            compose("+loss=mse", f"task.data.path={tmp_path / 'a.csv'}", f"task.data.target={target}")


def test_a_models_budget_is_that_of_every_loss_on_it() -> None:
    found = {
        p: [c.protocol for c in cells("+loss=mse,bce", "-m", "task=ner", f"protocol={p}")]
        for p in ("smoke", "standard")
    }
    assert {(p.repeats, p.trials) for p in found["standard"]} == {(5, 4)}
    assert {(p.repeats, p.trials) for p in found["smoke"]} == {(1, 2)}
    (plain,) = cells("+loss=mse", "task=regression")
    assert (plain.protocol.name, plain.protocol.repeats, plain.protocol.trials) == ("standard", 10, 8)


def test_the_command_line_has_the_last_word_on_a_budget() -> None:
    (cell,) = cells("+loss=mse", "task=ner", "protocol.repeats=7")
    assert (cell.protocol.repeats, cell.protocol.trials) == (7, 4)
