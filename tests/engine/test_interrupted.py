"""A run that is interrupted, or whose server crashes, keeps its levels up to there: the same in both engines."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from signals import HEEDS

import sim
from sim.engine.compiled.engine import CompiledEngine
from sim.engine.reference.engine import SimpyEngine
from sim.ledger.result import RunResult, load_result

LONG = {"duration": "100000h", "arrivals": {"rate": "20/s"}, "calls": {"hold": "300ms"}}
STOP_S = 60.0


def interrupted(engine: str, monkeypatch: pytest.MonkeyPatch) -> RunResult:
    """A run of a scenario that takes for ever, broken off in its first minutes."""
    kind: Any = SimpyEngine if engine == "simpy" else CompiledEngine
    run = kind.run

    def stop(fraction: float) -> None:
        if fraction * 100_000 * 3600 >= STOP_S:
            raise KeyboardInterrupt

    monkeypatch.setattr(kind, "run", lambda self, *_: run(self, stop))
    return sim.run(sim.load_scenario(LONG), engine=engine, ledger="sessions")


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_an_interrupted_run_has_the_level_of_the_interval_it_was_in(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = interrupted(engine, monkeypatch)
    assert result.summary.partial
    assert result.levels is not None
    pools = result.levels[result.levels["resource"] == "session_pool"]
    assert pools["time_s"].tolist() == [0.0]
    use = result.summary.resources["session_pool"]
    assert pools["held"].tolist() == [use.held]
    assert pools["max"].tolist() == [use.peak]
    assert pools["mean"].iloc[0] == pytest.approx(use.mean)


@pytest.mark.parametrize("drain", ["7s", "500ms"])
def test_levels_reach_to_the_end_in_both_engines_wherever_a_run_stops(drain: str) -> None:
    crash = {"pool": {"fails": {"probability": 1.0, "from": "2345ms"}, "checked": False}}
    for server in ({}, crash):
        scenario = sim.load_scenario({"duration": "4s", "arrivals": {"rate": "20/s"}, "drain": drain, "server": server})
        one, other = (sim.run(scenario, engine=engine, ledger="sessions") for engine in ("simpy", "compiled"))
        assert one.levels is not None
        pd.testing.assert_frame_equal(one.levels, other.levels)
        window = (4.0 + float(drain.removesuffix("ms").removesuffix("s")) / (1000 if "ms" in drain else 1)) / 1000
        pools = one.levels[one.levels["resource"] == "session_pool"]
        assert pools["time_s"].iloc[-1] == pytest.approx(one.summary.horizon_s, abs=1.001 * window)
        assert np.all(np.diff(pools["time_s"]) > 0)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are other there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_told_to_stop_keeps_what_was_finished(number: int, tmp_path: Path) -> None:
    out = tmp_path / "r"
    command = [sys.executable, "-c", "from sim.cli.main import main; main()", "run", "baseline", "--engine", "simpy"]
    command += ["--ledger", "sessions", "--out", str(out), "--set", "duration=1000h", "--quiet"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, **HEEDS) as process:
        rows = tmp_path / ".r.unfinished" / "sessions.parquet.part"
        try:
            for _ in range(600):
                if rows.exists() or process.poll() is not None:
                    break
                time.sleep(0.05)
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, said
    assert [path.name for path in tmp_path.iterdir()] == ["r"]
    result = load_result(out)
    assert result.summary.partial
    assert result.levels is not None
    assert len(result.levels)
    assert result.sessions is not None
    assert len(result.sessions) == result.summary.sessions.arrived > 0
