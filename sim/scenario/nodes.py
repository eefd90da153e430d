"""A node is a value of a scenario file that still knows where it was written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Node:
    """A scalar, list or mapping, with its origin (file or override) and line; line 0 where there are no lines."""

    value: "Scalar | tuple[Node, ...] | dict[str, Node]"
    origin: str
    line: int = 0
    size: int = 1
    """Number of nodes in it, aliases expanded."""

    @property
    def place(self) -> str:
        """Where it stands, as error messages begin."""
        return f"{self.origin}:{self.line}" if self.line else self.origin

    @property
    def fields(self) -> "dict[str, Node] | None":
        """The keys of a mapping; None for anything else."""
        return self.value if isinstance(self.value, dict) else None

    def child(self, key: str | int) -> "Node | None":
        """The node below this key or list position, if there is one."""
        if isinstance(self.value, dict):
            return self.value.get(str(key))
        if isinstance(self.value, tuple) and isinstance(key, int) and key < len(self.value):
            return self.value[key]
        return None

    def plain(self) -> Any:
        """The bare values: dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.plain() for node in self.value]
        return self.value

    def walk(self) -> "Iterator[tuple[Node, str, Node]]":
        """Every (mapping, key, node below it), outermost first."""
        if isinstance(self.value, dict):
            for key, node in self.value.items():
                yield self, key, node
                yield from node.walk()
        elif isinstance(self.value, tuple):
            for node in self.value:
                yield from node.walk()

    def with_fields(self, fields: "dict[str, Node]") -> "Node":
        """The same mapping with other keys."""
        return replace(self, value=fields)


def node_of(value: Any, origin: str) -> Node:
    """The node of a plain Python value, which has no lines; the value itself stays a leaf when it is no plain one."""
    if isinstance(value, Mapping):
        return Node({str(key): node_of(item, origin) for key, item in value.items()}, origin)
    if isinstance(value, list | tuple):
        return Node(tuple(node_of(item, origin) for item in value), origin)
    return Node(value, origin)
