"""Each shipped scenario reads, runs, meets its own `expect` conditions, and does what it did the last time."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sim
from sim.scenario import json_schema
from sim.scenario.shipped import shipped_folder, shipped_scenarios
from sim.scenario.yamlfile import parse_yaml

FOLDER = shipped_folder()
EVERY = [item.name for item in shipped_scenarios()]
MINE = [name for name in EVERY if "/" not in name and name != "planner"]
"""Those below `faults/` and `reported/`, and the fleet of `planner`, are run by tests of their own."""

GOLDEN: dict[str, dict[str, int]] = {
    "baseline": {"arrived": 5982, "answered": 5982, "rejected": 0, "released": 5982, "peak": 85, "messages": 221326},
    "burst": {"arrived": 960, "answered": 960, "rejected": 0, "released": 960, "peak": 81, "messages": 35512},
    "busy-hour": {
        "arrived": 10857,
        "answered": 10857,
        "rejected": 0,
        "released": 10857,
        "peak": 80,
        "messages": 401709,
    },
    "channel-limit": {
        "arrived": 3532,
        "answered": 3216,
        "rejected": 316,
        "released": 3532,
        "peak": 23,
        "messages": 124356,
    },
    "dialogue": {
        "arrived": 1763,
        "answered": 1763,
        "rejected": 0,
        "released": 1763,
        "peak": 79,
        "messages": 107972,
    },
    "graceful-shutdown": {
        "arrived": 5987,
        "answered": 5982,
        "rejected": 5,
        "released": 5982,
        "peak": 90,
        "messages": 221244,
    },
    "one-call": {"arrived": 1, "answered": 1, "rejected": 0, "released": 1, "peak": 1, "messages": 37},
    "replay-real-load": {
        "arrived": 600,
        "answered": 600,
        "rejected": 0,
        "released": 600,
        "peak": 66,
        "messages": 22200,
    },
    "rtp-exhaustion": {
        "arrived": 2346,
        "answered": 2346,
        "rejected": 0,
        "released": 2346,
        "peak": 57,
        "messages": 63342,
    },
    "session-timer": {"arrived": 30, "answered": 30, "rejected": 0, "released": 30, "peak": 30, "messages": 2116},
    "two-resources": {
        "arrived": 1763,
        "answered": 1763,
        "rejected": 0,
        "released": 1763,
        "peak": 74,
        "messages": 86755,
    },
}


def fingerprint(summary: Any) -> dict[str, int]:
    """A few counts that a change of the model's behaviour hardly leaves as they were."""
    sessions = summary.sessions
    return {
        "arrived": sessions.arrived,
        "answered": sessions.answered,
        "rejected": sum(sessions.rejected.values()),
        "released": sessions.released,
        "peak": summary.resources["session_pool"].peak,
        "messages": sum(task.messages for task in summary.tasks.values()),
    }


def test_there_are_as_many_as_promised() -> None:
    assert len(MINE) >= 7
    assert set(GOLDEN) == set(MINE)


@pytest.mark.parametrize("name", MINE)
def test_scenario_meets_its_expectations_and_its_fingerprint(name: str) -> None:
    scenario = sim.load_scenario(FOLDER / f"{name}.yaml")
    assert scenario.expect
    summary = sim.run(scenario, ledger="summary").summary
    assert [item for item in summary.expect if not item.ok] == []
    assert fingerprint(summary) == GOLDEN[name]


def test_replay_predicts_the_recorded_quantiles() -> None:
    """600 recorded calls: every pool released, and each latency within 15 % of what the real server's log says (ms)."""
    summary = sim.run(sim.load_scenario(FOLDER / "replay-real-load.yaml"), ledger="summary").summary
    assert (summary.sessions.created, summary.sessions.released, summary.sessions.leaked) == (600, 600, 0)
    setup, release = summary.latency["invite_to_answer"], summary.latency["terminate_to_release"]
    assert setup.p50 == pytest.approx(5.853e-3, rel=0.15)
    assert setup.p95 == pytest.approx(10.204e-3, rel=0.15)
    assert release.p50 == pytest.approx(15.343e-3, rel=0.15)


@pytest.mark.parametrize("name", EVERY)
def test_first_line_points_editors_at_the_schema_and_the_schema_accepts_the_file(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    pointer = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", lines[0])
    assert pointer, "the first line must be '# yaml-language-server: $schema=…'"
    schema = (path.parent / pointer[1]).resolve()
    assert schema == FOLDER / "schema.json"
    node, problems = parse_yaml(path.read_text(encoding="utf-8"), name)
    assert problems == []
    jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(node.plain())


@pytest.mark.parametrize("name", EVERY)
def test_leading_comment_says_what_it_shows(name: str) -> None:
    title = next(item.title for item in shipped_scenarios() if item.name == name)
    assert 20 <= len(title) <= 120
    assert title.endswith((".", "?"))


def test_committed_schema_is_the_published_one() -> None:
    committed = json.loads(Path(FOLDER / "schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema(), "renew it: mrcpsim schema > scenarios/schema.json"
