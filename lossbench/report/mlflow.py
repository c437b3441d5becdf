"""The only module that knows MLflow: a separate process turns records into runs while training goes on.

One experiment per task, `lossbench/<task>`, where one top-level row is one cell with its repeats nested under it; and
`lossbench/sweeps`, with one run per sweep that carries its table and files. All of it is a view of the records.
"""

from __future__ import annotations

import json
import logging
import math
import multiprocessing
import os
import signal
import tempfile
import time
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lossbench.plan import Cell, compact, fingerprint
from lossbench.plan.observer import Observer
from lossbench.records import store
from lossbench.records.record import ARTIFACTS, Record, Repeat, Status, read_record
from lossbench.report.view import SweepView

FINISHED = {Status.DONE: "FINISHED", Status.SKIPPED: "FINISHED", Status.DIVERGED: "FINISHED"}
SWEEPS = "lossbench/sweeps"
SAVED_VIEW, VIEW = "mlflow.sharedViewState.", "lossbench"
"""The experiment's tag in which MLflow's pages look for a saved view, and the name of ours."""


def default_uri(results: Path, given: str | None) -> str:
    """Where runs go: `tracking.uri`, MLFLOW_TRACKING_URI, or the SQLite file in the results folder."""
    return given or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(results / 'mlflow.db').resolve()}"


class Tracker(Observer):
    """Hands records to the MLflow process, and reports at the end what went wrong there.

    The first creation of a store takes ten seconds; it goes on beside the first training. A tracker that fails costs
    the view, never a result: the records are on disk.
    """

    def __init__(self, uri: str, results: Path) -> None:
        self.uri, self.results = uri, results.resolve()
        self._pending: list[Future[None]] = []
        self._errors: list[BaseException] = []
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        handler = signal.getsignal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited by the process: Ctrl-C ends training, not logging
        try:
            self._submit(_prepare, uri, str(self.results))
        finally:
            signal.signal(signal.SIGINT, handler)

    def cell_ends(self, cell: Cell, record: Record) -> None:
        """Logs its run; curves and repeats go with it."""
        self._submit(_log_cell, self.uri, str(self.results), str(record.path))

    def log_sweep(self, view: SweepView, folder: Path, command: str) -> None:
        self._submit(_log_sweep, self.uri, str(self.results), str(folder), view, command)

    def busy(self) -> bool:
        """True while something is still to be written."""
        return not all(pending.done() for pending in self._pending)

    def close(self) -> list[str]:
        """Waits for everything to be written; the errors, each once."""
        errors = [error for pending in self._pending if (error := pending.exception()) is not None]
        self._pool.shutdown()
        told = [f"{type(e).__name__}: {str(e).splitlines()[0] if str(e) else ''}" for e in (*self._errors, *errors)]
        return list(dict.fromkeys(told))

    def _submit(self, work: Any, *arguments: Any) -> None:
        try:
            self._pending.append(self._pool.submit(work, *arguments))
        except (BrokenExecutor, RuntimeError) as error:  # its process has gone
            self._errors.append(error)


def pages(uri: str, results: Path) -> list[tuple[str, str]]:
    """Every experiment of ours by name, with the path of its page in MLflow's model-training view."""
    client = _client(uri)
    found = []
    for experiment in client.search_experiments():
        page = f"#/experiments/{experiment.experiment_id}/runs?workflowType=machine_learning"
        if f"{SAVED_VIEW}{VIEW}" in experiment.tags:  # losses as groups, their repeats averaged, as bars
            page += f"&viewStateShareKey={VIEW}&compareRunsMode=CHART"
        found.append((experiment.name, page))
    return sorted((name, page) for name, page in found if name.startswith("lossbench/"))


# In the tracker's own process ---------------------------------------------------------------------------------------


_refused = False
"""True once the store could not be opened: nothing more is tried, since each attempt would wait for a time-out."""


def _client(uri: str) -> Any:
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "ERROR")
    logging.getLogger("alembic").setLevel(logging.ERROR)
    if uri.startswith("sqlite"):
        _write_ahead()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _prepare(uri: str, results: str) -> None:
    """Creates the store if there is none yet; other processes wait meanwhile."""
    from filelock import FileLock

    global _refused
    here = Path(results) if uri.startswith("sqlite") else Path(tempfile.gettempdir())
    here.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(here / f".mlflow-{fingerprint(uri)}.lock"):
            _experiment(_client(uri), SWEEPS, results)
    except Exception:
        _refused = True
        raise


def _write_ahead() -> None:
    """SQLite in write-ahead mode: readers and a second sweep do not wait for each other."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    if getattr(_write_ahead, "done", False):
        return

    @event.listens_for(Engine, "connect")
    def pragmas(connection: Any, _: Any) -> None:
        if type(connection).__module__.startswith("sqlite3"):
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")

    _write_ahead.done = True  # type: ignore[attr-defined]  # once a process


def _experiment(client: Any, name: str, results: str) -> str:
    """The experiment's id; made if it is not there, with its artifacts below the results unless a server keeps them."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        served = client.tracking_uri.startswith(("http", "databricks"))
        place = None if served else (Path(results) / ARTIFACTS / name.rpartition("/")[2]).as_uri()
        try:
            return str(client.create_experiment(name, artifact_location=place))
        except MlflowException:  # another sweep was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _log_cell(uri: str, results: str, folder: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    if _refused:
        return
    client = _client(uri)
    record = read_record(folder)
    experiment = _experiment(client, f"lossbench/{record.task}", results)
    _save_view(client, experiment, record.metric.name)
    tags = {
        "mlflow.source.name": "lossbench",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": record.provenance.git or "",
        "loss": record.title,
        "task": record.task,
        "data": record.data.name,
        "kind": record.loss.kind or "",
        "sweep": record.sweep,
        "status": record.status.value,
        "role": record.role,
        **({"reason": record.reason[:4000]} if record.reason else {}),
    }
    note = record.reason or f"{record.title} on {record.task}, {len(record.repeats)} repeats."
    end = _ended(record)
    top = client.create_run(
        experiment,
        start_time=end - int(record.seconds * 1000),
        run_name=record.title,
        tags={**tags, "mlflow.note.content": note[:4000]},
    )
    run = top.info.run_id
    _batch(client, run, [(name, value, 0) for name, value in _means(record).items()], _params(record))
    if record.data.digest:
        data = Dataset(record.data.name, record.data.digest, "local", record.data.source)
        client.log_inputs(run, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])
    client.log_artifacts(run, folder)
    for repeat in record.repeats:
        child = client.create_run(
            experiment,
            start_time=end - int(repeat.seconds * 1000),
            run_name=f"{record.title}, repeat {repeat.repeat}",
            tags={
                **tags,
                "mlflow.parentRunId": run,
                "status": repeat.status.value,
                "repeat": str(repeat.repeat),
            },
        ).info.run_id
        _batch(client, child, _repeat_metrics(record, repeat), {"seed": repeat.seed, **_params(record)})
        client.set_terminated(child, FINISHED.get(repeat.status, "FAILED"), end)
    client.set_terminated(
        run, FINISHED.get(record.status, "KILLED" if record.status is Status.INTERRUPTED else "FAILED")
    )


def _save_view(client: Any, experiment: str, metric: str) -> None:
    """A view of the task's page that groups runs by loss and draws bars of their averages; nothing depends on it."""
    groups = [{"mode": "tag", "groupByData": name} for name in ("loss", "data")]
    state = {
        "searchFilter": "",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [f"metrics.`{prefix}/{metric}`" for prefix in ("test", "test_sd", "test_lo", "test_hi")],
        "groupBy": {"aggregateFunction": "average", "groupByKeys": groups},
        "runsExpanded": {},
        "runsHidden": [],
        "runsPinned": [],
        "runsHiddenMode": "FIRST_20_RUNS",
        "viewMaximized": False,
        "runListHidden": False,
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
    }
    client.set_experiment_tag(experiment, f"{SAVED_VIEW}{VIEW}", json.dumps(state))


def _log_sweep(uri: str, results: str, folder: str, view: SweepView, command: str) -> None:
    if _refused:
        return
    client = _client(uri)
    name = Path(folder).name
    tags = {
        "mlflow.source.name": "lossbench",
        "mlflow.source.type": "LOCAL",
        "sweep": name,
        "command": command,
        "mlflow.note.content": view.description,
        **view.tags,
    }
    began = int(1000 * store.begun(Path(folder)))
    experiment = _experiment(client, SWEEPS, results)
    run = client.create_run(experiment, start_time=began, run_name=name, tags=tags).info.run_id
    _batch(client, run, [(name, value, 0) for name, value in view.metrics.items()], {})
    for file, table in view.tables.items():
        client.log_table(run, table, file)
    with tempfile.TemporaryDirectory() as there:
        for file, picture in view.pictures.items():
            (Path(there) / file).write_bytes(picture)
        if view.pictures:
            client.log_artifacts(run, there, "figures")
    for path in sorted(Path(folder).iterdir()):
        if path.is_file() and not path.name.startswith("."):
            client.log_artifact(run, str(path))
    client.set_terminated(run)


def _ended(record: Record) -> int:
    """When a cell ended, in milliseconds of Unix time, so that the UI shows how long it trained."""
    ended = record.provenance.ended
    moment = datetime.fromisoformat(ended) if ended else datetime.now(UTC)
    return int(moment.timestamp() * 1000)


def _means(record: Record) -> dict[str, float]:
    """What people sort cells by: mean, sd and 95 % interval over the repeats that are done."""
    import numpy as np

    from lossbench.verdicts.statistics import over_repeats

    found: dict[str, float] = {}
    done = [r for r in record.repeats if r.status is Status.DONE]
    for prefix, each in (("test", [r.metrics for r in done]), ("val", [r.validation for r in done])):
        for name in each[0] if each else ():
            values = [metrics[name] for metrics in each if name in metrics]
            mean = sum(values) / len(values)
            found[f"{prefix}/{name}"] = mean
            if len(values) > 1:
                estimate = over_repeats(np.array(values))
                low, high = estimate.interval()
                found[f"{prefix}_sd/{name}"] = estimate.error * len(values) ** 0.5
                found |= {f"{prefix}_lo/{name}": low, f"{prefix}_hi/{name}": high}
    found["repeats_done"] = len(done)
    found["failed"] = float(record.status in (Status.FAILED, Status.DIVERGED))
    if record.repeats:
        found["seconds"] = sum(r.seconds for r in record.repeats) / len(record.repeats)
    return found


def _repeat_metrics(record: Record, repeat: Repeat) -> list[tuple[str, float, int]]:
    """Finals at step 0, where the UI draws bars, and the curves by epoch under names of their own."""
    found = [(f"test/{name}", value, 0) for name, value in repeat.metrics.items()]
    found += [(f"val/{name}", value, 0) for name, value in repeat.validation.items()]
    found += [("seconds", repeat.seconds, 0), ("epochs", float(repeat.epochs), 0)]
    for curve, name in (("train_loss", "loss"), ("validation", f"val_{record.metric.name}")):
        values = record.arrays.get(f"curve/{repeat.repeat}/{curve}", ())
        found += [(f"training/{name}", float(v), epoch) for epoch, v in enumerate(values)]
    return found


def _params(record: Record) -> dict[str, Any]:
    cell = record.cell
    loss = {f"loss.{key}": compact(value) for key, value in record.loss.params.items()}
    training = {f"training.{key}": value for key, value in asdict(cell.training).items()}
    return {
        "loss": record.loss.name,
        **loss,
        "data": record.data.name,
        "model": record.model,
        **training,
    }


def _batch(client: Any, run: str, metrics: list[tuple[str, float, int]], params: dict[str, Any]) -> None:
    """One log_batch per thousand metrics; NaN is left out, since it breaks the run's page."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    entities = [Metric(name, value, now, step) for name, value, step in metrics if math.isfinite(value)]
    given = [Param(key, str(value)[:500]) for key, value in params.items()]
    client.log_batch(run, metrics=entities[:900], params=given)
    for start in range(900, len(entities), 900):
        client.log_batch(run, metrics=entities[start : start + 900])
