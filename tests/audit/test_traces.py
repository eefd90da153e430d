"""What the audit says of every real trace equals what was counted in it independently."""

from collections import Counter

import numpy as np
import pytest
from audit.traces import NAMES, path_of, text_of, truth_of

from sim.audit.audit import audit_log, audit_logs
from sim.audit.messages import LogMessages
from sim.ledger.result import RunResult
from sim.ledger.summary import Quantiles

LATENCIES = {
    "invite_to_answer": "invite_to_answer",
    "offer_to_media": "offer_to_media",
    "media_to_opened": "media_to_open",
    "deactivate_to_destroy": "terminate_to_release",
    "pool_lifetime": "pool_lifetime",
    "terminate_to_closed": "close_delay",
}
LEAKS = {
    "leak2": {"close-never-answered": 24},
    "info20": {"close-never-answered": 19},
    "recogdrop": {"request-never-answered": 35},
}
ROUNDING_MS = 0.00101


@pytest.fixture(scope="module", params=NAMES)
def audited(request: pytest.FixtureRequest) -> tuple[str, RunResult]:
    return request.param, audit_log(path_of(request.param))


def test_sessions_and_ids_equal_the_truth(audited: tuple[str, RunResult]) -> None:
    name, result = audited
    truth, sessions = truth_of(name), result.sessions
    assert sessions is not None
    counts = result.summary.sessions
    assert (counts.created, counts.released) == (truth["created"], truth["destroyed"])
    assert len(sessions) == counts.arrived == truth["created"]
    assert sorted(sessions[sessions["released_s"].isna()]["name"]) == sorted(truth["not_destroyed"])
    assert result.provenance["not_understood"] == 0


def test_latencies_equal_the_truth_within_rounding(audited: tuple[str, RunResult]) -> None:
    name, result = audited
    for theirs, ours in LATENCIES.items():
        expected, found = truth_of(name)["ms"][theirs], result.summary.latency[ours]
        if expected is None:
            assert found == Quantiles(), ours
            continue
        assert found.n == expected["n"], ours
        for statistic in ("mean", "p50", "p95", "p99", "max"):
            assert getattr(found, statistic) * 1e3 == pytest.approx(expected[statistic], abs=ROUNDING_MS), (
                ours,
                statistic,
            )


def test_every_leak_has_its_cause_and_nothing_else_is_a_leak(audited: tuple[str, RunResult]) -> None:
    name, result = audited
    leaked = [leak for leak in result.leaks if leak.cause]
    assert Counter(leak.cause for leak in leaked) == LEAKS.get(name, {})
    assert result.summary.sessions.leaked == len(leaked)
    assert all("would be released by mrcp_" in leak.explanation for leak in leaked)
    assert all(leak.explanation.count("apr_pool_destroy") == 1 for leak in leaked)
    alive = result.leaks[len(leaked) :]
    assert len(alive) == result.summary.sessions.live == (25 if name == "vanish" else 0)
    assert all("sent no BYE; no request ever tied a connection" in leak.explanation for leak in alive)
    assert {leak.plugin for leak in alive} <= {None}  # they wait for their caller
    assert {leak.plugin for leak in leaked} <= {"Demo-Recog-1"}


def test_only_the_double_closes_are_violations(audited: tuple[str, RunResult]) -> None:
    name, result = audited
    kinds = Counter(violation.kind for violation in result.summary.violations)
    assert kinds == ({"use-after-free": 52, "double-close": 52} if name == "dbl" else {})
    closed, used = (
        {v.session: v.time_s for v in result.summary.violations if v.kind == kind}
        for kind in ("double-close", "use-after-free")
    )
    assert len(closed) == len(used) == kinds["double-close"]
    assert all(closed[session] < used[session] for session in used)


def test_what_was_acquired_was_released_or_is_held(audited: tuple[str, RunResult]) -> None:
    _, result = audited
    levels = result.levels
    assert levels is not None
    for resource, use in result.summary.resources.items():
        assert use.acquired == use.released + use.held, resource
        held = levels[levels["resource"] == resource]["held"]
        assert held.max() == use.peak, resource
        assert (held >= 0).all()
        assert use.leaked <= use.held


@pytest.mark.parametrize("name", ["leak2", "recogdrop", "info20"])
def test_what_a_leaked_session_holds(name: str) -> None:
    result = audit_log(path_of(name))
    resources, leaked = result.summary.resources, result.summary.sessions.leaked
    lost = {"session_pool", "sip_home", "nua_handle", "session_table", "engine_channel:speechrecog"}
    if name == "recogdrop":
        lost |= {"control_channel", "media_context", "rtp_port", "connection_pool"}
    if name == "info20":
        lost |= {"connection_pool"}
    assert {resource: use.leaked for resource, use in resources.items() if use.leaked} == dict.fromkeys(lost, leaked)


def test_used_up_rtp_ports_are_refusals() -> None:
    use = audit_log(path_of("rtpfull")).summary.resources["rtp_port"]
    assert (use.refused, use.peak, use.limit) == (156, 30, 30)


def test_callers_without_ack_are_released_after_32_seconds() -> None:
    result = audit_log(path_of("noack"))
    assert result.sessions is not None
    silent = result.sessions[result.sessions["bye_s"].isna()]
    assert len(silent) == 6
    assert ((silent["deactivate_s"] - silent["answer_s"]) == pytest.approx(32.0, abs=0.02)) is not None
    assert (silent["deactivate_s"] - silent["answer_s"]).between(31.98, 32.05).all()


def test_an_unknown_resource_is_404() -> None:
    counts = audit_log(path_of("unknown")).summary.sessions
    assert (counts.rejected, counts.answered, counts.blocking) == ({"404": 200}, 0, 0.0)


@pytest.mark.parametrize("name", ["poisson10", "recogdrop"])
def test_every_message_is_matched(name: str) -> None:
    messages = list(LogMessages([path_of(name)]))
    text = text_of(name)
    assert Counter(m.task for m in messages) == Counter(
        line.split(b"Process Message [", 1)[1].split(b"]")[0].decode()
        for line in text.splitlines()
        if b"Process Message [" in line
    )
    assert all(m.wait_s >= 0 and m.service_s >= 0 for m in messages)
    owned = [m for m in messages if m.name not in ("other", "engine_opened")]
    assert sum(m.session >= 0 for m in owned) == len(owned)


def test_service_times_are_those_of_the_server_model() -> None:
    """Medians in µs at 10 calls/s, server-model section 8."""
    by_name: dict[tuple[str, str], list[float]] = {}
    for m in LogMessages([path_of("poisson10")]):
        by_name.setdefault((m.task, m.name), []).append(m.service_s * 1e6)
    expected = {"offer": 99, "channel_added": 6, "mpf_response": 50, "opened": 91, "terminate": 90, "closed": 6}
    for message, median in expected.items():
        assert np.median(by_name["MRCP Server", message]) == pytest.approx(median, rel=0.15, abs=1.5), message
    assert {name for task, name in by_name if task == "Demo Recog Engine"} == {"open", "close"}
    assert {name for task, name in by_name if task == "MRCPv2-Agent-1"} == {"add", "remove"}
    assert {name for task, name in by_name if task == "Media-Engine-1"} == {"add", "subtract"}


def test_who_answered_tells_a_delay_by_another_thread_from_the_plugins_own_task() -> None:
    answers = {name: LogMessages([path_of(name)]) for name in ("close500", "poisson10")}
    for name, messages in answers.items():
        closed = [m for m in messages if m.name == "closed"]
        assert {m.answered_by for m in closed} == ({""} if name == "close500" else {"Demo Recog Engine"})


def test_tasks_of_a_debug_log_and_none_of_an_info_log() -> None:
    tasks = audit_log(path_of("pools")).summary.tasks
    server = tasks["MRCP Server"]
    assert server.messages == text_of("pools").count(b"Process Message [MRCP Server]")
    assert server.wait.n == server.service.n == server.messages
    assert server.utilisation is not None
    assert 0 < server.utilisation < 0.2
    info = audit_log(path_of("info20"))
    assert info.summary.tasks == {}
    assert info.provenance["level"] == "INFO"
    assert any("can not be known" in note for note in info.provenance["notes"])
    assert any("costs the server time" in note for note in audit_log(path_of("noack")).provenance["notes"])


def test_full_ledger_adds_up_to_the_summary() -> None:
    result = audit_logs([path_of("recogdrop")], ledger="full")
    assert result.ledger is not None
    assert result.messages is not None
    assert result.sessions is not None
    sums = result.ledger.groupby("resource", observed=True)["delta"].sum()
    assert {name: use.held for name, use in result.summary.resources.items()} == sums.to_dict()
    stuck = result.sessions[result.sessions["outcome"] == "leaked"]["session"]
    held = result.ledger[result.ledger["session"].isin(stuck)].groupby("session")["delta"].sum()
    assert (held >= 8).all()
    assert result.messages["session"].max() == 399
