"""Sensitivity: the knob that moves the answer comes first, the one that has no part in it last."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.cli.main import build
from sim.errors import ScenarioError
from sim.report.warmup import plot_cut
from sim.study.sensitivity import sensitivity
from sim.study.warmup import mser5

pytest.importorskip("SALib")


@pytest.mark.slow
def test_load_moves_blocking_and_the_tick_does_not(tmp_path: Path) -> None:
    arguments = ["sensitivity", "baseline", "--metric", "sessions.blocking", "--replications", "1", "-j", "1", "--json"]
    arguments += ["--vary", "arrivals.rate=10/s:30/s", "--vary", "server.media.tick=8ms:12ms"]
    arguments += ["--vary", "plugins.speechrecog.max_channel_count=19:21", "--cache", str(tmp_path)]
    for setting in ("duration=8s", "drain=3s", "calls.hold.mean=1s"):
        arguments += ["--set", setting]
    done = CliRunner().invoke(build(), arguments)
    assert done.exit_code == 0, done.output
    plain = json.loads(done.stdout)
    by = {effect["knob"]: effect["mu_star"] for effect in plain["effects"]}
    assert plain["effects"][0]["knob"] == "arrivals.rate"
    assert by["arrivals.rate"] > 0.15  # Erlang-B on 20 channels: 0.2 % at 10 erlangs, 38 % at 30
    assert by["server.media.tick"] < 0.02


def test_wrong_ranges_are_refused() -> None:
    with pytest.raises(ScenarioError, match="smaller one first"):
        sensitivity("baseline", ranges={"calls.hold": ("3s", "1s"), "a": (1, 2)}, metric="sessions.blocking")
    with pytest.raises(ScenarioError, match="at least two"):
        sensitivity("baseline", ranges={"calls.hold": ("1s", "3s")}, metric="sessions.blocking")
    with pytest.raises(ScenarioError, match="no value"):
        sensitivity("baseline", ranges={"calls.hold": ("1s", "3s")}, metric="sessions.blokking")


def test_a_cut_is_drawn(tmp_path: Path) -> None:
    times = np.arange(0.0, 100.0, 0.1)
    level = 60.0 * (1.0 - np.exp(-times / 5.0)) + np.random.default_rng(1).normal(0.0, 2.0, len(times))
    plot_cut(times, level, mser5(level), tmp_path / "cut.png", "sessions held")
    assert (tmp_path / "cut.png").stat().st_size > 10_000
