"""MRCPv1: RTSP connections are not MRCPv2's, and their end begins the termination of every session on them."""

import lzma
from pathlib import Path

from sim.audit.audit import audit_logs
from sim.calibration.calibrate import calibrate_logs
from sim.ledger.result import RunResult

FIELD = Path(__file__).parent.parent / "data" / "field"


def audit(name: str) -> RunResult:
    return audit_logs([FIELD / f"{name}.log.xz"], ledger="full")


def test_a_session_whose_termination_began_with_its_connection_and_never_ended_is_leaked() -> None:
    found = audit("04-v1-client-died")
    counts = found.summary.sessions
    assert (counts.created, counts.released, counts.live, counts.leaked) == (3, 2, 0, 1)
    (leak,) = found.leaks
    assert leak.session == 2
    assert "0000000000abc002" in leak.explanation
    assert "session timer" not in leak.explanation
    assert found.summary.findings == ()  # one termination that does not end is no server task that hangs


def test_where_all_sessions_on_the_connection_end_none_is_leaked(tmp_path: Path) -> None:
    text = lzma.decompress((FIELD / "04-v1-client-died.log.xz").read_bytes()).decode()
    path = tmp_path / "server.log"
    path.write_text(text + "".join(
        f"2024-02-02 10:05:18:00000{n} [NOTICE] {line}\n"
        for n, line in enumerate(("Remove Session <0000000000abc002>", "Destroy Session <0000000000abc002>"))
    ))  # fmt: skip
    assert audit_logs([path]).summary.sessions.leaked == 0


def test_connections_of_rtsp_are_no_mrcpv2_connections() -> None:
    found = audit("05-v1-connections-closed")
    assert (found.summary.sessions.created, found.summary.sessions.leaked) == (12, 0)
    assert "connection_pool" not in found.summary.resources
    assert "tcp_connection" not in found.summary.resources


def test_no_scenario_for_mrcpv2_is_written_from_mrcpv1_sessions_without_a_note() -> None:
    found = calibrate_logs([FIELD / "05-v1-connections-closed.log.xz"])
    assert any("12 of 12 sessions are MRCPv1 (RTSP)" in line for line in found.head)
