"""The report where people open it: inside MLflow's own page, in its sandboxed frame, in a real browser."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.browser import BROWSER, frames
from tests.report.test_tracking import server, tracked  # noqa: F401  # fixtures

LOOK = """(() => {
  const table = document.querySelector("table.board");
  if (!table) return "";
  const losses = () => [...table.tBodies[0].rows].map((row) => row.cells[1].textContent.trim());
  const before = losses();
  const head = [...table.tHead.rows[0].cells].find((cell) => cell.textContent.trim() === "loss");
  head.querySelector("button").click();
  return JSON.stringify({
    sentence: document.querySelector(".sentence").textContent,
    before, after: losses(), sort: head.getAttribute("aria-sort"),
    figures: document.querySelectorAll("svg.figure").length,
    said: [...document.querySelectorAll("svg.figure")].every((svg) => svg.getAttribute("aria-label")),
    wide: document.documentElement.scrollWidth > window.innerWidth + 1,
  });
})()"""


@pytest.mark.long
@pytest.mark.skipif(BROWSER is None and "CI" not in os.environ, reason="no Chromium here; CI installs one")
def test_the_report_opens_in_mlflows_frame_with_sentence_figures_and_a_table_that_sorts(
    tracked: Path,  # noqa: F811
    server: dict[str, str],  # noqa: F811
) -> None:
    client = MlflowClient(f"sqlite:///{tracked / 'results' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("lossbench/sweeps")
    run = client.search_runs([experiment.experiment_id])[0].info.run_id
    address = server["lossbench/sweeps"].partition("#")[0]
    page = f"{address}#/experiments/{experiment.experiment_id}/runs/{run}/artifacts/report.html"
    found = [text for text in frames(page, LOOK, '"sentence"') if '"sentence"' in text]
    assert found, "no frame of the page holds the report"
    report = json.loads(found[0])
    told = json.loads((tracked / "results").glob("*/report.json").__next__().read_text())
    assert report["sentence"] == told["answer"]
    assert report["sort"] == "ascending"
    assert report["after"] == sorted(report["before"])
    assert report["figures"] >= 2
    assert report["said"]
    assert not report["wide"], "the page scrolls sideways"
