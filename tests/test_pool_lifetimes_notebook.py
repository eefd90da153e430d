"""The notebook runs from top to bottom, says what it should, and its two files are the same notebook."""

import re
from pathlib import Path

import jupytext
import nbclient
import nbformat
import pytest

HOME = Path(__file__).resolve().parents[1]
NOTEBOOK = HOME / "notebooks" / "pool_lifetimes.ipynb"


@pytest.fixture(scope="module")
def executed():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(HOME)}}).execute()
    return notebook


def printed(notebook):
    return "".join(
        output.get("text", "") for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs
    )


def test_script_and_notebook_are_paired():
    script = jupytext.read(NOTEBOOK.with_suffix(".py"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert [(c.cell_type, c.source) for c in script.cells] == [(c.cell_type, c.source) for c in notebook.cells]


@pytest.mark.filterwarnings("ignore")  # of the kernel's libraries, not ours
def test_it_finds_the_leak_probability_that_was_put_in(executed):
    text = printed(executed)
    low, high = map(float, re.search(r"leaking: .* \(95 %: ([\d.]+)% to ([\d.]+)%\)", text).groups())
    assert low < 2.0 < high
    assert "healthy: 0.00%" in text
    per_hour = re.search(r"per hour \((\d+) to (\d+)\)", text)
    assert int(per_hour[1]) < 360 < int(per_hour[2])
    assert "close-never-answered" in text


@pytest.mark.filterwarnings("ignore")
def test_every_picture_is_drawn(executed):
    pictures = [
        output
        for cell in executed.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(pictures) == 3
