"""What is written back reads as the same scenario, and the published schema accepts it."""

import json
import pickle
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from strategies import scenario_mappings, scenarios

from sim.scenario import Scenario, json_schema, load_scenario, to_mapping, to_yaml
from sim.scenario.yamlfile import parse_yaml

QUICK = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
"""Whole scenarios are large and shrink slowly: a failure is shown as it was found."""

CHECKER = jsonschema.Draft202012Validator(json_schema())


def load_text(text: str) -> Scenario:
    node, problems = parse_yaml(text, "text")
    assert problems == []
    return load_scenario(node.plain())


@QUICK
@given(scenarios())
def test_a_written_scenario_reads_as_the_same_scenario(scenario: Scenario) -> None:
    assert load_text(to_yaml(scenario)) == scenario
    assert load_text(to_yaml(scenario, only_changes=True)) == scenario


@QUICK
@given(scenario_mappings())
def test_the_schema_accepts_what_the_loader_accepts(mapping: dict[str, Any]) -> None:
    scenario = Scenario.model_validate(mapping)
    assert list(CHECKER.iter_errors(mapping)) == []
    assert list(CHECKER.iter_errors(to_mapping(scenario))) == []
    assert pickle.loads(pickle.dumps(scenario)) == scenario
    assert hash(load_scenario(to_mapping(scenario))) == hash(scenario)


def test_the_schema_is_plain_json_and_a_valid_schema() -> None:
    schema = json.loads(json.dumps(json_schema(), allow_nan=False))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "x-part" not in json.dumps(schema)


@pytest.mark.parametrize(
    "mapping",
    [
        {"duration": "soon"},
        {"arrivals": {"rate": "10"}},
        {"arrivals": {"rat": 1}},
        {"calls": {"hold": {"dist": "exponental", "mean": 1}}},
        {"calls": {"hold": {"mean": 1}}},
        {"calls": {"resources": ["speechrecg"]}},
        {"client": {"tcp": "yes"}},
        {"plugins": {"speechrecog": {"close": {"never": 1.5}}}},
        {"server": {"limits": {"rtp_ports": 5000}}},
    ],
)
def test_the_schema_refuses_mistakes(mapping: dict[str, Any]) -> None:
    assert list(CHECKER.iter_errors(mapping)) != []


@pytest.mark.parametrize(
    "mapping",
    [
        {"duration": "1h30m", "arrivals": {"rate": "600/min"}, "calls": {"hold": "500ms"}},
        {"plugins": {"speechrecog": {"close": {"never": "2%", "twice": {"probability": "1%", "calls": [17]}}}}},
        {"client": {"vanish": 0.05}, "calls": {"resources": [{"weight": 2, "resources": ["recorder"]}]}},
        {"server": {"memory": {"resident_per_call": "145KiB"}, "freeze": [{"task": "sip_agent", "at": "3s"}]}},
        {"extends": None, "provenance": {"seed": 1}},
    ],
)
def test_the_schema_accepts_written_units_and_short_forms(mapping: dict[str, Any]) -> None:
    assert list(CHECKER.iter_errors(mapping)) == []
    load_scenario(mapping)


def test_names_that_look_like_something_else_survive() -> None:
    for name in ("1e3", "010", "0x1F", "true", "null", "12", "on"):
        scenario = load_scenario({"name": name, "description": "on: [a\n  b # c\n"})
        assert load_text(to_yaml(scenario)) == scenario


def test_provenance_is_written_and_not_read_back(tmp_path: Path) -> None:
    scenario = load_scenario({"seed": 7})
    path = tmp_path / "scenario.yaml"
    path.write_text(to_yaml(scenario, provenance={"engine": "simpy", "seed": 7}), encoding="utf-8")
    assert "engine: simpy" in path.read_text(encoding="utf-8")
    assert load_scenario(path) == scenario


def test_data_files_can_be_written_relative(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("invite,hold\n5,1\n4,2\n")
    source = tmp_path / "a.yaml"
    source.write_text("arrivals: {kind: replay, file: calls.csv}\n")
    scenario = load_scenario(source)
    assert scenario.arrivals.file == str(tmp_path / "calls.csv")
    text = to_yaml(scenario, only_changes=True, relative_to=tmp_path)
    assert text == "name: a\narrivals: {kind: replay, file: calls.csv}\n"
    source.write_text(text)
    assert load_scenario(source) == scenario


def test_only_changes_leaves_out_every_default() -> None:
    assert to_mapping(Scenario(), only_changes=True) == {"name": "scenario"}
    small = to_mapping(load_scenario({"plugins": {"recorder": {"close": {"never": "2%"}}}}), only_changes=True)
    assert small == {"name": "scenario", "plugins": {"recorder": {"close": {"never": 0.02}}}}


def test_parts_are_frozen() -> None:
    with pytest.raises(Exception, match="frozen"):
        Scenario().arrivals.rate = 3.0  # type: ignore[misc]


@pytest.mark.parametrize(
    "part",
    [
        {"client": {"retry": {"probability": 0, "attempts": 2}}},
        {"plugins": {"speechrecog": {"crash": {"probability": 0, "on": "open"}}}},
    ],
)
def test_what_never_happens_is_not_made_certain_by_what_is_written_beside(part: dict[str, Any]) -> None:
    scenario = load_scenario(part)
    assert load_text(to_yaml(scenario, only_changes=True)) == scenario
