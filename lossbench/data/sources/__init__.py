"""Sources of rows, one file each: bundled data sets, your own files, Hugging Face `datasets`, tagged text.

    [project.entry-points."lossbench.data"]
    warehouse = "my_package:Warehouse"

registers `task/data=warehouse`: a class without constructor arguments that implements `Source`.
"""

from __future__ import annotations

from importlib import import_module

from lossbench.data.sources.contract import Rows, Source, TextSource
from lossbench.errors import PluginError, UnknownName
from lossbench.plan.installed import SOURCES, installed, load

__all__ = ["Rows", "Source", "TextSource", "find"]

BUILT_IN = {
    "packaged": "lossbench.data.sources.packaged:Packaged",
    "file": "lossbench.data.sources.file:File",
    "hf": "lossbench.data.sources.hub:Hub",
    "conll": "lossbench.data.sources.conll:Conll",
    "generated": "lossbench.data.sources.generated:Generated",
}


def find(name: str) -> Source:
    """Imports the source that `task.data.source` names. Raises UnknownName and PluginError."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        made: Source = getattr(import_module(module), attribute)()
        return made
    others = installed(SOURCES)
    if name not in others:
        raise UnknownName("data source", name, (*BUILT_IN, *others), "Set task.data.source=.")
    found = load(SOURCES, name)
    if not isinstance(found, Source):
        raise PluginError(f"The data source '{name}' has no `rows(options)`, or no `options`.")
    return found
