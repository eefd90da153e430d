"""Violations name session, resource and the two messages that raced; the run says when the server would crash."""

import pytest
from leaks.fault_runs import run_shipped

import sim
from sim.scenario import load_scenario


def violations(name, kind):
    return [v for v in run_shipped(name).summary.violations if v.kind == kind]


def test_a_double_close_names_both_close_responses():
    first = violations("faults/close-twice", "double-close")[0]
    assert first.message.startswith("engine_channel:speechrecog: a close is answered a second time")
    assert "CLOSE response on MRCP Server, after CLOSE response at " in first.message


def test_each_double_close_is_followed_by_one_use_after_free_of_the_same_session():
    closes = violations("faults/close-twice", "double-close")
    uses = violations("faults/close-twice", "use-after-free")
    assert [v.session for v in closes] == [v.session for v in uses]
    for close, use in zip(closes, uses, strict=True):
        assert close.time_s < use.time_s < close.time_s + 0.02
        assert "MPF response on MRCP Server, after MPF response" in use.message
        assert "had destroyed the pool" in use.message


def test_a_late_answer_names_the_plugin_and_when_the_pool_went():
    result = run_shipped("faults/close-after-destroy")
    released = result.sessions.set_index("session")["released_s"]
    late = violations("faults/close-after-destroy", "late-answer")
    assert [v.session for v in late] == [29, 89]  # calls 30 and 90
    for v in late:
        assert v.message.startswith("engine_channel:speechrecog: a plugin answers for a session that is gone")
        assert f"at {released[v.session]:.6f} s had destroyed the pool" in v.message
        assert v.time_s == pytest.approx(released[v.session] + 2.0, abs=0.02)


def test_a_masked_close_is_in_the_books_although_its_session_was_released():
    result = run_shipped("faults/close-masked")
    hidden = violations("faults/close-masked", "released-unclosed")
    outcome = result.sessions.set_index("session")["outcome"]
    assert [v.session for v in hidden] == [19, 59, 139]
    for v in hidden:
        assert outcome[v.session] == "released"
        assert v.message.startswith("engine_channel:speechrecog: the session is destroyed although this plugin never")
        assert v.time_s == pytest.approx(result.sessions.set_index("session")["released_s"][v.session])
    licences = result.ledger[result.ledger["resource"] == "plugin_licence:speechrecog"]
    balance = licences.groupby("session")["delta"].sum()
    assert sorted(balance[balance > 0].index) == [19, 59, 139]
    assert result.summary.resources["plugin_licence:speechrecog"].leaked == 3


@pytest.mark.parametrize("what", ["stop", "continue"])
def test_a_scenario_chooses_whether_the_run_stops_at_the_crash(what):
    path = run_shipped("faults/close-twice").summary  # the crash is the same in all of them
    scenario = load_scenario(
        {
            "name": "crash",
            "duration": "20s",
            "drain": "5s",
            "seed": 1,
            "arrivals": {"kind": "even", "rate": "20/s", "calls": 400},
            "calls": {"hold": "1s", "requests": 0},
            "client": {"tcp": False},
            "server": {"sip": {"bye_response": "immediate"}, "on_use_after_free": what},
            "plugins": {"speechrecog": {"close": {"twice": 0.1}}},
        }
    )
    result = sim.run(scenario)
    assert result.summary.sessions.crashed_at_s == path.sessions.crashed_at_s
    if what == "stop":
        assert result.summary.horizon_s == result.summary.sessions.crashed_at_s
        assert len(result.summary.violations) == 2
        assert {leak.cause for leak in result.leaks} == {"crash"}
    else:
        assert result.summary.horizon_s > 20
        assert not result.leaks


def test_a_session_that_was_stuck_before_the_crash_is_leaked_and_not_crashed():
    scenario = load_scenario(
        {
            "name": "both",
            "duration": "5s",
            "arrivals": {"kind": "even", "rate": "10/s"},
            "calls": {"hold": "500ms"},
            "server": {"pool": {"fails": {"calls": [40]}}},
            "plugins": {"speechrecog": {"close": {"never": {"calls": [5, 6]}}}},
        }
    )
    result = sim.run(scenario, seed=1)
    causes = {leak.session: leak.cause for leak in result.leaks}
    assert causes[4] == causes[5] == "close-never-answered"
    assert set(causes.values()) == {"close-never-answered", "crash"}
    assert result.sessions.set_index("session")["outcome"][4] == "leaked"
    assert result.sessions.set_index("session")["outcome"][38] == "crashed"


TWICE = {"name": "twice", "duration": "1s", "drain": "10s", "arrivals": {"rate": "1/s", "kind": "even", "calls": 1}}


@pytest.mark.parametrize(
    ("operation", "gap", "kind", "said"),
    [
        ("close", "2s", "double-close", "a close is answered a second time, when its session is already gone"),
        ("close", "10us", "double-close", "a close is answered a second time, and the subrequest counter falls early"),
        ("open", "1s", "double-answer", "while the session waits for nothing, so that its counter stays"),
        ("request", "1s", "double-answer", "a request is answered a second time, and the next one in the queue"),
    ],
)
def test_a_second_answer_says_what_it_does_at_that_moment(operation, gap, kind, said):
    """A close that is answered again 2 s after the destroy takes no counter down."""
    plugin = {"speechrecog": {operation: {"twice": 1, "gap": gap}}}
    scenario = load_scenario({**TWICE, "plugins": plugin, "calls": {"hold": "3s"}})
    for engine in ("simpy", "compiled"):
        found = sim.run(scenario, seed=1, engine=engine).summary.violations
        assert [v.message for v in found if v.kind == kind and said in v.message]
        early = [v for v in found if "counter falls early" in v.message]
        assert bool(early) == ("falls early" in said)
