"""Simulate, write the log, audit the log: the audit gives the run's own summary back."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from strategies import scenario_mappings

from sim.audit.audit import audit_log
from sim.engine.run import run
from sim.ledger.identity import session_id
from sim.ledger.result import RunResult
from sim.logs.writing.agents import AgentLines
from sim.logs.writing.server import ServerLines
from sim.logs.writing.story import LogStory
from sim.logs.writing.write import write_log
from sim.scenario import load_scenario
from sim.scenario.costs import Costs

ROUNDING_S = 1.01e-6
IMMEDIATE = {"sip": {"bye_response": "immediate"}}
BASE: dict[str, Any] = {
    "duration": "6s", "drain": "50s", "arrivals": {"rate": "20/s"}, "server": IMMEDIATE,
    "calls": {"hold": {"dist": "exponential", "mean": "1s"}},
}  # fmt: skip
DEBUG_ONLY = ("offer_to_media", "media_to_open", "close_delay")
ENDURING = ("session_pool", "sip_home", "session_table", "control_channel", "connection_pool", "rtp_port")


def plugin(**operations: Any) -> dict[str, Any]:
    return {"plugins": {"speechrecog": operations}}


def two(**more: Any) -> dict[str, Any]:
    return {"calls": {"hold": "1s", "resources": ["speechrecog", "speechsynth"], **more}}


def two_or_one(**more: Any) -> dict[str, Any]:
    mixes = [{"weight": 1, "resources": names} for names in (["speechrecog"], ["speechsynth", "speechrecog"])]
    return {"calls": {"hold": "1s", **more, "resources": mixes}}


SCENARIOS: dict[str, dict[str, Any]] = {
    "healthy": {},
    "close never answered": plugin(close={"never": 0.08}),
    "open never answered": plugin(open={"never": 0.08}),
    "request never answered": plugin(request={"never": 0.08}),
    "stop never answered": plugin(stop={"never": 0.08}),
    "close delayed by another thread": plugin(close={"delay": {"dist": "exponential", "mean": "300ms"}}),
    "close answered late": plugin(close={"late": 0.1, "late_by": "2s"}),
    "unknown resource": {"calls": {"hold": "1s", "offer": {"unknown_resource": 0.4}}},
    "two resources, one unknown": {
        **two_or_one(offer={"unknown_resource": 0.3}, reinvite_every="300ms"), "client": {"patience": "8ms"},
    },
    "unknown and given up": {
        "calls": {"hold": "1s", "offer": {"unknown_resource": 0.3}}, "client": {"patience": "7ms"},
    },
    "no profile": {"calls": {"hold": "1s", "profile_missing": 0.2}},
    "connection limit": {"server": {**IMMEDIATE, "limits": {"max_connection_count": 8}}},
    "rtp range used up": {"server": {**IMMEDIATE, "limits": {"rtp_ports": "5000-5020"}}},
    "channel limit": plugin(max_channel_count=6),
    "licences": plugin(licences=6),
    "no ACK": {"client": {"no_ack": 0.1}},
    "callers vanish": {"client": {"vanish": {"probability": 0.2}}},
    "callers give up": {**plugin(open={"delay": "2s"}), "client": {"patience": "1s"}},
    "two resources": two(requests=2, recognition="100ms"),
    "shared connections": {"calls": {"hold": "1s", "connection": "shared"}},
    "re-INVITE": {"calls": {"hold": "1s", "reinvite_every": "300ms"}},
    "calls on hold": {"calls": {"hold": "1s", "on_hold": {"probability": 0.3}}},
    "two resources on hold, and resumed": two_or_one(
        on_hold={"probability": 0.5, "for": {"dist": "exponential", "mean": "300ms"}}, reinvite_every="200ms"
    ),
    "session timer": {
        "server": {"sip": {"bye_response": "immediate", "session_expires": "4s", "min_se": "4s"}},
        "calls": {"hold": "30s"}, "client": {"refresh": False},
    },
    "no service time at all": {"server": {**IMMEDIATE, "wake": 0}, **plugin(close={"block": 0, "never": 0.1})},
    "messages lost": {
        "duration": "1s", "arrivals": {"rate": "1500/s"}, "server": {**IMMEDIATE, "queues": {"slots": 16}},
    },
    "graceful shutdown": {"arrivals": {"rate": "20/s", "calls": 60}, "server": {**IMMEDIATE, "shutdown": "4s"}},
}  # fmt: skip


def simulated(changes: dict[str, Any], seed: int = 3) -> RunResult:
    return run(load_scenario({**BASE, **changes}), seed=seed, engine="simpy", ledger="full")


def leaks_by_call(result: RunResult) -> dict[int, str]:
    """Leak causes by the number of the call."""
    sessions = result.sessions
    assert sessions is not None
    leaked = sessions[sessions["outcome"] == "leaked"]
    return dict(zip(leaked["session"].tolist(), leaked["cause"].astype(str).tolist(), strict=True))


def audited_leaks_by_call(simulated: RunResult, audited: RunResult) -> dict[int, str]:
    """The same of an audit: by the id that the log gives a session, by its creation where it never got one."""
    ours, theirs = simulated.sessions, audited.sessions
    assert ours is not None
    assert theirs is not None
    numbers = {session_id(simulated.summary.seed, int(call)): int(call) for call in ours["session"]}
    born = {round(at * 1e6): int(call) for at, call in zip(ours["created_s"], ours["session"], strict=True) if at == at}
    found = {}
    leaked = theirs[theirs["outcome"] == "leaked"]
    for name, created, cause in zip(leaked["name"], leaked["created_s"], leaked["cause"], strict=True):
        call = numbers.get(str(name))
        found[born[round(created * 1e6)] if call is None else call] = str(cause)
    return found


def same_counts(simulated: RunResult, audited: RunResult) -> None:
    for name in ("arrived", "created", "answered", "rejected", "cancelled", "released", "live", "leaked", "blocking"):
        ours, theirs = getattr(simulated.summary.sessions, name), getattr(audited.summary.sessions, name)
        assert ours == theirs, name


def same_latencies(simulated: RunResult, audited: RunResult, names: list[str]) -> None:
    for name in names:
        ours, theirs = simulated.summary.latency[name], audited.summary.latency[name]
        assert ours.n == theirs.n, name
        for quantile in ("mean", "p50", "p95", "p99", "max"):
            one, other = getattr(ours, quantile), getattr(theirs, quantile)
            assert (one is None) == (other is None), name
            assert one is None or abs(one - other) <= ROUNDING_S, (name, quantile)


def same_leaks(simulated: RunResult, audited: RunResult) -> None:
    assert leaks_by_call(simulated) == audited_leaks_by_call(simulated, audited)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_audit_of_the_debug_log_is_the_run(name: str, tmp_path: Path) -> None:
    ours = simulated(SCENARIOS[name])
    path = tmp_path / "server.log"
    write_log(ours, path)
    theirs = audit_log(path, ledger="full")
    same_counts(ours, theirs)
    same_leaks(ours, theirs)
    assert ("audio-taken-away" in leaks_by_call(ours).values()) == ("on hold" in name)
    latencies = [latency for latency in ours.summary.latency if latency != "bye_to_ok"]  # no log shows it
    if name == "graceful shutdown":
        latencies.remove("invite_to_answer")  # 503 is no answer of the server task
    same_latencies(ours, theirs, latencies)
    for resource in ENDURING:
        one, other = ours.summary.resources[resource], theirs.summary.resources.get(resource)
        if other is None:
            assert one.acquired == 0
            continue
        for number in ("acquired", "released", "held", "leaked"):
            assert getattr(one, number) == getattr(other, number), (resource, number)
    assert theirs.provenance["not_understood"] == 0
    assert theirs.provenance["open_before_the_log"] == 0
    one_task, other_task = ours.summary.tasks["MRCP Server"], theirs.summary.tasks["MRCP Server"]
    assert one_task.messages == other_task.messages
    assert one_task.service.mean == pytest.approx(other_task.service.mean, abs=ROUNDING_S)
    if name != "messages lost":  # a log counts the time in which a producer is blocked to the wait
        assert one_task.wait.mean == pytest.approx(other_task.wait.mean, abs=ROUNDING_S)


@pytest.mark.parametrize(
    "name",
    [
        "healthy", "close never answered", "open never answered", "request never answered", "stop never answered",
        "unknown resource", "rtp range used up", "no ACK", "calls on hold", "two resources", "session timer",
    ],
)  # fmt: skip
def test_the_audit_of_the_info_log_has_the_same_sessions_and_causes(name: str, tmp_path: Path) -> None:
    ours = simulated(SCENARIOS[name])
    path = tmp_path / "server.log"
    write_log(ours, path, level="INFO")
    theirs = audit_log(path)
    assert theirs.provenance["level"] == "INFO"
    same_counts(ours, theirs)
    same_leaks(ours, theirs)
    same_latencies(ours, theirs, ["invite_to_answer", "terminate_to_release", "pool_lifetime"])


@pytest.mark.parametrize("gap", ["0s", "30ms"])
def test_every_double_close_is_a_use_after_free_in_the_log_and_no_other_session_is(gap: str, tmp_path: Path) -> None:
    ours = simulated(plugin(close={"twice": 0.1, "gap": gap}))
    path = tmp_path / "server.log"
    write_log(ours, path)
    theirs = audit_log(path)
    same_counts(ours, theirs)
    freed = {violation.session for violation in ours.summary.violations if violation.kind == "use-after-free"}
    assert len(freed) > 3
    sessions = theirs.sessions
    assert sessions is not None
    numbers = {session_id(ours.summary.seed, call): call for call in range(ours.summary.sessions.arrived)}
    by_row = {int(row): numbers[str(name)] for row, name in zip(sessions["session"], sessions["name"], strict=True)}
    for kind in ("use-after-free", "double-close"):
        found = Counter(by_row[v.session] for v in theirs.summary.violations if v.kind == kind)
        assert found == Counter(freed)
    ours_by_id = {(v.session_id, v.kind) for v in ours.summary.violations if v.kind == "double-close"}
    assert ours_by_id == {(v.session_id, v.kind) for v in theirs.summary.violations if v.kind == "double-close"}
    assert {violation.kind for violation in theirs.summary.violations} == {"use-after-free", "double-close"}


def test_a_crash_ends_the_log_as_it_ends_the_process(tmp_path: Path) -> None:
    ours = simulated({**plugin(close={"twice": 0.1}), "server": {**IMMEDIATE, "on_use_after_free": "stop"}})
    path = tmp_path / "server.log"
    write_log(ours, path)
    theirs = audit_log(path)
    assert ours.summary.sessions.crashed_at_s is not None
    assert theirs.summary.sessions.crashed_at_s == pytest.approx(ours.summary.sessions.crashed_at_s, abs=3e-6)
    assert theirs.summary.sessions.released == ours.summary.sessions.released


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(scenario_mappings())
def test_any_scenario_can_be_written_as_a_log_that_is_understood(tmp_path: Path, mapping: dict[str, Any]) -> None:
    scenario = load_scenario(mapping, {"arrivals.calls": 25, "expect": []})
    ours = run(scenario, seed=1, engine="simpy", ledger="full")
    path = tmp_path / "server.log"
    write_log(ours, path, force=True)
    theirs = audit_log(path)
    # a process that nobody starts again leaves the shell's line about its crash at the end
    died = path.read_text(encoding="utf-8").splitlines()[-1].startswith("Segmentation fault")
    assert ours.summary.sessions.crashed_at_s is not None or not died
    assert theirs.provenance["not_understood"] == (1 if died else 0)
    assert theirs.provenance["open_before_the_log"] == 0
    sessions = ours.sessions
    if sessions is None:
        assert ours.summary.sessions.arrived == 0
        return
    pools = int(sessions["created_s"].notna().sum())
    assert theirs.summary.sessions.created == pools
    assert theirs.summary.sessions.released == int(sessions["released_s"].notna().sum())


def test_what_two_sessions_acquire_in_the_same_instant_is_told_apart(tmp_path: Path) -> None:
    costs = {task: dict.fromkeys(part.annotation.model_fields, 0.0) for task, part in Costs.model_fields.items()}
    scenario = load_scenario(
        {
            "name": "instant", "duration": "1s", "drain": "10s", "calls": {"hold": "50ms", "requests": 0},
            "arrivals": {"kind": "burst", "burst": {"size": 3, "every": "10s"}},
            "server": {"wake": "0s", "interference": {"wake": 1.0, "length": "9ms"}, "costs": costs},
        }
    )  # fmt: skip
    ours = run(scenario, seed=1, engine="simpy", ledger="full")
    write_log(ours, tmp_path / "server.log")
    theirs = audit_log(tmp_path / "server.log").summary.sessions
    assert (theirs.created, theirs.answered, theirs.released) == (3, 3, 3)


@pytest.mark.parametrize(("lines", "kind"), [(AgentLines, "REMOVE channel"), (ServerLines, "RESPONSE")])
def test_a_message_without_words_of_its_own_is_still_processed_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: type[AgentLines | ServerLines], kind: str
) -> None:
    """A new kind of message needs no writer for its log: it is processed, and nothing else is said of it."""
    made = lines.__init__

    def silent(self: AgentLines | ServerLines, story: LogStory) -> None:
        made(self, story)
        del self.handlers[kind]

    result = run(load_scenario(BASE | {"calls": {"hold": "1s", "requests": 1}}), seed=1, ledger="full")

    def processed(name: str) -> int:
        write_log(result, tmp_path / name)
        return (tmp_path / name).read_text(encoding="utf-8").count(" Process Message ")

    every = processed("every.log")
    monkeypatch.setattr(lines, "__init__", silent)
    assert processed("fewer.log") == every > 0
