"""python -m tests.benchmarks.conformance [NAME...] [--write]: every installed loss against the laws.

Of other people's losses only findings that were confirmed by hand (`confirmed.py`) are printed; the others are counted.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Iterable, Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import torch

from lossbench.errors import LossbenchError
from lossbench.plugins import Plugin, catalogue
from lossbench.testing import Conformance, check, subjects
from tests.benchmarks.confirmed import CONFIRMED, confirmation

REPORT = Path(__file__).parents[2] / "results" / "conformance.md"
BEGIN, END = "<!-- make conformance writes from here -->", "<!-- to here -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.conformance")
    parser.add_argument("names", nargs="*", metavar="NAME", help="plugins' distributions or losses; all if none")
    parser.add_argument("--write", action="store_true", help="put the tables into results/conformance.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    chosen = [p for p in catalogue().plugins if not options.names or {p.name, p.distribution} & set(options.names)]
    found = [(plugin, one) for plugin in chosen for one in checked(plugin)]
    text = "\n".join(
        [*built_in(one for p, one in found if p.built_in), *foreign((p, c) for p, c in found if not p.built_in)]
    )
    print(text)
    if options.write:
        before, _, rest = REPORT.read_text("utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        told = f"Last run: {date.today()}, torch {torch.__version__}."
        REPORT.write_text(f"{before}{BEGIN}\n{told}\n\n{text}\n{END}{after}", "utf-8")
    return 0


def checked(plugin: Plugin) -> Iterator[Conformance]:
    """The laws over every kind of a plugin; what needs parameters has no defaults to be tried at."""
    try:
        for subject in subjects(plugin.qualified):
            if not any(p.required for p in subject.family[subject.kind].parameters):
                one = check(subject)
                print(f"{subject}: {len(one.broken)} broken", file=sys.stderr, flush=True)
                yield one
    except LossbenchError as error:
        print(f"{plugin.qualified}: {error}", file=sys.stderr)


def built_in(results: Iterable[Conformance]) -> Iterator[str]:
    """How many of the built-in losses keep all laws, and whatever one of them breaks."""
    ours = list(results)
    if not ours:
        return
    kept = sum(len(one.kept) for one in ours)
    asked = kept + sum(len(one.broken) for one in ours)
    passing = sum(one.passes for one in ours)
    yield f"## Built-in losses\n\n{passing} of {len(ours)} losses (each kind counts) keep every law"
    yield f"that they are asked: {kept} of {asked} tried laws hold.\n"
    for one in ours:
        for finding in one.broken:
            yield f"- `{one.subject}` breaks `{finding.law.name}`: {finding.words}"


def foreign(results: Iterable[tuple[Plugin, Conformance]]) -> Iterator[str]:
    """A table a plugin: library and version, loss, laws broken, the smallest counter-example."""
    by_plugin: dict[str, list[Conformance]] = {}
    for plugin, one in results:
        by_plugin.setdefault(plugin.distribution, []).append(one)
    for distribution, ours in by_plugin.items():
        wrapped = ", ".join(libraries(distribution))
        yield f"## {distribution}{f' ({wrapped})' if wrapped else ''}\n"
        yield "| loss | kept | law broken | smallest counter-example |\n|---|---|---|---|"
        silent = 0
        for one in ours:
            name = f"{one.subject.name} ({one.subject.kind.value})"
            kept = f"{len(one.kept)} of {len(one.kept) + len(one.broken)}"
            told = [f for f in one.broken if confirmation(distribution, one.subject.name, f.law.name)]
            silent += len(one.broken) - len(told)
            for place, finding in enumerate(told):
                first = (name, kept) if place == 0 else ("", "")
                yield f"| {first[0]} | {first[1]} | {finding.law.name} | {finding.words.replace('|', '∣')} |"
            if not told:
                yield f"| {name} | {kept} | | |"
        yield f"\n{silent} findings more are not confirmed by hand and not printed.\n" if silent else ""
        told = {key: how for key, how in CONFIRMED.items() if key[0] == distribution}
        yield from (f"- {loss if loss != '*' else 'all'}, `{law}`: {how}" for (_, loss, law), how in told.items())
        yield ""


def libraries(distribution: str) -> list[str]:
    """The libraries that a plugin wraps, with their versions."""
    names = [requirement.split(";")[0] for requirement in requires(distribution) or [] if "extra" not in requirement]
    bare = ["".join(c if c.isalnum() or c in "-_." else " " for c in name).split()[0] for name in names]
    found = []
    for name in bare:
        if name not in ("lossbench", "torch"):
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                continue
    return found


if __name__ == "__main__":
    raise SystemExit(main())
