"""Records of before they had types are read as what they say. Those that are stored here are of commit 6c788f3."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from lossbench.errors import InputError
from lossbench.plan import Direction, Target, fingerprint
from lossbench.records.record import RECORD, read_record, read_records
from lossbench.report.page import html
from lossbench.report.recipe import recipe
from lossbench.verdicts.sweeps import judged

STORED = Path(__file__).parent / "stored" / "schema_1" / "before"
CELLS = sorted(path.name for path in STORED.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_keeps_the_digest_that_names_its_folder(name: str) -> None:
    """Six hex digits of the digest stand in the name; those of a reference row are its contest's."""
    record = read_record(STORED / name)
    stored = json.loads((STORED / name / RECORD).read_text())
    assert record.cell.digest == fingerprint(stored["cell"])
    assert (record.contest if record.role == "reference" else record.cell.digest).startswith(name[-6:])


@pytest.mark.parametrize("name", CELLS)
def test_everything_that_it_says_is_there(name: str) -> None:
    record, stored = read_record(STORED / name), json.loads((STORED / name / RECORD).read_text())
    assert (record.loss.name, record.title, record.loss.params) == tuple(
        stored["loss"][key] for key in ("name", "title", "params")
    )
    assert (record.task, record.model) == (stored["task"], stored["model"]["name"])
    assert (record.data.name, record.data.digest) == (stored["data"]["name"], stored["data"]["digest"])
    assert record.directions == {key: Direction(way) for key, way in stored["directions"].items()}
    assert record.provenance.versions == stored["provenance"]["versions"]
    assert record.predicts is (Target.NUMBERS if record.task == "regression" else Target.TWO_CLASSES)
    for found, said in zip(record.repeats, stored["repeats"], strict=True):
        assert (found.metrics, found.hashes, found.halves) == (said["metrics"], said["hashes"], said["halves"])
        assert [(t.learning_rate, t.value, t.status.value) for t in found.trials] == [
            (trial["learning_rate"], trial["value"], trial["status"]) for trial in said["trials"]
        ]


def test_what_stood_in_its_provenance_has_a_place_of_its_own() -> None:
    folder = STORED / next(name for name in CELLS if "huber" in name)
    record, stored = read_record(folder), json.loads((folder / RECORD).read_text())["provenance"]
    assert (record.training.classes, record.training.steps_per_epoch) == (1, stored["steps_per_epoch"])
    assert record.training.engine == stored["engine"]
    assert record.cost.step is not None
    assert (record.cost.step.against, record.cost.step.ratio) == ("mse", stored["step"]["ratio"])
    assert record.cost.loss is not None
    assert [at.operations for at in record.cost.loss.at] == [at["operations"] for at in stored["cost"]["at"]]
    rare = read_record(STORED / next(name for name in CELLS if "logistic" in name)).training.rarest
    assert rare is not None
    assert rare.per_batch > 0


def test_a_sweep_of_before_is_judged_and_reported(tmp_path: Path) -> None:
    sweep = Path(shutil.copytree(STORED, tmp_path / "before"))
    comparison = judged([sweep])
    by_rmse = next(contest for contest in comparison.contests if contest.metric == "rmse")
    assert {c.title for c in by_rmse.contenders} == {"mse", "huber", "quantile"}
    stored = json.loads(next(sweep.glob("*huber*/record.json")).read_text())["repeats"]
    assert by_rmse.find("huber").values.tolist() == [repeat["metrics"]["rmse"] for repeat in stored]
    page = html(comparison)
    assert all(f"{by_rmse.find(title).mean:.0f}" in page for title in ("mse", "huber"))
    assert recipe(comparison, "huber", "house_prices").startswith("import copy")


def test_a_record_that_is_read_is_written_in_the_schema_of_today(tmp_path: Path) -> None:
    for number, record in enumerate(read_records(STORED, arrays=True)):
        again = read_record(record.save(tmp_path / str(number)))
        assert json.loads((tmp_path / str(number) / RECORD).read_text())["schema"] == 2
        assert (again.loss, again.repeats, again.cell) == (record.loss, record.repeats, record.cell)
        assert (again.training, again.cost, again.provenance) == (record.training, record.cost, record.provenance)


@pytest.mark.parametrize("key", ["loss", "metric", "provenance", "model", "task"])
def test_one_without_a_part_is_an_error_in_words(key: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(STORED / CELLS[0], tmp_path / "cell"))
    data = json.loads((folder / RECORD).read_text())
    del data[key]
    (folder / RECORD).write_text(json.dumps(data))
    with pytest.raises(InputError, match="cannot be read as a record"):
        read_record(folder)
