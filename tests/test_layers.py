"""Every import of `sim` goes downwards in the table of docs/architecture.md; no circles, nobody's private names."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "architecture.md"
HEADING = "| room | its one job | may import |"


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement, at the top of a module or inside a function: both tie modules together."""

    by: str
    line: int
    module: str
    name: str | None  # what is taken out of the module; None for the module itself


def modules(source: Path) -> dict[str, Path]:
    """Every module below `source` by its dotted name; a package's own is the name of the package."""
    found = {}
    for path in sorted(source.rglob("*.py")):
        parts = path.relative_to(source.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path, known: dict[str, Path]) -> Iterator[Import]:
    """What one module imports from `sim`, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: imports name modules in full"
            if (node.module or "").split(".")[0] != "sim":
                continue
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                target, taken = (whole, None) if whole in known else (node.module or "", alias.name)
                yield Import(name, node.lineno, target, taken)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "sim":
                    yield Import(name, node.lineno, alias.name, None)


def table(text: str) -> dict[str, set[str]]:
    """The rooms of the page, from the ground up, each with those that it may import."""
    lines = text[text.index(HEADING) :].split("\n\n")[0].splitlines()[2:]
    rooms: dict[str, set[str]] = {}
    for line in lines:
        room, _, allowed = (cell.strip() for cell in line.strip("|").split("|"))
        below = set(rooms) if allowed == "all above" else set(re.findall(r"`([\w/]+)`", allowed))
        unknown = below - set(rooms)
        assert not unknown, f"{room} may import {sorted(unknown)}, which the table has not above it"
        rooms[room.strip("`")] = below
    return rooms


def room_of(module: str, rooms: dict[str, set[str]]) -> str:
    """The room that a module stands in: the longest of the table that its path begins with."""
    path = module.removeprefix("sim").lstrip(".").replace(".", "/")
    fitting = [room for room in rooms if path == room or path.startswith(f"{room}/")]
    return max(fitting, key=len, default="")


def upward(imports: list[Import], rooms: dict[str, set[str]]) -> list[str]:
    """Every import that the table does not allow, told with its place."""
    wrong = []
    for one in imports:
        source, target = room_of(one.by, rooms), room_of(one.module, rooms)
        if source and target != source and target not in rooms[source]:
            wrong.append(f"{one.by}:{one.line}: {source} may not import {target or one.module}")
    return wrong


def private(imports: list[Import]) -> list[str]:
    """Every import of a name, or of a module, that begins with an underscore."""
    return [
        f"{one.by}:{one.line}: {one.module}.{one.name or ''} is private"
        for one in imports
        if (one.name or one.module.rpartition(".")[2]).startswith("_")
    ]


def circle(imports: list[Import]) -> list[str]:
    """A circle of modules that import one another, if there is one."""
    below: dict[str, set[str]] = {}
    for one in imports:
        if one.by != one.module:
            below.setdefault(one.by, set()).add(one.module)
    try:
        TopologicalSorter(below).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def rooms() -> dict[str, set[str]]:
    return table(PAGE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def known() -> dict[str, Path]:
    return modules(ROOT / "sim")


@pytest.fixture(scope="module")
def imports(known: dict[str, Path]) -> list[Import]:
    found = [one for name, path in known.items() for one in imports_of(name, path, known)]
    assert len(found) > 500, "the test looks at the wrong place"
    return found


def test_every_module_stands_in_a_room_of_the_table(known: dict[str, Path], rooms: dict[str, set[str]]) -> None:
    folders = {"sim", *(f"sim.{room.split('/')[0]}" for room in rooms if "/" in room)}  # that only hold rooms
    assert [name for name in known if name not in folders and not room_of(name, rooms)] == []
    assert [room for room in rooms if not any(room_of(name, rooms) == room for name in known)] == []


def test_imports_go_downwards_only(imports: list[Import], rooms: dict[str, set[str]]) -> None:
    assert upward(imports, rooms) == []


def test_no_modules_import_one_another_in_a_circle(imports: list[Import]) -> None:
    assert circle(imports) == []


def test_nobody_imports_what_another_module_keeps_to_itself(imports: list[Import]) -> None:
    assert private(imports) == []


def test_what_the_page_says_to_open_is_there() -> None:
    """Every file that the page names exists; what it says to look for stands in one of the files of its row."""
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:sim|tests|docs|scenarios)/[\w/.*-]+)`", text))
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    answers = [line.split("|")[2:4] for line in text.splitlines() if line.startswith("| wh")]
    assert len(answers) == 10
    for place, what in answers:
        files = re.findall(r"`([\w/.]+)`", place)
        assert 1 <= len(files) <= 2
        written = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
        assert [word for word in re.findall(r"`(\w+)`", what) if not re.search(rf"\b{word}\b", written)] == []


def test_the_checks_find_what_they_look_for() -> None:
    """A wrong import inside a function, a private name and a circle, in a house of three modules."""
    rooms = {"server": set(), "report": {"server"}}
    up = Import("sim.server.offer", 3, "sim.report.text", "size")
    down = Import("sim.report.text", 5, "sim.server.offer", "_secret")
    assert upward([up, down], rooms) == ["sim.server.offer:3: server may not import report"]
    assert private([up, down]) == ["sim.report.text:5: sim.server.offer._secret is private"]
    assert set(circle([up, down])) == {"sim.server.offer", "sim.report.text"}
    assert circle([down]) == []


def test_an_import_inside_a_function_counts(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("def f() -> None:\n    from sim.report import text\n    from sim.server.offer import _x\n")
    known = {"sim.report.text": path}
    assert list(imports_of("sim.ledger.x", path, known)) == [
        Import("sim.ledger.x", 2, "sim.report.text", None),
        Import("sim.ledger.x", 3, "sim.server.offer", "_x"),
    ]
