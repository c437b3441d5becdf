"""One function a figure, over matplotlib: the same one serves the report (SVG), MLflow (PNG) and papers (PDF, SVG)."""

import logging

# It says so on the first use of a machine that it looks for fonts, which nobody who trains a loss has asked.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
