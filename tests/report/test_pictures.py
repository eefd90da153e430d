from pathlib import Path

import numpy as np
import pytest

from sim.ledger.levels import levels_of
from sim.ledger.result import RunResult
from sim.ledger.spans import SPANS
from sim.ledger.summary import Summary
from sim.report.plots import held_over_time, latencies, write_pictures
from sim.report.thinning import latency_samples


def test_both_pictures_are_written_and_the_same_twice(result: RunResult, tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_pictures(result, tmp_path / name)
        files.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert set(files[0]) == {"held.png", "latency.png"}
    assert files[0] == files[1]
    assert all(len(content) > 10_000 for content in files[0].values())


def test_held_is_drawn_beside_the_offered_load_and_what_leaked(result: RunResult) -> None:
    axes = held_over_time(result)
    labels = axes.get_legend_handles_labels()[1]
    mean = result.summary.latency["pool_lifetime"].mean
    assert result.sessions is not None
    assert mean is not None
    offered = 612 / result.sessions["created_s"].max() * mean
    assert labels == ["held", "offered load λ(t)·E[pool lifetime]", f"λ·E[pool lifetime] = {offered:.1f}"]
    assert [text.get_text() for text in axes.texts] == ["3 leaked"]


def test_latencies_are_drawn_from_the_sessions(result: RunResult) -> None:
    axes = latencies(result)
    labels = axes.get_legend_handles_labels()[1]
    assert [label.split("   ")[0] for label in labels] == [
        "INVITE → final answer",
        "terminate → release",
        "pool lifetime",
    ]
    assert result.sessions is not None
    samples = latency_samples(result.sessions, "invite_to_answer")
    assert axes.lines[0].get_xdata()[-1] == samples.max()


def test_a_result_without_sessions_is_drawn_from_its_summary(result: RunResult) -> None:
    bare = RunResult(result.summary)
    axes = latencies(bare)
    q = result.summary.latency["invite_to_answer"]
    assert list(axes.lines[0].get_xdata()) == [q.p50, q.p95, q.p99, q.max]
    held_over_time(bare)


def test_levels_on_a_grid_are_drawn_with_their_range(result: RunResult) -> None:
    import pandas as pd

    ledger = pd.DataFrame({"time_s": [0.0, 1.0, 2.5], "resource": ["session_pool"] * 3, "delta": [1, 1, -2]})
    levels = levels_of(ledger, grid_s=1.0, horizon_s=4.0)
    axes = held_over_time(RunResult(Summary("x", 1, "simpy", 4.0), levels=levels))
    assert list(axes.lines[0].get_ydata()) == [1.0, 2.0, 1.0, 0.0, 0.0]
    assert len(axes.collections) == 1


def test_intervals_without_a_row_are_drawn_as_nothing_held() -> None:
    import pandas as pd

    rows = {"time_s": [1.0, 2.0, 5.0], "held": [9, 9, 0], "min": [0, 9, 0], "mean": [4.0, 9.0, 3.0], "max": [9, 9, 9]}
    levels = pd.DataFrame({**rows, "resource": "session_pool"})
    axes = held_over_time(RunResult(Summary("x", 1, "simpy", 20.0), levels=levels))
    assert list(zip(*axes.lines[0].get_data(), strict=True)) == [(1, 4), (2, 9), (3, 0), (5, 3), (6, 0), (20, 0)]


def test_more_changes_than_a_picture_can_show_become_a_band(result: RunResult) -> None:
    import pandas as pd

    times = np.arange(10_000) / 100
    changes = pd.DataFrame({"time_s": times, "resource": "session_pool", "delta": np.tile([1, -1], 5000)})
    run = RunResult(Summary("x", 1, "simpy", 100.0), levels=levels_of(changes, horizon_s=100.0))
    axes = held_over_time(run)
    assert len(axes.lines[0].get_ydata()) < 500
    assert np.allclose(axes.lines[0].get_ydata(), 0.5, atol=0.02)
    assert len(axes.collections) == 1


def test_an_empty_result_is_still_a_picture(tmp_path: Path) -> None:
    write_pictures(RunResult(Summary("empty", 1, "simpy", 0.0)), tmp_path)
    assert (tmp_path / "latency.png").stat().st_size > 1000


@pytest.mark.parametrize("name", SPANS)
def test_every_latency_has_its_two_columns(result: RunResult, name: str) -> None:
    assert result.sessions is not None
    samples = latency_samples(result.sessions, name)
    assert samples.size == result.summary.latency[name].n or result.summary.latency[name].n == 0
    assert not np.isnan(samples).any()
