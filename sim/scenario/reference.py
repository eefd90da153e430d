"""The reference of every key of a scenario file, made from the model itself, so that it can not fall behind.

`python -m sim.scenario.reference` prints docs/scenarios.md.
"""

import math
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sim.scenario.base import InSchema
from sim.scenario.dialogue import Step
from sim.scenario.distributions import FAMILIES, Constant
from sim.scenario.faults import Fault, Vanish
from sim.scenario.model import Scenario
from sim.scenario.plugins import Plugin
from sim.scenario.server import PortRange
from sim.scenario.units import NAMES, Quantity
from sim.vocabulary.plugins import RESOURCES

INTRODUCTION = """# Scenario files: every key

Made from the model by `python -m sim.scenario.reference`; a test keeps it up to date.

A scenario is a YAML 1.2 file. Every key has a default, so a scenario says only what it is about. Unknown keys, keys
given twice and tags are errors. `on`, `yes` and `12:30:00` are texts, `1e3` is a number, `010` is ten.

## How values are written

| kind | written as |
|---|---|
| time | `3s`, `500ms`, `33us`, `2min` (or `2m`), `1h`, `1h30m`; a bare number is seconds |
| rate | `10/s`, `600/min`, `36000/h`; a bare number is calls per second |
| size | `145KiB`, `2MB`, `4096B`; a bare number is bytes |
| probability | `0.02` or `2%` |
| distribution | a time (always that value), or a mapping that names a distribution, see below |
| fault | a probability, or a mapping, see below |

`extends: other.yaml` takes every key that this file does not give from another file, except `name` and `description`.
Mappings merge key by key; lists, and distributions that name their `dist`, replace. `--set path.to.field=value` does
what writing the key into the file would do, and reads its value as YAML, so that
`--set 'calls.hold={dist: exponential, mean: 18ms}'` works. Elements of a list are counted from 0:
`--set arrivals.profile.0.rate=5/s`. Files are relative to the scenario file that names them, in `--set` to the current
folder.
"""


def reference_markdown() -> str:
    """The whole reference as Markdown, always the same for the same model."""
    parts = [INTRODUCTION, *_distributions(), *_fault()]
    top = [(key, field) for key, field in _fields(Scenario) if not _models(field)]
    parts += ["## The scenario\n", _table("", top)]
    for key, field in _fields(Scenario):
        model = _models(field)
        if model and key != "plugins":
            parts += _section(key, model[0])
        if key == "calls":
            parts += ["### Steps of a dialogue\n", f"{_first_line(Step)}\n", _table("", list(_fields(Step)))]
    parts += [
        "## plugins.<resource>\n",
        f"Resources are {', '.join(f'`{name}`' for name in RESOURCES[:-1])} and `{RESOURCES[-1]}`. "
        "A resource that calls ask for and "
        "that is not described here has the default plugin.\n",
    ]
    parts += _tables("plugins.<resource>", Plugin)
    return "\n".join(parts).rstrip() + "\n"


def _section(key: str, model: type[BaseModel]) -> list[str]:
    return [f"## {key}\n", f"{_first_line(model)}\n", *_tables(key, model)]


def _tables(path: str, model: type[BaseModel]) -> list[str]:
    """One table of the model's own values, then one for each part below it."""
    own = [(key, field) for key, field in _fields(model) if not _is_part(field)]
    parts = [_table(path, own)] if own else []
    for key, field in _fields(model):
        if _is_part(field):
            below = f"{path}.{key}"
            parts += [f"### {below}\n", f"{field.description}\n"]
            parts += _tables(below, _models(field)[0])
    return parts


def _is_part(field: FieldInfo) -> bool:
    models = _models(field)
    return len(models) == 1 and models[0] is not Fault and typing.get_origin(field.annotation) is not tuple


def _distributions() -> list[str]:
    lines = [
        "## Distributions\n",
        "Parameters are times, or numbers for `calls.requests` and other counts. Each may have a `shift`, added to "
        "every value.\n",
        "| `dist` | parameters | what it is |",
        "|---|---|---|",
    ]
    for name, model in FAMILIES.items():
        keys = [f"`{key}`" for key, _ in _fields(model) if key not in ("dist", "shift")]
        lines.append(f"| `{name}` | {', '.join(keys)} | {_first_line(model)} |")
    return [*lines, "", "Example: `{dist: lognormal, median: 33us, mean: 45us, shift: 10us}`\n"]


def _fault() -> list[str]:
    text = "A bare number is the probability. As a mapping, whose probability is 1 unless it says otherwise:\n"
    return ["## Faults\n", text, _table("", list(_fields(Fault)))]


def _table(path: str, fields: list[tuple[str, FieldInfo]]) -> str:
    lines = ["| key | value | default | meaning |", "|---|---|---|---|"]
    for key, field in fields:
        where = f"{path}.{key}" if path else key
        lines.append(f"| `{where}` | {_kind(field)} | {_default(field)} | {field.description} |")
    return "\n".join(lines) + "\n"


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    return ((field.alias or name, field) for name, field in model.model_fields.items())


def _first_line(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").split("\n", 1)[0]


def _models(field: FieldInfo) -> list[type[BaseModel]]:
    if any(isinstance(item, InSchema) for item in _annotations(field)):
        return []
    return [item for item in _annotations(field) if isinstance(item, type) and issubclass(item, BaseModel)]


def _annotations(field: FieldInfo) -> list[Any]:
    """The annotation taken apart: types, choices and the objects that annotate them."""

    def parts(annotation: Any) -> Iterator[Any]:
        yield annotation
        if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is not None:
            for part in typing.get_args(annotation):
                yield from parts(part)

    return [*parts(field.annotation), *field.metadata]


def _kind(field: FieldInfo) -> str:
    found = _annotations(field)[::-1] if _counts(field) else _annotations(field)
    many = "list of " if typing.get_origin(field.annotation) is tuple else ""
    exact = [typing.get_args(item) for item in found if typing.get_origin(item) is tuple]
    times = next((f"{len(items)} × " for items in exact if items and items[-1] is not ...), "")
    for item in found:
        if isinstance(item, InSchema):
            return "time or distribution" if item.name == "dist" else "number or distribution"
        if isinstance(item, Quantity):
            return times + many + NAMES[item.kind].removeprefix("a ") + ("s" if many else "")
    for item in found:
        if typing.get_origin(item) is typing.Literal:
            return many + " or ".join(f"`{choice}`" for choice in typing.get_args(item))
    for item in found:
        if item is PortRange:
            return "port range"
        if item is bool:
            return "`true` or `false`"
        if isinstance(item, type) and issubclass(item, BaseModel):
            keys = ", ".join(f"`{key}`" for key, _ in _fields(item))
            return "fault" if item in (Fault, Vanish) else f"{many}mapping{'s' if many else ''} of {keys}"
    return many + ("texts" if many else "text")


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "(required)"
    value = field.default
    for item in _annotations(field):
        if isinstance(item, Quantity) and isinstance(value, int | float):
            value = item.written(value)
            break
    return f"`{value.value:g}`" if _counts(field) and isinstance(value, Constant) else _written(value)


def _counts(field: FieldInfo) -> bool:
    return InSchema("count-dist") in field.metadata


def _written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, BaseModel):
        return _written(_compact(value))
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float) and math.isinf(value):
        return "(no end)"
    if isinstance(value, tuple):
        names = ", ".join(str(name) for item in value for name in getattr(item, "resources", (item,)))
        return f"`[{names}]`"
    return f"`{value}`" if value != "" else "(none)"


def _compact(value: BaseModel) -> Any:
    written = value.model_dump(mode="json", by_alias=True)
    if isinstance(written, dict):
        if written.get("dist") == "constant":
            return written["value"]
        return "{" + ", ".join(f"{key}: {item}" for key, item in written.items()) + "}"
    return f"{written:g}" if isinstance(written, float) else written


if __name__ == "__main__":
    print(reference_markdown(), end="")
