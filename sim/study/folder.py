"""The files of a study's folder, by name."""

from pathlib import Path
from typing import Final

RUNS: Final = "runs.parquet"
"""A row for each run."""
STUDY: Final = "study.json"
"""What the study found."""
FILE: Final = "study.yaml"
"""The study as it was asked for."""
REPORT: Final = "report.html"
"""The page for people."""


def is_study(folder: Path) -> bool:
    """Whether a folder holds what a study found."""
    return (folder / STUDY).is_file()
