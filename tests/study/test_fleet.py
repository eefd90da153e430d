"""A fleet: how calls are dispatched, what a failure loses, that refused callers try another server; conservation."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parents[1] / "theory"))
from bare import bare, instant_plugin

import sim
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.scenario import Scenario, to_yaml
from sim.scenario.fleet import Fleet
from sim.study.dispatch import Dispatcher, outages
from sim.study.fleet import FleetResult, run_fleet
from sim.study.measure import path_of
from sim.theory.queues import erlang_b


def fleet_of(channels: int | None = None, rate: str = "20/s", duration: str = "30s", **fleet: Any) -> Scenario:
    return bare(
        "fleet", duration=duration, drain="8s", arrivals={"rate": rate},
        calls={"hold": {"dist": "exponential", "mean": "500ms"}},
        plugins={"speechrecog": instant_plugin(max_channel_count=channels)}, fleet={"servers": 3, **fleet},
    )  # fmt: skip


def conserved(found: FleetResult) -> None:
    """Every call was served, or refused by all that it tried; every attempt has an owner."""
    summary = found.summary.sessions
    assert summary.arrived == len(found.calls)
    assert summary.answered == sum(call.served for call in found.calls)
    assert sum(server.attempts for server in found.servers) == sum(len(call.sent) for call in found.calls)
    for server in found.servers:
        assert server.answered + server.refused + server.unanswered == server.attempts
    for call in found.calls:
        assert len({server for _, server in call.sent}) == len(call.sent)  # never the same server twice
        assert [at for at, _ in call.sent] == sorted(at for at, _ in call.sent)


def test_a_healthy_fleet_shares_the_calls_out() -> None:
    found = run_fleet(fleet_of(), seed=3)
    conserved(found)
    attempts = [server.attempts for server in found.servers]
    assert max(attempts) - min(attempts) <= 1  # in turn
    assert found.summary.sessions.blocking == 0.0
    assert found.lost == found.retried == 0
    assert found.settled


@pytest.mark.parametrize("dispatch", ["random", "least-sessions", "hash", "round-robin"])
def test_every_way_to_dispatch_serves_every_call(dispatch: str) -> None:
    found = run_fleet(fleet_of(dispatch=dispatch), seed=3)
    conserved(found)
    assert found.summary.sessions.answered == len(found.calls)
    assert min(server.attempts for server in found.servers) > 0.2 * len(found.calls)
    if dispatch == "hash":
        servers = {call.caller: set() for call in found.calls}
        for call in found.calls:
            servers[call.caller].add(call.sent[0][1])
        assert all(len(at) == 1 for at in servers.values())


def test_the_dispatcher_counts_sessions_as_it_sees_them() -> None:
    dispatcher = Dispatcher(Fleet(servers=2, dispatch="least-sessions"), (), np.random.default_rng(1))
    assert [dispatcher.choose(t, 0, 10.0) for t in (0.0, 1.0, 2.0)] == [0, 1, 0]
    assert dispatcher.choose(10.5, 0, 1.0) == 0  # its first call ended at 10
    assert dispatcher.choose(11.2, 0, 1.0) == 1


def test_a_failure_is_known_after_the_next_options_and_its_timeout() -> None:
    fleet = Fleet.model_validate(
        {"servers": 2, "health": {"interval": "5s", "timeout": "2s"},
         "down": [{"server": 1, "at": "12s", "for": "6s"}, {"server": 2, "at": "3s", "how": "drained"}]}
    )  # fmt: skip
    failed, drained = outages(fleet)
    assert (failed.known_from_s, failed.known_until_s) == (17.0, 20.0)
    assert (drained.known_from_s, drained.kills) == (3.0, False)


def test_nothing_ties_the_options_to_a_failure() -> None:
    """An interval of 5 s: a failure is noticed after 0 to 5 s, 2.5 on average, and 2 s without an answer."""
    fleet = Fleet.model_validate({"servers": 1, "health": {"interval": "5s"}, "down": [{"server": 1, "at": "60s"}]})
    waits = [outages(fleet, np.random.default_rng(k))[0].known_from_s - 60.0 for k in range(400)]
    assert 2.0 <= min(waits) < 2.1
    assert 6.9 < max(waits) <= 7.0
    assert np.mean(waits) == pytest.approx(4.5, abs=0.25)  # standard error 0.07


def test_a_failure_loses_its_calls_and_callers_go_to_another_server() -> None:
    """20 calls/s held 0.5 s: 3.3 are up on each server; in 2 to 7 s until it is known 13 to 47 calls meet nobody."""
    down = [{"server": 2, "at": "12s"}]
    found = run_fleet(fleet_of(down=down, retry={"timeout": "1s"}), seed=3)
    conserved(found)
    assert found.summary.sessions.blocking == 0.0
    assert 0 < found.lost < 12
    dead = found.servers[1]
    assert dead.lost == found.lost
    assert 8 <= dead.unanswered <= 60  # three standard errors on either side, about
    assert found.retried == dead.unanswered
    late = [call for call in found.calls if len(call.sent) > 1]
    assert all(call.answered_s - call.arrived_s >= 1.0 for call in late)
    assert found.summary.latency["invite_to_answer"].max == max(c.answered_s - c.arrived_s for c in late)
    alone = run_fleet(fleet_of(down=down, retry={"attempts": 0, "timeout": "1s"}), seed=3)
    assert alone.summary.sessions.blocking == pytest.approx(dead.unanswered / len(found.calls))


def test_a_drained_server_loses_nothing_and_comes_back() -> None:
    found = run_fleet(fleet_of(down=[{"server": 1, "at": "10s", "for": "10s", "how": "drained"}]), seed=3)
    conserved(found)
    assert found.lost == found.retried == 0
    times = [at for call in found.calls for at, server in call.sent if server == 0]
    assert not any(10.0 <= at < 20.0 for at in times)
    assert any(at > 20.0 for at in times)


def test_a_server_that_failed_starts_empty() -> None:
    found = run_fleet(fleet_of(down=[{"server": 1, "at": "10s", "for": "5s"}]), seed=3)
    conserved(found)
    assert len(found.servers[0].summaries) == 2
    assert not [1 for call in found.calls if call.sent and call.sent[-1][1] == 0 and 10.0 < call.answered_s < 15.0]


@pytest.mark.slow
def test_refused_callers_make_the_servers_one_group() -> None:
    """Callers who try both others: three groups of 5 channels block like one of 15, and less than three of 5.

    10 erlangs on 15: Erlang-B 3.6 %; 3.33 erlangs on 5, dispatched at random and so Poisson: 13.9 %. 8 000 calls;
    standard errors about 6 and 3 %, tolerances three.
    """

    def blocking(attempts: int) -> float:
        shares = []
        for seed in (1, 2):
            scenario = fleet_of(5, duration="200s", dispatch="random", retry={"attempts": attempts, "after": "1ms"})
            found = run_fleet(scenario, seed=seed)
            conserved(found)
            assert found.settled
            shares.append(found.summary.sessions.blocking)
        return sum(shares) / len(shares)

    assert blocking(2) == pytest.approx(erlang_b(10.0, 15), rel=0.18)
    assert blocking(0) == pytest.approx(erlang_b(10.0 / 3.0, 5), rel=0.09)


def test_members_may_differ() -> None:
    members = [{"name": "old", "set": {"plugins.speechrecog.max_channel_count": 1}}]
    found = run_fleet(fleet_of(members=members, retry={"attempts": 0}), seed=3)
    conserved(found)
    assert found.servers[0].name == "old"
    assert found.servers[0].refused > 0
    assert found.servers[1].refused == found.servers[2].refused == 0


def test_the_same_seed_gives_the_same_fleet() -> None:
    one, two = (run_fleet(fleet_of(4, dispatch="random"), seed=9).to_dict() for _ in range(2))
    assert json.dumps(one) == json.dumps(two)


def test_one_engine_does_not_run_a_fleet_by_mistake() -> None:
    with pytest.raises(ScenarioError, match="has a fleet"):
        sim.run(fleet_of())
    with pytest.raises(ScenarioError, match="has no fleet"):
        run_fleet(sim.load_scenario("baseline"))


def test_a_wrong_fleet_is_told_by_path() -> None:
    with pytest.raises(ScenarioError, match=r"fleet\.down\.0\.server must be at most servers"):
        fleet_of(down=[{"server": 4}])


@pytest.mark.parametrize(
    ("fleet", "why"),
    [
        ("members: [{set: {nothing.such: 3}}]", "fleet.members.0.set must name paths that begin with server, plugins"),
        ("members: [{set: {fleet.servers: 3}}]", r"client \(got 'fleet.servers'\)"),
        ("members: [{}, {set: {duration: 9000h}}]", r"fleet.members.1.set must name paths .* \(got 'duration'\)"),
        ("members: [{set: {server.limits.rtp_ports: -3}}]", "server.limits.rtp_ports must be"),
        ("members: [{set: {server.nonsense: 3}}]", "server.nonsense is not a known key"),
        ("members: [{name: x}, {name: x}]", r"fleet.members.1.name must be no other server's, x"),
        ("members: [{name: server-2}]", r"fleet.members.0.name must be no other server's, server-2"),
        ('members: [{name: "a\\nb"}]', "fleet.members.0.name must be at most 100 letters on one line"),
        (f"members: [{{name: {'x' * 101}}}]", "fleet.members.0.name must be at most 100 letters on one line"),
        ("health: {interval: 1e-300s}", "fleet.health.interval must be"),
    ],
)
def test_what_is_wrong_in_a_fleet_is_told_with_its_line_before_any_run(fleet: str, why: str, tmp_path: Path) -> None:
    """Settings of members were read when their server began to run, and told as `--set` without file and line."""
    file = tmp_path / "f.yaml"
    file.write_text(f"extends: baseline.yaml\nfleet:\n  servers: 2\n  {fleet}\n")
    with pytest.raises(ScenarioError, match=rf"f.yaml:4: .*{why}"):
        sim.load_scenario(file)


def test_a_servers_name_is_no_markup_and_may_have_dots(tmp_path: Path) -> None:
    """`[/b]` ended the command; the numbers of a server whose name is a host's were no metrics."""
    given = fleet_of(duration="2s", members=[{"name": "[/b]<i>"}, {"name": "mrcp1.example.org"}])
    file = tmp_path / "f.yaml"
    file.write_text(to_yaml(given))
    done = CliRunner().invoke(build(), ["run", str(file), "--out", str(tmp_path / "o"), "--engine", "simpy"])
    assert done.exit_code == 0, done.output
    assert "[/b]<i>" in done.output
    assert path_of("servers.mrcp1.example.org.attempts") == "servers.mrcp1.example.org.attempts"


def test_a_fleet_in_a_study_and_on_the_command_line(tmp_path: Path) -> None:
    scenario = tmp_path / "three.yaml"
    scenario.write_text(
        "extends: baseline\nduration: 10s\ndrain: 8s\narrivals: {rate: 10/s}\ncalls: {hold: 1s}\n"
        "fleet: {servers: 3}\nexpect: [sessions.blocking == 0]\n"
    )
    given = {
        "name": "n", "scenarios": [str(scenario)], "vary": {"grid": {"fleet.servers": [2, 3]}}, "replications": 2,
        "warmup": "2s", "metrics": ["sessions.blocking", "fleet.retried", "servers.server-3.attempts"],
    }  # fmt: skip
    found = sim.study(given, out=tmp_path / "s", cache=str(tmp_path / "c"), workers=1)
    runs = found.runs
    attempts = [answer for answer in found.answers if answer.metric == "servers.server-3.attempts"]
    assert [answer.n for answer in attempts] == [0, 2]  # the first fleet has no third server
    assert attempts[1].estimate.value == runs["servers.server-3.attempts"].mean()
    assert runs["servers.server-3.attempts"].isna().tolist() == [True, True, False, False]
    assert (runs["fleet.settled"] == 1.0).all()
    assert (runs["sessions.arrived"] < 100).all()  # of 100, those of the first two seconds are left out
    done = CliRunner().invoke(build(), ["run", str(scenario), "--out", str(tmp_path / "r"), "--json"])
    assert done.exit_code == 0, done.output
    plain = json.loads(done.stdout)
    assert [s["name"] for s in plain["fleet"]["servers"]] == ["server-1", "server-2", "server-3"]
    assert plain["expect"][0]["ok"]
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["sessions"]["blocking"] == 0.0
    assert math.isfinite(plain["latency"]["invite_to_answer"]["p99"])


def test_conditions_on_a_fleet_of_which_no_server_ever_ran_are_held_to_what_was_never_used() -> None:
    from sim.ledger.conditions import parse

    scenario = fleet_of(duration="5s", servers=2, down=[{"server": i, "at": "0s"} for i in (1, 2)])
    found = run_fleet(scenario, seed=1).summary
    assert found.sessions.arrived > 50
    assert (found.sessions.answered, found.sessions.blocking) == (0, 1.0)
    texts = ["leaked.session_pool == 0", "refused.rtp_port == 0", "tasks.MRCP Server.messages == 0", "tasks.lost == 0"]
    assert all(parse(text).evaluate(found).ok for text in texts)
    assert not parse("sessions.blocking == 0").evaluate(found).ok
