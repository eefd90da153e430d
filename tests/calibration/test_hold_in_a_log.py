"""The trace `hold`: 86 of 400 calls are put on hold and never end, with a healthy plugin."""

import functools
import lzma
from pathlib import Path

import pytest
from calibration.simulated import logged

from sim.calibration.calibrate import calibrate_evidence
from sim.calibration.evidence import Evidence, watch_logs
from sim.engine.run import run
from sim.scenario import load_scenario, to_mapping

TRACE = Path(__file__).parent.parent / "data" / "traces" / "hold.log.xz"


@functools.cache
def evidence() -> Evidence:
    return watch_logs([TRACE])


def test_the_audit_names_the_re_invite_and_does_not_blame_the_plugin() -> None:
    leaks = evidence().summary.leaks
    assert evidence().summary.sessions.leaked == 86
    assert len(leaks) == 86
    for leak in leaks:
        assert leak.state == "DEACTIVATING"
        assert leak.cause == "audio-taken-away"
        assert "had taken the audio away (hold)" in leak.explanation
        assert "the plugin is healthy" in leak.explanation


def test_hold_is_found_and_simulated_with_the_same_counts_causes_and_latencies(tmp_path: Path) -> None:
    """Measured: 86 of 400 (interval 70 to 104), release p50 15.383 and p95 19.645 ms, set-up 5.583 and 9.719 ms."""
    found = calibrate_evidence(evidence())
    path = tmp_path / "hold.yaml"
    found.save(path)
    scenario = load_scenario(path)
    assert scenario.calls.on_hold.probability == pytest.approx(86 / 400)
    assert scenario.calls.on_hold.after is None  # any moment of the call alike
    assert [step.ends for step in scenario.calls.dialogue] == ["completes", "until-bye"]
    arrivals = {"kind": "poisson", "rate": "15/s", "calls": 400}
    mapping = {**to_mapping(scenario), "arrivals": arrivals, "duration": "90s", "drain": "40s"}
    summary = run(load_scenario(mapping), seed=2, engine="simpy", ledger="summary").summary
    assert summary.sessions.answered == 400
    assert 70 <= summary.sessions.leaked <= 104
    assert {leak.cause for leak in summary.leaks} == {"audio-taken-away"}
    release, setup = summary.latency["terminate_to_release"], summary.latency["invite_to_answer"]
    assert release.p50 == pytest.approx(15.383e-3, rel=0.1)
    assert release.p95 == pytest.approx(19.645e-3, rel=0.1)
    assert setup.p50 == pytest.approx(5.583e-3, rel=0.1)
    assert setup.p95 == pytest.approx(9.719e-3, rel=0.1)


def test_the_moment_of_the_hold_is_replayed(tmp_path: Path) -> None:
    from sim.calibration.recorded import write_calls
    from sim.scenario import read_calls

    write_calls(evidence(), tmp_path / "calls.csv")
    held = [call for call in read_calls(str(tmp_path / "calls.csv")) if (call.on_hold_after_s or 0.0) < 1e9]
    assert len(held) == 86


def test_half_of_the_log_predicts_how_many_the_whole_has(tmp_path: Path) -> None:
    """Calls that are up where the half ends may still be put on hold: 86 of 400 in the whole (interval 70 to 104)."""
    lines = lzma.decompress(TRACE.read_bytes()).splitlines(keepends=True)
    half = next(n for n in range(len(lines) // 2, len(lines)) if lines[n].startswith(b"2026-"))
    (tmp_path / "half.log").write_bytes(b"".join(lines[:half]))
    found = calibrate_evidence(watch_logs([tmp_path / "half.log"]))
    on_hold = found.mapping["calls"]["on_hold"]
    assert "after" not in on_hold
    assert 70 <= 400 * on_hold["probability"] <= 104


def test_a_hold_at_a_time_of_its_own_is_found_although_most_calls_end_before_it(tmp_path: Path) -> None:
    calls = {
        "hold": {"dist": "exponential", "mean": "3s"},
        "on_hold": {"probability": 0.4, "after": {"dist": "exponential", "mean": "2s"}},
        "dialogue": [{"method": "RECOGNIZE"}],
    }
    server = {"limits": {"max_connection_count": 5000}}
    path = logged({"name": "h", "duration": "60s", "drain": "60s", "arrivals": {"rate": "15/s"}, "server": server,
                   "calls": calls}, tmp_path)  # fmt: skip
    on_hold = calibrate_evidence(watch_logs([path])).mapping["calls"]["on_hold"]
    assert on_hold["probability"] == pytest.approx(0.4, abs=0.06)  # 0.22 were seen on hold
    assert on_hold["after"]["dist"] == "exponential"
    assert float(on_hold["after"]["mean"].rstrip("s")) == pytest.approx(2.0, rel=0.25)
