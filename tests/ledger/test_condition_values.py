"""What a condition may be about beyond the figures of summary.json: any percentile, ratios, calls with one outcome."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.engine.check import check_condition
from sim.errors import ScenarioError
from sim.ledger.conditions import evaluate, parse
from sim.ledger.result import RunResult
from sim.ledger.summary import SessionCounts, Summary
from sim.scenario import load_scenario

CALLS = {
    "name": "asked", "duration": "60s", "drain": "30s", "arrivals": {"rate": "10/s"},
    "calls": {"hold": "3s", "requests": 1}, "plugins": {"speechrecog": {"max_channel_count": 35}},
}  # fmt: skip


def run(*expect: str, ledger: str = "sessions", engine: str = "simpy") -> RunResult:
    return sim.run(load_scenario({**CALLS, "expect": list(expect)}), seed=3, ledger=ledger, engine=engine)


def exact(values: np.ndarray, p: float) -> float:
    values = np.sort(values[~np.isnan(values)])
    return float(values[min(len(values) - 1, int(len(values) * p))])


@pytest.mark.parametrize("ledger", ["summary", "sessions"])
def test_any_percentile_of_a_latency_can_be_asked_for(ledger: str) -> None:
    result = run("latency.invite_to_answer.p99.9 < 1s", "latency.invite_to_answer.p90 < 1s", ledger=ledger)
    rows = run().sessions
    took = (rows["answer_s"] - rows["arrived_s"]).to_numpy()
    found = [item.value for item in result.summary.expect]
    assert found == [pytest.approx(exact(took, 0.999)), pytest.approx(exact(took, 0.9))]
    assert all(item.ok for item in result.summary.expect)


def test_any_percentile_of_a_tasks_times_can_be_asked_for() -> None:
    low, high = run("tasks.MRCP Server.wait.p10 < 1s", "tasks.MRCP Server.service.p99.9 < 1s").summary.expect
    assert low.value < high.value


def test_a_percentile_of_a_stored_result_comes_from_its_sessions(tmp_path: Path) -> None:
    from sim.ledger.result import load_result

    made = run("latency.pool_lifetime.p75 < 1h")
    again = load_result(made.save(tmp_path / "r"))
    (found,) = evaluate(["latency.pool_lifetime.p75 < 1h"], again.summary, again.durations)
    assert found.value == pytest.approx(made.summary.expect[0].value, abs=1e-9)


def test_a_latency_can_be_that_of_the_calls_with_one_outcome() -> None:
    result = run("latency.invite_to_answer[rejected].p50 < 1s", "latency.invite_to_answer[released].n > 0")
    rows = result.sessions
    refused = rows[rows["outcome"] == "rejected"]
    took = (refused["answer_s"] - refused["arrived_s"]).to_numpy()
    assert len(took) > 2
    assert result.summary.expect[0].value == pytest.approx(exact(took, 0.5))
    assert result.summary.expect[1].value == (rows["outcome"] == "released").sum()


def test_calls_with_one_outcome_need_sessions_and_say_so_before_the_run() -> None:
    with pytest.raises(ScenarioError, match="needs --ledger sessions"):
        run("latency.invite_to_answer[rejected].p50 < 1s", ledger="summary", engine="compiled")


def test_a_ratio_of_two_values() -> None:
    summary = Summary("x", 0, "simpy", 1.0, sessions=SessionCounts(arrived=200, unanswered=3))
    (found,) = evaluate(["sessions.unanswered / sessions.arrived < 1%"], summary)
    assert (found.value, found.ok) == (0.015, False)
    (nothing,) = evaluate(["sessions.answered / sessions.cancelled == none"], summary)
    assert nothing.ok  # there is no ratio to 0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sessions.answered.p99.9 > 1", "there is no value"),
        ("resources.rtp_port.p99.9 > 1", "there is no value"),
        ("latency.invite_to_answer.p100 < 1s", "there is no value"),
        ("latency.invite_to_answer[lost].p50 < 1s", "the outcome must be"),
        ("a / b / c < 1", "a ratio has two parts"),
        ("sessions.arrivd / sessions.arrived < 1", "sessions.arrived"),
    ],
)
def test_what_is_no_value_is_told(text: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        parse(text)


def test_durations_that_were_not_kept_are_asked_for_in_vain() -> None:
    summary = Summary("x", 0, "simpy", 1.0)
    with pytest.raises(ScenarioError, match="does not keep the single durations"):
        evaluate(["latency.invite_to_answer.p99.9 < 1s"], summary)


def test_what_is_wrong_with_expect_has_its_line_and_comes_with_all_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("duration: 1m\narrivals: {rate: fast}\nexpect:\n  - leaked.session_pol == 0\n  - blocking\n")
    with pytest.raises(ScenarioError) as error:
        load_scenario(path, conditions=check_condition)
    problems = error.value.problems
    assert any("wrong.yaml:2" in problem and "arrivals.rate" in problem for problem in problems)
    assert any("wrong.yaml:5: expect: condition 'blocking'" in problem for problem in problems)
    answered = CliRunner().invoke(build(), ["run", str(path)])
    assert answered.exit_code == 2
    assert "wrong.yaml:5: expect:" in answered.stderr


def test_a_resource_that_the_scenario_has_not_is_found_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text("arrivals: {rate: 1/s}\nexpect:\n  - leaked.session_pol == 0\n")
    answered = CliRunner().invoke(build(), ["check", str(path)])
    assert answered.exit_code == 2
    assert "wrong.yaml:3: expect:" in answered.stderr
    assert "session_pool" in answered.stderr


def test_what_all_tasks_lost_is_one_count() -> None:
    full = {**CALLS, "arrivals": {"rate": "100/s"}, "server": {
        "sip": {"receive_buffer": 1}, "freeze": [{"task": "nua", "at": "1s", "for": "2s"}],
    }}  # fmt: skip
    summary = sim.run(load_scenario(full), seed=3, engine="simpy").summary
    (found,) = evaluate(["tasks.lost > 0"], summary)
    assert found.ok
    assert found.value == sum(task.lost for task in summary.tasks.values())
    assert parse("tasks.lost == 0", tasks=["NUA"]).holds(0)
