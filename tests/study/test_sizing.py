"""`mrcpsim size`: limits that carry the load, the XML that says so, and how long the server takes to empty."""

import json
import math
from pathlib import Path

import pytest
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.study.draining import drain_times
from sim.study.sizing import Size, size
from sim.theory.queues import erlang_b, needed
from sim.xmlconfig.fragment import LimitSettings, fragment
from sim.xmlconfig.read import read_config

LOAD = {"arrivals.rate": "10/s", "duration": "40s", "drain": "10s", "calls.hold.mean": "1s"}


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Size:
    cache = str(tmp_path_factory.mktemp("cache"))
    return size("baseline", overrides=LOAD, targets=["sessions.blocking < 2%"], cache=cache, workers=1)


def test_every_limit_is_proposed_with_its_margin(proposed: Size) -> None:
    """10 erlangs at 2 % need 17 places by Erlang-B, 12 erlangs 19; a release takes some milliseconds more."""
    by = {limit.resource: limit for limit in proposed.limits}
    assert set(by) == {"rtp_port", "tcp_connection", "engine_channel:speechrecog"}
    assert needed(10.0, 0.02) == 17
    assert needed(12.0, 0.02) == 19
    for limit in by.values():
        assert limit.held == pytest.approx(10.0, rel=0.06)
        assert 16 <= limit.needed <= 18
        assert limit.proposed >= 18
        assert limit.margin > 0.0
    assert by["tcp_connection"].enough_now
    assert not by["engine_channel:speechrecog"].now
    assert proposed.processors == 1


def test_the_proposal_was_checked_under_the_load_with_its_headroom(proposed: Size) -> None:
    target, estimate, ok = proposed.checked[0]
    assert ok
    assert estimate.high <= target.bound
    # what a fixed formula says of the proposal lies in the interval of the runs
    places = min(limit.proposed for limit in proposed.limits)
    assert estimate.low <= erlang_b(12.0, places) * 1.3


def test_the_fragment_is_what_the_server_would_read(tmp_path: Path, proposed: Size) -> None:
    path = tmp_path / "unimrcpserver.xml"
    rest = '<components><resource-factory><resource id="speechrecog"/></resource-factory>'
    body = proposed.xml.replace("<components>", rest).replace("<engine ", '<engine name="demorecog" ')
    parts = "<mrcpv2-uas>MRCPv2-Agent-1</mrcpv2-uas><rtp-factory>RTP-Factory-1</rtp-factory>"
    profiles = f'<profiles><mrcpv2-profile id="p">{parts}</mrcpv2-profile></profiles>'
    path.write_text(f'<unimrcpserver version="1.0">{body}{profiles}</unimrcpserver>')
    config = read_config(path)
    by = {limit.resource: limit.proposed for limit in proposed.limits}
    assert config.numbers["max-connection-count"].number == by["tcp_connection"]
    low, high = (config.numbers[f"rtp-port-{end}"].number for end in ("min", "max"))
    assert (high - low) // 2 == by["rtp_port"]
    (engine,) = config.engines
    assert engine.id == "Demo-Recog-1"
    assert engine.max_channel_count.number == by["engine_channel:speechrecog"]


def test_the_settings_run_as_a_scenario(proposed: Size) -> None:
    scenario = sim.load_scenario("baseline", {**LOAD, **proposed.settings})
    assert sim.run(scenario, seed=5).summary.sessions.blocking < 0.02


def test_names_in_the_fragment_are_quoted() -> None:
    assert 'id="a&amp;&lt;b&gt;"' in fragment(LimitSettings(None, None, None, (("a&<b>", 1),)))


def test_waiting_for_calls_takes_the_longest_of_them_and_a_shutdown_does_not() -> None:
    """Of n exponential holds the longest is h·(ln n + 0.577) on average: 10 calls at 1 s, about 2.9 s."""
    scenario = sim.load_scenario("baseline", LOAD)
    found = drain_times(scenario, {}, 5.0, 1)
    assert found.sessions == pytest.approx(10.0, rel=0.35)
    assert found.waiting_s.low < math.log(10.0) + 0.577 < found.waiting_s.high
    assert found.shutdown_s.value < 0.2


def test_a_session_that_leaks_never_drains() -> None:
    scenario = sim.load_scenario("faults/close-never", {"arrivals.rate": "5/s"})
    assert drain_times(scenario, {}, 2.0, 1).waiting_s.value == math.inf


def test_without_a_target_on_blocking_nothing_can_be_sized() -> None:
    with pytest.raises(ScenarioError, match="needs a target on blocking"):
        size("baseline", targets=["latency.invite_to_answer.p99 < 10ms"])


def test_a_fleet_is_sized_server_by_server() -> None:
    with pytest.raises(ScenarioError, match=r"--set fleet=null --set arrivals.rate="):
        size("planner", targets=["sessions.blocking < 1%"])


def test_a_target_that_no_limit_can_meet_is_said_and_exits_with_1(tmp_path: Path) -> None:
    arguments = ["size", "baseline", "--target", "sessions.blocking < 2%", "-j", "1", "--json"]
    arguments += ["--target", "latency.invite_to_answer.p50 < 1ms", "--cache", str(tmp_path)]
    for path, value in LOAD.items():
        arguments += ["--set", f"{path}={value}"]
    done = CliRunner().invoke(build(), arguments)
    assert done.exit_code == 1, done.output
    plain = json.loads(done.stdout)
    assert [target["ok"] for target in plain["targets"]] == [True, False]
    assert plain["ok"] is False
