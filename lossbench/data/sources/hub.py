"""Hugging Face `datasets`: a name on the hub, a folder of `save_to_disk`, or Parquet, CSV and JSON lines."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pandas as pd

from lossbench.data.conll import refuse_training_sentences, set_aside, warnings
from lossbench.data.sentences import Corpus, Sentence, to_iob2
from lossbench.data.sources.contract import Rows
from lossbench.data.splits import TEST_SHARE, WORDS
from lossbench.errors import DataError

SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "json"}
SECONDS = 2.0
"""So long the hub has to answer, before what is stored on this machine must do."""
PART = "hf_split"
"""The column that says which split a row is from, where several are read."""
Splits = Mapping[str, Any]
"""Of one data set: `datasets.Dataset` by the name of its split."""


class Hub:
    """`task/data=hf task.data.path=scikit-learn/adult-census-income task.data.target=income`."""

    options: Mapping[str, Any] = {"path": "???", "config": None, "hf_split": None, "tokens": None, "tags": None}

    def rows(self, options: Mapping[str, Any]) -> Rows:
        """All splits in one frame; if one of them is a test part, the published splits are kept."""
        splits = _splits(options)
        path, part = str(options["path"]), _free(splits)
        frames, left_out = [], set()
        for name, dataset in splits.items():
            frame, lists = _frame(dataset)
            left_out |= lists
            frames.append(frame.assign(**{part: WORDS.get(name, name)}) if len(splits) > 1 else frame)
        frame = pd.concat(frames, ignore_index=True)
        notes = tuple(f"Column '{column}' of {path} holds lists and is left out." for column in sorted(left_out))
        parted = len(splits) > 1 and "test" in set(frame[part])
        if len(splits) > 1 and not parted:
            frame = frame.drop(columns=part)
        return Rows(
            frame,
            _short(path),
            f"{path} (Hugging Face datasets)",
            path,
            notes=notes,
            split=f"column:{part}" if parted else None,
        )

    def corpus(self, options: Mapping[str, Any]) -> Corpus:
        """Splits called train, validation and test as published; from a single split, a share is set aside for the
        test."""
        splits = _splits(options)
        path = str(options["path"])
        read: dict[str, list[Sentence]] = {}
        for name, dataset in splits.items():
            read.setdefault(WORDS.get(name, name), []).extend(_sentences(dataset, options, path))
        rest, validation, test = (read.get(part) for part in ("train", "validation", "test"))
        if rest is None:
            rest = [sentence for part, each in read.items() for sentence in each if part not in ("validation", "test")]
        if not rest:
            raise DataError(f"{path} has no split to train on. It has: {', '.join(splits)}. Set task.data.hf_split=.")
        if test is None:
            rest, test = set_aside(rest, float(options.get("test_share", TEST_SHARE)), options.get("split_seed", 0))
        else:
            refuse_training_sentences(rest, test, path)
        doubts = tuple(warnings(rest, validation or [], test))
        return Corpus(
            str(options.get("name") or _short(path)),
            f"{path} (Hugging Face datasets)",
            tuple(rest),
            tuple(test),
            None if validation is None else tuple(validation),
            doubts,
        )


def _free(splits: Splits) -> str:
    """A name for the column of splits that no data set has."""
    taken = {name for dataset in splits.values() for name in dataset.features}
    name = PART
    while name in taken:
        name += "_"
    return name


def _short(path: str) -> str:
    return Path(path).stem if Path(path).exists() else path.rpartition("/")[2]


def _splits(options: Mapping[str, Any]) -> dict[str, Any]:
    """The data set's splits, or those that `hf_split` names."""
    path, config, asked = options.get("path"), options.get("config"), options.get("hf_split")
    if not path:
        raise DataError("A Hugging Face data set needs a name, folder or file: set task.data.path=.")
    path = str(path)
    place = Path(path).expanduser()
    found = _local(place, path) if place.exists() else _on_hub(path, config)
    if not asked:
        return found
    names = [str(name) for name in asked] if isinstance(asked, (list, tuple)) else [str(asked)]
    if unknown := [name for name in names if name not in found]:
        raise DataError(f"{path} has no split '{unknown[0]}'. It has: {', '.join(found)}. Change task.data.hf_split=.")
    return {name: found[name] for name in names}


def _local(place: Path, path: str) -> dict[str, Any]:
    """A folder of `save_to_disk`, or a file."""
    import datasets

    kind = SUFFIXES.get(place.suffix.lower())
    try:
        if place.is_dir():
            found = datasets.load_from_disk(str(place))
            return dict(found) if isinstance(found, datasets.DatasetDict) else {"all": found}
        if kind is not None:
            found = datasets.load_dataset(kind, data_files=str(place))
            return {"all": found["train"]}
    except Exception as error:  # whatever a reader of strangers' files raises
        raise DataError(f"{path} cannot be read: {_first(error)}. Fix it, or set task.data.path=.") from error
    raise DataError(f"{path} does not end in {', '.join(SUFFIXES)}. Convert it, or set task.data.path=.")


def _on_hub(path: str, config: str | None) -> dict[str, Any]:
    import datasets

    reachable = _reachable()
    try:
        with nullcontext() if reachable else _offline():
            found = datasets.load_dataset(path, config)
    except Exception as error:
        if not reachable:
            raise DataError(
                f"The Hugging Face hub cannot be reached, and {path} is not cached on this machine. Load it once "
                f"with a network connection, datasets.load_dataset({path!r}).save_to_disk('folder'), and set "
                "task.data.path=folder."
            ) from error
        raise DataError(
            f"{path} cannot be loaded: {_first(error)}. Change task.data.path=, or task.data.config=."
        ) from error
    return dict(found)


@contextmanager
def _offline() -> Iterator[None]:
    """What is stored here is found at once, and nothing waits for a network; afterwards all is as it was."""
    import datasets
    import huggingface_hub.constants

    holders: tuple[Any, ...] = (datasets.config, huggingface_hub.constants)
    before = [holder.HF_HUB_OFFLINE for holder in holders]
    try:
        for holder in holders:
            holder.HF_HUB_OFFLINE = True
        yield
    finally:
        for holder, value in zip(holders, before, strict=True):
            holder.HF_HUB_OFFLINE = value


def _reachable() -> bool:
    """Whether the hub answers; behind a proxy that is left to `datasets`."""
    if os.environ.get("HF_HUB_OFFLINE", "0").upper() in ("1", "TRUE", "ON", "YES"):
        return False
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    host = urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co"))
    try:
        socket.create_connection((host.hostname or "", host.port or 443), SECONDS).close()
    except OSError:
        return False
    return True


def _frame(dataset: Any) -> tuple[pd.DataFrame, set[str]]:
    """A split as a frame, classes by their names; and the columns of lists, which are left out."""
    import datasets

    features: Mapping[str, Any] = dataset.features
    plain = {name: each for name, each in features.items() if isinstance(each, (datasets.Value, datasets.ClassLabel))}
    frame: pd.DataFrame = dataset.select_columns(list(plain)).to_pandas()
    for name, each in plain.items():
        if isinstance(each, datasets.ClassLabel):
            known = dict(enumerate(each.names))
            frame[name] = frame[name].map(known)  # -1, of which there is no name, is missing
    return frame.rename(columns=lambda name: str(name).strip()), set(features) - plain.keys()


def _sentences(dataset: Any, options: Mapping[str, Any], path: str) -> list[Sentence]:
    """The tagged sentences of a split; tags by the names that its features give them."""
    words, tags = _columns(dataset.features, options, path)
    names = _names(dataset.features[tags])
    found = []
    for row in dataset.select_columns([words, tags]):
        if not isinstance(row[tags], list) or not isinstance(row[words], list):
            raise DataError(f"{path}: columns '{words}' and '{tags}' must hold a list in every row.")
        if names and (odd := [tag for tag in row[tags] if not isinstance(tag, int) or not 0 <= tag < len(names)]):
            raise DataError(
                f"{path}: a word has the tag {odd[0]}, which has no name. Its tags are 0 to {len(names) - 1}."
            )
        read = [names[tag] if names else str(tag) for tag in row[tags]]
        if len(read) != len(row[words]):
            raise DataError(f"{path}: a sentence of {len(row[words])} words has {len(read)} tags.")
        if read:
            found.append((tuple(map(str, row[words])), read))
    tagged = to_iob2([each for _, each in found], where=lambda n, k: f"{path}, sentence {n + 1}, word {k + 1}")
    return [Sentence(words, tuple(each)) for (words, _), each in zip(found, tagged, strict=True)]


def _columns(features: Mapping[str, Any], options: Mapping[str, Any], path: str) -> tuple[str, str]:
    """The columns of words and of tags: as said, or the only lists of texts and of classes."""
    texts = [name for name, each in features.items() if _element(each) == "string"]
    classes = [name for name, each in features.items() if _names(each)]
    words, tags = options.get("tokens"), options.get("tags")
    for key, given in (("tokens", words), ("tags", tags)):
        if given is not None and given not in features:
            raise DataError(f"{path} has no column '{given}'. It has: {', '.join(features)}. Change task.data.{key}=.")
    usual = next((name for name in ("tokens", "words") if name in texts), None)
    words = words or usual or (texts[0] if len(texts) == 1 else None)
    rest = [name for name in (*classes, *texts) if name != words]
    tags = tags or next((n for n in ("ner_tags", "tags", "labels") if n in rest), rest[0] if len(rest) == 1 else None)
    if words is None or tags is None:
        raise DataError(
            f"Which columns of {path} hold words and tags? Set task.data.tokens= and task.data.tags=. It has: "
            f"{', '.join(features)}."
        )
    return str(words), str(tags)


def _element(feature: Any) -> str:
    """The type of a list's elements; empty where it is no list of plain values."""
    return str(getattr(getattr(feature, "feature", None), "dtype", ""))


def _names(feature: Any) -> Sequence[str]:
    """The names of the classes that a list holds."""
    return getattr(getattr(feature, "feature", None), "names", None) or ()


def _first(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
