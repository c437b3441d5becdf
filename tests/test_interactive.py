"""The comparison from Python: a frame, a model of one's own, the command's records; and weights that are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import lossbench
from lossbench.errors import InputError
from lossbench.record import read_records

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
    assert all(r.provenance["reused_from"] == first.name for r in trained)
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
        ({"losses": "mse"}, "losses is a list of names"),
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


def test_kept_weights_make_the_predictions_that_were_judged(tmp_path: Path, frame: pd.DataFrame) -> None:
    keep = [*QUICK, "training.save_models=best"]
    done = lossbench.compare(["huber"], data=frame, target="y", model=Net, results=tmp_path, overrides=keep)
    from lossbench.plan import Cell
    from lossbench.preparation import load_task
    from lossbench.task import Part

    for record in read_records(tmp_path / done.name, arrays=True):
        if record.role == "reference":
            continue
        cell = Cell.from_dict(record.cell)
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
