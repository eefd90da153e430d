"""A real log's timeline is told like a simulated one: tasks, messages and states by the same names, found by its id."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

import sim
from sim.audit.audit import audit_logs
from sim.cli.main import build
from sim.errors import ScenarioError
from sim.ledger.identity import session_id
from sim.report.timeline import Story, print_story, story

TRACES = Path(__file__).parent.parent / "data" / "traces"
LEAKED = "3476791faef74488"


@pytest.fixture(scope="module")
def told() -> Story:
    return story(audit_logs([TRACES / "leak2.log.xz"], ledger="full"), LEAKED)


def printed(found: Story, width: int = 160) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_story(found, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_tasks_messages_and_states_have_the_names_of_a_run(told: Story) -> None:
    assert told.session_id == LEAKED
    assert [(step.task, step.message) for step in told.steps] == [
        ("SIP-Agent-1", "nua_i_invite"), ("SIP-Agent-1", "nua_i_state [received]"), ("MRCP Server", "OFFER"),
        ("MRCPv2-Agent-1", "ADD channel"), ("MRCP Server", "ADD-channel response"),
        ("Media-Engine-1", "MPF container"), ("MRCP Server", "MPF response"), ("Demo Recog Engine", "open"),
        ("MRCP Server", "OPEN response"), ("SIP-Agent-1", "nua_i_state [completed]"),
        ("SIP-Agent-1", "nua_i_state [ready]"), ("SIP-Agent-1", "nua_i_bye"),
        ("SIP-Agent-1", "nua_i_state [terminated]"), ("MRCP Server", "TERMINATE"), ("Demo Recog Engine", "close"),
        ("MRCPv2-Agent-1", "REMOVE channel"), ("MRCP Server", "REMOVE-channel response"),
        ("Media-Engine-1", "MPF container"), ("MRCP Server", "MPF response"),
    ]  # fmt: skip
    states = [step.state for step in told.steps if step.task == "MRCP Server"]
    assert states == ["GENERATING_ANSWER"] * 2 + ["INITIALIZING", "ACTIVE"] + ["TERMINATING"] * 3
    text = printed(told)
    assert "nan" not in text
    assert "channel_added" not in text
    assert f"Session 7  <{LEAKED}>" in text


def test_every_resource_stands_with_one_message(told: Story) -> None:
    changes = [(step.message, change.resource, change.delta) for step in told.steps for change in step.changes]
    assert ("nua_i_state [received]", "session_pool", 1) in changes
    assert ("OFFER", "session_table", 1) in changes
    assert ("MPF container", "rtp_port", -1) in changes
    assert len(changes) == len(set(changes)) == 11


def test_a_close_that_was_never_answered_does_not_show_the_function_that_answers(told: Story) -> None:
    functions = {step.message: step.function for step in told.steps if step.task == "Demo Recog Engine"}
    assert functions["close"] == "mrcp_engine_channel_close"
    assert functions["open"] == "mrcp_engine_channel_open → mrcp_engine_channel_open_respond"


def test_in_a_run_too_only_what_came_is_shown() -> None:
    leaky = {
        "name": "leaky", "duration": "2s", "arrivals": {"rate": "10/s"}, "calls": {"hold": "500ms"},
        "plugins": {"speechrecog": {"close": {"never": 1}}},
    }  # fmt: skip
    result = sim.run(sim.load_scenario(leaky), seed=1, ledger="full", engine="simpy")
    found = story(result, session_id(1, 3))
    assert (found.session, found.session_id) == (3, session_id(1, 3))
    functions = {step.message: step.function for step in found.steps}
    assert functions["close"] == "mrcp_engine_channel_close"
    assert functions["open"] == "mrcp_engine_channel_open → mrcp_engine_channel_open_respond"


def test_at_info_the_lines_themselves_are_the_steps() -> None:
    found = story(audit_logs([TRACES / "info20.log.xz"], ledger="full"))
    steps = [(step.task, step.message) for step in found.steps]
    for step in (("MRCP Server", "OFFER"), ("Media-Engine-1", "Media Path"), ("MRCP Server", "Send Answer"),
                 ("MRCP Server", "CONTROL"), ("SIP-Agent-1", "nua_i_bye"), ("MRCP Server", "TERMINATE")):  # fmt: skip
        assert step in steps
    assert [step.at_s for step in found.steps] == sorted(step.at_s for step in found.steps)
    assert found.end.startswith("session ")


def test_the_command_takes_a_log_and_an_id() -> None:
    log = str(TRACES / "leak2.log.xz")
    done = CliRunner().invoke(build(), ["timeline", log, "--session", LEAKED, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["session_id"] == LEAKED
    missing = CliRunner().invoke(build(), ["timeline", log, "--session", "00000000deadbeef"])
    assert missing.exit_code == 2
    assert "has no session 00000000deadbeef (expected a number, or the server's own id" in missing.output


def test_a_number_still_names_a_session(told: Story) -> None:
    result = audit_logs([TRACES / "noack.log.xz"], ledger="full")
    assert story(result, "7").session == story(result, 7).session == 7
    with pytest.raises(ScenarioError, match="has no session 4711"):
        story(result, "4711")


def test_an_id_is_taken_as_it_stands_in_a_line_and_each_message_of_a_request_has_its_name() -> None:
    result = audit_logs([TRACES / "hold.log.xz"], ledger="full")
    found = story(result, "<7bb5a77af4a54045@speechrecog>")
    assert found.session_id == "7bb5a77af4a54045"
    assert ("MRCPv2-Agent-1", "send") in [(step.task, step.message) for step in found.steps]
    assert "other" not in {step.message for step in found.steps}
