"""A log that starts in the middle, as a rotated part does, calibrates; counts that refute a scenario are told."""

import lzma
from pathlib import Path

import sim
from sim.calibration.calibrate import calibrate_logs
from sim.validation.validate import _differ

TRACE = Path(__file__).parents[1] / "data" / "traces" / "poisson10.log.xz"


def test_a_log_that_starts_in_the_middle_of_calls_calibrates(tmp_path: Path) -> None:
    lines = lzma.decompress(TRACE.read_bytes()).splitlines(keepends=True)
    part = tmp_path / "part.log"
    part.write_bytes(b"".join(lines[999:20_000]))
    found = calibrate_logs([part])
    path = tmp_path / "part.yaml"
    path.write_text(f"duration: {found.tree['duration']}\n", encoding="utf-8")
    assert sim.load_scenario(path).duration > 1.0


def test_a_scenario_that_never_leaks_is_refuted_by_any_leak() -> None:
    assert _differ("leaked", 9.0, 0.0)
    assert not _differ("leaked", 0.0, 0.0)
    assert not _differ("leaked", 24.0, 19.0)
