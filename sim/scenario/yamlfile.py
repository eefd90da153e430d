"""A strict reading of YAML 1.2 (core schema): no surprises, no objects, bounded size, and every value keeps its line.

PyYAML's scanner and parser do the syntax; scalars are resolved here, because PyYAML follows YAML 1.1, where `on` is a
boolean, `12:30:00` a number to base 60, `010` octal and `1e3` a text. Refused are: duplicate keys, tags, merge keys,
several documents, keys that are not plain text, too deep nesting, and aliases that expand without bound.
"""

import re
from dataclasses import replace

import yaml

from sim.scenario.bounded import read_text
from sim.scenario.nodes import Node, Scalar
from sim.scenario.problems import InvalidScenario, shorten

LARGEST_FILE = 2**20
DEEPEST = 32
MOST_NODES = 100_000

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_OCTAL = re.compile(r"0o[0-7]{1,100}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]{1,300}|[0-9]{1,300}(\.[0-9]{0,300})?)([eE][-+]?[0-9]{1,5})?")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


def resolve_scalar(text: str) -> Scalar:
    """The value of a plain (unquoted) scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


class _Open:
    """A collection whose end has not been read yet."""

    __slots__ = ("anchor", "items", "key", "line", "mapping", "size")

    def __init__(self, mapping: bool, line: int, anchor: str | None) -> None:
        self.mapping, self.line, self.anchor = mapping, line, anchor
        self.items: dict[str, Node] | list[Node] = {} if mapping else []
        self.key: tuple[str, int] | None = None
        self.size = 1


class _Builder:
    """Builds nodes from parser events without recursion, and collects what is wrong on the way."""

    def __init__(self, origin: str, lines: bool) -> None:
        self.origin, self.lines = origin, lines
        self.problems: list[str] = []
        self.anchors: dict[str, Node] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0

    def place(self, line: int) -> str:
        return f"{self.origin}:{line}" if self.lines else self.origin

    def stop(self, line: int, text: str) -> InvalidScenario:
        return InvalidScenario([*self.problems, f"{self.place(line)}: {text}"])

    def feed(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise self.stop(line, "must be one document: remove the second '---'")
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise self.stop(line, f"alias *{event.anchor} has no complete anchor before it")
            self.add(replace(self.anchors[event.anchor], line=line if self.lines else 0), None)
        elif isinstance(event, yaml.ScalarEvent):
            self.refuse_tag(event, line)
            plain = event.style in (None, "")
            value = resolve_scalar(event.value) if plain else event.value
            self.add(Node(value, self.origin, line if self.lines else 0), event.anchor, text=event.value)
        elif isinstance(event, yaml.CollectionStartEvent):
            self.refuse_tag(event, line)
            if len(self.stack) >= DEEPEST:
                raise self.stop(line, f"is nested deeper than {DEEPEST} levels")
            top = self.stack[-1] if self.stack else None
            if top is not None and top.mapping and top.key is None:
                raise self.stop(line, "keys must be plain text, not a list or mapping")
            self.stack.append(_Open(isinstance(event, yaml.MappingStartEvent), line, event.anchor))
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.stack.pop()
            items = done.items if isinstance(done.items, dict) else tuple(done.items)
            self.add(Node(items, self.origin, done.line if self.lines else 0, done.size), done.anchor)

    def refuse_tag(self, event: yaml.NodeEvent, line: int) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            self.problems.append(f"{self.place(line)}: tags such as {shorten(str(tag))} are not allowed")

    def add(self, node: Node, anchor: str | None, text: str | None = None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        top.size += node.size
        if top.size > MOST_NODES:
            raise self.stop(node.line, f"has more than {MOST_NODES} values once its aliases are expanded")
        if isinstance(top.items, list):
            top.items.append(node)
        elif top.key is None:
            if text is None and not isinstance(node.value, str):
                raise self.stop(node.line, "keys must be plain text")
            key = text if text is not None else str(node.value)
            top.key = (key, node.line)
        else:
            key, line = top.key
            top.key = None
            if key in top.items:
                first = top.items[key].line
                where = f", first on line {first}" if self.lines else ""
                self.problems.append(f"{self.place(line)}: key {shorten(key)} is given twice{where}")
                return
            top.items[key] = replace(node, line=line)


def parse_yaml(text: str, origin: str, lines: bool = True) -> tuple[Node, list[str]]:
    """The root node of a YAML text and the problems that did not stop the reading; those that did are raised."""
    builder = _Builder(origin, lines)
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            builder.feed(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = ", ".join(part for part in (error.context, error.problem) if part)
        raise builder.stop(line, f"is not valid YAML: {what}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise builder.stop(line, f"is not valid YAML: character #x{error.character:04x} is not allowed") from None
    if builder.root is None:
        return Node(None, origin, 1 if lines else 0), builder.problems
    return builder.root, builder.problems


def read_yaml(path: str, origin: str) -> tuple[Node, list[str]]:
    """The root node of a YAML file and its problems so far; InvalidScenario when it can not be read."""
    return parse_yaml(read_text(path, LARGEST_FILE, "scenario file"), origin)
