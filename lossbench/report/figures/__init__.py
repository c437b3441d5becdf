"""One function per figure, over matplotlib; it serves the report (SVG), MLflow (PNG) and papers (PDF, SVG)."""

import logging

# On first use it logs that it builds a font cache, which is of no interest here.
logging.getLogger("matplotlib").setLevel(logging.ERROR)
