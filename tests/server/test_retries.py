"""Callers that try again: when, how often, with what, and how their INVITEs and calls are counted."""

from io import StringIO
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

import sim
from sim.errors import ScenarioError
from sim.ledger.conditions import evaluate
from sim.ledger.result import RunResult
from sim.ledger.summary import Summary
from sim.report.screen import screen
from sim.report.verdicts import verdict_text

BASE: dict[str, Any] = {
    "name": "retries", "duration": "30s", "drain": "60s", "arrivals": {"rate": "8/s"},
    "calls": {"hold": "3s", "requests": 1}, "plugins": {"speechrecog": {"max_channel_count": 20}},
}  # fmt: skip


def run(**paths: Any) -> RunResult:
    scenario = sim.load_scenario(BASE, overrides={path.replace("__", "."): value for path, value in paths.items()})
    return sim.run(scenario, seed=5, engine="simpy", ledger="sessions")


def calls_of(result: RunResult) -> pd.DataFrame:
    """One row for each call: its attempts, and the status of the last one."""
    rows = result.sessions.sort_values(["call", "attempt"])
    assert (rows.groupby("call")["attempt"].diff().dropna() == 1).all()
    return rows.groupby("call").agg(attempts=("attempt", "max"), status=("answer_status", "last"))


def test_a_refused_call_is_tried_again_until_it_is_answered_or_gives_up() -> None:
    result = run(client__retry={"attempts": 3, "after": "500ms"})
    calls, s = calls_of(result), result.summary.sessions
    assert s.retries == (calls["attempts"] - 1).sum() > 100
    assert s.arrived == len(result.sessions) == len(calls) + s.retries
    assert calls["attempts"].max() == 4
    gave_up = calls["status"] == 406
    assert 0 < gave_up.sum() == (calls["attempts"][gave_up] == 4).sum()
    assert s.blocking == gave_up.sum() / len(calls)


OUTAGE: dict[str, Any] = {
    "server": {"crash": ["10s"], "restart_after": "6s"}, "client__patience": "1s",
    "client__retry": {"attempts": 2, "after": "500ms", "probability": 0.8},
}  # fmt: skip
CASES: dict[str, dict[str, Any]] = {
    "an outage": OUTAGE,
    "an outage, without retries": {**OUTAGE, "client__retry": {"attempts": 0}},
    "an outage that lasts": {**OUTAGE, "server__restart_after": None},
    "refusals": {"client__retry": {"attempts": 3, "after": "500ms"}},
    "answer and CANCEL cross": {"client__patience": "6ms", "client__retry": {"attempts": 1, "on": "both"}},
    "the stack stands still": {
        "server__freeze": [{"task": "nua", "at": "10s", "for": "8s"}], "client__patience": "1s",
        "client__retry": {"attempts": 1, "on": "both"},
    },
    "it ends in the middle": {"drain": "0s", "client__retry": {"attempts": 9, "after": "4s"}},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_caller_is_counted_once_by_whether_it_got_through(case: str) -> None:
    result = run(**CASES[case])
    s, rows = result.summary.sessions, result.sessions
    key = "session" if rows["call"].isna().all() else "call"
    answered = (rows["answer_status"] == 200) & (rows["outcome"] != "cancelled")
    if key == "call":  # an INVITE that was given up for the next one does not count, though its answer came late
        answered &= rows["attempt"] == rows.groupby("call")["attempt"].transform("max")
    assert s.callers == s.arrived - s.retries == rows[key].nunique()
    assert s.callers_answered == rows[answered.fillna(False)][key].nunique() > 0
    assert s.callers_answered + s.callers_not_answered + s.callers_trying == s.callers
    assert (s.callers_trying > 0) == (case == "it ends in the middle")


def test_both_engines_count_callers_alike() -> None:
    scenario = sim.load_scenario(BASE, overrides={path.replace("__", "."): value for path, value in OUTAGE.items()})
    counts = [
        sim.run(scenario, seed=5, engine=engine, ledger="summary").summary.sessions for engine in ("simpy", "compiled")
    ]
    assert counts[0] == counts[1]
    assert counts[0].callers_not_answered


def test_the_verdict_names_those_who_never_got_through_an_outage() -> None:
    """None was refused for want of a resource, so blocking is 0, and INVITEs are many more than callers."""
    summary = run(plugins__speechrecog__max_channel_count=None, **OUTAGE).summary
    s = summary.sessions
    assert s.blocking == 0.0
    assert 0 < s.callers_not_answered < s.cancelled + s.unanswered + s.refused_without_session
    said, mood = verdict_text(summary)
    assert f"{s.callers_not_answered} of {s.callers} callers never got through" in said
    assert mood == "bad"
    console = Console(width=120, file=StringIO(), force_terminal=False)
    console.print(screen(summary, console))
    assert f"{s.arrived} INVITEs of {s.callers} callers arrived" in console.file.getvalue()
    expected = evaluate(["sessions.callers_not_answered / sessions.callers < 1%"], summary)
    assert not expected[0].ok


def test_who_was_refused_for_want_of_a_resource_is_not_told_twice() -> None:
    said = verdict_text(run().summary)[0]
    assert "refused for want of a resource" in said
    assert "never got through" not in said


def test_a_result_without_these_counts_has_them_where_nobody_tries_again() -> None:
    for again in ({"attempts": 0}, {"attempts": 1}):
        summary = run(client__retry=again).summary
        old = summary.to_dict()
        for name in ("callers", "callers_answered", "callers_not_answered", "callers_trying"):
            del old["sessions"][name]
        read = Summary.from_dict(old).sessions
        assert read.callers == summary.sessions.callers
        assert read.callers_answered == (summary.sessions.callers_answered if again["attempts"] == 0 else None)


def test_the_next_invite_leaves_so_long_after_the_refusal() -> None:
    rows = run(client__retry={"attempts": 1, "after": "500ms"}).sessions.sort_values(["call", "attempt"])
    pairs = rows[rows["call"].isin(rows.loc[rows["attempt"] == 2, "call"])]
    first, second = (pairs[pairs["attempt"] == k].set_index("call") for k in (1, 2))
    gap = second["arrived_s"] - first["answer_s"]
    assert len(gap) > 20
    assert gap.min() >= 0.5
    assert gap.median() < 0.51


def test_without_retries_nothing_changes_and_nobody_is_numbered() -> None:
    plain, never = run(), run(client__retry={"attempts": 0})
    columns = [name for name in plain.sessions.columns if name not in ("call", "attempt")]
    pd.testing.assert_frame_equal(plain.sessions[columns], never.sessions[columns])
    assert plain.summary.sessions == never.summary.sessions
    assert plain.sessions["call"].isna().all()


def test_other_draws_are_those_of_the_run_without_retries() -> None:
    """The calls themselves are the same: when they arrive first, and how long those last that get through at once."""
    plain, again = run().sessions, run(client__retry={"attempts": 2}).sessions
    first = again[again["attempt"] == 1].sort_values("call", ignore_index=True)
    assert (first["arrived_s"] - plain["arrived_s"]).abs().median() < 1e-3
    assert len(first) == len(plain)


@pytest.mark.parametrize(("on", "tries"), [("refused", False), ("no-answer", True), ("both", True)])
def test_a_call_that_is_not_answered_is_tried_again_after_its_cancel(on: str, tries: bool) -> None:
    result = run(
        plugins__speechrecog={"max_channel_count": None, "open": {"never": 1.0}}, client__patience="1s",
        client__retry={"attempts": 2, "after": "1s", "on": on},
    )  # fmt: skip
    calls, s = calls_of(result), result.summary.sessions
    assert (calls["attempts"] == (3 if tries else 1)).all()
    assert s.cancelled == s.arrived
    assert s.blocking == 0


def test_a_fault_that_names_a_call_means_all_its_attempts() -> None:
    fault = {"probability": 1, "calls": [3]}
    rows = run(
        plugins__speechrecog__max_channel_count=None,
        calls__offer__missing_sdp=fault,
        client__retry={"attempts": 2, "after": "100ms"},
    ).sessions
    refused = rows[rows["answer_status"] == 400]
    assert refused["call"].tolist() == [2, 2, 2]
    assert len(rows) == rows["call"].nunique() + 2


def test_a_fleet_has_its_own_retries() -> None:
    with pytest.raises(ScenarioError, match=r"client\.retry.*fleet\.retry"):
        sim.load_scenario(BASE, overrides={"fleet": {"servers": 2}, "client.retry": {"attempts": 2}})
