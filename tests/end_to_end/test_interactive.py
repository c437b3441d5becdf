"""The comparison from Python: a frame, a model of one's own, the command's records; and weights that are kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from torch import nn

import lossbench
from lossbench.errors import InputError
from lossbench.records.record import read_records

QUICK = ["protocol.repeats=3", "protocol.trials=2", "training.max_epochs=3"]


class Net(nn.Module):
    """One matrix and a bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.only = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.only(x)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rows = np.random.default_rng(0).normal(size=(120, 3))
    return pd.DataFrame(rows, columns=["a", "b", "y"])


def test_a_frame_is_compared_as_the_command_would_and_done_cells_are_not_trained_again(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    found = [
        lossbench.compare(["huber"], data=frame, target="y", model=Net, results=tmp_path, overrides=QUICK)
        for _ in range(2)
    ]
    first, again = found
    assert {c.title for c in first.contests[0].contenders} == {"mse", "huber"}
    assert first.contests[0].task == "regression"
    assert first.contests[0].board.model == "Net"
    trained = [r for r in read_records(tmp_path / again.name) if r.role != "reference"]
    assert all(r.provenance.reused_from == first.name for r in trained)
    assert {r.title for r in read_records(tmp_path / first.name) if r.role == "reference"}
    assert {r.provenance.command for r in trained} == {"lossbench.compare(['huber'])"}
    assert (tmp_path / first.name / "report.html").exists()
    table = first.to_pandas()
    means = {c.title: c.mean for c in first.contests[0].contenders}
    assert dict(zip(table.title, table.rmse_mean, strict=True)).items() >= means.items()
    assert first._repr_html_().startswith("<iframe srcdoc=")


def test_a_target_of_two_values_is_binary(frame: pd.DataFrame, tmp_path: Path) -> None:
    made = frame.assign(y=(frame.y > 0).map({True: "yes", False: "no"}))
    words = {"target": "y", "positive": "yes", "results": tmp_path, "overrides": QUICK}
    comparison = lossbench.compare(["mse"], data=made, **words)  # type: ignore[arg-type]
    assert [c.task for c in comparison.contests] == ["binary"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"losses": "mse"}, "losses must be a list of names"),
        ({"losses": ["mse"], "data": "nowhere.csv"}, "no file nowhere.csv"),
        ({"losses": ["mse"], "data": pd.DataFrame({"x": [1.0]})}, "target names the column"),
        ({"losses": ["mse"], "data": pd.DataFrame({"x": [1.0]}), "target": "z"}, "no column 'z'"),
        ({"losses": ["mse"], "data": [1, 2]}, "a DataFrame, a file or a name, not a list"),
        ({"losses": ["mse"], "model": lambda inputs, outputs: Net(inputs, outputs)}, "cannot be imported"),
        ({"losses": ["nope"]}, "nope"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_words(words: dict[str, object], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=complaint):
        lossbench.compare(**words, results=tmp_path)  # type: ignore[arg-type]


class Arranged(Exception):
    """The words of a command, before anything is made of them."""


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[str]]:
    """The command line that a call stands for."""

    def caught(found: list[str]) -> None:
        raise Arranged(*found)

    def of(**given: object) -> list[str]:
        with pytest.raises(Arranged) as error:
            lossbench.compare(["mse", "huber"], results=tmp_path, **given)  # type: ignore[arg-type]
        return [str(word) for word in error.value.args]

    monkeypatch.setattr("lossbench.compose.arguments.arrange", caught)
    return of


def test_what_is_said_in_python_is_what_a_command_would_say(words: Callable[..., list[str]]) -> None:
    plain = words(task="regression")
    assert plain[:2] == ["+loss=mse,huber", "-m"]
    assert {"protocol=standard", "tracking=off", "reuse=true", "task=regression"} <= set(plain)
    assert not any(word.startswith("name=") for word in plain)
    told = words(task="binary", data="loans", protocol="quick", name="mine", reuse=False, overrides=["name=other"])
    assert {"protocol=quick", "reuse=false", "name=mine", "task=binary", "task/data=loans"} <= set(told)
    assert told[-1] == "name=other"  # what comes last holds
    assert words(model="linear")[-1] == "model=linear"
    assert words(model="my.module.Net")[-2:] == ["model=custom", "model.target=my.module.Net"]
    assert words(model=Net)[-2:] == ["model=custom", "model.target=tests.end_to_end.test_interactive.Net"]


@pytest.mark.parametrize("ending", ["conll", "bio", "iob", "iob2"])
def test_files_of_tagged_words_are_of_the_ner_task_unless_another_is_named(
    words: Callable[..., list[str]], tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"words.{ending}"
    path.write_text("")
    assert "task=ner" in words(data=path)
    assert "task=mine" in words(data=path, task="mine")


@pytest.mark.parametrize(
    ("values", "task"), [([1, 1, 1], "regression"), ([1, 0, 1], "binary"), ([1, 2, 3], "regression")]
)
def test_two_values_make_a_task_binary_and_neither_one_nor_three(
    words: Callable[..., list[str]], values: list[int], task: str
) -> None:
    assert f"task={task}" in words(data=pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": values}), target="y")


@pytest.mark.parametrize("name", ["it's 'a', {b} [c]: 5 %", r"a\b", "a\\", r"a\'b\\'", '"a"'])
def test_names_of_columns_may_hold_any_sign(words: Callable[..., list[str]], name: str) -> None:
    """Read back by Hydra's own parser, which takes a backslash as it is unless a quote follows."""
    found = words(data=pd.DataFrame({"x": [1.0, 2.0, 3.0], name: [1, 2, 3]}), target=name)
    (word,) = [word for word in found if word.startswith("task.data.target=")]
    assert OverridesParser.create().parse_override(word).value() == name


def test_a_model_that_goes_by_anothers_name_is_refused(tmp_path: Path) -> None:
    class Other(nn.Module):
        pass

    Other.__module__, Other.__qualname__ = Net.__module__, Net.__qualname__
    with pytest.raises(InputError, match="cannot be imported by that name"):
        lossbench.compare(["mse"], model=Other, results=tmp_path)


def test_kept_weights_make_the_predictions_that_were_judged(tmp_path: Path, frame: pd.DataFrame) -> None:
    keep = [*QUICK, "training.save_models=best"]
    done = lossbench.compare(["huber"], data=frame, target="y", model=Net, results=tmp_path, overrides=keep)
    from lossbench.plan import Part
    from lossbench.runs.inputs import load_task

    for record in read_records(tmp_path / done.name, arrays=True):
        if record.role == "reference":
            continue
        cell = record.cell
        task = load_task(cell.task, cell.seed)
        for repeat in record.repeats:
            assert record.path is not None
            kept = torch.load(record.path / "models" / f"repeat-{repeat.repeat}.pt", weights_only=True)
            assert kept["choice"]["hash"] == repeat.choice
            fold = task.fold(repeat.repeat)
            fold.open_test(repeat.choice)
            model = Net(2, 1)
            model.load_state_dict(kept["model"])
            with torch.no_grad():
                output = model(fold.tensors(Part.TEST)[0]).squeeze(1).double()  # type: ignore[attr-defined]
            scores = output * fold.scale + fold.centre  # type: ignore[attr-defined]
            np.testing.assert_allclose(scores.numpy(), record.arrays[f"test/{repeat.repeat}/score"], rtol=1e-6)
