"""Every fault knob works on its own: on each answer never, late, twice; a window; the 17th call; own random streams."""

import pytest

import sim

OPERATIONS = ("open", "request", "stop", "close")


def run(seed=1, **parts):
    mapping = {
        "name": "knob",
        "duration": "10s",
        "drain": "40s",
        "arrivals": {"kind": "even", "rate": "10/s"},
        "calls": {"hold": "500ms"},
        **parts,
    }
    return sim.run(sim.load_scenario(mapping), seed=seed)


def plugin(operation, **faults):
    return {"plugins": {"speechrecog": {operation: faults}}}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_never_leaks_exactly_the_named_call(operation):
    result = run(**plugin(operation, never={"calls": [17]}))
    assert [leak.session for leak in result.leaks] == [16]
    assert result.leaks[0].cause == f"{operation}-never-answered"
    assert result.leaks[0].plugin == "speechrecog"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_never_fires_within_its_window_only(operation):
    result = run(**plugin(operation, never={"probability": 1, "from": "2s", "until": "4s"}))
    assert 15 <= len(result.leaks) <= 25
    assert all(leak.cause == f"{operation}-never-answered" for leak in result.leaks)
    sessions = result.sessions.set_index("session")
    assert all(1.4 <= sessions["arrived_s"][leak.session] < 4.0 for leak in result.leaks)


@pytest.mark.parametrize(("operation", "end"), [("open", "answer_s"), ("stop", "released_s"), ("close", "released_s")])
def test_late_answers_come_later_by_what_it_says_and_leak_nothing(operation, end):
    on_time = run().sessions.set_index("session")[end]
    result = run(**plugin(operation, late={"calls": [17]}, late_by="2s"))
    late = result.sessions.set_index("session")[end] - on_time
    assert 1.9 < late[16] < 2.1
    assert late.drop(16).abs().max() < 0.05
    assert not result.leaks


@pytest.mark.parametrize(
    ("operation", "kind"), [("open", "double-answer"), ("request", "double-answer"), ("stop", "double-answer"),
                            ("close", "double-close")]
)  # fmt: skip
def test_twice_is_a_violation_of_the_named_call(operation, kind):
    result = run(**plugin(operation, twice={"calls": [17]}))
    assert [v.session for v in result.summary.violations if v.kind == kind] == [16]


def test_a_response_after_the_gap_answers_a_session_that_is_gone():
    result = run(**plugin("request", twice={"calls": [17]}, gap="5s"))
    assert "late-answer" in {v.kind for v in result.summary.violations}


def test_each_plugin_has_its_own_random_stream():
    both = {"calls": {"hold": "500ms", "resources": ["speechsynth", "speechrecog"]}}
    alone = run(**both, plugins={"speechrecog": {"close": {"never": 0.2}}})
    beside = run(
        **both, plugins={"speechrecog": {"close": {"never": 0.2}}, "speechsynth": {"close": {"twice": 0.0001}}}
    )
    assert [leak.session for leak in alone.leaks] == [leak.session for leak in beside.leaks]
    other = run(**both, plugins={"speechsynth": {"close": {"never": 0.2}}})
    assert [leak.session for leak in other.leaks] != [leak.session for leak in alone.leaks]


def test_a_freeze_with_an_end_delays_and_one_without_leaks():
    short = run(server={"freeze": [{"task": "server", "at": "3s", "for": "2s"}]})
    assert not short.leaks
    assert 1.9 < short.summary.latency["invite_to_answer"].max < 2.1
    endless = run(server={"freeze": [{"task": "server", "at": "3s"}]})
    assert {leak.cause for leak in endless.leaks} == {"task-blocked"}


@pytest.mark.parametrize("task", ["server", "connection-agent", "media", "speechrecog"])
def test_any_task_of_the_server_can_stand_still(task):
    result = run(server={"freeze": [{"task": task, "at": "3s"}]})
    assert result.summary.sessions.leaked > 50
    assert {leak.cause for leak in result.leaks if leak.cause} == {"task-blocked"}


def test_a_full_media_queue_drops_or_grows():
    burst = {"arrivals": {"kind": "burst", "burst": {"size": 30, "every": "60s"}}}
    dropped = run(**burst, server={"media": {"queue": {"slots": 10, "when_full": "drop"}}})
    assert {leak.cause for leak in dropped.leaks} == {"mpf-queue-dropped"}
    grown = run(**burst, server={"media": {"queue": {"slots": 10, "when_full": "grow"}}})
    assert not grown.leaks


def test_live_sessions_say_what_will_release_them():
    result = run(drain="1s", client={"vanish": {"probability": 1, "calls": [17], "tcp": "open"}})
    (leak,) = result.leaks
    assert (leak.session, leak.cause, leak.state) == (16, "", "ACTIVE")
    assert "still to come: " in leak.explanation
    assert "session timer" in leak.explanation


def test_a_caller_who_is_gone_for_good_is_a_named_cause_too():
    result = run(
        client={"vanish": {"probability": 1, "calls": [17], "tcp": "never-opened"}, "refresh": False, "patience": "3s"},
        server={"freeze": [{"task": "nua", "at": "5s"}]},
    )
    assert {leak.cause for leak in result.leaks if leak.cause} <= {"task-blocked", "caller-gone"}
