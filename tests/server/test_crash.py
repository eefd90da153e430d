"""A process that crashes or is killed, and is started again: what goes with it, and who calls meanwhile."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import sim
from sim.errors import ScenarioError
from sim.leaks.outlook import leak_report
from sim.ledger.result import RunResult
from sim.ledger.summary import Summary
from sim.logs.writing.write import write_log
from sim.report.page.of_result import page_of
from sim.report.terminal import render
from sim.report.timeline import print_story, story
from sim.report.verdicts import verdict_text
from sim.vocabulary.resources import FREED_AT_THE_END, OWN_RESOURCES, RESOURCE_NAMES

BASE: dict[str, Any] = {
    "name": "crash", "duration": "60s", "drain": "60s", "arrivals": {"rate": "5/s"},
    "calls": {"hold": "3s", "requests": 1}, "plugins": {"speechrecog": {}},
    "server": {"crash": ["30s"], "restart_after": "4s"},
}  # fmt: skip


def run(ledger: str = "full", seed: int = 2, **paths: Any) -> RunResult:
    scenario = sim.load_scenario(BASE, overrides={path.replace("__", "."): value for path, value in paths.items()})
    return sim.run(scenario, seed=seed, engine="simpy", ledger=ledger)


def test_what_the_process_held_goes_with_it_and_nothing_of_it_is_left() -> None:
    result = run()
    s, rows, ledger = result.summary.sessions, result.sessions, result.ledger
    assert (s.crashed_at_s, s.restarts, s.live) == (30.0, 1, 0)
    ended = rows[rows["outcome"] == "crashed"]
    assert len(ended) == s.crashed > 5
    assert s.leaked == 0
    assert (ended["cause"] == "crash").all()
    assert ended["released_s"].isna().all()
    gone = ledger[ledger["cause"] == "process ended"]
    assert (gone["time_s"] == 30.0).all()
    assert set(gone.loc[gone["resource"] == "session_pool", "session"]) == set(ended["session"])
    for name, use in result.summary.resources.items():
        assert use.held == 0, name
        assert use.acquired == use.released


def test_sessions_that_had_leaked_before_are_told_from_those_that_ended_with_it() -> None:
    result = run(plugins__speechrecog__close__never=0.2)
    before = result.sessions[(result.sessions["cause"] == "close-never-answered") & (result.sessions["bye_s"] < 30)]
    ended = result.sessions[result.sessions["cause"] == "crash"]
    assert len(before) > 5
    assert len(ended) > 5
    held = result.summary.resources["session_pool"].held
    assert held == (result.sessions["outcome"] == "leaked").sum() - len(before)


def test_a_call_that_comes_while_it_is_gone_is_answered_when_the_invite_is_sent_again() -> None:
    rows = run().sessions.set_index("session")
    plain = run(server__crash=[]).sessions.set_index("session")
    late = plain.index[plain["arrived_s"].between(30.0, 33.9)]
    assert len(late) > 10
    assert (rows.loc[late, "created_s"] >= 34.0).all()
    assert (rows.loc[late, "answer_status"] == 200).all()
    assert rows.loc[late, "arrived_s"].between(30.0, 34.0).all()
    assert (rows.loc[late, "answer_s"] - rows.loc[late, "arrived_s"] >= 34.0 - rows.loc[late, "arrived_s"]).all()


def test_the_latency_to_the_answer_has_the_wait_for_the_next_process_in_it() -> None:
    """The INVITE is due again after 0.5, 1.5, 3.5 and 7.5 s; the process comes back after 4 s."""
    result = run()
    rows, answer = result.sessions, result.summary.latency["invite_to_answer"]
    waited = (rows["answer_s"] - rows["arrived_s"])[rows["arrived_s"].between(30.0, 34.0)]
    assert answer.max == pytest.approx(waited.max())
    assert 4.0 < answer.max < 7.6
    assert (answer.p99 or 0.0) > 1.0


def test_what_ended_with_the_process_has_not_leaked_by_any_count() -> None:
    result = run(
        plugins__speechrecog__licences=100,
        expect=["sessions.leaked == 0", "leaked.session_pool == 0", "leaked.rtp_port == 0", "sessions.crashed > 5"],
    )  # fmt: skip
    summary = result.summary
    assert all(found.ok for found in summary.expect)
    assert all(use.leaked == 0 for use in summary.resources.values())
    assert sum(group.count for group in summary.leak_groups) == summary.sessions.crashed
    assert "No session leaked" in verdict_text(summary)[0]
    gone = run(server__restart_after=None, plugins__speechrecog__licences=100).summary
    assert gone.sessions.leaked == 0 < gone.sessions.crashed == gone.resources["session_pool"].held
    assert all(use.leaked == 0 for use in gone.resources.values())


def shown(result: RunResult) -> str:
    console = Console(width=140, file=StringIO(), force_terminal=False)
    console.print(render(result.summary, 140))
    return console.file.getvalue()


def test_no_plugin_is_blamed_for_the_end_of_the_process() -> None:
    """Those whose plugin was just to answer are not a group of their own, and nothing of it is called a leak."""
    result = run(plugins__speechrecog__open__delay="1s", server__restart_after=None)
    waited = [leak.plugin for leak in result.summary.leaks if leak.cause == "crash"]
    assert "speechrecog" in waited
    assert None in waited
    assert [(found.cause, found.plugin) for found in result.summary.leak_groups] == [("crash", None)]
    page = page_of(result)
    assert "by speechrecog" not in page.verdict
    assert "What ended with the process" in [section.title for section in page.sections]
    assert "Leaks by cause" not in [section.title for section in page.sections]
    assert "Live and leaked sessions, and those that ended with the process" in shown(result)


def test_leaks_beside_it_are_laid_to_the_plugin_that_did_not_answer() -> None:
    result = run(plugins__speechrecog__close__never=0.2)
    page = page_of(result)
    assert "Why: close never answered by speechrecog (" in page.verdict
    assert "crash" not in page.verdict.partition("Why:")[2]
    assert "Leaks by cause, and what ended with the process" in [section.title for section in page.sections]


def test_a_result_of_an_earlier_version_is_read_as_if_it_had_told_them_apart() -> None:
    summary = run().summary
    old = summary.to_dict()
    old["sessions"]["leaked"] += old["sessions"].pop("crashed")
    for found in old["leak_groups"]:
        for name, count in found["holds"].items():
            old["resources"][name]["leaked"] += count
    again = Summary.from_dict(old)
    assert (again.sessions, again.resources) == (summary.sessions, summary.resources)


def test_nobody_who_does_not_send_again_is_answered_while_it_is_gone() -> None:
    result = run(client__retransmit=False)
    s = result.summary.sessions
    assert s.refused_without_session > 10
    assert s.arrived == s.answered + s.unanswered + s.refused_without_session + s.cancelled
    rows = result.sessions
    assert rows["created_s"].between(30.001, 33.999).sum() == 0


def test_callers_whose_patience_ends_try_again_and_get_through() -> None:
    result = run(client__patience="1s", client__retry={"attempts": 9, "after": "500ms"})
    s = result.summary.sessions
    answered = result.sessions.loc[result.sessions["answer_status"] == 200, "call"].nunique()
    assert s.retries > 10
    assert answered >= s.arrived - s.retries - 3  # but for those in setup just then


def test_a_process_that_is_not_started_again_stays_gone() -> None:
    result = run(server__restart_after=None)
    assert result.summary.horizon_s == 30.0
    assert result.summary.sessions.restarts == 0


def test_the_next_process_does_its_work_as_ever() -> None:
    """Limits count from nothing again, a task that stood still runs, and a leak of a new process is its own."""
    result = run(
        server__freeze=[{"task": "speechrecog", "at": "10s"}], plugins__speechrecog__max_channel_count=40,
        plugins__speechrecog__licences=40, server__crash=["30s"],
    )  # fmt: skip
    rows = result.sessions
    later = rows[rows["created_s"] > 35.0]
    assert len(later) > 50
    assert (later["outcome"] == "released").all()
    blocked = rows[rows["cause"] == "task-blocked"]
    assert len(blocked) > 20
    assert (blocked["created_s"] < 30.0).all()


@pytest.mark.parametrize("on", ["open", "request", "stop", "close"])
def test_a_plugin_crashes_at_an_operation_of_a_certain_call(on: str) -> None:
    result = run(
        server={"crash": [], "restart_after": "2s"}, calls__hold="5s",
        plugins__speechrecog__crash={"calls": [100], "on": on},
    )  # fmt: skip
    s = result.summary.sessions
    assert s.restarts == 1
    culprit = result.sessions[result.sessions["session"] == 99].iloc[0]
    assert culprit["outcome"] == "crashed"
    assert culprit["crashed"]
    assert (result.sessions["crashed"] == (result.sessions["outcome"] == "crashed")).all()
    moment = {"open": "media_s", "request": "answer_s", "stop": "deactivate_s", "close": "terminate_s"}[on]
    assert 0.0 <= s.crashed_at_s - culprit[moment] < 0.05


def test_two_crashes_end_two_processes() -> None:
    result = run(server__crash=["20s", "40s"])
    ended = result.ledger.loc[result.ledger["cause"] == "process ended", "time_s"]
    assert sorted(set(ended)) == [20.0, 40.0]
    assert result.summary.sessions.restarts == 2


def test_the_verdict_says_that_it_was_started_again() -> None:
    memory = leak_report(run(ledger="sessions")).memory
    assert memory.verdict == "crash"
    assert "it was started again" in memory.text
    assert memory.leaked == 0


def test_shared_processors_are_not_started_again() -> None:
    with pytest.raises(ScenarioError, match=r"server\.restart_after.*processors"):
        sim.load_scenario(BASE, overrides={"server.processors.count": 2})


def test_a_log_of_it_is_audited_as_the_run_itself(tmp_path: Path) -> None:
    result = run()
    path = tmp_path / "run.log"
    write_log(result, path)
    audited = sim.audit_log(path).summary
    own = [group.count for group in result.summary.leak_groups if group.cause == "crash"]
    assert [group.count for group in audited.leak_groups if group.cause == "crash"] == own
    assert audited.sessions.crashed_at_s is not None
    assert audited.sessions.created == result.summary.sessions.created
    assert audited.resources["session_pool"].held == 0


def test_the_timeline_shows_the_end_of_the_process_as_one_step_that_no_function_did() -> None:
    result = run()
    told = story(result, int(result.sessions.loc[result.sessions["outcome"] == "crashed", "session"].iloc[0]))
    last = told.steps[-1]
    assert (last.message, last.at_s) == ("process ended", 30.0)
    assert {change.resource for change in last.changes} > {"session_pool", "rtp_port", "nua_handle"}
    console = Console(width=140, file=StringIO(), force_terminal=False)
    print_story(told, console)
    shown = console.file.getvalue().partition("process ended")[2]
    assert "− session_pool" in shown
    assert "apr_pool_destroy" not in shown


@pytest.mark.parametrize(
    ("times", "restart_after", "said"),
    [
        (["30s", "30s"], "4s", "the crash at 30 s is given twice"),
        (["30s", "32s"], "4s", "no crash at 32 s: the process is gone from 30 s to 34 s"),
        (["30s", "40s"], None, "no crash at 40 s: the process is gone from 30 s on"),
        (["30s", "500s"], "4s", "no crash at 500 s: the run ends at 120 s"),
    ],
)
def test_a_crash_that_never_comes_is_said(times: list[str], restart_after: str | None, said: str) -> None:
    result = run(server__crash=times, server__restart_after=restart_after)
    (note,) = result.provenance["notes"]
    assert f"server.crash: {said}" in note
    assert result.summary.sessions.restarts == (restart_after is not None)


def test_nothing_is_said_of_crashes_that_come() -> None:
    assert "notes" not in run(server__crash=["20s", "40s"]).provenance


def test_a_crash_takes_back_all_that_a_session_holds_at_most_once_the_last_acquired_first() -> None:
    named = [RESOURCE_NAMES[number] for number in FREED_AT_THE_END]
    assert named == [row.name for row in OWN_RESOURCES if row.bit and row.name != "session_pool"][::-1]


def test_a_crash_while_a_plugins_crash_has_the_process_down_is_said() -> None:
    result = run(
        server={"crash": ["31s"], "restart_after": "40s"},
        plugins__speechrecog__crash={"probability": 1, "from": "30s", "on": "open"},
    )  # fmt: skip
    assert result.summary.sessions.restarts >= 1
    told = " ".join(result.provenance["notes"])
    assert "server.crash: no crash at 31 s: the process is gone from 30." in told
