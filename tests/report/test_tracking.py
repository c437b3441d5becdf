"""MLflow as people find it: a real store, a real server, a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from lossbench.records.record import read_records
from lossbench.report.mlflow import default_uri
from tests.conftest import QUICK

COMMAND = [sys.executable, "-m", "lossbench"]
WORDS = ["+loss=mse,bce", "-m", "task=binary,regression", "name=tracked", *QUICK]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which one sweep was run with tracking, store and all."""
    folder = tmp_path_factory.mktemp("tracked")
    done = subprocess.run([*COMMAND, *WORDS], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MLflow did not take everything" not in done.stdout
    assert "lossbench ui" in done.stdout
    assert not done.stderr.strip(), done.stderr
    return folder


@pytest.fixture(scope="module")
def client(tracked: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{tracked / 'results' / 'mlflow.db'}")


def runs(client: MlflowClient, name: str, query: str = "") -> list:  # type: ignore[type-arg]
    experiment = client.get_experiment_by_name(f"lossbench/{name}")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], query))


@pytest.mark.long
def test_whoever_opens_a_task_sees_one_row_a_loss_with_its_repeats_nested(client: MlflowClient) -> None:
    found = runs(client, "binary")
    top = {run.info.run_name: run for run in found if "mlflow.parentRunId" not in run.data.tags}
    assert set(top) == {"mse", "bce"}
    for run in top.values():
        nested = [r for r in found if r.data.tags.get("mlflow.parentRunId") == run.info.run_id]
        assert {r.data.tags["repeat"] for r in nested} == {"0", "1"}


@pytest.mark.long
def test_runs_carry_what_the_records_hold(client: MlflowClient, tracked: Path) -> None:
    record = next(r for r in read_records(tracked / "results") if r.task == "binary" and r.title == "bce")
    for run in runs(client, "binary", "tags.loss = 'bce'"):
        metrics = run.data.metrics
        assert run.data.tags["task"] == "binary"
        assert run.data.tags["kind"] == "binary"
        assert run.data.tags["status"] == "done"
        assert run.data.tags["sweep"] == "tracked"
        assert run.inputs.dataset_inputs or "repeat" in run.data.tags
        if "repeat" in run.data.tags:
            repeat = record.repeats[int(run.data.tags["repeat"])]
            assert metrics["test/roc_auc"] == pytest.approx(repeat.metrics["roc_auc"])
            assert metrics["val/roc_auc"] == pytest.approx(repeat.validation["roc_auc"])
            curve = client.get_metric_history(run.info.run_id, "training/val_roc_auc")
            assert [point.step for point in curve] == list(range(repeat.epochs))
            assert [m.step for m in client.get_metric_history(run.info.run_id, "test/roc_auc")] == [0]
        else:
            mean = sum(record.values("roc_auc")) / 2
            assert metrics["test/roc_auc"] == pytest.approx(mean)
            assert metrics["test_sd/roc_auc"] == pytest.approx(abs(record.values("roc_auc")[0] - mean) * 2**0.5)
            assert {f.path for f in client.list_artifacts(run.info.run_id)} == {
                "record.json",
                "arrays.npz",
                "choices.json",
            }


@pytest.mark.long
def test_the_copies_that_mlflow_keeps_are_not_read_as_records(tracked: Path) -> None:
    found = [(r.task, r.title) for r in read_records(tracked / "results")]
    losses = [("binary", "bce"), ("binary", "mse"), ("regression", "bce"), ("regression", "mse")]
    references = [(task, title) for task in ("binary", "regression") for title in ("trivial", "gradient boosting")]
    assert sorted(found) == sorted(losses + references)


@pytest.mark.long
def test_a_skipped_cell_is_a_row_with_its_reason(client: MlflowClient) -> None:
    (run,) = runs(client, "regression", "tags.status = 'skipped'")
    assert run.info.run_name == "bce"
    assert "continuous task" in run.data.tags["mlflow.note.content"]


@pytest.mark.long
def test_the_sweep_has_a_run_with_its_table_and_files(client: MlflowClient) -> None:
    (run,) = runs(client, "sweeps")
    assert run.info.run_name == "tracked"
    names = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"leaderboard.csv", "leaderboard.json", "plan.json"} <= names
    assert "| mse |" in run.data.tags["mlflow.note.content"]


@pytest.mark.long
def test_the_store_is_in_write_ahead_mode(tracked: Path) -> None:
    import sqlite3

    connection = sqlite3.connect(tracked / "results" / "mlflow.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.long
def test_two_sweeps_may_start_at_once_on_no_store_at_all(tmp_path: Path) -> None:
    words = [
        "+loss=mse",
        "task=regression",
        "task/data=diabetes",
        "protocol.repeats=1",
        "protocol.trials=1",
        "training.max_epochs=1",
    ]
    started = [
        subprocess.Popen(
            [*COMMAND, *words, f"name=s{i}"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for i in range(2)
    ]
    for process in started:
        out, _ = process.communicate(timeout=180)
        assert process.returncode == 0, out
        assert "MLflow did not take everything" not in out
    client = MlflowClient(f"sqlite:///{tmp_path / 'results' / 'mlflow.db'}")
    assert {run.info.run_name for run in runs(client, "sweeps")} == {"s0", "s1"}
    assert len(runs(client, "regression")) == 4


@pytest.mark.long
def test_runs_go_where_the_environment_or_the_command_line_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert default_uri(tmp_path, None) == f"sqlite:///{tmp_path / 'mlflow.db'}"
    elsewhere = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    words = [
        "+loss=mse",
        "task=regression",
        "protocol.repeats=1",
        "protocol.trials=1",
        "training.max_epochs=1",
        "name=far",
    ]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": elsewhere}
    subprocess.run([*COMMAND, *words], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert not (tmp_path / "results" / "mlflow.db").exists()
    assert [run.info.run_name for run in runs(MlflowClient(elsewhere), "sweeps")] == ["far"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", elsewhere)
    assert default_uri(tmp_path, "http://server") == "http://server"


@pytest.mark.parametrize("uri", ["postgresql://nobody@127.0.0.1:1/none", "http://127.0.0.1:9"])
@pytest.mark.long
def test_a_store_that_cannot_be_reached_costs_no_result(tmp_path: Path, uri: str) -> None:
    words = ["+loss=mse", *QUICK, f"tracking.uri={uri}", "name=alone"]
    done = subprocess.run([*COMMAND, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MLflow did not take everything" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert {r.status.value for r in read_records(tmp_path / "results")} == {"done"}


def test_a_tracker_that_dies_costs_no_result(tmp_path: Path) -> None:
    from lossbench.report.mlflow import Tracker
    from lossbench.report.view import SweepView

    tracker = Tracker(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path)
    for process in tracker._pool._processes.values():
        process.kill()
    for _ in range(50):
        tracker.log_sweep(SweepView("", {}, {}, {}), tmp_path, "")  # as often as a long sweep would try
        time.sleep(0.01)
    assert any("terminated" in error or "Broken" in error for error in tracker.close())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def server(tracked: Path) -> Iterator[dict[str, str]]:
    """`lossbench ui` over the tracked folder: the pages that it printed, by experiment."""
    port = free_port()
    process = subprocess.Popen(
        [*COMMAND, "ui", "--port", str(port)],
        cwd=tracked,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    pages = {}
    for line in process.stdout:
        if "Ctrl-C" in line:
            break
        name, _, page = line.strip().partition(" ")
        pages[name] = page.strip()
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2):
                break
        except OSError:
            time.sleep(0.2)
    yield pages
    os.killpg(process.pid, 15)
    process.communicate(timeout=30)


@pytest.mark.long
def test_the_ui_names_a_page_for_every_task(server: dict[str, str]) -> None:
    assert set(server) == {"lossbench/binary", "lossbench/regression", "lossbench/sweeps"}
    assert all("127.0.0.1" in page and "workflowType=machine_learning" in page for page in server.values())


@pytest.mark.long
@pytest.mark.skipif(BROWSER is None and "CI" not in os.environ, reason="no Chromium here; CI installs one")
def test_a_browser_shows_the_losses_on_a_tasks_page(server: dict[str, str], tmp_path: Path) -> None:
    assert BROWSER is not None
    page = server["lossbench/binary"]
    flags = "--headless=new --no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-sync"
    view = [f"--user-data-dir={tmp_path}", "--virtual-time-budget=60000", "--dump-dom", page]
    command = [BROWSER, *flags.split(), *view]
    for _ in range(3):  # a page that is still being drawn is looked at again
        dom = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
        if ">mse<" in dom and ">bce<" in dom:
            break
    assert ">mse<" in dom
    assert ">bce<" in dom
    assert "breast_cancer" in dom
    assert "viewStateShareKey" in page, "the page opens on the saved view"
