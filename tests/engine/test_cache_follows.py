"""Compiled code is stale when one of its sources changes: the cache lists all of them, wherever they move."""

import ast
from pathlib import Path

from sim.engine.compiled import cache

PYTHON_SIDE = {"engine.py", "views.py", "cache.py", "__init__.py"}  # of engine/compiled: these call compiled code
TAKES_FROM = ("vocabulary", "server", "engine/compiled", "engine/tick.py")


def listed() -> set[Path]:
    return {path for pattern in cache.SOURCES for path in cache.PACKAGE.glob(pattern)}


def compiled() -> list[Path]:
    """The modules whose functions Numba compiles."""
    found: list[Path] = []
    for place in TAKES_FROM:
        path = cache.PACKAGE / place
        found += [path] if path.is_file() else sorted(path.glob("*.py"))
    return [path for path in found if path.name not in PYTHON_SIDE]


def imported(path: Path) -> set[Path]:
    """Modules of this package that a module takes something from."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sim"):
            base = cache.PACKAGE.joinpath(*(node.module or "").split(".")[1:])
            for name in node.names:
                inner = base / f"{name.name}.py"
                found.add(inner if inner.is_file() else base.with_suffix(".py"))
    return found


def test_every_module_that_compiled_code_takes_from_makes_it_stale() -> None:
    modules = compiled()
    assert len(modules) > 30
    own = {cache.PACKAGE / "engine" / "compiled" / name for name in PYTHON_SIDE}
    missing = {str(taken) for path in modules for taken in imported(path)} - {str(p) for p in listed() | own}
    assert missing == set()


def test_no_pattern_of_the_list_is_empty() -> None:
    assert [pattern for pattern in cache.SOURCES if not list(cache.PACKAGE.glob(pattern))] == []
