"""One function a figure, over matplotlib: the same one serves the report (SVG), MLflow (PNG) and papers (PDF, SVG)."""
