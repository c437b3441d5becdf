"""What the commands before a training say, and how the server of the results is begun; sums by hand."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lossbench.cli import display
from lossbench.records.record import RECORD
from lossbench.report import mlflow
from lossbench.runs import estimate, inputs
from lossbench.runs.estimate import Estimate
from tests.conftest import QUICK, Result, Site

Command = Callable[..., Result]

# lossbench plan -----------------------------------------------------------------------------------------------------


def test_a_plan_adds_up_its_cells_and_leaves_out_those_that_do_not_fit(
    lossbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7 s a cell: mse and huber on the one task, and bce, which is none for numbers, on neither: 14 s."""
    monkeypatch.setattr(estimate, "estimate", lambda cell: Estimate("replicas", 7.0, 2**30))
    result = lossbench("plan", "+loss=mse,huber,bce", "task=regression", "-m")
    assert result.code == 0
    assert "2 cells of 10 repeats" in result.out
    assert "about 7 s per cell, 14 s in all" in result.out
    assert "14 s in all, assuming no run stops early" in result.text
    twice = lossbench("plan", "+loss=mse", "task=regression,binary", "-m")
    assert "21 s in all, assuming no run stops early" in twice.text  # mse on both, and bce as baseline of the second


@pytest.mark.long
def test_a_plan_goes_by_the_earlier_records_of_its_own_contest_and_past_damaged_ones(
    lossbench: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in ("regression", "binary"):
        assert lossbench("+loss=mse", f"task={task}", f"name={task}", *QUICK).code == 0
    damaged = folder / "results" / "broken" / "cell" / RECORD
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{")
    seen: list[tuple[str, set[str]]] = []

    def shown(out: Any, cell: Any, cells: int, found: Any, earlier: list[Any]) -> None:
        seen.append((cell.task.name, {record.task for record in earlier}))

    monkeypatch.setattr(display, "show_estimate", shown)
    monkeypatch.setattr(estimate, "estimate", lambda cell: None)
    result = lossbench("plan", "+loss=mse", "task=regression,binary", "-m", *QUICK)
    assert result.code == 0, result.text
    assert sorted(seen) == [("binary", {"binary"}), ("regression", {"regression"})]


# lossbench losses and data ----------------------------------------------------------------------------------------


def test_names_alone_are_told_without_importing_anything(lossbench: Command, site: Site) -> None:
    site.install(
        "lossbench-breaks", {"breaks": "breaks_on_import:Loss"}, "raise RuntimeError\n", module="breaks_on_import"
    )
    result = lossbench("losses", "--names")
    assert result.code == 0
    assert result.out.split() == sorted(point.name for point in entry_points(group="lossbench.losses"))
    assert "breaks_on_import" not in sys.modules


def test_a_data_set_is_shown_with_its_facts_digest_and_every_warning(
    lossbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = SimpleNamespace(
        name="made", source="here", rows=10, columns=2, target="y", summary={"mean": 0.123456, "classes": 2},
        digest="abc123", warnings=["first doubt", "second doubt"],
    )  # fmt: skip
    splits = SimpleNamespace(train=range(6), validation=range(3), test=range(1))
    task = SimpleNamespace(card=card, fold=lambda repeat: SimpleNamespace(splits=splits), splits=lambda repeat: splits)
    monkeypatch.setattr(inputs, "load_task", lambda choice, seed: task)
    lines = [line.strip() for line in lossbench("data", "show", "task=regression").out.splitlines() if line.strip()]
    assert lines == [
        "made (task=regression), here",
        "rows 10, columns 2, target y",
        "mean 0.1235, classes 2",
        "splits of a repeat: train 6, validation 3, test 1; the test part is the same in all repeats",
        "batch size 32: the target has no classes",
        "digest abc123",
        "warning: first doubt",
        "warning: second doubt",
    ]


# lossbench ui -----------------------------------------------------------------------------------------------------


class Server:
    """Stands for MLflow's server: keeps how it was begun."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.command: list[str] = []
        self.environment: dict[str, str] = {}

    def run(self, command: list[str], *, env: dict[str, str], check: bool) -> Any:
        self.command, self.environment = command, env
        return SimpleNamespace(returncode=self.code)


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """With a store to show and one page in it."""
    (folder / "results").mkdir()
    (folder / "results" / "mlflow.db").touch()
    found = Server()
    monkeypatch.setattr(subprocess, "run", found.run)
    monkeypatch.setattr(mlflow, "pages", lambda uri, results: [("lossbench/binary", "#/experiments/1")])
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_server_listens_to_this_machine_alone(lossbench: Command, server: Server) -> None:
    port = free_port()
    result = lossbench("ui", "--port", str(port), "--no-browser")
    assert result.code == 0
    assert server.command[server.command.index("--host") + 1] == "127.0.0.1"
    assert server.command[server.command.index("--port") + 1] == str(port)
    assert server.command[server.command.index("--backend-store-uri") + 1].endswith("results/mlflow.db")
    assert f"lossbench/binary         http://127.0.0.1:{port}/#/experiments/1" in result.out
    assert server.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"


def test_a_server_that_ends_badly_is_told_by_the_exit_code(lossbench: Command, server: Server) -> None:
    server.code = 3
    assert lossbench("ui", "--port", str(free_port()), "--no-browser").code == 3


def test_another_store_needs_no_file_here(lossbench: Command, server: Server, folder: Path) -> None:
    (folder / "results" / "mlflow.db").unlink()
    missing = lossbench("ui", "--port", str(free_port()), "--no-browser")
    assert missing.code == 2
    assert "nothing to show in results/ yet" in missing.text
    given = lossbench("ui", "--port", str(free_port()), "--no-browser", "tracking.uri=http://127.0.0.1:9")
    assert given.code == 0
    assert server.command[server.command.index("--backend-store-uri") + 1] == "http://127.0.0.1:9"


def test_a_port_that_is_taken_is_told(lossbench: Command, server: Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = lossbench("ui", "--port", str(port), "--no-browser")
    assert result.code == 2
    assert f"Port {port} is in use: choose another with --port" in result.text
    assert server.command == []


@pytest.mark.parametrize(("terminal", "words", "opened"), [(True, [], 1), (True, ["--no-browser"], 0), (False, [], 0)])
def test_a_browser_opens_for_people_only(
    lossbench: Command, server: Server, monkeypatch: pytest.MonkeyPatch, terminal: bool, words: list[str], opened: int
) -> None:
    begun: list[Any] = []
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setattr(threading, "Thread", lambda **how: SimpleNamespace(start=lambda: begun.append(how["args"])))
    assert lossbench("ui", "--port", str(free_port()), *words).code == 0
    assert len(begun) == opened


def test_an_empty_store_and_one_that_cannot_be_opened_are_told(
    lossbench: Command, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("ui", "--port", str(free_port()), "--no-browser")
    monkeypatch.setattr(mlflow, "pages", lambda uri, results: [])
    empty = lossbench(*words)
    assert (empty.code, server.command) == (2, [])
    assert "nothing to show in results/ yet" in empty.text

    def broken(uri: str, results: Path) -> list[tuple[str, str]]:
        raise RuntimeError("file is not a database\nsqlalche.me/e/20")

    monkeypatch.setattr(mlflow, "pages", broken)
    refused = lossbench(*words, "tracking.uri=http://127.0.0.1:9")
    assert (refused.code, server.command) == (2, [])
    assert "http://127.0.0.1:9 cannot be opened by MLflow: file is not a database." in refused.text


# What commands are given in vain -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ui", "--port", "99999"), "--port 99999 must be a number from 1 to 65535"),
        (("ui", "--prot", "5000"), "unrecognized arguments: --prot"),
        (("ui", "results=taken"), "results=taken is a file, not a folder"),
        (("show",), "the following arguments are required: RUN"),
        (("show", "x", "--repeat", "one"), "invalid int value: 'one'"),
        (("show", "x", "results=taken"), "is a file, not a folder"),
        (("report", "x", "--to", "taken"), "--to taken: taken is a file, not a folder"),
        (("report", "x", "--figures", "taken/figures"), "taken is a file, not a folder"),
        (("rescore", "x"), "the following arguments are required: --metric"),
        (("rescore", "x", "--metric", "f1", "--margin", "nan"), "--margin nan must be a number of 0 or above"),
        (("cost", "mse", "--batch", "many"), "many"),
        (("reprot", "x"), "There is no command 'reprot'. Did you mean report?"),
        (("mse",), "There is no command 'mse'."),
        (("plan",), "Choose at least one loss"),
        (("data", "show", "--rows"), "unrecognized arguments: --rows"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_a_command_cannot_use_is_refused_in_one_line(
    lossbench: Command, folder: Path, words: tuple[str, ...], message: str
) -> None:
    (folder / "taken").write_text("a file")
    result = lossbench(*words)
    assert result.code == 2
    assert message in result.text
    assert "usage" not in result.text
    assert "Traceback" not in result.text
