"""The command as people give it, end to end: tables, files, exit codes."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from lossbench.loss import catalogue
from lossbench.plan import Direction
from lossbench.records.facts import MetricFacts
from lossbench.records.record import Record, Repeat, read_record, read_records
from tests.conftest import QUICK, ROOT, SMALL_TEXT, Result, Site

Command = Callable[..., Result]

OWN = """
import torch

def charbonnier(output, target, eps: float = 0.1):
    return torch.sqrt((output - target) ** 2 + eps**2) - eps

def keras_style(y_true, y_pred):
    y_pred = y_pred.clamp(1e-7, 1 - 1e-7)
    return -(y_true * y_pred.log() + (1 - y_true) * (1 - y_pred).log())

def breaks(output, target):
    raise RuntimeError("out of order")

def mae(target, prediction):
    return 42.0
"""


@pytest.fixture
def own_losses(folder: Path) -> Iterator[str]:
    """A module of somebody's in the current folder."""
    (folder / "own_losses.py").write_text(OWN)
    sys.modules.pop("own_losses", None)
    yield "own_losses"
    sys.modules.pop("own_losses", None)
    if str(folder) in sys.path:
        sys.path.remove(str(folder))


def cells(folder: str = "results") -> dict[str, Record]:
    """The records of losses, by task and title."""
    return {f"{r.task} {r.title}": r for r in read_records(folder) if r.role != "reference"}


@pytest.mark.pictures
def test_two_losses_run_on_every_task_that_they_fit(lossbench: Command) -> None:
    result = lossbench("+loss=mse,bce", "-m", *QUICK, "task=regression,binary")
    assert result.code == 0
    assert {key: r.status.value for key, r in cells().items()} == {
        "regression mse": "done",
        "regression bce": "skipped",
        "binary mse": "done",
        "binary bce": "done",
    }
    assert "3 cells, 6 trainings" in result.out
    assert "skipped: bce on regression (binary or classes loss, continuous task)" in result.out
    assert "left, until" in result.out
    assert result.out.index("regression on house_prices, mlp") < result.out.index("binary on breast_cancer, mlp")
    assert "gradient boosting" in result.out
    assert "trivial" in result.out
    assert not result.err


@pytest.mark.pictures
def test_ner_runs_with_its_baseline_added_and_its_report_shown(lossbench: Command) -> None:
    result = lossbench("+loss=mse", *SMALL_TEXT, *QUICK, "name=text")
    assert result.code == 0
    assert "cross_entropy is added on ner as its baseline" in result.out
    assert "cross_entropy (baseline, added)" in result.out
    assert cells()["ner cross_entropy"].role == "baseline"
    shown = lossbench("show", "generated-mse")
    assert shown.code == 0
    assert "precision    recall  f1-score   support" in shown.out
    assert "B-LOC" in shown.out
    assert "weighted avg" in shown.out
    whole = lossbench("show", "text")
    assert "cross_entropy (baseline, added)" in whole.out
    assert whole.out.count("weighted avg") == 2


@pytest.mark.long
def test_one_axis_may_belong_to_one_loss_of_the_sweep(lossbench: Command) -> None:
    result = lossbench("+loss=mse,huber", "loss.params.delta=1,2", "task=regression", "-m", *QUICK)
    assert result.code == 0
    assert set(cells()) == {"regression mse", "regression huber(delta=1)", "regression huber(delta=2)"}


@pytest.mark.long
def test_a_glob_runs_what_runs_with_its_defaults(lossbench: Command) -> None:
    result = lossbench("+loss=glob(s*)", "task=binary", "-m", *QUICK)
    assert result.code == 0
    done = {k for k, r in cells().items() if r.status.value == "done"}
    assert done == {"binary sce", "binary squared_hinge", "binary bce"}  # the last is the baseline
    assert "sum (needs loss.params.terms)" in result.out


def test_own_losses_need_no_package(lossbench: Command, own_losses: str) -> None:
    result = lossbench(
        "+loss=custom", f"loss.target={own_losses}.charbonnier", "loss.kind=continuous", "loss.params.eps=0.5", *QUICK
    )
    assert result.code == 0
    assert set(cells()) == {"regression charbonnier(eps=0.5)", "regression mse"}


@pytest.mark.long
def test_a_loss_written_the_tensorflow_way_learns_what_ours_learns(lossbench: Command, own_losses: str) -> None:
    words = ("+loss=custom", f"loss.target={own_losses}.keras_style", "loss.kind=binary", "task=binary")
    assert lossbench(*words, "loss.order=true_pred", "loss.input=probability", *QUICK).code == 0
    found = cells()
    for theirs, ours in zip(found["binary keras_style"].repeats, found["binary bce"].repeats, strict=True):
        assert theirs.metrics["log_loss"] == pytest.approx(ours.metrics["log_loss"], rel=1e-3)


def test_a_loss_that_breaks_fails_alone_and_the_exit_code_says_so(lossbench: Command, own_losses: str) -> None:
    target = f"loss.target={own_losses}.breaks,{own_losses}.charbonnier"
    result = lossbench("+loss=custom", target, "loss.kind=continuous", "task=regression", "-m", *QUICK)
    assert result.code == 1
    found = cells()
    assert found["regression breaks"].status.value == "failed"
    assert found["regression charbonnier"].status.value == "done"
    assert "'breaks' of loss.target=own_losses.breaks broke in step 0: RuntimeError: out of order" in result.text
    assert "Traceback" not in result.text


def test_a_composite_a_regularizer_and_a_model_of_ones_own_take_part(lossbench: Command) -> None:
    words = ("+loss=sum", "loss.params.terms={mse: 1, mae: 0.5}", "regularizer=l2", "regularizer.strength=0.01")
    assert lossbench(*words, "model.target=torch.nn.Linear", *QUICK).code == 0
    record = cells()["regression sum(terms={mse:1,mae:0.5})"]
    assert record.status.value == "done"
    assert record.cell.penalty.strength == 0.01
    assert record.model == "Linear"
    assert record.path is not None
    assert {"curve/0/part/mse", "curve/0/part/mae"} <= set(read_record(record.path).arrays)


def test_own_rows_are_compared_with_warnings_first(lossbench: Command, folder: Path) -> None:
    rows = [f"{i},{i % 7},{['a', 'b', ''][i % 3]},{'yes' if i % 7 > 3 else 'no'}" for i in range(120)]
    (folder / "mine.csv").write_text("number,days,plan,churned\n" + "\n".join(rows) + "\n")
    own = ("task=binary", "task.data.path=mine.csv", "task.data.target=churned", "task.data.positive=yes")
    result = lossbench("+loss=bce,mse", "-m", *own, *QUICK)
    assert result.code == 0
    assert "Column 'number' looks like an identifier" in result.text
    assert "Column 'days'" in result.text  # it alone decides the target
    assert set(cells()) == {"binary bce", "binary mse"}
    shown = lossbench("data", "show", *own)
    assert "rows 120, columns 3, target churned" in shown.text
    assert "splits of a repeat: train 77, validation 19, test 24" in shown.text


def test_the_leaderboard_file_holds_what_the_records_hold(lossbench: Command) -> None:
    assert lossbench("+loss=mse,mae", "task=regression", "-m", *QUICK, "name=here").code == 0
    with Path("results/here/leaderboard.csv").open(newline="") as file:
        rows = {row["loss"]: row for row in csv.DictReader(file)}
    values = [r.metrics["rmse"] for r in cells()["regression mae"].repeats]
    assert float(rows["mae"]["rmse_mean"]) == pytest.approx(sum(values) / 2)
    assert float(rows["mae"]["rmse_sd"]) == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert rows["trivial"]["role"] == "reference"
    plan = json.loads(Path("results/here/plan.json").read_text())
    assert {cell["role"] for cell in plan["cells"]} == {"chosen"}


@pytest.mark.long
def test_the_same_command_twice_gives_the_same_metrics_to_the_last_digit(lossbench: Command) -> None:
    for name in ("one", "two"):
        assert lossbench("+loss=bce", "task=binary", *QUICK, f"name={name}").code == 0
    first, second = (cells(f"results/{name}")["binary bce"] for name in ("one", "two"))
    assert [r.metrics for r in first.repeats] == [r.metrics for r in second.repeats]
    assert [r.hashes for r in first.repeats] == [r.hashes for r in second.repeats]


@pytest.mark.long
def test_a_name_gathers_cells_of_several_commands(lossbench: Command) -> None:
    assert lossbench("+loss=mse", "task=binary", *QUICK, "name=both").code == 0
    result = lossbench("+loss=bce", "task=binary", *QUICK, "name=both")
    assert set(cells("results/both")) == {"binary mse", "binary bce"}
    assert "mse" in result.out


def test_a_finished_cell_is_used_again_only_when_asked(lossbench: Command) -> None:
    words = ("+loss=mse", "task=regression", *QUICK)
    assert lossbench(*words, "name=first").code == 0
    assert "reused from first" not in lossbench(*words, "name=again").out
    reused = lossbench(*words, "name=used", "reuse=true")
    assert "reused from" in reused.out
    other = lossbench(*words, "name=other", "reuse=true", "seed=1")
    assert "reused from" not in other.out
    one, two = (cells(f"results/{name}")["regression mse"] for name in ("first", "used"))
    assert [r.metrics for r in one.repeats] == [r.metrics for r in two.repeats]
    assert two.sweep == "used"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["+loss=hubber"], "There is no loss 'hubber'. Did you mean huber?"),
        (["+loss=bce", "task=binary", "task.data.path=nope.csv", "task.data.target=y"], "no file nope.csv"),
        (["+loss=mse", "task=binary", "task/data=house_prices"], "is for task=regression"),
        (["+loss=mse", "task=ner", "task/data=loans"], "holds no tagged sentences"),
        (["+loss=mse", "task.metric=speed"], "There is no metric 'speed'"),
        (["+loss=mse", "task/data=friedman", "task.data.rows=5"], "need at least 30"),
        (["+loss=huber", "loss.params.delta=-1"], "delta must be above 0"),
        (["+loss=mse", "model.target=nowhere.Net"], "there is no module 'nowhere'"),
        (["+loss=mse", "training.accelerator=cuda"], "PyTorch finds none on this machine"),
        (["+loss=custom", "loss.target=torch.nn.L1Loss"], "does not state what it predicts"),
        (["show", "nothing"], "No result is called 'nothing'"),
        (["ui"], "There is nothing to show"),
        (["losses", "nope"], "There is no loss 'nope'"),
        (["data", "show", "mine"], "'mine' is not an override"),
        (["data"], "Try `lossbench data show"),
        (["show", "x", "results"], "only results=DIR"),
        (["+loss=mse", "model.params.hidden=abc"], "cannot be built with"),
        (["+loss=mse", "model.target=torch.nn.Identity"], "has no parameters: there is nothing to train"),
        (["+loss=mse", "task/data=friedman", "task.data.rows=abc"], "cannot be created with task.data.rows=abc"),
        (["+loss=mse", "task/data=friedman", "task.data.noise=-1"], "must be a number from 0"),
        (["+loss=mse", "~tracking"], "tracking"),
        (["+loss=mse", "name=.."], "a sweep's name begins with a letter"),
        (["+loss=mse", "--config-name=foo"], "--config-name is not available in lossbench"),
        (["+loss=mse", "-m", "results=a,b"], "one value must serve all cells"),
        (["+loss=mse", "-m", "name=a,b"], "one value must serve all cells"),
        (["+loss=mse", "task=regression", "task.data.path=my, data=1.csv", "task.data.target=y"], "my, data=1.csv"),
    ],
)
def test_bad_input_gets_words_exit_code_2_and_leaves_nothing(
    lossbench: Command, folder: Path, words: list[str], message: str
) -> None:
    result = lossbench(*words)
    assert result.code == 2
    assert message in result.text
    assert "Traceback" not in result.text
    assert list(folder.iterdir()) == []


def test_bad_rows_are_refused_before_anything_is_written(lossbench: Command, folder: Path) -> None:
    (folder / "mine.csv").write_text("a,b\n" + "".join(f"{i},{i % 5}\n" for i in range(60)))
    for target, message in (("c", "Change task.data.target="), ("b", "5 distinct values")):
        result = lossbench("+loss=bce", "task=binary", "task.data.path=mine.csv", f"task.data.target={target}")
        assert result.code == 2
        assert message in result.text
    assert [path.name for path in folder.iterdir()] == ["mine.csv"]


def test_results_that_cannot_be_written_are_refused_first(lossbench: Command, folder: Path) -> None:
    (folder / "taken").write_text("a file")
    result = lossbench("+loss=mse", "results=taken", *QUICK)
    assert result.code == 2
    assert "is not a folder" in result.text
    if os.getuid() != 0:  # root may write anywhere
        (folder / "locked").mkdir(mode=0o500)
        assert "read-only" in lossbench("+loss=mse", "results=locked/here", *QUICK).text


def test_losses_are_listed_with_kinds_units_and_origin(lossbench: Command) -> None:
    out = lossbench("losses").out
    assert "huber  [lossbench 0.1.0]" in out
    assert "loss.params.delta: default 1.0, float; unit: training standard deviations of the target" in out
    assert "binary: (sigmoid(z) - y)²; Brier 1950" in out
    names = set(lossbench("losses", "--names").out.split())
    assert {"bce", "cross_entropy", "huber", "mae", "mse", "sum"} <= names
    assert "huber" not in lossbench("losses", "mae").out


def test_the_data_of_every_task_can_be_looked_at_before_training(lossbench: Command, folder: Path) -> None:
    result = lossbench("data", "show", "task=binary", "task/data=loans")
    assert result.code == 0
    assert "rows 1989, columns 47, target reject" in result.text
    assert "positives 0.1227" in result.text
    every = lossbench("data", "show").text
    assert all(name in every for name in ("house_prices", "breast_cancer", "generated"))
    assert list(folder.iterdir()) == []


def test_help_names_the_installed_losses_and_the_keys(lossbench: Command) -> None:
    result = lossbench("--help")
    assert result.code == 0
    names = sorted(["custom", *(point.name for point in entry_points(group="lossbench.losses"))])
    assert f"loss: {', '.join(names)}" in result.out
    assert "max_epochs: 60" in result.out


def test_the_shell_is_offered_every_installed_loss(folder: Path) -> None:
    # bash hands the words so far to Hydra in COMP_LINE, and reads completions from its output
    environment = {**os.environ, "COMP_LINE": "lossbench +loss=hu", "COMP_POINT": "18", "COMP_CWORD": "1"}
    command = [sys.executable, "-m", "lossbench", "-sc", "query=bash"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["+loss=huber"]


def test_a_version_is_told_and_nothing_at_all_shows_the_usage(lossbench: Command) -> None:
    assert lossbench("--version").out == "lossbench 0.1.0\n"
    nothing = lossbench()
    assert nothing.code == 2
    assert "lossbench +loss=mse,bce -m" in nothing.out


@pytest.mark.long
def test_ctrl_c_ends_in_a_table_of_what_was_done_and_code_130(folder: Path) -> None:
    told = "def told(output, target):\n    open('begun', 'w').close()\n    return (output - target) ** 2\n"
    (folder / "told.py").write_text(told)
    words = ["+loss=custom", "loss.target=told.told", "loss.kind=binary", "task=binary", "training.max_epochs=5000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "lossbench", *words, "training.patience=null", "tracking=off", "name=stopped"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # a shell starts its background jobs deaf to Ctrl-C, and these tests may be one
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    plan = folder / "results" / "stopped" / "plan.json"
    for begun in (plan, folder / "begun"):  # the loss is also called before, for doubts about it
        while not begun.exists() and process.poll() is None:
            time.sleep(0.1)
        if begun == plan:
            (folder / "begun").unlink(missing_ok=True)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130, out
    assert "Traceback" not in out
    assert "interrupted" in out
    assert cells()["binary told"].status.value == "interrupted"


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m lossbench losses | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_plugin_that_breaks_on_import_fails_its_cell_and_nobody_elses(lossbench: Command, site: Site) -> None:
    site.install("sad-losses", {"sad": "sad_losses:Sad"}, "raise ImportError('a missing library')", module="sad_losses")
    result = lossbench("+loss=mse,sad", "-m", "task=binary", *QUICK)
    assert result.code == 1
    found = cells()
    assert found["binary mse"].status.value == "done"
    assert found["binary sad"].status.value == "failed"
    assert "'sad' of sad-losses 1.0 broke on import: ImportError: a missing library" in found["binary sad"].reason
    assert "Traceback" not in result.text


BREAKING = {
    "bad-import": ("bad_import", "raise ImportError('a missing library')"),
    "bad-gradient": (
        "bad_gradient",
        """
        import torch

        def loss(output, target):
            # the value is right: what is added is 0, but its slope is 0 · ∞
            return (torch.sigmoid(output) - target) ** 2 + (0 * output).sqrt()
        loss.__lossbench__ = {"kind": "binary"}
        """,
    ),
    "bad-shape": (
        "bad_shape",
        """
        from lossbench.loss import Kind, Loss

        class loss(Loss):
            kind = Kind.BINARY
            def forward(self, output, target):
                return ((output - target) ** 2).mean()
        """,
    ),
}
"""Distributions that break on import, by a NaN in their gradient, and by the shape that they return."""


@pytest.mark.long
def test_three_plugins_that_break_leave_the_sweep_as_it_would_be_without_them(folder: Path) -> None:
    site = Site(folder / "site")
    site.folder.mkdir()
    for name, (module, source) in BREAKING.items():
        site.install(name, {module: f"{module}:loss"}, source, module=module, version="2.5")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site.folder), *sys.path])}

    def swept(losses: str, results: str) -> subprocess.CompletedProcess[str]:
        words = [f"+loss={losses}", "-m", "task=binary", *QUICK, "tracking=off", f"results={results}"]
        command = [sys.executable, "-m", "lossbench", *words]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    alone, mixed = swept("mse,bce", "alone"), swept("bad_import,mse,bad_gradient,bad_shape,bce", "mixed")
    assert alone.returncode == 0, alone.stdout + alone.stderr
    assert mixed.returncode == 1, mixed.stdout + mixed.stderr
    assert "Traceback" not in mixed.stdout + mixed.stderr
    found, before = cells("mixed"), cells("alone")
    assert {title.removeprefix("binary "): record.status.value for title, record in found.items()} == {
        "bad_import": "failed",
        "bad_gradient": "diverged",
        "bad_shape": "failed",
        "mse": "done",
        "bce": "done",
    }
    reasons = {name: found[f"binary {name}"].reason for name in ("bad_import", "bad_gradient", "bad_shape")}
    assert "'bad_import' of bad-import 2.5 broke on import: ImportError: a missing library" in reasons["bad_import"]
    assert reasons["bad_gradient"] == "2 of 2 repeats: the loss became nan in step 1"  # by the gradient of step 0
    assert found["binary bad_gradient"].loss.distribution == "bad-gradient 2.5"
    assert "'bad_shape' of bad-shape 2.5 broke in step 0" in reasons["bad_shape"]
    assert "n targets in, n losses out" in reasons["bad_shape"]
    assert [untimed(found[name]) for name in before] == [untimed(record) for record in before.values()]


def untimed(record: Record) -> list[Repeat]:
    """The repeats of a record without what a clock says."""
    return [
        replace(
            repeat,
            seconds=0.0,
            trials=[replace(trial, seconds=0.0, step_seconds=None) for trial in repeat.trials],
        )
        for repeat in record.repeats
    ]


def test_a_broken_plugin_and_a_clash_are_told_in_the_list(lossbench: Command, site: Site) -> None:
    site.install("sad-losses", {"sad": "sad_losses:Sad"}, "raise ImportError('a missing library')", module="sad_losses")
    for name in ("one", "two"):
        site.install(name, {"both": f"{name}_losses:loss"}, "def loss(o, t): return o - t", module=f"{name}_losses")
    result = lossbench("losses")
    assert result.code == 0
    assert "BROKEN: 'sad' of sad-losses 1.0 broke on import: ImportError: a missing library" in result.text
    assert "'both' is claimed by one, two: none of them has it; use one.both or two.both." in result.text
    clash = lossbench("+loss=both")
    assert clash.code == 2
    assert "Several packages claim the loss 'both': use one.both or two.both." in clash.text


@pytest.mark.long
def test_a_cell_whose_code_changed_is_trained_again(lossbench: Command, own_losses: str, folder: Path) -> None:
    words = ("+loss=custom", f"loss.target={own_losses}.charbonnier", "loss.kind=continuous", *QUICK, "reuse=true")
    assert lossbench(*words, "name=first").code == 0
    assert "charbonnier on regression (house_prices): " in (again := lossbench(*words, "name=again").text)
    assert again.count("reused from") == 2
    (folder / "own_losses.py").write_text(OWN.replace("eps: float = 0.1", "eps: float = 0.2"))
    catalogue.load_family.cache_clear()
    sys.modules.pop("own_losses")
    changed = lossbench(*words, "name=changed").text
    assert changed.count("reused from") == 1  # mse alone


def test_a_metric_of_ones_own_is_not_taken_for_ours_of_that_name(lossbench: Command, own_losses: str) -> None:
    metric = f"{own_losses}.mae"
    assert lossbench("+loss=mse", f"task.metric={metric}", "task.direction=max", *QUICK).code == 0
    record = cells()["regression mse"]
    assert record.metric == MetricFacts(metric, Direction.MAX)
    assert record.values(metric) == [42.0, 42.0]
    assert record.directions["mae"] is Direction.MIN
    assert all(value > 100 for value in record.values("mae"))


@pytest.mark.long
def test_a_custom_loss_and_an_installed_one_share_a_sweep_with_parameters(lossbench: Command, own_losses: str) -> None:
    words = ("+loss=custom,huber", "-m", f"loss.target={own_losses}.charbonnier", "loss.kind=continuous")
    result = lossbench(*words, "loss.params.eps=0.1,0.5", "task=regression", *QUICK)
    assert result.code == 0, result.text
    titles = {"charbonnier(eps=0.1)", "charbonnier(eps=0.5)", "huber", "mse"}
    assert set(cells()) == {f"regression {title}" for title in titles}


def test_a_loss_of_nonnegative_targets_does_not_fit_negative_ones(lossbench: Command, site: Site) -> None:
    source = """
        from lossbench.loss import Domain, Kind, Loss
        class Poisson(Loss):
            kind = Kind.CONTINUOUS
            domain = Domain.NONNEGATIVE
            def forward(self, output, target):
                return output.exp() - target * output
    """
    site.install("counting", {"poisson": "counting:Poisson"}, source, module="counting")
    result = lossbench("+loss=poisson", "-m", "task=regression", "task/data=net_assets,house_prices", *QUICK)
    assert result.code == 0
    # 401ksubs' nettfa has a minimum of -502.302
    assert "needs targets of 0 and above, nettfa goes down to -502.302" in result.text
    assert {r.data.name: r.status.value for r in read_records("results") if r.title == "poisson"} == {
        "net_assets": "skipped",
        "house_prices": "done",
    }
    assert "Asks" not in lossbench("losses", "poisson").out
    assert "One value per target" not in lossbench("losses", "poisson").out  # another class's docstring


def test_a_record_keeps_the_command_as_it_was_typed(lossbench: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = ["+loss=mse", "task=regression", *QUICK, "tracking=off"]
    monkeypatch.setattr(sys, "argv", ["lossbench", *typed])
    assert lossbench(*typed).code == 0
    assert {r.provenance.command for r in read_records("results")} == {" ".join(["lossbench", *typed])}


def test_groups_too_few_to_split_are_refused_before_anything_is_written(lossbench: Command, folder: Path) -> None:
    rows = "".join(f"{i % 7},{'abc'[i % 3]},{i % 2}\n" for i in range(90))
    (folder / "mine.csv").write_text("x,team,y\n" + rows)
    own = ("task=binary", "task.data.path=mine.csv", "task.data.target=y", "task.data.split=group:team")
    result = lossbench("+loss=bce", *own, *QUICK)
    assert result.code == 2
    assert "group" in result.text
    assert [path.name for path in folder.iterdir()] == ["mine.csv"]


def test_a_baseline_at_its_defaults_is_trained_beside_itself_with_parameters(lossbench: Command) -> None:
    result = lossbench("+loss=bce", "loss.params.pos_weight=3", "task=binary", *QUICK, "name=both")
    assert result.code == 0
    assert "2 cells, 4 trainings" in result.out
    found = cells()
    assert {key: (r.status.value, r.role) for key, r in found.items()} == {
        "binary bce(pos_weight=3)": ("done", "chosen"),
        "binary bce": ("done", "baseline"),
    }
    planned = {cell["folder"] for cell in json.loads(Path("results/both/plan.json").read_text())["cells"]}
    assert planned == {r.path.name for r in found.values() if r.path}


def test_a_launch_that_fails_leaves_somebodys_files_alone(lossbench: Command, folder: Path) -> None:
    (folder / "results" / "notes").mkdir(parents=True)
    (folder / "results" / "notes" / "todo.txt").write_text("mine")
    broken = "hydra/launcher=joblib", "hydra.launcher.n_jobs=0"
    result = lossbench("+loss=mse", "task=regression", *QUICK, *broken, "name=notes")
    assert result.code == 2
    assert "hydra/launcher=joblib could not run these cells" in result.text
    assert [path.name for path in (folder / "results" / "notes").iterdir()] == ["todo.txt"]
    assert lossbench("+loss=mse", "task=regression", *QUICK, *broken, "name=new").code == 2
    assert not (folder / "results" / "new").exists()


@pytest.mark.long
def test_a_launcher_of_other_processes_leaves_the_same_records(lossbench: Command) -> None:
    words = ("+loss=mse,huber", "-m", "task=regression", *QUICK)
    assert lossbench(*words, "name=here").code == 0
    assert lossbench(*words, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "name=there").code == 0
    here, there = ({r.title: r for r in read_records(f"results/{name}")} for name in ("here", "there"))
    assert here.keys() == there.keys() >= {"mse", "huber", "trivial"}
    for title, record in here.items():
        assert there[title].status is record.status
        assert [r.metrics for r in there[title].repeats] == [r.metrics for r in record.repeats]
        assert (there[title].role, there[title].sweep) == (record.role, "there")


@pytest.mark.long
def test_a_damaged_record_is_told_and_the_others_are_shown(lossbench: Command) -> None:
    assert lossbench("+loss=mse", "task=binary", *QUICK, "name=some").code == 0
    path = next(Path("results/some").glob("*mse*")) / "record.json"
    path.write_text("broken")
    result = lossbench("+loss=bce", "task=binary", *QUICK, "name=some")
    assert result.code == 0
    assert "record.json cannot be read as a record" in result.text
    assert "bce" in result.out


def test_targets_whose_squares_overflow_are_refused_before_training(lossbench: Command, folder: Path) -> None:
    rows = "".join(f"{i % 7},{(i % 11 - 5) * 1e200}\n" for i in range(90))
    (folder / "huge.csv").write_text("x,y\n" + rows)
    result = lossbench("+loss=mse", "task=regression", "task.data.path=huge.csv", "task.data.target=y", *QUICK)
    assert result.code == 2
    assert "Traceback" not in result.text
    assert "Target 'y' of huge goes up to 5e+200" in result.text
    assert not cells()


@pytest.mark.long
def test_a_plugin_with_any_default_at_all_leaves_the_sweep_alone(lossbench: Command, site: Site) -> None:
    source = """
        import enum, torch
        from lossbench.loss import Kind, Loss
        class Way(enum.Enum):
            UP = 1
        class Odd(Loss):
            kind = Kind.CONTINUOUS
            def __init__(self, ks: tuple = (1, 2), way: Way = Way.UP, w=torch.ones(2), f=abs, kind: float = 1.0):
                super().__init__()
                assert ks == (1, 2) and way is Way.UP and f is abs and w.sum() == 2
            def forward(self, output, target):
                return (output - target) ** 2
    """
    site.install("odd-losses", {"odd": "odd_losses:Odd"}, source, module="odd_losses")
    result = lossbench("+loss=odd,mse", "-m", "task=regression", *QUICK)
    assert result.code == 0, result.text
    assert cells()["regression odd"].status.value == "done"


def test_a_metric_that_a_loss_cannot_give_skips_its_cell(lossbench: Command, site: Site) -> None:
    source = """
        import torch
        def hinge(output, target):
            return torch.relu(1 - (2 * target - 1) * output)
        hinge.__lossbench__ = {"kind": "binary", "link": "none"}
    """
    site.install("margins", {"margin": "margins:hinge"}, source, module="margins")
    result = lossbench("+loss=margin", "task=binary", "task.metric=log_loss", *QUICK)
    assert result.code == 0
    record = cells()["binary margin"]
    assert (record.status.value, record.reason) == ("skipped", "gives no probability, which log_loss needs")


def test_what_ctrl_c_kept_from_beginning_has_a_record_and_a_way_on(
    lossbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lossbench.cli.display.Display.training_ends", stop)
    result = lossbench("+loss=mse,bce", "-m", "task=binary", *QUICK, "name=cut")
    assert result.code == 130
    assert {k: r.status.value for k, r in cells().items()} == {"binary mse": "interrupted", "binary bce": "interrupted"}
    assert cells()["binary bce"].reason == "not begun"
    assert "rerun the command with name=cut reuse=true" in result.text


def test_a_question_about_the_configuration_may_carry_the_flag(lossbench: Command) -> None:
    result = lossbench("--cfg", "job", "-m", "+loss=huber")
    assert result.code == 0
    assert "delta: 1.0" in result.out


def test_skipped_and_diverged_cells_are_no_failures(lossbench: Command, site: Site) -> None:
    nothing = lossbench("+loss=bce", "task=regression")
    assert nothing.code == 0
    assert "no loss fits: -m without task= tries every task" in nothing.text
    source = """
        def nan(output, target):
            return (output - target) * float("nan")
        nan.__lossbench__ = {"kind": "continuous"}
    """
    site.install("nans", {"nan": "nans:nan"}, source, module="nans")
    result = lossbench("+loss=nan", "task=regression", *QUICK)
    assert result.code == 0
    assert "diverged 2/2" in result.text
    assert cells()["regression nan"].reason == "2 of 2 repeats: the loss became nan in step 0"


def test_a_plugin_that_breaks_on_construction_fails_its_cell_alone(lossbench: Command, site: Site) -> None:
    source = """
        from lossbench.loss import Kind, Loss
        class Sad(Loss):
            kind = Kind.BINARY
            def __init__(self):
                super().__init__()
                raise RuntimeError("no table")
    """
    site.install("sad-losses", {"sad": "sad_losses:Sad"}, source, module="sad_losses")
    assert lossbench("+loss=sad,mse", "-m", "task=binary", *QUICK).code == 1
    found = cells()
    assert found["binary mse"].status.value == "done"
    assert "'sad' of sad-losses 1.0 broke on construction: RuntimeError: no table" in found["binary sad"].reason


def test_choices_are_on_disk_before_any_test_part_is_opened(
    lossbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lossbench.tasks.contract import REFERENCE
    from lossbench.tasks.tabular import TableFold

    on_disk: list[bool] = []
    open_test = TableFold.open_test

    def watched(fold: TableFold, choice: str) -> None:
        if choice != REFERENCE:
            choices = [json.loads(p.read_text()) for p in Path("results").glob("*/*/choices.json")]
            on_disk.append(choice in [one["hash"] for each in choices for one in each.values()])
        open_test(fold, choice)

    monkeypatch.setattr(TableFold, "open_test", watched)
    for engine in ("replicas", "sequential"):
        words = ("protocol.repeats=2", "protocol.trials=2", "training.max_epochs=2", f"training.engine={engine}")
        assert lossbench("+loss=mse", "task=regression", *words).code == 0
    assert on_disk == [True] * 4
    (record, *_) = cells().values()
    (path,) = (record.path or Path()).glob("choices.json")
    kept = json.loads(path.read_text())
    assert [kept[str(r.repeat)]["hash"] for r in record.repeats] == [r.choice for r in record.repeats]
    assert kept["0"]["trial"] == record.repeats[0].trial
    assert kept["0"]["learning_rate"] == record.repeats[0].learning_rate


def test_a_repeat_is_judged_by_hashes_that_its_content_gives(lossbench: Command) -> None:
    from lossbench.plan import fingerprint

    lossbench("+loss=huber", "task=regression", "protocol.repeats=2", "protocol.trials=3", "training.max_epochs=2")
    record = cells()["regression huber"]
    for repeat in record.repeats:
        told = [repeat.trial, repeat.learning_rate, repeat.params, repeat.best_epoch, repeat.decision]
        assert repeat.choice == fingerprint(told)
