"""All results in the browser: MLflow's own server."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from pathlib import Path

from lossbench.cli.options import parser, results_folder, texts
from lossbench.errors import InputError
from lossbench.records.quoting import line


def ui(argv: list[str]) -> int:
    """Serves the results with MLflow on 127.0.0.1, without its job workers."""
    words = parser("ui", "Opens the results in the MLflow UI, on 127.0.0.1.")
    words.add_argument("--port", type=int, default=5000)
    words.add_argument("--no-browser", action="store_true", help="only print the addresses")
    words.add_argument("overrides", nargs="*", metavar="results=DIR")
    options = words.parse_args(argv)
    if not 0 < options.port < 2**16:
        raise InputError(f"--port {options.port} must be a number from 1 to 65535.")
    results = results_folder(options.overrides)
    given = texts(options.overrides, ("results", "tracking.uri")).get("tracking.uri")
    from lossbench.report.mlflow import default_uri, pages

    uri = default_uri(results, given)
    if uri.startswith("sqlite") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise _nothing(given or f"{results}/")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", options.port)) == 0:
            raise InputError(f"Port {options.port} is in use: choose another with --port.")
    address = f"http://127.0.0.1:{options.port}"
    try:
        found = pages(uri, results)
    except Exception as error:  # MLflow's, its database's or the network's own
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{uri} cannot be opened by MLflow: {why}. Check tracking.uri=.") from error
    if not found:
        raise _nothing(given or f"{results}/")
    for name, page in found:
        print(f"{line(name):24} {address}/{page}")
    print("Press Ctrl-C to stop the server.", flush=True)
    if sys.stdout.isatty() and not options.no_browser:
        threading.Thread(target=_open, args=(address, found[0][1]), daemon=True).start()
    environment = {
        **os.environ,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    server = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", uri, "--host", "127.0.0.1"]
    try:
        return subprocess.run([*server, "--port", str(options.port)], env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


def _nothing(where: str) -> InputError:
    return InputError(f"There is nothing to show in {where} yet: run a sweep first.")


def _open(address: str, page: str) -> None:
    """Opens the first task's page in the browser, if there is one, once the server answers."""
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return
    for _ in range(120):
        try:
            urllib.request.urlopen(f"{address}/health", timeout=1)
        except OSError:
            time.sleep(0.5)
        else:
            webbrowser.open(f"{address}/{page}")
            return
