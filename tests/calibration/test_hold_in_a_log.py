"""The trace `hold`: 86 of 400 calls are put on hold and never end, with a healthy plugin."""

import functools
from pathlib import Path

import pytest

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
