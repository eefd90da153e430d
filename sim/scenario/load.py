"""From a file (or a mapping) and overrides to a Scenario, or to one error that lists everything that is wrong."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sim.errors import ScenarioError
from sim.scenario.bounded import shown
from sim.scenario.explain import problems_of
from sim.scenario.members import problems_of_members
from sim.scenario.merge import anchored, apply_overrides, merge
from sim.scenario.model import Scenario
from sim.scenario.nodes import Node, node_of
from sim.scenario.problems import InvalidScenario, UnreadableFile, shorten
from sim.scenario.yamlfile import read_yaml

ReadCondition = Callable[[str, Scenario | None], object]

LONGEST_CHAIN = 10
OWN_KEYS = ("name", "description", "extends")
"""Keys that belong to one file and are not passed on through `extends`."""


def load_scenario(
    source: str | os.PathLike[str] | Mapping[str, Any],
    overrides: Mapping[str, Any] | None = None,
    *,
    base_dir: str | os.PathLike[str] | None = None,
    conditions: ReadCondition | None = None,
) -> Scenario:
    """The scenario of a YAML file or mapping, with overrides `{"path.to.field": value}` applied.

    A text value of an override is read as YAML. Files that a scenario names are relative to the file that names them,
    in a mapping to `base_dir`, in an override to the current folder. `conditions` reads each `expect`, against the
    scenario when there is one, and raises ScenarioError for one that says nothing. Raises ScenarioError (an
    InvalidScenario, whose `problems` lists everything that is wrong) with file and line.
    """
    if isinstance(source, Mapping):
        folder = os.path.abspath(base_dir or os.curdir)
        root = anchored(node_of(source, "scenario"), folder)
        problems: list[str] = []
        if root.child("extends") is not None:
            root, problems = _extended(root, folder, ())
    else:
        path = os.path.abspath(_existing(os.fspath(source), os.fspath(source)))
        origin = shown(os.fspath(source))
        root, problems = _read(path, origin, ())
        if root.fields is not None and "name" not in root.fields:
            root = root.with_fields({**root.fields, "name": Node(name_from(path), origin)})
    if root.fields is not None:
        root, found = apply_overrides(root, overrides or {})
        problems += found
    try:
        scenario = Scenario.model_validate(_bare(root))
    except ValidationError as error:
        raise InvalidScenario([*problems, *problems_of(error, root), *_conditions(root, None, conditions)]) from None
    problems += [*_conditions(root, scenario, conditions), *problems_of_members(root)]
    if problems:
        raise InvalidScenario(problems)
    return scenario


def _conditions(root: Node, scenario: Scenario | None, read: ReadCondition | None) -> list[str]:
    """What is wrong with the conditions in `expect`, each with its place."""
    problems = []
    expect = root.child("expect") if read is not None else None
    items = expect.value if expect is not None and isinstance(expect.value, tuple) else ()
    for node in items:
        if read is not None and isinstance(node.value, str):
            try:
                read(node.value, scenario)
            except ScenarioError as error:
                problems.append(f"{node.place}: expect: {error}")
    return problems


def _existing(path: str, given: str) -> str:
    """`path`, or where there is no such file, the shipped scenario of the name `given`."""
    if os.path.exists(path):
        return path
    from sim.scenario.shipped import find_shipped, shipped_like

    found = find_shipped(given)
    if found is not None:
        return os.fspath(found)
    near = shipped_like(given)
    if near is not None:
        raise UnreadableFile(shown(path), f"no such file (did you mean the shipped scenario {near}?)")
    return path


def _bare(root: Node) -> Any:
    plain = root.plain()
    if isinstance(plain, dict):
        plain.pop("provenance", None)
    return plain


def _read(path: str, origin: str, chain: tuple[str, ...]) -> tuple[Node, list[str]]:
    root, problems = read_yaml(path, origin)
    if root.value is None:
        raise InvalidScenario([*problems, f"{origin}: is empty; a scenario has keys, such as duration: 60s"])
    if root.fields is None:
        text = f"must be a mapping of keys, such as duration: 60s (got {shorten(root.plain())})"
        raise InvalidScenario([*problems, f"{root.place}: a scenario {text}"])
    root = anchored(root, os.path.dirname(path))
    if root.child("extends") is None:
        return root, problems
    root, found = _extended(root, os.path.dirname(path), (*chain, path))
    return root, problems + found


def _extended(root: Node, folder: str, chain: tuple[str, ...]) -> tuple[Node, list[str]]:
    fields = dict(root.fields or {})
    extends = fields.pop("extends")
    root = root.with_fields(fields)
    if extends.value is None:
        return root, []
    if not isinstance(extends.value, str) or not extends.value:
        raise _no_base(extends, f"another scenario file (got {shorten(extends.plain())})")
    path = os.path.abspath(_existing(os.path.join(folder, extends.value), extends.value))
    if any(_same(path, other) for other in chain):
        names = " → ".join(os.path.basename(name) for name in (*chain, path))
        raise _no_base(extends, f"a file that does not lead back here (got {names})")
    if len(chain) >= LONGEST_CHAIN:
        raise _no_base(extends, f"the end of a chain of at most {LONGEST_CHAIN} files (got a longer one)")
    try:
        base, problems = _read(path, shown(path), chain)
    except UnreadableFile as error:
        raise _no_base(extends, f"a readable scenario file (got {shorten(extends.value)}: {error.reason})") from None
    inherited = {key: node for key, node in (base.fields or {}).items() if key not in OWN_KEYS}
    return merge(base.with_fields(inherited), root), problems


def _no_base(extends: Node, text: str) -> InvalidScenario:
    return InvalidScenario([f"{extends.place}: extends must name {text}"])


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def name_from(path: str) -> str:
    stem = re.sub(r"[^\w.-]+", "-", Path(path).stem).lstrip("._-")[:100]
    return stem or "scenario"
