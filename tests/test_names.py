"""One word, one meaning: no two public classes share a name, and a file's name tells what is in it."""

import ast
from collections import defaultdict
from pathlib import Path

SIM = Path(__file__).parents[1] / "sim"

COUNTERPARTS = {
    "cli": "a command's module has the command's name",
    "calibration": "a module that finds a block of the scenario has that block's name",
    "report": "what shows a result has the name of what it shows",
    "engine/compiled": "what the compiled engine has in place of something else has its name",
    "vocabulary": "a table of words has the name of what they are for",
    "scenario": "a block of the scenario has the name of what it configures",
}
"""Folders whose files may have the name of one elsewhere, because they are about the same thing, and why."""

SAYS_NOTHING = {"parts", "left", "misc", "utils", "util", "helpers", "stuff", "things", "cli_result", "core", "base2"}


def classes() -> dict[str, list[str]]:
    """The public classes of all modules: each name with the modules that have it."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SIM.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(path.relative_to(SIM).as_posix())
    return found


def files() -> dict[str, list[str]]:
    """The modules by file name, without those whose folder says that they have a counterpart."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(SIM.rglob("*.py")):
        folder = path.relative_to(SIM).parent.as_posix()
        if path.name != "__init__.py" and folder not in COUNTERPARTS:
            found[path.name].append(path.relative_to(SIM).as_posix())
    return found


def shared(found: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: places for name, places in found.items() if len(places) > 1}


def test_no_two_public_classes_share_a_name() -> None:
    found = classes()
    assert len(found) > 100
    assert shared(found) == {}


def test_no_two_files_share_a_name_unless_one_is_the_others_counterpart() -> None:
    assert shared(files()) == {}


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [path for path in SIM.rglob("*.py") if path.stem in SAYS_NOTHING] == []


def test_every_module_begins_with_a_sentence() -> None:
    empty = [
        path.relative_to(SIM).as_posix()
        for path in SIM.rglob("*.py")
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert empty == []
