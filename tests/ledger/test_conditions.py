import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.errors import ScenarioError
from sim.ledger.conditions import evaluate, parse
from sim.ledger.summary import Leak, Quantiles, ResourceUse, SessionCounts, Summary, TaskUse, Violation

SUMMARY = Summary(
    "x",
    1,
    "simpy",
    100.0,
    sessions=SessionCounts(arrived=100, leaked=2, rejected={"404": 1, "406": 3}, blocking=0.03),
    resources={
        "session_pool": ResourceUse(leaked=2, peak=40, held=2, bytes_peak=4096),
        "rtp_port": ResourceUse(peak=499, limit=500),
        "engine_channel:speechrecog": ResourceUse(refused=3),
    },
    latency={"invite_to_answer": Quantiles(10, 0.1, 0.1, 0.15, 0.19, 0.2)},
    tasks={"MRCP Server": TaskUse(10, 0.79, 3, Quantiles(3, 0.1, 0.1, 0.2, 0.3, 0.4)), "My v1.2 Engine": TaskUse()},
    violations=(Violation(1.0, 3, "use-after-free", "x"), Violation(2.0, 3, "double-close", "x")),
    leaks=(Leak(1, "TERMINATING", None, None, None, (), "x", "close-never-answered"),) * 2,
)


@pytest.mark.parametrize(
    ("text", "value", "ok"),
    [
        ("leaked.session_pool == 0", 2, False),
        ("leaked.session_pool > 0", 2, True),
        ("resources.session_pool.leaked != 2", 2, False),
        ("peak.session_pool <= 40", 40, True),
        ("held.session_pool<3", 2, True),
        ("refused.engine_channel:speechrecog >= 3", 3, True),
        ("resources.rtp_port.peak < 500", 499, True),
        ("resources.rtp_port.limit == 500", 500, True),
        ("resources.session_pool.limit == none", None, True),
        ("resources.session_pool.limit < 5", None, False),
        ("resources.session_pool.bytes_peak <= 4KiB", 4096, True),
        ("latency.invite_to_answer.p99 < 200ms", 0.19, True),
        ("latency.invite_to_answer.p99 < 190 ms", 0.19, False),
        ("latency.invite_to_answer.p99 < 0.0002ks", None, None),
        ("latency.invite_to_answer.n == 10", 10, True),
        ("latency.bye_to_ok.p50 < 1h", None, False),
        ("latency.bye_to_ok.p50 == none", None, True),
        ("sessions.blocking <= 1%", 0.03, False),
        ("sessions.blocking <= 0.03", 0.03, True),
        ("sessions.rejected.406 > 0", 3, True),
        ("sessions.rejected.488 == 0", 0, True),
        ("sessions.rejected == 4", 4, True),
        ("sessions.leaked in [2, 5]", 2, True),
        ("sessions.leaked in [3, 5]", 2, False),
        ("sessions.crashed_at_s == none", None, True),
        ("violations.use-after-free > 0", 1, True),
        ("violations == 2", 2, True),
        ("violations.late-answer == 0", 0, True),
        ("violations.double-release == 0", 0, True),
        ("leaks.close-never-answered == 2", 2, True),
        ("tasks.MRCP Server.utilisation < 0.8", 0.79, True),
        ("tasks.MRCP Server.utilisation < 79%", 0.79, False),
        ("tasks.MRCP Server.wait.p95 in [0.1s, 300ms]", 0.2, True),
        ("tasks.My v1.2 Engine.queue_peak == 0", 0, True),
        ("horizon_s >= 100s", 100.0, True),
        ("partial == false", 0, True),
    ],
)
def test_a_condition_finds_its_value_and_decides(text: str, value: float | None, ok: bool | None) -> None:
    if ok is None:
        with pytest.raises(ScenarioError, match="unit 'ks'"):
            parse(text)
        return
    (found,) = evaluate([text], SUMMARY)
    assert (found.condition, found.value, found.ok) == (text, value, ok)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be 'value < bound', such as 'leaked.session_pool == 0'"),
        ("leaked.session_pool", "must be 'value < bound', such as 'leaked.session_pool == 0'"),
        ("< 3", "must be 'value < bound', such as 'leaked.session_pool == 0'"),
        ("leaked.session_pool = 0", "'=' is no comparison, write '=='"),
        ("leaked.session_pool == zero", "must compare with a number, such as 0, 200ms or 1% (got 'zero')"),
        ("leaked.session_pool ==", "must compare with a number, such as 0, 200ms or 1% (got '')"),
        ("leaked.session_pool == 0 or 1", "must compare with a number, such as 0, 200ms or 1% (got '0 or 1')"),
        ("leaked.session_pool == 0ms", "has the unit 'ms' where a number without unit is expected"),
        ("latency.invite_to_answer.p99 < 200", "is about a time, which needs a unit: 200ms or 200s"),
        ("latency.invite_to_answer.p99 < 3MiB", "has the unit 'MiB' where s, ms or us is expected"),
        (
            "latency.invite_to_answr.p99 < 1s",
            "there is no value 'latency.invite_to_answr.p99'; nearest: latency.invite_to_answer.p99, "
            "latency.invite_to_answer.p95, latency.invite_to_answer.p50",
        ),
        ("sessions.leaked in [1 2]", "'in' needs two bounds, such as 'in [10, 20]' (got '[1 2]')"),
        ("sessions.leaked in [1, 2", "'in' needs two bounds, such as 'in [10, 20]' (got '[1, 2')"),
        ("sessions.leaked in [2, 1]", "the bounds of 'in' must be numbers, the smaller one first (got '[2, 1]')"),
        ("sessions.leaked < none", "'none' can only be compared with == or != (got '<')"),
        ("sessions.rejected.four > 1", None),
        ("scenario == 1", None),
        ("tasks.MRCP Server.wait == 1", None),
        ("violations.use-after-fre == 0", None),
        ("__import__('os').getpid() > 0", None),
    ],
)
def test_what_can_not_be_read_is_said_with_the_remedy(text: str, message: str | None) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse(text)
    if message is None:
        path = text.partition(" ")[0] if "Server" not in text else "tasks.MRCP Server.wait"
        message = f"there is no value '{path}'"
        assert str(caught.value).startswith(f"condition '{text}': {message}")
    else:
        assert str(caught.value) == f"condition '{text}': {message}"


def test_a_resource_that_the_run_will_not_have_is_found_before_it() -> None:
    names = {"resources": ["session_pool", "rtp_port"], "tasks": ["MRCP Server"]}
    parse("leaked.session_pool == 0", **names)
    with pytest.raises(ScenarioError, match=r"nearest: resources.session_pool.leaked"):
        parse("leaked.sesion_pool == 0", **names)
    with pytest.raises(ScenarioError, match=r"nearest: tasks.MRCP Server.messages"):
        parse("tasks.MRCPServer.messages == 0", **names)


def test_a_resource_that_the_summary_does_not_have_is_an_error_and_not_a_zero() -> None:
    condition = parse("leaked.media_context == 0")
    with pytest.raises(ScenarioError, match=r"there is no value 'resources.media_context.leaked'"):
        condition.evaluate(SUMMARY)


pieces = st.sampled_from(["leaked", ".", "sessions", "404", " ", "<", "==", "in", "[", ",", "]", "1", "ms", "%"])


@given(st.text(max_size=40) | st.lists(pieces, max_size=12).map("".join))
def test_any_text_is_a_condition_or_a_scenario_error(text: str) -> None:
    with contextlib.suppress(ScenarioError):
        assert parse(text).text == text
