"""--help, --cfg, --info, shell completion: Hydra's own answers, over our configuration."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import hydra
from omegaconf import DictConfig

from lossbench.compose.source import config_folder, register


def answer(words: Sequence[str]) -> int:
    """Lets `hydra.main` answer these arguments; the exit code is Hydra's. It reads only sys.argv."""
    register()

    def nothing(config: DictConfig) -> None: ...

    entry = hydra.main(version_base="1.3", config_path=str(config_folder()), config_name="config")(nothing)
    argv = sys.argv
    sys.argv = ["lossbench", *words]
    try:
        entry()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = argv
    return 0
