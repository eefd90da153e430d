"""A setting that changes nothing is said, with what it needs; one that acts, or that was switched off, is not."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.scenario.shipped import shipped_scenarios
from sim.scenario.without_effect import told_of_no_effect


def notes(**settings: Any) -> list[str]:
    base = {"name": "idle", "duration": "20s", "drain": "5s", "plugins": {"speechrecog": {}}}
    scenario = sim.load_scenario(base, overrides={path.replace("__", "."): value for path, value in settings.items()})
    return list(told_of_no_effect(scenario))


CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    # what is set, the note's words, and with what it acts
    "restart_after": ({"server.restart_after": "5s"}, "restart_after has no effect", {"server.crash": ["3s"]}),
    "other_load": ({"server.processors.other_load": 1}, "other_load has no effect: it needs server.processors.count",
                   {"server.processors.count": 2}),
    "retry": ({"client.retry": {"attempts": 2}}, "acts on refusals only", {"client.patience": "4s"}),
    "retry on no-answer": ({"client.retry": {"on": "no-answer"}}, "needs client.patience", {"client.patience": "4s"}),
    "retry in a crash": ({"client.retry": {"on": "no-answer"}}, "it needs client.patience", {"server.crash": ["3s"]}),
    "patience 0": ({"client.patience": "0s"}, "every caller gives up at once", {"client.patience": "1ms"}),
    "vanish": ({"client.vanish": {"after": "2s"}}, "vanish.after has no effect", {"client.vanish.probability": 0.1}),
    "on hold": ({"calls.on_hold": {"for": "2s"}}, "on_hold.for has no effect", {"calls.on_hold.probability": 0.1}),
    "late_by": ({"plugins.speechrecog.close.late_by": "2s"}, "close.late_by has no effect: it needs",
                {"plugins.speechrecog.close.late": 0.1}),
    "gap": ({"plugins.speechrecog.close.gap": "2s"}, "close.gap has no effect: it needs",
            {"plugins.speechrecog.close.twice": 0.1}),
    "licences": ({"plugins.speechrecog.without_licence": "wait"}, "it needs plugins.speechrecog.licences",
                 {"plugins.speechrecog.licences": 3}),
    "checked": ({"server.pool.checked": True}, "it needs server.pool.fails", {"server.pool.fails": 0.1}),
    "rtp": ({"calls.rtp": 0.5}, "it needs server.media.cost_with_rtp", {"server.media.cost_with_rtp": "5us"}),
    "shared": ({"server.limits.max_shared_use_count": 3}, "needs calls.connection", {"calls.connection": "shared"}),
    "too late": ({"server.freeze": [{"task": "server", "at": "40s"}]}, "40s is not before the run's end at 25s",
                 {"duration": "60s"}),
    "a fault too late": ({"plugins.speechrecog.open.never": {"from": "30s"}}, "open.never.from has no effect",
                         {"drain": "20s"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_setting_without_effect_is_said_with_what_it_needs(case: str) -> None:
    idle, words, needed = CASES[case]
    told = notes(**idle)
    assert len(told) == 1
    assert words in told[0]
    assert not notes(**{**idle, **needed})


def test_a_knob_that_was_turned_off_is_not_told() -> None:
    assert not notes(client__vanish={"probability": 0, "after": "2s"})
    assert not notes(plugins__speechrecog__close={"late": 0, "late_by": "2s"})


def test_no_shipped_scenario_has_such_a_setting() -> None:
    for shipped in shipped_scenarios():
        assert not list(told_of_no_effect(sim.load_scenario(shipped.path))), shipped.name


def test_run_and_check_say_it(tmp_path: Path) -> None:
    told = "server.restart_after has no effect"
    settings = ["--set", "server.restart_after=5s", "--set", "duration=2s", "--set", "drain=0s"]
    ran = CliRunner().invoke(build(), ["run", "baseline", *settings, "--out", str(tmp_path / "made")])
    assert f"note: {told}" in ran.stderr
    checked = CliRunner().invoke(build(), ["check", "baseline", *settings, "--json"])
    assert checked.exit_code == 0
    assert told in json.loads(checked.stdout)["notes"][0]


def test_a_number_in_place_of_a_mapping_is_told_the_mapping() -> None:
    with pytest.raises(
        ScenarioError, match=r"client\.retry must be .* or a mapping such as \{attempts: 3, after: 1s\}.*got 3"
    ):
        notes(client__retry=3)
