"""Turns what pydantic found wrong into lines `place: path must be … (got …)` that name the user's own text."""

import difflib
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from sim.scenario.base import IN_FILE, MUST
from sim.scenario.model import Scenario
from sim.scenario.nodes import Node
from sim.scenario.problems import shorten

_TYPES = {
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "string_type": "must be text (put a number that is meant as text in quotes)",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "model_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
}


def problems_of(error: ValidationError, root: Node, model: type[BaseModel] = Scenario) -> list[str]:
    """One line for each problem, file by file and line by line, the scenario file itself (or the `model`'s) first."""
    found: list[tuple[str, int, str]] = []
    for item in error.errors(include_url=False):
        for node, text in _lines(item, root, model):
            found.append((node.origin, node.line, f"{node.place}: {text}"))
    order = {origin: number for number, origin in enumerate(dict.fromkeys((root.origin, *(f[0] for f in found))))}
    found.sort(key=lambda f: (order[f[0]], f[1]))
    return list(dict.fromkeys(text for *_, text in found))


def _lines(item: Any, root: Node, model: type[BaseModel]) -> Iterator[tuple[Node, str]]:
    location: tuple[str | int, ...] = item["loc"]
    kind, context = item["type"], item.get("ctx", {})
    if kind == MUST:
        for field, text, got in context["problems"]:
            node, path, value = _find(root, (*location, *_split(field)))
            yield node, f"{path or 'the scenario'} {text} (got {got if got is not None else shorten(value)})"
    elif kind == IN_FILE:
        node, _, _ = _find(root, location)
        for text in context["problems"]:
            yield Node(None, text.split(": ", 1)[0]), text.split(": ", 1)[-1]
    elif kind == "extra_forbidden":
        yield _unknown_key(location, root, model)
    elif kind == "missing":
        node, path, _ = _find(root, location)
        yield node, f"{path} must be given (got nothing)"
    else:
        node, path, value = _find(root, location)
        text = _TYPES.get(kind) or _literal(kind, context, value) or f"is not valid: {item['msg'].lower()}"
        yield node, f"{path or 'the scenario'} {text} (got {shorten(value)}{_near(kind, context, value)})"


def _split(field: str | None) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in field.split(".")) if field else ()


def _find(root: Node, location: Sequence[str | int]) -> tuple[Node, str, Any]:
    """The node nearest to a pydantic location, its path, and what stands there.

    Pydantic's locations name things that are not in the file: union tags, and fields of a value in its short form.
    """
    node, path, rest = root, [], [*location]
    while rest:
        parts = next((n for n in range(1, len(rest) + 1) if node.child(_key(rest[:n])) is not None), 0)
        below = node.child(_key(rest[:parts])) if parts else None
        if below is not None:
            node = below
            path.append(str(_key(rest[:parts])))
        elif len(rest) == 1 and node.fields is not None and not _is_tag(node, rest[0]):
            path.append(str(rest[0]))
            return node, ".".join(path), None
        del rest[: parts or 1]
    return node, ".".join(path), node.plain()


def _key(parts: Sequence[str | int]) -> str | int:
    """A key that may have dots in it, as those have that are paths themselves."""
    return parts[0] if len(parts) == 1 else ".".join(map(str, parts))


def _is_tag(node: Node, key: str | int) -> bool:
    dist = node.child("dist")
    return dist is not None and key in (dist.value, "of")


def _unknown_key(location: Sequence[str | int], root: Node, model: type[BaseModel]) -> tuple[Node, str]:
    node, path, _ = _find(root, location)
    key, parent = str(location[-1]), ".".join(path.split(".")[:-1])
    return node, unknown_key(key, parent, known_keys(location[:-1], model))


def unknown_key(key: str, parent: str, known: Sequence[str]) -> str:
    """The text for a key that is not known, with the nearest one that is."""
    path = f"{parent}.{key}" if parent else key
    name, colon, value = key.partition(":")
    if colon and name in known:  # YAML takes it for one word
        return f"{path} is not a known key; a blank is missing after the colon: write '{name}: {value}'"
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"{path} is not a known key; {f'did you mean {near[0]}?' if near else 'known here: ' + ', '.join(known)}"


def known_keys(location: Sequence[str | int], model: type[BaseModel] = Scenario) -> list[str]:
    """The keys that the part at this pydantic location of a model knows."""
    for key in location:
        if isinstance(key, int):
            continue
        fields = {field.alias or name: field for name, field in model.model_fields.items()}
        if key in fields:
            candidates = list(_models(fields[key].annotation, fields[key].metadata))
        else:
            continue
        model = candidates[0] if candidates else model
        if len(candidates) > 1:
            model = _chosen(candidates, location, model)
    return [field.alias or name for name, field in model.model_fields.items()]


def _chosen(
    candidates: list[type[BaseModel]], location: Sequence[str | int], default: type[BaseModel]
) -> type[BaseModel]:
    for model in candidates:
        field = model.model_fields.get("dist")
        if field is not None and field.default in location:
            return model
    return default


def _models(annotation: Any, metadata: Sequence[Any] = ()) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
        for part in typing.get_args(annotation):
            yield from _models(part)


def _literal(kind: str, context: Any, value: Any) -> str | None:
    if kind != "literal_error":
        return None
    return "must be " + str(context["expected"]).replace("'", "")


def _near(kind: str, context: Any, value: Any) -> str:
    if kind != "literal_error" or not isinstance(value, str):
        return ""
    choices = [part.strip().strip("'") for part in str(context["expected"]).replace(" or ", ", ").split(",")]
    near = difflib.get_close_matches(value, choices, n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
