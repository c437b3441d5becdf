"""python -m tests.conformance [NAME...] [--write]: every installed loss against the laws, as tables.

Of other people's losses only findings that are confirmed (`confirmations`) are printed; the others are counted.
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
from lossbench.loss.catalogue import Plugin, catalogue
from lossbench.probe.law import Finding
from lossbench.testing import Conformance, check, subjects
from tests.conformance.confirmations import confirmed

REPORT = Path(__file__).parents[2] / "results" / "conformance.md"
BEGIN, END = "<!-- make conformance writes from here -->", "<!-- to here -->"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.conformance")
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
        found = [(one, *_told(distribution, one)) for one in ours]
        for one, told, _ in found:
            name = f"{one.subject.name} ({one.subject.kind.value})"
            kept = f"{len(one.kept)} of {len(one.kept) + len(one.broken)}"
            for place, finding in enumerate(told):
                first = (name, kept) if place == 0 else ("", "")
                yield f"| {first[0]} | {first[1]} | {finding.law.name} | {_cell(finding.words)} |"
            if not told:
                yield f"| {name} | {kept} | | |"
        silent = sum(len(one.broken) - len(told) for one, told, _ in found)
        several = "1 finding more is" if silent == 1 else f"{silent} findings more are"
        yield f"\n{several} not confirmed and not printed.\n" if silent else ""
        yield from _sentences([(one, told) for one, _, told in found])
        yield ""


def _told(distribution: str, one: Conformance) -> tuple[list[Finding], list[tuple[str, str]]]:
    """The findings that somebody has seen without the kit; and law and sentence of each who has."""
    name, kind = one.subject.name, one.subject.kind.value
    seen: dict[str, list[str]] = {}
    for finding in one.broken:
        try:
            seen[finding.law.name] = list(confirmed(distribution, finding.law.name, name, kind))
        except AssertionError as error:
            print(error, file=sys.stderr)
            seen[finding.law.name] = []
    sentences = [(law, sentence) for law, told in seen.items() for sentence in told]
    return [finding for finding in one.broken if seen[finding.law.name]], sentences


def _sentences(found: Iterable[tuple[Conformance, list[tuple[str, str]]]]) -> Iterator[str]:
    """How findings were seen: each sentence once, with the losses of which it is true."""
    losses: dict[tuple[str, str], list[str]] = {}
    for one, told in found:
        for law, sentence in told:
            losses.setdefault((law, sentence), []).append(one.subject.name)
    for (law, sentence), names in sorted(losses.items()):
        yield f"- `{law}` ({', '.join(dict.fromkeys(names))}): {sentence}"


def _cell(words: str) -> str:
    """Words that a table takes."""
    return words.replace("|", "∣")


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
