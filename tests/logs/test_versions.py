"""A log in the wording of any version since 0.9 tells of the same calls."""

from pathlib import Path

import pytest
from audit.traces import text_of
from logs.lines import as_of

from sim.audit.audit import audit_logs
from sim.ledger.result import RunResult
from sim.vocabulary.lines import VERSIONS


def audit(text: bytes, tmp_path: Path) -> RunResult:
    path = tmp_path / "server.log"
    path.write_bytes(text)
    return audit_logs([path], name="log")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunResult]:
    return {name: audit(text_of(name), tmp_path_factory.mktemp(name)) for name in ("noack", "info20")}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["noack", "info20"])
def test_the_same_calls_in_the_wording_of_each_version(
    name: str, version: str, tmp_path: Path, reference: dict[str, RunResult]
) -> None:
    text = b"\n".join(as_of(version, text_of(name))) + b"\n"
    assert (b"Found MRCP Engine" in text) is (version in ("1.6", "1.7", "1.8"))
    found, wanted = audit(text, tmp_path), reference[name]
    got, sessions = found.summary.sessions, wanted.summary.sessions
    assert (got.created, got.released, got.answered) == (sessions.created, sessions.released, sessions.answered)
    assert found.provenance["not_understood"] == 0
    for resource in ("session_pool", "session_table", "rtp_port", "tcp_connection"):
        use, other = found.summary.resources.get(resource), wanted.summary.resources.get(resource)
        assert (use is None) == (other is None)
        if use is not None and other is not None:
            assert (use.acquired, use.released, use.peak) == (other.acquired, other.released, other.peak), resource
    if version >= "1.0":
        assert found.summary.latency["invite_to_answer"] == wanted.summary.latency["invite_to_answer"]
        assert got.leaked == sessions.leaked
    if version in ("1.0", "1.2", "1.5") and name == "noack":
        waits = found.summary.tasks["MRCP Server"].wait
        assert waits.n == wanted.summary.tasks["MRCP Server"].wait.n
        assert waits == wanted.summary.tasks["MRCP Server"].wait
