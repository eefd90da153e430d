"""Every call that arrived is counted once, by what became of it; blocking counts calls, and leaks are never cut."""

from typing import Any

import pytest

import sim
from sim.ledger.result import RunResult
from sim.ledger.summary import SessionCounts

BASE: dict[str, Any] = {
    "name": "counted", "duration": "20s", "drain": "60s", "arrivals": {"rate": "10/s"},
    "calls": {"hold": "3s", "requests": 1}, "plugins": {"speechrecog": {}},
}  # fmt: skip


def run(engine: str = "simpy", ledger: str = "sessions", **paths: Any) -> RunResult:
    scenario = sim.load_scenario(BASE, overrides={path.replace("__", "."): value for path, value in paths.items()})
    return sim.run(scenario, seed=3, engine=engine, ledger=ledger)


def total(s: SessionCounts) -> int:
    refused = sum(s.rejected.values())
    return s.answered + refused + s.cancelled + s.unanswered + s.refused_without_session + s.in_setup


CASES: dict[str, dict[str, Any]] = {
    "all is well": {},
    "nobody answers the open": {"plugins.speechrecog.open.never": 0.5},
    "callers give up": {"plugins.speechrecog.open.never": 0.5, "client.patience": "2s"},
    "answer and CANCEL cross": {"client.patience": "6ms", "server.sip.bye_response": "immediate"},
    "channels run out": {"plugins.speechrecog.max_channel_count": 5},
    "licences run out": {"plugins.speechrecog.licences": 5},
    "ports run out": {"server.limits.rtp_ports": "5000-5010"},
    "connections run out": {"server.limits.max_connection_count": 5},
    "no such resource": {"calls.offer.unknown_resource": 0.3},
    "pools fail": {"server.pool.fails": 0.2, "server.pool.checked": True},
    "the server is offline": {"server.sip.offline": True},
    "it ends in the middle": {"drain": "0s", "plugins.speechrecog.open.delay": "2s"},
    "the stack stands still": {"server.freeze": [{"task": "nua", "at": "10s"}], "drain": "5s"},
    "callers try again": {
        "plugins.speechrecog.max_channel_count": 5,
        "plugins.speechrecog.open.never": 0.1,
        "client.patience": "2s",
        "client.retry": {"attempts": 3, "after": "200ms"},
    },
    "answer and CANCEL cross, and callers try again": {
        "plugins.speechrecog.max_channel_count": 5,
        "client.patience": "6ms",
        "client.retry": {"attempts": 3},
    },
    "the stack stands still, and callers try again": {
        "server.freeze": [{"task": "nua", "at": "10s"}],
        "client.patience": "1s",
        "client.retry": {"attempts": 2},
    },
    "the process is gone": {"server.pool.fails": 0.05, "server.pool.on_crash": "stop"},
}


@pytest.mark.parametrize("case", CASES)
def test_what_became_of_the_calls_adds_up_to_those_that_arrived(case: str) -> None:
    result = run(**{path.replace(".", "__"): value for path, value in CASES[case].items()})
    s = result.summary.sessions
    assert s.arrived > 0
    assert total(s) == s.arrived
    assert min(s.unanswered, s.refused_without_session, s.in_setup) >= 0
    assert 0.0 <= s.blocking <= 1.0
    assert s.degraded <= s.answered


@pytest.mark.parametrize(
    "case", ["nobody answers the open", "answer and CANCEL cross, and callers try again", "licences run out"]
)
def test_both_engines_count_alike(case: str) -> None:
    changes = {path.replace(".", "__"): value for path, value in CASES[case].items()}
    counts = [run(engine, ledger="summary", **changes).summary.sessions for engine in ("simpy", "compiled")]
    assert counts[0] == counts[1]


def test_callers_who_never_get_an_answer_are_unanswered() -> None:
    result = run(plugins__speechrecog__open__never=0.5)
    s = result.summary.sessions
    assert s.unanswered == result.sessions["answer_s"].isna().sum() > 50
    assert s.answered + s.unanswered == s.arrived


def test_a_cancelled_call_is_not_answered_though_its_answer_was_on_its_way() -> None:
    result = run(client__patience="6ms")
    s, rows = result.summary.sessions, result.sessions
    crossed = (rows["outcome"] == "cancelled") & rows["answer_s"].notna()
    assert crossed.sum() > 0
    assert s.cancelled == (rows["outcome"] == "cancelled").sum()
    assert s.answered == ((rows["answer_status"] == 200) & (rows["outcome"] != "cancelled")).sum()


def test_blocking_counts_each_refused_call_once() -> None:
    two = {
        "calls.resources": [{"resources": ["speechrecog", "speechsynth"]}],
        "plugins.speechsynth": {"max_channel_count": 2},
        "plugins.speechrecog.max_channel_count": 2,
    }
    s = run(**{path.replace(".", "__"): value for path, value in two.items()}).summary
    refusals = sum(use.refused for use in s.resources.values())
    assert refusals > s.sessions.rejected["406"]  # both channels of a call
    assert s.sessions.blocking == s.sessions.rejected["406"] / s.sessions.arrived


def test_a_call_that_is_answered_without_a_connection_is_degraded_not_blocked() -> None:
    s = run(server__limits__max_connection_count=5).summary
    assert s.sessions.blocking == 0.0
    assert s.sessions.degraded == s.resources["tcp_connection"].refused > 0
    audio = run(server__limits__rtp_ports="5000-5010").summary
    assert audio.sessions.degraded == audio.resources["rtp_port"].refused > 0


def test_leaks_are_counted_beyond_those_that_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.engine.end import judging as left
    from sim.leaks.outlook import leak_report
    from sim.ledger.conditions import evaluate
    from sim.ledger.summary import Summary

    monkeypatch.setattr(left, "LEAKS_LISTED", 10)
    result = run(plugins__speechrecog__close__never=0.5)
    summary = result.summary
    leaked = summary.sessions.leaked
    assert leaked > 50
    assert len(summary.leaks) == 10
    assert summary.leaks_cut == leaked - 10
    found = evaluate([f"leaks.close-never-answered == {leaked}", f"leaks == {leaked}"], summary)
    assert all(one.ok for one in found)
    report = leak_report(result)
    assert report.groups[0].count == leaked
    assert report.leak_probability.value == pytest.approx(leaked / summary.sessions.created)
    assert (
        report.groups[0].pool_bytes == result.sessions.loc[result.sessions["outcome"] == "leaked", "pool_bytes"].sum()
    )
    again = Summary.from_dict(summary.to_dict())
    assert again.leak_groups[0].count == leaked


def test_an_older_summary_without_groups_counts_what_it_lists() -> None:
    from sim.ledger.summary import Summary

    plain = run(plugins__speechrecog__close__never=0.2).summary.to_dict()
    for name in ("leak_groups", "leaks_cut"):
        del plain[name]
    for name in ("unanswered", "refused_without_session", "in_setup", "degraded"):
        del plain["sessions"][name]
    old = Summary.from_dict(plain)
    assert sum(group.count for group in old.leak_groups) == len([leak for leak in old.leaks if leak.cause])
