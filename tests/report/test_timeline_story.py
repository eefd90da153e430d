import io

import pytest
from rich.console import Console

from sim.errors import ScenarioError
from sim.ledger.result import RunResult
from sim.report.timeline import print_story, story
from sim.vocabulary.messages import function_of
from sim.vocabulary.states import called_on_the_way


def printed(result: RunResult, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    print_story(story(result, 1), console)
    return " ".join(console.file.getvalue().split())  # type: ignore[attr-defined]


def test_the_story_names_each_function_in_order(result: RunResult) -> None:
    text = printed(result, 200)
    names = [
        "nua_stack_process_request", "mrcp_sofia_on_invite", "mrcp_sofia_on_call_receive", "apt_pool_create",
        "mrcp_server_session_offer_process", "mrcp_server_agent_channel_add", "mrcp_server_on_channel_modify",
        "mpf_context_termination_add", "mrcp_server_mpf_message_process → mrcp_server_engine_channels_update",
        "mrcp_engine_channel_open_respond", "mrcp_server_on_engine_channel_open → mrcp_server_session_answer_send",
        "mrcp_sofia_on_call_terminate", "mrcp_server_session_deactivate → mrcp_server_session_terminate_process",
        "mrcp_engine_channel_close_respond", "mrcp_server_on_channel_remove", "mrcp_server_on_engine_channel_close",
        "mrcp_server_session_terminate_send → mrcp_session_terminate_response → mrcp_sofia_on_session_terminate",
        "su_home_unref", "apr_pool_destroy",
    ]  # fmt: skip
    places = [text.find(name) for name in names]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("width", [80, 200])
def test_every_message_wait_and_state_is_there_at_any_width(result: RunResult, width: int) -> None:
    text = printed(result, width)
    for step in story(result, 1).steps:
        assert step.message in text
        assert str(step.state) in text
    assert "5.75 ms" in text
    assert "GENERATING_ANSWER (2)" in text


def test_each_resource_stands_with_the_message_that_changed_it(result: RunResult) -> None:
    changes = {step.message: [(c.resource, c.delta) for c in step.changes] for step in story(result, 1).steps}
    assert changes["nua_i_state [received]"] == [("session_pool", 1), ("sip_home", 1)]
    assert changes["MPF container (add)"] == [("rtp_port", 1)]
    assert changes["OFFER"] == [("engine_channel:speechrecog", 1)]
    assert changes["MPF response"][-1] == ("session_pool", -1)
    assert sum(map(len, changes.values())) == 10


def test_waits_and_services_are_differences(result: RunResult) -> None:
    step = next(step for step in story(result, 1).steps if step.message == "OFFER")
    assert step.wait_s == pytest.approx(30e-6)
    assert step.service_s == pytest.approx(100e-6)


def test_the_story_ends_with_how_the_session_ended(result: RunResult) -> None:
    assert story(result, 1).end.startswith("released: the pool lived ")


def test_without_messages_the_remedy_is_said(result: RunResult) -> None:
    with pytest.raises(ScenarioError, match=r"close-never: holds no messages; run .* with --ledger full"):
        story(RunResult(result.summary))


def test_a_session_that_is_not_there_is_said(result: RunResult) -> None:
    with pytest.raises(ScenarioError, match=r"has no session 99 \(sessions 1 to 1 are recorded\)"):
        story(result, 99)


def test_a_message_without_known_function_keeps_its_name() -> None:
    assert function_of("something new") == "something new"
    assert function_of("close").endswith("mrcp_engine_channel_close_respond")


@pytest.mark.parametrize(
    ("before", "after", "called"),
    [
        ("INITIALIZING", "ACTIVE", ("mrcp_server_session_answer_send",)),
        ("ACTIVE", "TERMINATING", ("mrcp_server_session_terminate_process",)),
        ("ACTIVE", "ACTIVE", ()),
        ("ACTIVE", "GENERATING_ANSWER", ()),
        (None, "GENERATING_ANSWER", ()),
        ("NONE", "ACTIVE", ("mrcp_server_engine_channels_update", "mrcp_server_session_answer_send")),
    ],
)
def test_a_change_of_state_says_what_ran(before: str | None, after: str, called: tuple[str, ...]) -> None:
    assert called_on_the_way(before, after) == called


def test_the_story_as_data_is_plain(result: RunResult) -> None:
    told = story(result, 1).to_dict()
    assert told["steps"][0]["message"] == "INVITE"
    assert told["steps"][0]["changes"][0]["resource"] == "nua_handle"
