"""A scenario as YAML with notes: every value may say where it comes from."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from sim.scenario.resolve import ScenarioDumper

_WIDTH: Final = 116


@dataclass(frozen=True, slots=True)
class Noted:
    """A value of the scenario, its comment, and what it was found from, if that is kept."""

    value: Any
    comment: str
    seen: object = None


def plain(tree: Any) -> Any:
    """The tree without its comments."""
    if isinstance(tree, Noted):
        return plain(tree.value)
    if isinstance(tree, Mapping):
        return {key: plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    return tree


def to_text(tree: Mapping[str, Any], head: list[str], *, beside: bool = False) -> str:
    """The tree as YAML, comments above what they explain, or each `beside` its value; `head` stands above it all."""
    lines = [f"# {line}" for text in head for line in _wrapped(text, _WIDTH)]
    _emit(tree, 0, beside, lines)
    return "\n".join(lines) + "\n"


def inline(value: Any) -> str:
    """A value on one line, quoted where a reader would take it for something else."""
    text = yaml.dump(
        [plain(value)], Dumper=ScenarioDumper, default_flow_style=True, sort_keys=False, allow_unicode=True,
        width=float("inf"),
    )  # fmt: skip
    return str(text).strip()[1:-1]


def _emit(tree: Mapping[str, Any], depth: int, beside: bool, lines: list[str]) -> None:
    pad = "  " * depth
    for key, value in tree.items():
        said = ""
        if isinstance(value, Noted):
            if beside:
                said = f"  # {value.comment}"
            else:
                lines += [f"{pad}# {part}" for part in _wrapped(value.comment, _WIDTH - len(pad))]
            value = value.value
        if isinstance(value, Mapping) and "dist" not in value and value:
            lines.append(f"{pad}{key}:{said}")
            _emit(value, depth + 1, beside, lines)
        elif _has_items(value):
            lines.append(f"{pad}{key}:{said}")
            _emit_items(value, depth + 1, beside, lines)
        else:
            lines.append(f"{pad}{key}: {inline(value)}{said}")


def _has_items(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(item, Noted) for item in value)


def _emit_items(items: list[Any], depth: int, beside: bool, lines: list[str]) -> None:
    """Mappings below each other, each after its comment; one that has a list of such goes on below itself."""
    pad = "  " * depth
    for item in items:
        inner = item
        if isinstance(item, Noted):
            lines += [f"{pad}# {part}" for part in _wrapped(item.comment, _WIDTH - len(pad))]
            inner = item.value
        if isinstance(inner, Mapping) and any(_has_items(value) for value in inner.values()):
            below: list[str] = []
            _emit(inner, depth + 1, beside, below)
            lines += [f"{pad}- {below[0].lstrip()}", *below[1:]]
        else:
            lines.append(f"{pad}- {inline(inner)}")


def _wrapped(comment: str, width: int) -> list[str]:
    return textwrap.wrap(comment, max(40, width - 2), break_long_words=False, break_on_hyphens=False) or [""]
