"""What messages propose, pasted into a shell, is what they meant; and what people type unquoted is what they typed.

The oracles are a POSIX shell, and Hydra's own grammar and composition.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf
from rich.console import Console

from lossbench.cli import display
from lossbench.cli.options import texts
from lossbench.compose.arguments import arrange
from lossbench.compose.composition import composition
from lossbench.compose.texts import register_texts
from lossbench.plan.overrides import command, override, written

if TYPE_CHECKING:
    from lossbench.runs.sweep import Sweep

TABLE = ("+loss=mse", "task=binary", "task/data=table", "task.data.path=x.csv", "task.data.target=y")
STRANGE = (
    "'no'", '"no"', ">50K", "<=50K", "CO(GT)", "Number (k$)", "Größe", "Chance of Admit ", " both ", "a\\", "\\",
    "a\\'",
    "a, b", "[x]", "{x: 1}", "${x}", "a${oc.env:HOME}", "\\${x}", "\\\\${x}", "$", "$(ls)", "`ls`", "!!", "x=y",
    "=x", "~x",
    "+x", "#x", "*", "?", "???", "a\nb", "\t", "1", "1.0", "007", "1e3", "1_000", "true", "Null", "null", "nan", "-inf",
    "interval(0,1)", "glob(*)", "sort(a)", "it's \"so\"", "", "-m", "key: value", "数", "é\u0301", "\u2212" + "1",
    "50 %",
)  # fmt: skip
ODD = st.text("aZ09 \t\n'\"\\$`!(){}[]<>|&;*?~+=,:/%#@^._-µé数\u00a0\u2212" + "😀", max_size=12)
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | ODD


def found(key: str, *words: str) -> list[Any]:
    """What the cells of a command hold under a key of `task.data`."""
    return [cell.task.data[key] for cell in composition(arrange([*TABLE, *words])).cells]


def read(word: str, *flags: str) -> Any:
    """What Hydra's grammar and OmegaConf make of an arranged override: the same without the price of a composition."""
    register_texts()
    value = OverridesParser.create().parse_override(arrange(["task=binary", word, *flags]).overrides[-1]).value()
    return OmegaConf.to_container(OmegaConf.create({"value": value}), resolve=True)["value"]  # type: ignore[call-overload,index]


def by_shell(text: str) -> list[str]:
    """The words that a POSIX shell makes of a text."""
    done = subprocess.run(["sh", "-c", f"printf '%s\\0' {text}"], capture_output=True, check=True)
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("value", STRANGE, ids=repr)
def test_a_proposal_pasted_into_a_shell_gives_back_its_value(value: str) -> None:
    (word,) = by_shell(override("task.data.positive", value))
    assert read(word) == value
    assert shlex.split(override("task.data.positive", value)) == [word]


@settings(max_examples=300, deadline=None)
@given(ANY)
def test_any_proposed_text_is_read_as_it_was_meant(value: str) -> None:
    (word,) = shlex.split(override("task.data.positive", value))
    assert read(word) == value


@settings(max_examples=300, deadline=None)
@given(st.lists(ANY, max_size=4))
@example(list(STRANGE))
def test_any_proposed_list_is_read_as_it_was_meant_with_a_shell_and_without(values: list[str]) -> None:
    proposal = override("task.data.drop", values)
    (word,) = shlex.split(proposal)
    assert read(word) == values
    assert read(proposal) == values  # as in Python's overrides=


@settings(max_examples=5, deadline=None)
@given(st.lists(ANY, max_size=40), ODD)
@example(list(STRANGE), "???")
@example(list(STRANGE), "a'\\${x}")
@pytest.mark.long
def test_any_proposal_reaches_the_cell(values: list[str], value: str) -> None:
    words = shlex.split(f"{override('task.data.drop', values)} {override('task.data.positive', value)}")
    assert found("drop", *words) == [values]
    assert found("positive", *words) == [value]


@pytest.mark.long
def test_proposed_words_of_a_sweep_reach_their_cells() -> None:
    given = ",".join(map(written, STRANGE))
    assert found("positive", "-m", f"task.data.positive={given}") == list(STRANGE)


@pytest.mark.parametrize("value", [None, True, 0.5, 3, 1e-7], ids=repr)
def test_what_is_no_text_is_proposed_as_hydra_writes_it(value: object) -> None:
    assert (
        override("training.patience", value)
        == f"training.patience={str(value).lower() if value is not None else 'null'}"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("yes", "task.data.positive=yes"),
        ("1", "task.data.positive=1"),
        (">50K", "task.data.positive='\">50K\"'"),
        ("'no'", 'task.data.positive="\\"\'no\'\\""'),
        ("/data/prices.csv", "task.data.positive=/data/prices.csv"),
    ],
)
def test_a_proposal_is_as_short_as_it_can_be(value: str, said: str) -> None:
    assert override("task.data.positive", value) == said


TYPED = (
    "CO(GT)", "Number (k$)", "Größe", "a ", ">50K", "<=50K", "2024", "007", "1e3", "true", "nan", "[x]", "{x}",
    "x=y", "a: b",
    "50 %", "C:\\data\\new (1).csv", "a;b", "~a", "f(x", "x)", ";", "|", "?", "a'b", '5" pipe', "#", "&", "数",
)  # fmt: skip


@pytest.mark.parametrize("value", TYPED, ids=repr)
@pytest.mark.parametrize("flags", [(), ("-m",)], ids=["one cell", "with -m"])
def test_text_needs_no_quotes_but_the_shells(value: str, flags: tuple[str, ...]) -> None:
    assert read(f"task.data.positive={value}", *flags) == value
    assert read(f"task.data.split=group:{value}", *flags) == f"group:{value}"


@settings(max_examples=300, deadline=None)
@given(st.text("aZ09 (){}[]<>|&;*?~+:/%#@^._-µé数", min_size=1, max_size=8).filter(lambda text: text != "null"))
def test_any_text_without_quotes_commas_and_escapes_is_taken_as_it_stands(value: str) -> None:
    assert read(f"task.data.target={value}") == value


def test_elements_of_a_list_need_no_quotes_but_the_shells() -> None:
    given = "task.data.drop=[CO(GT), 007,Größe, 'a, b',null]"
    assert read(given) == ["CO(GT)", "007", "Größe", "a, b", "null"]
    assert read("task.data.drop=[]") == []
    assert read("task.data.missing=[?,ND,-,n.a.,..,???]") == ["?", "ND", "-", "n.a.", "..", "???"]


@pytest.mark.parametrize("sign", [",", ".", ";", "|", " ", "'"])
def test_a_single_sign_is_text_too(sign: str) -> None:
    assert read(f"task.data.decimal={sign}") == sign


def test_interpolations_are_still_hydras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", "/data (new)")
    assert read("task.data.path=${oc.env:HERE}/x.csv") == "/data (new)/x.csv"
    assert read("task.data.path=${oc.env:HERE}/x (1).csv") == "/data (new)/x (1).csv"


def test_commas_part_the_values_of_a_sweep() -> None:
    assert found("positive", "-m", "task.data.positive=>50K,<=50K") == [">50K", "<=50K"]
    assert found("positive", "-m", "task.data.positive=1,2") == ["1", "2"]
    assert found("positive", "-m", "task.data.positive=choice(a,b)") == ["a", "b"]


@settings(max_examples=100, deadline=None)
@given(st.lists(ANY, min_size=1, max_size=4))
def test_a_command_is_shown_as_it_can_be_typed(words: list[str]) -> None:
    assert shlex.split(command(words)) == words
    assert shlex.split(command([f"task.data.drop=[{words[0]}]"])) == [f"task.data.drop=[{words[0]}]"]


@pytest.mark.parametrize(
    "value",
    ["'no'", *(pytest.param(value, marks=pytest.mark.long) for value in (">50K", "Größe", "Number (k$)", "a\\"))],
    ids=repr,
)
def test_such_a_value_reaches_the_jobs_of_a_sweep(lossbench: Callable[..., Any], folder: Path, value: str) -> None:
    import pandas as pd

    from lossbench.records.record import read_records

    rows = [(n, (n * 7) % 11, value if n % 3 else "other") for n in range(90)]
    pd.DataFrame(rows, columns=["a", "b", "y"]).to_csv("file.csv", index=False)
    words = shlex.split(override("task.data.positive", value))
    quick = ("protocol=smoke", "protocol.repeats=1", "protocol.trials=1", "training.max_epochs=1")
    told = lossbench(
        "+loss=bce", "-m", "task=binary", "task.data.path=file.csv", "task.data.target=y", *words, *quick, "name=s"
    )
    assert told.code == 0, told.text
    (record,) = [r for r in read_records(folder / "results" / "s") if r.role == "chosen"]
    assert record.cell.task.data["positive"] == value
    assert record.status.value == "done"


def test_the_last_line_names_the_store_that_was_written_to() -> None:
    """On one line whatever its length, so that it can be copied; the shell gives back the folder and the address."""
    out = Console(file=StringIO(), width=40)
    results = Path("my results (new)")
    sweep = cast("Sweep", SimpleNamespace(name="s", results=results, folder=results / "s"))
    display.farewell(out, sweep, tracked=True, errors=[], interrupted=True, uri="sqlite:///else where.db")
    lines = cast("StringIO", out.file).getvalue().splitlines()
    (browse,) = [line.removeprefix("browse: ") for line in lines if line.startswith("browse: ")]
    ui, command, *words = shlex.split(browse)
    assert (ui, command) == ("lossbench", "ui")
    assert texts(words, ("results", "tracking.uri")) == {
        "results": "my results (new)",
        "tracking.uri": "sqlite:///else where.db",
    }
    assert "To resume, rerun the command with name=s reuse=true" in lines
