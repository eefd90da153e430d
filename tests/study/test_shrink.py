"""Shrinking leaves the fewest calls that show the same signature, in a scenario that a person reads."""

from pathlib import Path

import pytest
import yaml
from leaks.fault_runs import run_shipped
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.leaks.signature import signatures
from sim.study.shrink import shrink


@pytest.mark.parametrize(
    ("name", "cause", "calls"),
    [
        ("faults/close-never", None, 1),
        ("faults/recognize-unanswered", None, 1),
        ("faults/close-masked", "released-unclosed", 1),
        ("faults/pool-creation-fails", None, 1),
        ("reported/reinvite-races-bye", None, 1),
        ("faults/mpf-queue-full", None, 11),  # a queue of ten slots needs eleven
        ("reported/client-dies-queue-full", None, 21),
    ],
)
def test_the_fewest_calls_that_show_the_same_signature(name, cause, calls, tmp_path):
    made = shrink(run_shipped(name), cause, folder=tmp_path)
    assert made.calls == calls
    assert made.calls < made.calls_before
    path = tmp_path / "minimal.yaml"
    path.write_text(made.text)
    again = sim.run(sim.load_scenario(path))
    assert all(e.ok for e in again.summary.expect)
    assert made.signature in signatures(again)


def test_what_is_left_is_short_and_says_where_it_came_from():
    made = shrink(run_shipped("faults/close-never"))
    comment = [line for line in made.text.splitlines() if line.startswith("#")]
    settings = [line for line in made.text.splitlines() if not line.startswith("#")]
    assert len(settings) < 20
    assert "close-never, seed 1: 1 of 1000 calls" in made.text
    assert any("CLOSE response from [Demo Recog Engine]" in line for line in comment)
    assert any("MRCP Server" in line and "TERMINATE" in line for line in comment)  # the story, message by message
    plain = yaml.safe_load(made.text)
    assert plain["plugins"] == {"speechrecog": {"close": {"never": {"probability": 1.0, "calls": [1]}}}}


def test_a_random_fault_is_pinned_and_one_that_does_not_matter_goes():
    scenario = sim.load_scenario(
        {
            "name": "two",
            "duration": "10s",
            "client": {"no_ack": 0.05, "patience": {"dist": "exponential", "mean": "20s"}},
            "plugins": {"speechrecog": {"close": {"never": 0.1, "delay": "3ms"}, "open": {"late": 0.1}}},
        }
    )
    made = shrink(sim.run(scenario, seed=4))
    assert made.calls == 1
    assert "client" not in made.scenario
    assert yaml.safe_load(made.text)["plugins"] == {
        "speechrecog": {"close": {"never": {"probability": 1.0, "calls": [1]}}}
    }


def test_a_healthy_run_has_nothing_to_shrink():
    healthy = sim.run(sim.load_scenario({"name": "healthy", "duration": "2s"}), seed=1)
    with pytest.raises(ScenarioError, match="nothing to shrink: this run shows no leak, no violation and no crash"):
        shrink(healthy)


def test_a_cause_that_does_not_occur_is_named():
    with pytest.raises(ScenarioError, match="nothing to shrink: this run shows no 'open-never-answered'"):
        shrink(run_shipped("faults/close-never"), "open-never-answered")


BARE = {
    "name": "bare",
    "duration": "5s",
    "calls": {"requests": 0},
    "client": {"tcp": False},
    "plugins": {"speechrecog": {"close": {"never": 0.1}}},
    "server": {"costs": {"server": {"offer": "90us"}}},
}


def test_what_is_dropped_adds_nothing():
    """Dropping `requests: 0` and `tcp: false` would bring back the defaults, which have both."""
    made = shrink(sim.run(sim.load_scenario(BARE), seed=4))
    again = sim.run(sim.load_scenario(made.scenario))
    assert again.sessions["requests"].sum() == 0
    assert again.summary.resources["tcp_connection"].acquired == 0
    assert made.calls == 1
    assert "server" not in made.scenario  # what adds nothing goes


def test_requests_that_do_not_matter_may_go_back_to_fewer():
    more = sim.load_scenario(BARE, overrides={"calls.requests": 2, "client.tcp": True})
    made = shrink(sim.run(more, seed=4))
    assert "calls" not in made.scenario or "requests" not in made.scenario["calls"]
    assert sim.run(sim.load_scenario(made.scenario)).sessions["requests"].sum() <= 2


def test_an_audit_has_no_scenario_to_make_smaller(tmp_path):
    data = Path(__file__).parents[1] / "data"
    folder = sim.audit_log(data / "traces" / "leak2.log.xz").save(tmp_path / "audited")
    done = CliRunner().invoke(build(), ["leaks", str(folder), "--minimal"])
    assert done.exit_code == 2
    assert "is the audit of a log, which has no scenario to make smaller" in " ".join(done.output.split())
    assert "mrcpsim calibrate" in done.output
