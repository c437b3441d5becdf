"""Where rows come from: Hugging Face `datasets` written by the library itself, and sources of other packages."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub.constants
import numpy as np
import pytest

import lossbench
from lossbench.data import sources
from lossbench.data.sources.hub import SECONDS, Hub
from lossbench.data.table import load_table
from lossbench.errors import DataError, InputError, UnknownName
from lossbench.plan import Target
from lossbench.runs.inputs import load_task
from tests.conftest import QUICK, Site

RNG = np.random.default_rng(0)
ROWS = 120
TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def a_table(rows: int = ROWS) -> datasets.Dataset:
    """A number, a class by name, a list that no table has a place for, and a class to predict."""
    size = RNG.normal(size=rows)
    features = datasets.Features(
        {
            "size": datasets.Value("float64"),
            "colour": datasets.ClassLabel(names=["red", "green"]),
            "history": datasets.Sequence(datasets.Value("float64")),
            "sold": datasets.ClassLabel(names=["no", "yes"]),
        }
    )
    data = {
        "size": size,
        "colour": [n % 2 if n % 10 else -1 for n in range(rows)],
        "history": [[1.0, 2.0]] * rows,
        "sold": (size + RNG.normal(size=rows) > 0).astype(int),
    }
    return datasets.Dataset.from_dict(data, features=features)


def tagged(sentences: int, start: int = 0) -> datasets.Dataset:
    """As CoNLL-2003 lies on the hub: words, and the numbers of tags whose names the features know."""
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "pos_tags": datasets.Sequence(datasets.ClassLabel(names=["NN", "VB"])),
            "ner_tags": datasets.Sequence(datasets.ClassLabel(names=TAGS)),
        }
    )
    words = [[f"Ada{n}", "Byron", "visits", f"Ghent{n}"] for n in range(start, start + sentences)]
    data = {"tokens": words, "pos_tags": [[0, 0, 1, 0]] * sentences, "ner_tags": [[1, 2, 0, 3]] * sentences}
    return datasets.Dataset.from_dict(data, features=features)


def table(path: Path, **more: Any) -> Any:
    data = {"source": "hf", "path": str(path), "target": "sold", "positive": "yes", **more}
    return load_table(data, Target.TWO_CLASSES)


def test_a_folder_of_save_to_disk_is_a_table_with_classes_by_their_names(tmp_path: Path) -> None:
    whole = a_table()
    whole.save_to_disk(tmp_path / "shop")
    found = table(tmp_path / "shop")
    assert list(found.features) == ["size", "colour"]
    assert found.target.tolist() == whole["sold"]
    assert (found.classes, found.name) == (("not yes", "yes"), "shop")
    assert set(found.features["colour"].dropna()) == {"red", "green"}
    assert found.features["colour"].isna().sum() == ROWS / 10  # -1 is no class
    assert any("Column 'history'" in warning and "lists" in warning for warning in found.warnings)
    assert found.split.kind == "random"


def test_a_published_test_part_stays_the_test_part(tmp_path: Path) -> None:
    datasets.DatasetDict({"train": a_table(), "test": a_table(40)}).save_to_disk(tmp_path / "shop")
    found = table(tmp_path / "shop")
    assert (found.split.kind, len(found.target)) == ("column", ROWS + 40)
    assert list(found.split.values) == ["train"] * ROWS + ["test"] * 40
    one = table(tmp_path / "shop", hf_split="train")
    assert (one.split.kind, len(one.target)) == ("random", ROWS)
    with pytest.raises(DataError, match=r"has no split 'dev'. It has: train, test. Change task.data.hf_split="):
        table(tmp_path / "shop", hf_split="dev")


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_files_of_datasets_give_the_rows_that_pandas_reads(tmp_path: Path, suffix: str) -> None:
    frame = a_table().remove_columns("history").to_pandas()
    path = tmp_path / f"shop{suffix}"
    write = {".parquet": frame.to_parquet, ".csv": lambda p: frame.to_csv(p, index=False)}
    write.get(suffix, lambda p: frame.to_json(p, orient="records", lines=True))(path)
    found = table(path, positive=1)
    assert found.features["size"].to_numpy() == pytest.approx(frame["size"].to_numpy())
    assert found.target.tolist() == frame["sold"].tolist()


def test_tagged_sentences_keep_the_parts_and_the_tag_names_that_were_published(tmp_path: Path) -> None:
    parts = {"train": tagged(30), "validation": tagged(10, 30), "test": tagged(12, 40)}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "news")
    corpus = Hub().corpus({"path": str(tmp_path / "news")})
    assert [len(part or ()) for part in (corpus.rest, corpus.validation, corpus.test)] == [30, 10, 12]
    assert str(corpus.rest[0]) == "[PER Ada0 Byron] visits [LOC Ghent0]"
    assert corpus.name == "news"


def test_sentences_of_one_split_are_parted_and_a_column_can_be_named(tmp_path: Path) -> None:
    tagged(50).save_to_disk(tmp_path / "news")
    corpus = Hub().corpus({"path": str(tmp_path / "news"), "test_share": 0.2, "tags": "ner_tags"})
    assert (len(corpus.rest), len(corpus.test)) == (40, 10)
    with pytest.raises(DataError, match=r"has no column 'labels'. It has: tokens, pos_tags, ner_tags"):
        Hub().corpus({"path": str(tmp_path / "news"), "tags": "labels"})


def test_a_command_trains_on_a_folder_of_datasets(tmp_path: Path) -> None:
    a_table().save_to_disk(tmp_path / "shop")
    said = ("task/data=hf", f"task.data.path={tmp_path / 'shop'}", "task.data.target=sold", "task.data.positive=yes")
    (cell,) = lossbench.cells("+loss=bce", "task=binary", *said, *QUICK)
    record = lossbench.run(cell)
    assert record.status.value == "done", record.reason
    assert record.data.rows == ROWS
    assert "Hugging Face datasets" in record.data.source


def test_without_a_network_the_hub_is_asked_once_and_briefly_and_later_calls_may_ask_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By itself `datasets` asks five times more, for 23 s; the hub is given SECONDS of the three that are allowed."""
    asked: list[tuple[object, float]] = []
    tried: list[bool] = []

    def refuse(address: object, timeout: float) -> None:
        asked.append((address, timeout))
        raise OSError("no network")

    def load(*words: object) -> object:
        tried.append(huggingface_hub.constants.HF_HUB_OFFLINE and datasets.config.HF_HUB_OFFLINE)
        return real(*words)

    real = datasets.load_dataset
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    for name in ("HF_HUB_OFFLINE", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr(datasets, "load_dataset", load)
    for _ in range(2):
        with pytest.raises(DataError, match=r"be reached, and nobody/nothing is not cached on this machine") as refused:
            table(Path("nobody/nothing"))
    assert "save_to_disk('folder')" in str(refused.value)
    assert asked == [(("hub.invalid", 443), SECONDS)] * 2
    assert tried == [True, True]
    assert SECONDS < 3
    assert not huggingface_hub.constants.HF_HUB_OFFLINE
    assert "HF_HUB_OFFLINE" not in os.environ


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.xlsx", b"PK", "does not end in .parquet"),
        ("rows.parquet", b"no parquet", "cannot be read"),
        ("rows.jsonl", b"{not json", "cannot be read"),
    ],
)
def test_what_is_no_data_set_is_refused_in_a_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        table(tmp_path / name)


# Of other packages ---------------------------------------------------------------------------------------------------

WAREHOUSE = """
import numpy as np
import pandas as pd
from lossbench.data.sources import Rows


class Warehouse:
    options = {"year": 2020, "region": "???"}

    def rows(self, options):
        rng = np.random.default_rng(options.get("year", 2020))
        x = rng.normal(size=(90, 3))
        frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(price=x @ [1.0, 2.0, 3.0] + rng.normal(size=90))
        return Rows(frame, "sales", f"the warehouse of {options['region']}", "the warehouse")
"""


def test_an_installed_source_is_chosen_like_a_data_set_that_comes_along(site: Site) -> None:
    site.install(
        "lossbench-warehouse",
        {"warehouse": "warehouse:Warehouse"},
        WAREHOUSE,
        module="warehouse",
        group="lossbench.data",
    )
    said = (
        "task=regression",
        "task/data=warehouse",
        "task.data.region=north",
        "task.data.target=price",
        "task.data.year=2021",
    )
    (cell,) = lossbench.cells("+loss=mse", *said, *QUICK)
    assert load_task(cell.task, 0).card.source == "the warehouse of north"
    record = lossbench.run(cell)
    assert record.status.value == "done", record.reason
    assert record.data.name == "warehouse"
    with pytest.raises(InputError, match=r"task.data.region"):
        lossbench.cells("+loss=mse", "task=regression", "task/data=warehouse", "task.data.target=price")
    with pytest.raises(InputError, match="yaer"):
        lossbench.cells("+loss=mse", *said, "task.data.yaer=2")


def test_an_unknown_source_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownName, match=r"no data source 'hub'.\nKnown: conll, file, generated, hf, packaged"):
        sources.find("hub")
    assert json.dumps(sorted(sources.BUILT_IN)) == '["conll", "file", "generated", "hf", "packaged"]'


def test_where_rows_are_split_otherwise_the_published_part_is_no_feature(tmp_path: Path) -> None:
    datasets.DatasetDict({"train": a_table(), "test": a_table(40)}).save_to_disk(tmp_path / "shop")
    found = table(tmp_path / "shop", split="random")
    assert (list(found.features), len(found.target)) == (["size", "colour"], ROWS + 40)


@pytest.mark.parametrize(
    ("more", "message"),
    [({"path": None}, "needs a name, folder or file"), ({"hf_split": 1}, "has no split '1'. It has: all")],
)
def test_what_is_said_wrongly_of_a_data_set_is_refused(tmp_path: Path, more: dict[str, Any], message: str) -> None:
    a_table().save_to_disk(tmp_path / "shop")
    with pytest.raises(DataError, match=message):
        table(**{"path": tmp_path / "shop", **more}) if "path" not in more else load_table(
            {"source": "hf"}, Target.TWO_CLASSES
        )


@pytest.mark.parametrize(
    ("tags", "message"),
    [([1, -1], "has the tag -1, which has no name"), (None, "must hold a list in every row")],
)
def test_a_tag_without_a_name_is_never_the_last_one(tmp_path: Path, tags: list[int] | None, message: str) -> None:
    rows = {"tokens": [["Ada", "came"], ["b", "c"]], "ner_tags": [[1, 0], tags], "pos_tags": [[0, 0], [0, 0]]}
    datasets.Dataset.from_dict(rows, features=tagged(1).features).save_to_disk(tmp_path / "news")
    with pytest.raises(DataError, match=message):
        Hub().corpus({"path": str(tmp_path / "news")})
