"""Text that somebody else wrote, made harmless where a program reads it: a terminal, a spreadsheet, a page, code.

Titles, names and reasons in a record may hold anything. The functions here are the only ones that quote them; each is
for one kind of output. Nothing is removed: characters with an effect are written out instead (`\\x1b`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TURNS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""Characters that change the direction of writing, so that text reads unlike what is stored (CVE-2021-42574)."""
_ACTS = re.compile(rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_TURNS}]")
_BREAKS = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_TURNS}]")
_FORMULA = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"
"""What a spreadsheet takes for the beginning of a formula, full-width signs included (OWASP, CSV Injection)."""
_LATEX = {
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "\\": "\\textbackslash{}",
    "±": "$\\pm$",
    "−": "$-$",
    "²": "$^2$",
    "×": "$\\times$",
    "–": "--",
    "α": "$\\alpha$",
    "γ": "$\\gamma$",
}


def visible(text: str) -> str:
    """For a terminal or a page: escape sequences and other control characters as `\\x1b`; lines and tabs stay."""
    return _ACTS.sub(_escaped, text)


def line(text: str) -> str:
    """The same on one line, for names and for comments in code: a line break in it is written `\\n`."""
    return _BREAKS.sub(_escaped, text)


def csv_cell(value: object) -> object:
    """A cell that no spreadsheet evaluates: text that looks like a formula gets a `'` in front; numbers stay."""
    if not isinstance(value, str):
        return value
    text = visible(value)
    return f"'{text}" if text.startswith(tuple(_FORMULA)) or value.startswith(tuple(_FORMULA)) else text


def markdown(text: str) -> str:
    """Text for a line or a table's cell in Markdown: without markup, links, HTML or further cells."""
    text = re.sub(r"&(?=#?\w)", "&amp;", line(text)).replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"[\\`*\[\]|~$]", r"\\\g<0>", text)
    # between letters and digits an underscore is no emphasis, and names are full of them
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", text)


def latex(text: str) -> str:
    """Text for LaTeX, in a comment too."""
    return "".join(_LATEX.get(sign, sign) for sign in line(text))


def python(value: object) -> str:
    """A Python literal on one line for a text, number, list or mapping.

    Raises TypeError for anything else, of which `repr` is no literal.
    """
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f'float("{value}")'
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, str):
        return ascii(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(python, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{python(key)}: {python(item)}' for key, item in value.items())}}}"
    raise TypeError(f"A {type(value).__name__} has no literal.")


def lines(value: Any, keep: frozenset[str] = frozenset()) -> Any:
    """Nested data with all its texts and keys on one line each; those under the keys in `keep` may have several."""
    if isinstance(value, str):
        return line(value)
    if isinstance(value, list):
        return [lines(item, keep) for item in value]
    if isinstance(value, dict):
        return {line(key): _kept(item) if key in keep else lines(item, keep) for key, item in value.items()}
    return value


def _kept(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value


def _escaped(sign: re.Match[str]) -> str:
    return sign[0].encode("unicode_escape").decode("ascii")
