"""Records: written whole or not at all, read back as they were, without pickle and without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossbench.errors import InputError
from lossbench.plan import DataCard, Direction
from lossbench.records.facts import LossFacts, MetricFacts
from lossbench.records.record import (
    ARRAYS,
    RECORD,
    SCHEMA,
    Record,
    Repeat,
    Status,
    finite,
    read_record,
    read_records,
    write_whole,
)
from tests.made import a_cell


def record(**changes: Any) -> Record:
    """A record of three repeats, one of them diverged."""
    repeats = [
        Repeat(0, 11, Status.DONE, metrics={"rmse": 1.5, "r2": 0.1 + 0.2}, best_epoch=3, learning_rate=1e-3),
        Repeat(1, 12, Status.DIVERGED, "the loss became nan in step 4", epochs=1),
        Repeat(
            2,
            13,
            Status.DONE,
            metrics={"rmse": 1.25},
            validation={"rmse": 1.0},
            decision={"f1": 0.4},
            hashes={"splits": "ab12"},
            report={"B-PER": {"precision": 0.5, "support": 2.0}},
        ),
    ]
    made = Record(
        status=Status.DONE,
        reason="",
        loss=LossFacts("huber", "huber(δ=½)", {"delta": 0.5}),
        task="regression",
        data=DataCard("diabetes", rows=442),
        model="mlp",
        metric=MetricFacts("rmse", Direction.MIN),
        directions={"rmse": Direction.MIN, "r2": Direction.MAX},
        repeats=repeats,
        cell=a_cell("huber", data="diabetes"),
        sweep="first",
        contest="c0ffee",
        seconds=12.75,
        arrays={
            "test/0/score": np.linspace(0, 1, 7),
            "test/0/rows": np.arange(7),
            "test/0/half": np.array([1, np.nan, np.inf], dtype=np.float32),
            "label/tags": np.array(["O", "B-PER"]),
            "empty": np.zeros((0, 3)),
        },
    )
    return replace(made, **changes)


def temporary(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in (RECORD, ARRAYS))


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    saved = record()
    folder = saved.save(tmp_path / "sweep" / "cell")
    found = read_record(folder)
    assert found.path == folder == saved.path
    assert replace(found, arrays={}) == replace(saved, arrays={})
    assert found.repeats[0].metrics["r2"] == 0.1 + 0.2
    assert found.title == "huber(δ=½)"


@pytest.mark.parametrize("key", record().arrays)
def test_an_array_comes_back_bit_for_bit_with_its_type_and_shape(tmp_path: Path, key: str) -> None:
    wanted, found = record().arrays[key], read_record(record().save(tmp_path)).arrays[key]
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("status", Status)
def test_every_status_comes_back(tmp_path: Path, status: Status) -> None:
    found = read_record(record(status=status, reason="why", repeats=[Repeat(0, 1, status, "this")]).save(tmp_path))
    assert (found.status, found.reason) == (status, "why")
    assert (found.repeats[0].status, found.repeats[0].reason) == (status, "this")


def test_saving_what_was_read_changes_no_byte_of_the_json(tmp_path: Path) -> None:
    first = record().save(tmp_path / "first")
    second = read_record(first).save(tmp_path / "second")
    assert (first / RECORD).read_bytes() == (second / RECORD).read_bytes()


def test_arrays_are_left_where_they_are_when_nobody_asks_for_them(tmp_path: Path) -> None:
    assert read_record(record().save(tmp_path), arrays=False).arrays == {}


def test_a_record_without_its_arrays_is_still_a_record(tmp_path: Path) -> None:
    folder = record().save(tmp_path)
    (folder / ARRAYS).unlink()
    assert read_record(folder).arrays == {}


def test_numpy_reads_the_arrays_with_pickle_forbidden(tmp_path: Path) -> None:
    with np.load(record().save(tmp_path) / ARRAYS, allow_pickle=False) as stored:
        assert all(stored[key].dtype.hasobject is False for key in stored.files)


def test_an_array_that_would_need_pickle_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="hold objects, which only pickle could store"):
        record(arrays={"objects": np.array([{}, None])}).save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_json_is_strict_and_opens_with_what_a_person_looks_for(tmp_path: Path) -> None:
    def forbidden(constant: str) -> None:
        raise AssertionError(constant)

    text = (record().save(tmp_path) / RECORD).read_text("utf-8")
    data = json.loads(text, parse_constant=forbidden)
    assert list(data)[:4] == ["schema", "status", "reason", "role"]
    assert (data["schema"], data["status"], data["repeats"][1]["status"]) == (SCHEMA, "done", "diverged")
    assert "arrays" not in data
    assert "path" not in data


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_json_has_no_place_for_is_dropped_by_finite_and_refused_by_save(tmp_path: Path, value: float) -> None:
    assert finite({"rmse": 1.5, "r2": value, "mae": np.float32(2)}) == {"rmse": 1.5, "mae": 2.0}
    with pytest.raises(ValueError, match="not JSON compliant"):
        record(repeats=[Repeat(0, 1, Status.DONE, metrics={"rmse": value})]).save(tmp_path)
    assert not (tmp_path / RECORD).exists()


def test_finite_gives_plain_floats() -> None:
    assert {type(value) for value in finite({"a": np.float32(1), "b": np.float64(2), "c": 3}).values()} == {float}


def test_values_are_those_of_the_repeats_that_are_done_in_their_order() -> None:
    assert record().values("rmse") == [1.5, 1.25]
    assert record().values("r2") == [0.1 + 0.2]
    assert record().values("mae") == []


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["error", "interrupt"])
@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_a_write_that_breaks_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")

    def breaks(*args: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, step, breaks)
        with pytest.raises(type(error)):
            write_whole(path, b"new and longer")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_reader_never_sees_a_part_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_whole(path, b"old")
    seen = []
    replaces = os.replace

    def watched(source: Any, target: Any) -> None:
        seen.append((path.read_bytes(), Path(source).read_bytes(), Path(source).parent == path.parent))
        replaces(source, target)

    monkeypatch.setattr(os, "replace", watched)
    write_whole(path, b"new")
    assert seen == [(b"old", b"new", True)]
    assert path.read_bytes() == b"new"


def test_a_saved_file_may_be_read_by_others_as_any_other_file(tmp_path: Path) -> None:
    folder = record().save(tmp_path)
    assert {oct((folder / name).stat().st_mode & 0o777) for name in (RECORD, ARRAYS)} == {"0o644"}


@pytest.mark.parametrize("broken", [1, 2])
def test_a_save_that_breaks_leaves_the_old_record_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    record(seconds=1.0).save(tmp_path)
    replaces, calls = os.replace, []

    def breaks(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) == broken:
            raise OSError("disk full")
        replaces(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", breaks)
        with pytest.raises(OSError, match="disk full"):
            record(seconds=2.0).save(tmp_path)
    assert read_record(tmp_path).seconds == 1.0
    assert temporary(tmp_path) == []


def test_no_temporary_file_outlives_a_save(tmp_path: Path) -> None:
    for seconds in (1.0, 2.0):
        record(seconds=seconds).save(tmp_path)
    assert temporary(tmp_path) == []
    assert read_record(tmp_path).seconds == 2.0


def as_saved(**changes: Any) -> bytes:
    return json.dumps({**record().to_dict(), **changes}).encode()


DAMAGED = {
    "nothing": b"",
    "cut off": as_saved()[:200],
    "no json": b"<html>",
    "a list": b"[1, 2]",
    "null": b"null",
    "not utf-8": b'{"schema": "\xff"}',
    "no repeats": json.dumps({k: v for k, v in record().to_dict().items() if k != "repeats"}).encode(),
    "no schema": json.dumps({k: v for k, v in record().to_dict().items() if k != "schema"}).encode(),
    "an unknown status": as_saved(status="splendid"),
    "an unknown repeat status": as_saved(repeats=[{"repeat": 0, "seed": 1, "status": "splendid"}]),
    "an unknown field": as_saved(colour="blue"),
    "repeats that are numbers": as_saved(repeats=[1]),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_record_is_the_users_to_mend_and_is_named(tmp_path: Path, content: bytes) -> None:
    folder = record().save(tmp_path / "cell")
    (folder / RECORD).write_bytes(content)
    with pytest.raises(InputError, match=r"cell.record\.json cannot be read as a record"):
        read_record(folder)


def test_a_folder_without_a_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.record\.json cannot be read"):
        read_record(tmp_path / "nowhere")


def test_arrays_that_hide_a_pickle_are_refused(tmp_path: Path) -> None:
    folder = record().save(tmp_path)
    np.savez(folder / ARRAYS, objects=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="only pickle"):
        read_record(folder)
    assert read_record(folder, arrays=False).title == record().title


@pytest.mark.parametrize("schema", [0, SCHEMA + 1, "1"])
def test_a_record_of_another_schema_is_refused_by_its_number(tmp_path: Path, schema: object) -> None:
    folder = record().save(tmp_path)
    (folder / RECORD).write_bytes(as_saved(schema=schema))
    with pytest.raises(InputError, match=f"has schema {schema}; this lossbench reads schemas 1 and {SCHEMA}"):
        read_record(folder)


def test_all_records_below_a_folder_are_read_by_path_without_arrays(tmp_path: Path) -> None:
    for place in ("b/z", "b/a", "a/deep/er", "c"):
        record(sweep=place).save(tmp_path / place)
    (tmp_path / "d").mkdir()
    found = read_records(tmp_path)
    assert [one.sweep for one in found] == ["a/deep/er", "b/a", "b/z", "c"]
    assert [one.path for one in found] == [tmp_path / one.sweep for one in found]
    assert all(one.arrays == {} for one in found)
    assert [len(one.arrays) for one in read_records(str(tmp_path / "b"), arrays=True)] == [5, 5]
    assert read_records(tmp_path / "d") == []


READING = """
import sys
from lossbench import read_records
(record,) = read_records(sys.argv[1], arrays=True)
heavy = {"torch", "pytorch_lightning", "torchmetrics", "sklearn", "pandas", "hydra", "mlflow"} & set(sys.modules)
print(record.values("rmse"), sorted(heavy), len(record.arrays))
"""


def test_records_are_read_without_torch_or_anything_else_that_is_heavy(tmp_path: Path) -> None:
    record().save(tmp_path / "cell")
    done = subprocess.run([sys.executable, "-c", READING, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "[1.5, 1.25] [] 5"


@pytest.mark.parametrize("rest", [b"", b"PK\x03\x04 cut off"])
def test_damaged_arrays_are_the_users_to_mend_and_are_named(tmp_path: Path, rest: bytes) -> None:
    folder = record().save(tmp_path)
    (folder / ARRAYS).write_bytes(rest)
    with pytest.raises(InputError, match=r"arrays\.npz cannot be read"):
        read_record(folder)


def test_a_record_that_cannot_be_written_leaves_the_old_arrays_too(tmp_path: Path) -> None:
    folder = record(arrays={"x": np.zeros(2)}).save(tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        record(arrays={"x": np.ones(2)}, seconds=float("nan")).save(tmp_path)
    assert read_record(folder).arrays["x"].tolist() == [0, 0]


def test_numpys_numbers_stay_numbers(tmp_path: Path) -> None:
    facts = LossFacts("huber", "huber", {"a": np.float32(2), "b": np.int64(3)})
    assert read_record(record(loss=facts).save(tmp_path)).loss.params == {"a": 2.0, "b": 3}
