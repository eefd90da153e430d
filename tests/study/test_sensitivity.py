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
from sim.theory.queues import erlang_b

pytest.importorskip("SALib")

RANGES = {
    "arrivals.rate": ("15/s", "25/s"),
    "calls.hold.mean": ("2.5s", "3.5s"),
    "plugins.speechrecog.max_channel_count": (50, 70),
    "server.media.tick": ("8ms", "12ms"),
}
"""Around 60 erlangs on 60 channels: the first three decide what is refused, the tick has no part in it."""

PROBLEM = {"num_vars": 4, "names": [*RANGES], "bounds": [[0.0, 1.0]] * 4}


def refused(u: np.ndarray) -> float:
    """Erlang-B at a point of the unit cube."""
    return erlang_b((15.0 + 10.0 * u[0]) * (2.5 + u[1]), round(50 + 20 * u[2]))


@pytest.mark.slow
def test_morris_effects_on_blocking_are_those_of_erlang_b(tmp_path: Path) -> None:
    from SALib.analyze import morris as analyze
    from SALib.sample import morris

    given = {"duration": "120s", "drain": "5s"}
    found = sensitivity(
        "baseline", ranges=RANGES, metric="sessions.blocking", overrides=given, cache=str(tmp_path), workers=1,
        replications=2, seed=1,
    )  # fmt: skip
    points = morris.sample(PROBLEM, 10, num_levels=4, seed=1)
    exact = analyze.analyze(PROBLEM, points, np.array([refused(u) for u in points]), num_levels=4, seed=1)
    by = {effect.knob: effect for effect in found.effects}
    for knob, size, spread in zip(RANGES, exact["mu_star"], exact["sigma"], strict=True):
        assert by[knob].size == pytest.approx(size, abs=0.02)  # effects of 0.22, 0.11, 0.11 and 0
        assert by[knob].alone == pytest.approx(spread, abs=0.02)
    assert found.effects[0].knob == "arrivals.rate"
    assert found.effects[-1].knob == "server.media.tick"


@pytest.mark.slow
def test_sobol_shares_of_blocking_are_those_of_erlang_b(tmp_path: Path) -> None:
    from SALib.analyze import sobol as analyze
    from SALib.sample import sobol

    given = {"duration": "120s", "drain": "5s"}
    found = sensitivity(
        "baseline", ranges=RANGES, metric="sessions.blocking", overrides=given, cache=str(tmp_path), workers=1,
        replications=1, method="sobol",
    )  # fmt: skip
    points = sobol.sample(PROBLEM, 2048, calc_second_order=False, seed=1)
    exact = analyze.analyze(PROBLEM, np.array([refused(u) for u in points]), calc_second_order=False, seed=1)
    by = {effect.knob: effect for effect in found.effects}
    for knob, share in zip(RANGES, exact["ST"], strict=True):
        assert abs(by[knob].size - share) <= max(0.01, by[knob].uncertain)  # shares of 0.53, 0.24, 0.29 and 0
    assert found.effects[0].knob == "arrivals.rate"
    assert found.effects[-1].knob == "server.media.tick"


def test_a_knob_may_be_a_part_of_a_default(tmp_path: Path) -> None:
    """The baseline's hold is what a hold is anyway: its mean could not be varied, "must name its distribution"."""
    ranges = {"calls.hold.mean": ("1s", "2s"), "arrivals.rate": ("2/s", "4/s")}
    found = sensitivity(
        "baseline", ranges=ranges, metric="peak.session_pool", overrides={"duration": "2s", "drain": "1s"},
        cache=str(tmp_path), workers=1, replications=1,
    )  # fmt: skip
    assert {effect.knob for effect in found.effects} == {"calls.hold.mean", "arrivals.rate"}


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


def test_knobs_are_looked_at_before_any_run(tmp_path: Path) -> None:
    other = {"calls.hold.mean": ("1s", "2s")}
    for path, ends, why in (
        ("arrivals.rate", ("1s", "5s"), "must be a rate"),
        ("arrivals.rate", ("1s", "5/s"), "of the same unit"),
        ("nothing", ("1", "5"), "nothing is not a known key"),
    ):
        with pytest.raises(ScenarioError, match=why):
            sensitivity("baseline", ranges={**other, path: ends}, metric="sessions.blocking", cache=str(tmp_path / "c"))
    twice = ["--vary", "arrivals.rate=1/s:5/s", "--vary", "arrivals.rate=2/s:7/s", "--metric", "sessions.blocking"]
    done = CliRunner().invoke(build(), ["sensitivity", "baseline", *twice])
    assert done.exit_code == 2
    assert "expected each knob once (got arrivals.rate twice)" in done.output
    assert not (tmp_path / "c").exists()


def test_a_cut_is_drawn(tmp_path: Path) -> None:
    times = np.arange(0.0, 100.0, 0.1)
    level = 60.0 * (1.0 - np.exp(-times / 5.0)) + np.random.default_rng(1).normal(0.0, 2.0, len(times))
    plot_cut(times, level, mser5(level), tmp_path / "cut.png", "sessions held")
    assert (tmp_path / "cut.png").stat().st_size > 10_000
