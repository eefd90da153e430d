"""Execute the notebooks and write their outputs: `python notebooks/renew.py [NAME…]`, from the repository's root.

The text of each stands in its .py file; the .ipynb beside it is made from that, with the same cells in the same order.
The same code gives the same outputs: everything random has a seed, and nothing of the clock is kept.
"""

import hashlib
import sys
from pathlib import Path

import jupytext
import nbclient
import nbformat

HERE = Path(__file__).resolve().parent
NAMES = ("pool_lifetimes", "leak_in_a_log", "capacity_with_error_bars", "model_against_real_server")
LONGEST_S = 900


def read(name: str) -> nbformat.NotebookNode:
    """The notebook of a .py file, without outputs; each cell's id follows from its place and text."""
    notebook = jupytext.read(HERE / f"{name}.py")
    for place, cell in enumerate(notebook.cells):
        cell["id"] = hashlib.sha256(f"{place} {cell.source}".encode()).hexdigest()[:8]
    return notebook


def executed(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with its outputs, run from the repository's root."""
    client = nbclient.NotebookClient(
        notebook, timeout=LONGEST_S, record_timing=False, resources={"metadata": {"path": str(HERE.parent)}}
    )
    client.execute()
    notebook.metadata.pop("language_info", None)  # the version of Python is nobody's finding
    return notebook


def main(names: list[str]) -> None:
    for name in names or NAMES:
        nbformat.write(executed(read(name)), HERE / f"{name}.ipynb")
        print(f"notebooks/{name}.ipynb")


if __name__ == "__main__":
    main(sys.argv[1:])
