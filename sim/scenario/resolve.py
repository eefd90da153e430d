"""A scenario written back as YAML reads as the same scenario: nothing is rounded and no default is left implicit."""

import os
from collections.abc import Mapping
from typing import Any

import yaml

from sim.scenario.model import Scenario
from sim.scenario.plugins import Plugin
from sim.scenario.yamlfile import resolve_scalar


class ScenarioDumper(yaml.SafeDumper):
    """Quotes every text that a YAML 1.2 reader would take for something else, and repeats instead of aliasing."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if isinstance(resolve_scalar(value), str) else "'"
    if "\n" in value:
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


ScenarioDumper.add_representer(str, _text)


def to_mapping(scenario: Scenario, *, only_changes: bool = False) -> dict[str, Any]:
    """The scenario as plain values with units written out; with `only_changes`, without what is the default anyway."""
    written: dict[str, Any] = scenario.model_dump(mode="json", by_alias=True, exclude={"extends"})
    if not only_changes:
        return written
    plain = Scenario().model_dump(mode="json", by_alias=True)
    default = Plugin().model_dump(mode="json", by_alias=True)
    names = {resource: {"engine": plugin.engine, "id": plugin.id} for resource, plugin in _default_names(scenario)}
    plain["plugins"] = {resource: {**default, **names[resource]} for resource in names}
    small = _changes(written, plain)
    uncalled: dict[str, Any] = {
        name: {} for name, _ in scenario.plugins.items() if name not in scenario.calls.resource_names
    }
    if uncalled:
        small["plugins"] = {**uncalled, **small.get("plugins", {})}
    return {"name": scenario.name, **small}


def to_yaml(
    scenario: Scenario,
    *,
    only_changes: bool = False,
    relative_to: str | os.PathLike[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> str:
    """The scenario as a file that `load_scenario` reads as an equal scenario.

    `relative_to` writes the names of data files relative to that folder, which is where the text must then be saved;
    `provenance` adds a block that says where a result came from and that a reader of the scenario ignores.
    """
    written = to_mapping(scenario, only_changes=only_changes)
    if relative_to is not None:
        written = _relative(written, os.path.abspath(relative_to))
    if provenance:
        written["provenance"] = dict(provenance)
    text = yaml.dump(
        written, Dumper=ScenarioDumper, sort_keys=False, default_flow_style=None, allow_unicode=True, width=110
    )
    return str(text)


def _default_names(scenario: Scenario) -> list[tuple[str, Plugin]]:
    from sim.scenario.plugins import Plugins

    return list(Plugins().with_defaults(scenario.plugins.keys()).items())


def _changes(written: dict[str, Any], plain: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key, value in written.items():
        default = plain.get(key)
        if value == default and key in plain:
            continue
        if isinstance(value, dict) and isinstance(default, dict) and "dist" not in value:
            changed[key] = _changes(value, default)
        elif value is not None or key in plain:
            changed[key] = value
    if changed and written.get("probability") == 0:
        changed["probability"] = written["probability"]  # what else is said of a fault would make it certain
    return changed


def _relative(value: Any, folder: str, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _relative(item, folder, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_relative(item, folder) for item in value]
    if key == "file" and isinstance(value, str):
        return os.path.relpath(value, folder)
    return value
