"""The JSON Schema of scenario files accepts what the loader accepts, short forms and written units included."""

import math
from typing import Any

from sim.scenario.distributions import FAMILIES, MixturePart
from sim.scenario.model import Scenario
from sim.scenario.units import PATTERNS
from sim.vocabulary.plugins import RESOURCES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TIME: dict[str, Any] = {"type": "string", "pattern": PATTERNS["time"]}
_PROBABILITY = [
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "string", "pattern": PATTERNS["fraction"]},
]


def json_schema() -> dict[str, Any]:
    """The schema as plain JSON values, for editors and other checkers."""
    schema = Scenario.model_json_schema(by_alias=True)
    parts: dict[str, Any] = schema.pop("$defs")
    for model in FAMILIES.values():
        own = model.model_json_schema(by_alias=True)
        parts.update(own.pop("$defs", {}))
        parts[model.__name__] = own
    for name in (*(model.__name__ for model in FAMILIES.values()), "Vanish"):
        parts[name].setdefault("required", [])
        if name != "Vanish":
            parts[name]["required"] = ["dist", *parts[name]["required"]]
    for name, sentinels in (("Lognormal", ("median", "mean")), ("Weibull", ("scale", "mean"))):
        for sentinel in sentinels:
            parts[name]["properties"][sentinel].pop("default", None)
    parts[MixturePart.__name__] = {
        "type": "object",
        "required": ["weight"],
        "anyOf": [{"required": ["dist"]}, {"required": ["of"]}],
        "properties": {
            "weight": {"type": "number", "exclusiveMinimum": 0},
            "dist": {"enum": [name for name in FAMILIES if name != "mixture"]},
            "of": {"$ref": "#/$defs/Dist"},
        },
    }
    families = [{"$ref": f"#/$defs/{model.__name__}"} for model in FAMILIES.values()]
    number = {"type": "number", "minimum": 0}
    parts["Dist"] = {"title": "Time or distribution", "anyOf": [_TIME, number, *families]}
    parts["CountDist"] = {"title": "Number or distribution", "anyOf": [number, *families]}
    for name in ("Fault", "Vanish"):
        parts[f"{name}Mapping"] = parts[name]
        parts[name] = {"title": name, "anyOf": [*_PROBABILITY, {"$ref": f"#/$defs/{name}Mapping"}]}
    _short_forms(parts)
    schema["properties"]["provenance"] = {"type": "object", "description": "Where a result came from; not read."}
    tidy: dict[str, Any] = _tidy({"$schema": DIALECT, **schema, "$defs": dict(sorted(parts.items()))})
    return tidy


def _short_forms(parts: dict[str, Any]) -> None:
    names = {"type": "array", "minItems": 1, "items": {"enum": list(RESOURCES)}}
    resources = parts["Calls"]["properties"]["resources"]
    mixes = {key: resources.pop(key) for key in ("type", "items")}
    resources["anyOf"] = [names, mixes]
    task = parts["Freeze"]["properties"]["task"]
    task["enum"] = list(dict.fromkeys([*task["enum"], *(name.replace("-", "_") for name in task["enum"])]))


def _tidy(value: Any, named: bool = False) -> Any:
    """Named parts in place of their markers; no titles that repeat the key, no defaults that JSON can not write."""
    if isinstance(value, list):
        return [_tidy(item) for item in value]
    if not isinstance(value, dict):
        return value
    if not named and "x-part" in value:
        part = {"dist": "Dist", "count-dist": "CountDist"}[value["x-part"]]
        rest = {key: item for key, item in value.items() if key != "x-part"}
        return {"$ref": f"#/$defs/{part}", **_tidy(rest)}
    tidy: dict[str, Any] = {}
    for key, item in value.items():
        if not named and key == "title" and isinstance(item, str) and item not in _TITLES:
            continue
        if not named and key == "default" and _unwritable(item):
            continue
        tidy[key] = item if key in ("default", "enum", "required") and not named else _tidy(item, key in _NAMED)
    return tidy


_TITLES = ("Time or distribution", "Number or distribution")
_NAMED = ("properties", "$defs")


def _unwritable(default: Any) -> bool:
    if isinstance(default, dict):
        return "dist" not in default
    return isinstance(default, float) and not math.isfinite(default)
