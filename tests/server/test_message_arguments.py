"""The messages table says which channel, commands or status each message named; older results do without."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

import sim
from sim.ledger.result import RunResult
from sim.logs.writing.write import log_lines
from sim.report.timeline import story
from sim.vocabulary.messages import MESSAGES, count_of, is_marked, step_of

KNOBS = {
    "duration": "2s",
    "arrivals": {"kind": "even", "rate": "2/s"},
    "calls": {"resources": ["speechrecog", "speechsynth"], "hold": "1s", "requests": 3, "recognition": "100ms"},
}


@pytest.fixture(scope="module")
def result() -> RunResult:
    return sim.run(sim.load_scenario(KNOBS), engine="simpy", ledger="full")


def arguments(result: RunResult, message: str) -> list[int]:
    assert result.messages is not None
    mine = result.messages[(result.messages["message"] == message) & (result.messages["session"] == 0)]
    return mine["argument"].tolist()


def test_a_message_has_an_argument_exactly_where_its_row_says_so(result: RunResult) -> None:
    assert result.messages is not None
    has = {row.name: bool(row.argument) for row in MESSAGES}
    for message, group in result.messages.groupby("message", observed=True):
        assert group["argument"].notna().tolist() == [has[str(message)]] * len(group), message


def test_arguments_are_channels_commands_and_statuses(result: RunResult) -> None:
    assert arguments(result, "ADD channel") == [0, 1]
    assert arguments(result, "receive") == [0, 1, 0]  # in turn
    assert arguments(result, "nua_respond") == [200]
    assert [is_marked(sent) for sent in arguments(result, "send")] == [False, True] * 3  # the response, then the event
    steps = [(step_of(argument), count_of(argument)) for argument in arguments(result, "MPF container")]
    assert steps == [(0, 5), (0, 2), (2, 4)]


def test_the_timeline_says_them_in_words(result: RunResult) -> None:
    containers = [step for step in story(result, 0).steps if step.message == "MPF container"]
    assert [step.function.rpartition(" → ")[2] for step in containers] == [
        "mpf_context_termination_add", "mpf_context_termination_add", "mpf_context_termination_subtract",
    ]  # fmt: skip


def test_a_result_without_the_column_is_read_as_before(result: RunResult, tmp_path: Path) -> None:
    folder = tmp_path / "old"
    sim.run(sim.load_scenario(KNOBS), engine="simpy", ledger="full").save(folder)
    path = folder / "messages.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["argument"]), path)
    old = sim.load_result(folder)
    assert old.messages is not None
    assert "argument" not in old.messages
    assert {step.argument for step in story(old, 0).steps} == {None}
    assert list(log_lines(old)) == list(log_lines(result))  # this story has nothing that needs guessing
