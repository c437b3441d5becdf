"""A results folder from a stranger: whatever it says, no command imports, unpickles or calls anything that it names.

A module on the path writes a file when it is imported and another when something of it is called. In a process apart
an import hook sees what is looked for, and an audit hook of Python's own sees new processes.
"""

from __future__ import annotations

import io
import json
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossbench.errors import InputError
from lossbench.plan import Direction
from lossbench.records.facts import MetricFacts
from lossbench.records.record import ARRAYS, RECORD, read_record, read_records
from tests.conftest import QUICK, Result
from tests.made import altered
from tests.verdicts.test_comparison import gaining, mse
from tests.verdicts.test_reporting import saved

MARKER = "marker_of_a_test"
SOURCE = """
from pathlib import Path
here = Path(__file__).parent
(here / "imported").touch()

def run(*arguments, **more):
    (here / "called").touch()
    return 1.0

class Thing:
    def __init__(self, *arguments, **more):
        (here / "called").touch()
"""
WATCHED = """
import sys

class Seen:
    # asked for every module before it is looked for; finds none
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("marker_of_a_test", "pty"):
            print("IMPORTED", name, flush=True)

def seen(event, arguments):
    if event in ("os.exec", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "pickle.find_class", "pty.spawn"):
        print("DID", event, arguments, flush=True)
    if event == "subprocess.Popen" and "git" not in str(arguments[0]):
        print("DID", event, arguments, flush=True)

from lossbench.__main__ import main
import lossbench.report.page, lossbench.verdicts.sweeps, lossbench.cli.tables
sys.modules.pop("pty", None)
sys.meta_path.insert(0, Seen())
sys.addaudithook(seen)
for words in WORDS:
    print("CODE", main(words), words[0], flush=True)
"""


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    folder = tmp_path / "path"
    folder.mkdir()
    (folder / f"{MARKER}.py").write_text(SOURCE)
    return folder


def aimed_at(record: Any, target: str) -> Any:
    """Every place of a record where the path of something importable may stand."""
    of_it = {"target": target}
    record.cell = altered(record.cell, task={"metric": target, **of_it}, model=of_it, loss=of_it)
    name = target.rpartition(".")[2]
    record.metric, record.directions = MetricFacts(name, Direction.MIN), {name: Direction.MIN, **record.directions}
    for repeat in record.repeats:
        repeat.metrics = {name: repeat.metrics["rmse"], **repeat.metrics}
    return record


def crafted(folder: Path, target: str, *, words: bool) -> Path:
    """A sweep of two records whose every path is `target`; as words its predictions are what `pty.spawn` takes."""
    records = [aimed_at(mse(), target), aimed_at(gaining("huber", 0.5, 0.1), target)]
    for record in records if words else ():
        for name in record.arrays:
            if name.endswith(("/target", "/score")):
                record.arrays[name] = np.array(["/bin/sh", "-c", "id"] * 14)[:40]
    return saved(folder, *records)


def watched(words: list[list[str]], marker: Path, folder: Path) -> str:
    code = WATCHED.replace("WORDS", repr(words))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": str(marker), "PATH": "/usr/bin:/bin", "HOME": str(folder), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("target", [f"{MARKER}.run", "pty.spawn"])
@pytest.mark.long
def test_no_command_imports_or_calls_what_a_record_names(target: str, marker: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    crafted(results / "gift", target, words=True)
    crafted(results / "mine", target, words=False)
    where = f"results={results}"
    words = [
        *(["report", name, where] for name in ("gift", "mine")),
        ["report", str(results / "gift"), "--scope", "test"],
        ["report", "gift", "mine", where],
        *(["show", name, where] for name in ("gift", "mine")),
        *(["use", name, where] for name in ("gift", "mine")),
        ["rescore", "mine", where, "--metric", "mae"],
        ["rescore", "mine", where, "--metric", target.rpartition(".")[2]],
        ["rescore", "gift", where, "--metric", "rmse"],
        ["ui", where],
    ]
    told = watched(words, marker, tmp_path)
    assert "IMPORTED" not in told, told
    assert "DID" not in told, told
    assert not (marker / "imported").exists()
    assert not (marker / "called").exists()
    codes = [line for line in told.splitlines() if line.startswith("CODE")]
    assert len(codes) == len(words)
    assert {line.split()[1] for line in codes} <= {"0", "2"}
    assert "CODE 0 report" in told


@pytest.mark.long
def test_a_sweep_that_joins_or_reuses_such_a_folder_runs_nothing_of_it(
    lossbench: Callable[..., Result], folder: Path, marker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(marker))
    words = ("+loss=mse", "task=regression", "model=linear", *QUICK, "reuse=true")
    assert lossbench(*words, "name=first").code == 0
    (record,) = [r for r in read_records("results/first", arrays=True) if r.role == "chosen"]
    assert record.path is not None
    aimed_at(record, f"{MARKER}.run").save(record.path)  # under the fingerprint of the honest cell
    crafted(folder / "results" / "again", f"{MARKER}.run", words=False)
    again = lossbench(*words, "name=again")
    assert again.code == 0, again.text
    crafted(folder / "results" / "again", f"{MARKER}.run", words=True)
    spoiled = lossbench(*words, "name=again")
    assert spoiled.code == 2
    assert "arrays.npz cannot be read" in spoiled.text
    assert "reused from first" not in again.text, "a record that another cell stands in is not taken for this one's"
    assert sys.modules.get(MARKER) is None
    assert not (marker / "imported").exists()


# Files ----------------------------------------------------------------------------------------------------------------


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('unpickled')",)


def test_arrays_are_never_unpickled(tmp_path: Path) -> None:
    place = mse().save(tmp_path / "one" / "cell")
    with zipfile.ZipFile(place / ARRAYS, "w") as file:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
        file.writestr("test/0/target.npy", buffer.getvalue())
    for content in ((place / ARRAYS).read_bytes(), pickle.dumps(Bomb())):
        (place / ARRAYS).write_bytes(content)
        with pytest.raises(InputError, match="cannot be read"):
            read_record(place)


HEADER = "{'descr': '<f8', 'fortran_order': False, 'shape': (8,), }"


def npy(header: str, version: bytes = b"\1\0") -> bytes:
    """An npy file of eight zeros, by NumPy's description of the format: magic, version, length, header, values."""
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + bytes(64)


@pytest.mark.parametrize(
    "content",
    [
        npy(HEADER)[:-1],
        npy(HEADER)[:40],
        b"",
        npy(HEADER, b"\x09\0"),
        npy(HEADER.replace("8,", f"{10**15},")),
        npy(HEADER.replace("8,", f"{10**30},")),
        npy(HEADER.replace("8,", "-8,")),
        npy(HEADER.replace("<f8", "|O")),
        npy(HEADER.replace("<f8", "<f8\0")),
        npy(HEADER.replace("(8,)", "(" * 500)),
        npy(HEADER + " " * 20_000),
        npy(HEADER.replace("(8,)", "__import__('os').getpid()")),
    ],
    ids=[
        "cut",
        "header cut",
        "empty",
        "version",
        "petabytes",
        "no int64",
        "minus",
        "objects",
        "NUL",
        "deep",
        "long",
        "call",
    ],
)
def test_a_damaged_or_hostile_header_is_an_error_in_words(tmp_path: Path, content: bytes) -> None:
    place = mse().save(tmp_path / "one" / "cell")
    with zipfile.ZipFile(place / ARRAYS, "w") as file:
        file.writestr("shape/x.npy", npy(HEADER))
    assert read_record(place).arrays["shape/x"].tolist() == [0.0] * 8, "an honest header is read"
    with zipfile.ZipFile(place / ARRAYS, "w") as file:
        file.writestr("shape/x.npy", content)
    with pytest.raises(InputError, match="cannot be read"):
        read_record(place)


def test_nothing_in_the_package_asks_numpy_or_torch_to_unpickle() -> None:
    """By reading the source: `allow_pickle`, `torch.load` and `pickle.load` stand nowhere but in the law of copies."""
    root = Path(__file__).parents[2] / "lossbench"
    for path in root.rglob("*.py"):
        text = path.read_text("utf-8")
        for word in ("allow_pickle=True", "torch.load(", "np.load(", "pickle.load("):
            assert word not in text, f"{path.name} holds {word}"
        if path.parts[-3:] != ("probe", "laws", "mechanics.py"):
            assert "pickle.loads(" not in text, path.name


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("metric", "rmse"),
        ("metric", {"name": ["rmse"], "direction": "min"}),
        ("directions", {"rmse": "sideways"}),
        ("loss", {"name": "mse", "title": 3}),
        ("data", {"name": None}),
        ("cell", []),
        ("arrays", {"test/0/target": [1, 2]}),
        ("later", {}),
        ("path", "/etc"),
        ("repeats", [{"repeat": 0, "seed": 0, "status": "done", "metrics": {"rmse": "3"}}]),
    ],
)
def test_a_record_with_other_things_in_place_of_its_names_is_an_error_in_words(
    tmp_path: Path, key: str, value: object
) -> None:
    place = mse().save(tmp_path / "one" / "cell")
    data = json.loads((place / RECORD).read_text("utf-8"))
    (place / RECORD).write_text(json.dumps({**data, key: value}))
    with pytest.raises(InputError, match="cannot be read as a record"):
        read_record(place)
