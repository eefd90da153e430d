"""One scenario over another: mappings merge key by key, everything else replaces, a distribution is one whole.

The same rule serves `extends:` and `--set`, so that an override does what writing the key into the file would do.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sim.scenario.nodes import Node, node_of
from sim.scenario.problems import InvalidScenario, shorten
from sim.scenario.yamlfile import parse_yaml

PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(\.([A-Za-z_][A-Za-z0-9_-]*|[0-9]{1,6}))*")
_FAULT_KEYS = frozenset(("probability", "from", "until", "calls"))


def merge(base: Node, over: Node) -> Node:
    """`over` where it says something, `base` elsewhere."""
    below, above = base.fields, over.fields
    if below is None or above is None or "dist" in above:
        return over
    fields = dict(below)
    for key, node in above.items():
        fields[key] = merge(fields[key], node) if key in fields else node
    return over.with_fields(fields)


def split_override(text: str) -> tuple[str, str]:
    """The path and the value text of `path.to.field=value`; InvalidScenario when it is not of this form."""
    path, equals, value = text.partition("=")
    if not equals or not PATH.fullmatch(path.strip()):
        raise InvalidScenario([f"--set {text}: must be path.to.field=value, such as arrivals.rate=40/s"])
    return path.strip(), value


def read_override(path: str, value: Any) -> tuple[Node, list[str]]:
    """The node of one override; a text is read as YAML."""
    shown = value if isinstance(value, str) else shorten(value)
    origin = f"--set {path}={shown}"
    if not PATH.fullmatch(path):
        raise InvalidScenario([f"{origin}: must be path.to.field=value, such as arrivals.rate=40/s"])
    if path.split(".")[0] == "extends":
        raise InvalidScenario([f"{origin}: extends can only stand in a file"])
    if isinstance(value, str):
        return parse_yaml(value, origin, lines=False)
    return node_of(value, origin), []


def put(root: Node, path: list[str], node: Node, done: tuple[str, ...] = ()) -> Node:
    """The same tree with `node` merged in at this path."""
    if not path:
        return merge(root, node)
    key, rest = path[0], path[1:]
    if isinstance(root.value, tuple):
        return _put_in_list(root, path, node, done)
    fields = root.fields
    if fields is None:
        if root.value is None:
            fields = {}
        elif key in _FAULT_KEYS:
            fields = {"probability": root}
        else:
            here = ".".join(done)
            raise InvalidScenario(
                [f"{node.origin}: {here} has no fields here (it is {shorten(root.value)}): set {here}"]
            )
    old = fields.get(key)
    new = put(old, rest, node, (*done, key)) if old is not None else _nest(rest, node)
    return replace(root, value={**fields, key: new})


def _put_in_list(root: Node, path: list[str], node: Node, done: tuple[str, ...]) -> Node:
    items = root.value if isinstance(root.value, tuple) else ()
    key = path[0]
    here = ".".join(done)
    if not key.isdigit() or int(key) >= len(items):
        have = f"positions 0 to {len(items) - 1}" if items else "no elements"
        raise InvalidScenario([f"{node.origin}: {here} is a list with {have}, and has no {key}"])
    number = int(key)
    new = put(items[number], path[1:], node, (*done, key))
    return replace(root, value=(*items[:number], new, *items[number + 1 :]))


def _nest(path: list[str], node: Node) -> Node:
    for key in reversed(path):
        node = Node({key: node}, node.origin)
    return node


def anchored(node: Node, folder: str, key: str = "") -> Node:
    """The same tree, with each file name that is relative made absolute from `folder`."""
    if isinstance(node.value, dict):
        return replace(node, value={name: anchored(item, folder, name) for name, item in node.value.items()})
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(anchored(item, folder) for item in node.value))
    if key == "file" and isinstance(node.value, str) and node.value:
        return replace(node, value=os.path.normpath(os.path.join(folder, node.value)))
    return node


def apply_overrides(root: Node, overrides: Mapping[str, Any]) -> tuple[Node, list[str]]:
    """The tree with every override in, and what was wrong with those that are not; files are found from here."""
    here = os.path.abspath(os.curdir)
    problems: list[str] = []
    for path, value in overrides.items():
        try:
            node, found = read_override(path, value)
            problems += found
            keys = path.split(".")
            root = put(root, keys, anchored(node, here, keys[-1]))
        except InvalidScenario as error:
            problems += error.problems
    return root, problems
