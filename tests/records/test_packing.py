"""Many arrays in one file: what goes in comes out, and NumPy alone can read it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossbench.records.arrays import LAYOUT, Packed, packed

CELL: dict[str, Any] = {
    **{f"test/{r}/score": np.arange(4.0) + r for r in range(12)},
    **{f"trial/{r}/{t}/validation": np.arange(3.0 + r + t) for r in (0, 2) for t in range(3)},
    **{f"curve/{r}/part/01": np.arange(2.0) for r in range(2)},
    "shape/x": np.linspace(0, 1, 5),
    "legend/tags": np.array(["O", "B-person"]),
}
ODD: dict[str, Any] = {
    "a/0/x": np.zeros((2, 3), dtype=np.float32),
    "a/1/x": np.ones((4, 3), dtype=np.float32),
    "a/2/x": np.ones((4, 2), dtype=np.float32),
    "b/0": np.array(3),
    "b/1": np.array(4),
    "b/2": np.array([True, False]),
    "c/0/words": np.array(["a", "bcd"]),
    "c/1/words": np.array(["efghi"]),
    "d/*/x": np.arange(3),
    "d/0/x": np.arange(2),
    "e/0": np.zeros(0),
    "e/1": np.zeros(2),
    "7": np.zeros(1),
    "f/0": np.array(3),
    "f/1": np.array([1, 2]),
    "g/*/0": np.arange(3),
    "g/1/0": np.arange(3),
}


def kept(arrays: dict[str, Any], folder: Path) -> Path:
    (folder / "arrays.npz").write_bytes(packed(arrays))
    return folder / "arrays.npz"


@pytest.mark.parametrize("arrays", [CELL, ODD, {}], ids=["a cell's", "odd ones", "none"])
def test_what_goes_in_comes_out(arrays: dict[str, Any], tmp_path: Path) -> None:
    with Packed(kept(arrays, tmp_path)) as found:
        assert sorted(found) == sorted(arrays)
        assert len(found) == len(arrays)
        for name, array in arrays.items():
            assert name in found
            assert found[name].dtype == array.dtype, name
            assert found[name].shape == array.shape, name
            np.testing.assert_array_equal(found[name], array)
        assert "test/99/score" not in found
        with pytest.raises(KeyError):
            found["test/99/score"]


@pytest.mark.parametrize(("arrays", "name"), [(CELL, "cell"), (ODD, "odd")])
def test_files_of_schema_1_stay_readable(arrays: dict[str, Any], name: str) -> None:
    """The files were written at commit 6c788f3, when they were read by byte offsets."""
    with Packed(Path(__file__).parent / "stored" / f"{name}.npz") as found:
        assert sorted(found) == sorted(arrays)
        for key, array in arrays.items():
            assert found[key].dtype == array.dtype, key
            np.testing.assert_array_equal(found[key], array, strict=True)


def test_numpy_alone_reads_one_entry_a_group(tmp_path: Path) -> None:
    with np.load(kept(CELL, tmp_path), allow_pickle=False) as stored:
        groups = {"test/*/score", "trial/*/*/validation", "curve/*/part/01", "shape/x", "legend/tags"}
        assert set(stored.files) == {LAYOUT, *groups}
        assert stored["test/*/score"].tolist() == [[r, r + 1.0, r + 2.0, r + 3.0] for r in range(12)]
        assert stored["trial/*/*/validation"].shape == (3 + 4 + 5 + 5 + 6 + 7,)  # by hand: 3 + r + t each


def test_the_order_of_names_does_not_matter(tmp_path: Path) -> None:
    with Packed(kept(dict(reversed(CELL.items())), tmp_path)) as found:
        assert all(np.array_equal(found[name], array) for name, array in CELL.items())
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as stored:
        assert stored["test/*/score"][:, 0].tolist() == list(range(12))  # by number: 10 after 9


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells which files are open")
def test_a_file_that_was_read_is_open_no_longer(tmp_path: Path) -> None:
    """A report reads a thousand of them; most systems allow a process 1,024 at once."""
    path = kept(CELL, tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with Packed(path) as found:
        assert found["shape/x"].shape == (5,)
        assert len(list(Path("/proc/self/fd").iterdir())) == before + 1
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_array_that_would_need_pickle_is_refused() -> None:
    with pytest.raises(ValueError, match="hold objects, which only pickle could store"):
        packed({"objects": np.array([{}, None])})
