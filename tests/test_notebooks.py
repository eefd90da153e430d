"""Every notebook runs from top to bottom with the outputs that are committed, and says what its question asks."""

import base64
import io
import os
import re
import sys
from pathlib import Path

import jupytext
import nbformat
import numpy as np
import pytest
from matplotlib.image import imread

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME / "notebooks"))
from renew import NAMES, executed, read  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # of the kernel's libraries, not ours


def committed(name: str) -> nbformat.NotebookNode:
    return nbformat.read(HOME / "notebooks" / f"{name}.ipynb", as_version=4)


def told(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell printed or showed, as text."""
    return [
        "".join(out.get("text", "") or out.get("data", {}).get("text/plain", "") for out in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def pictures(notebook: nbformat.NotebookNode) -> list[np.ndarray]:
    """Every drawn picture, as its pixels."""
    outputs = [out for cell in notebook.cells if cell.cell_type == "code" for out in cell.outputs]
    drawn = [out["data"]["image/png"] for out in outputs if "image/png" in out.get("data", {})]
    return [imread(io.BytesIO(base64.b64decode(png))) for png in drawn]


def test_every_notebook_is_known() -> None:
    files = {path.stem for path in (HOME / "notebooks").glob("*.ipynb")}
    assert files == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_script_and_notebook_are_paired(name: str) -> None:
    script = jupytext.read(HOME / "notebooks" / f"{name}.py")
    assert [(c.cell_type, c.source) for c in script.cells] == [(c.cell_type, c.source) for c in committed(name).cells]


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_gives_what_is_committed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(HOME), path))))
    found, before = executed(read(name)), committed(name)
    assert told(found) == told(before), "renew it: python notebooks/renew.py"
    again, kept = pictures(found), pictures(before)
    assert len(again) == len(kept) > 0
    for one, other in zip(again, kept, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).mean() < 0.02  # letters may be set a little differently elsewhere


def text_of(name: str) -> str:
    return "\n".join(told(committed(name)))


def test_lifetimes_find_the_leaks_that_were_put_in() -> None:
    text = text_of("pool_lifetimes")
    low, high = map(float, re.search(r"version 2: .* \(95 %: ([\d.]+)% to ([\d.]+)%\)", text).groups())  # type: ignore[union-attr]
    assert low < 2.0 < high
    assert "version 1: 0.00%" in text
    per_hour = re.search(r"per hour \((\d+) to (\d+)\)", text)
    assert per_hour is not None
    assert int(per_hour[1]) < 360 < int(per_hour[2])
    alike = re.search(r"against itself with other calls: p = ([\d.]+)", text)
    assert alike is not None
    assert float(alike[1]) > 0.05
    assert "request-never-answered" in text


def test_the_log_s_leaks_are_those_that_were_counted_in_it() -> None:
    text = text_of("leak_in_a_log")
    assert "24 sessions: close-never-answered" in text
    assert "sessions leaked" in text


def test_the_capacity_is_erlangs() -> None:
    text = text_of("capacity_with_error_bars")
    low, high = map(float, re.search(r"95 % sure between ([\d.]+) and ([\d.]+)", text).groups())  # type: ignore[union-attr]
    erlang = re.search(r"Erlang-B: ([\d.]+) calls/s", text)
    assert erlang is not None
    assert low < float(erlang[1]) < high


def test_the_model_is_held_to_the_log_in_one_verdict() -> None:
    assert re.search(r"(AGREES|DISAGREES): \d of 6 judged quantiles", text_of("model_against_real_server"))
