"""The tables of resources and of MRCP resources: each row can be held, limited, asked for and told apart."""

from operator import attrgetter

from sim.scenario import RESOURCES as SCENARIO_RESOURCES
from sim.scenario import Plugin, Scenario
from sim.vocabulary import resources as r
from sim.vocabulary.plugins import AT_ONCE, MAIN_METHODS, MRCP_RESOURCES, RESOURCES


def test_each_bit_stands_for_one_resource() -> None:
    bits = [row.bit for row in r.OWN_RESOURCES if row.bit]
    assert len(set(bits)) == len(bits)
    assert all(bit & (bit - 1) == 0 for bit in bits)
    assert {name for _, name in r.HELD_ONCE} == {row.name for row in r.OWN_RESOURCES if row.bit}


def test_each_limit_is_a_knob_of_the_scenario() -> None:
    for row in r.OWN_RESOURCES:
        if row.limit:
            attrgetter(row.limit)(Scenario())
    assert {row.limit for row in r.PLUGIN_RESOURCES} <= set(Plugin.model_fields)


def test_each_resource_is_acquired_and_released_by_somebody() -> None:
    for name in (*r.RESOURCE_NAMES, *r.names_of_plugin("speechrecog")):
        assert r.resource_function(name, acquired=True)
        assert r.resource_function(name, acquired=False)
    assert r.resource_function("something new", acquired=True) == ""


def test_numbers_of_a_plugins_resources_follow_those_of_the_server() -> None:
    names = [*r.RESOURCE_NAMES, *r.names_of_plugin("a"), *r.names_of_plugin("b")]
    assert (names[r.engine_channel(0)], names[r.plugin_licence(1)]) == ("engine_channel:a", "plugin_licence:b")
    assert len(names) <= r.MAX_RESOURCES


def test_each_mrcp_resource_has_a_row_and_a_place_in_a_scenario() -> None:
    assert tuple(MRCP_RESOURCES) == RESOURCES == SCENARIO_RESOURCES
    scenario = Scenario.model_validate({"calls": {"resources": list(RESOURCES)}})
    assert scenario.plugins.keys() == RESOURCES
    assert [scenario.plugins[name].engine for name in RESOURCES] == [row.task for row in MRCP_RESOURCES.values()]


def test_methods_are_told_apart() -> None:
    assert len(MAIN_METHODS) == len(RESOURCES)
    assert not set(MAIN_METHODS) & set(AT_ONCE)
    assert AT_ONCE["SET-PARAMS"] == RESOURCES
    assert all(AT_ONCE.values())
