"""A run is a function of scenario and seed: the same bytes again; scenarios one knob apart share every other draw."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sim
from sim.engine.contract import Observer
from sim.vocabulary.messages import N_INVITE

TABLES = ("sessions.parquet", "levels.parquet", "ledger.parquet", "messages.parquet")
KNOBS: dict[str, Any] = {
    "name": "reproducible",
    "duration": "10s",
    "drain": "40s",
    "arrivals": {"kind": "poisson", "rate": "20/s"},
    "calls": {"hold": {"dist": "lognormal", "median": "1s", "mean": "2s"}, "requests": 2, "recognition": "300ms"},
    "plugins": {"speechrecog": {"close": {"delay": {"dist": "exponential", "mean": "50ms"}, "never": 0.05}}},
}


def saved(folder: Path, seed: int) -> dict[str, bytes]:
    """The bytes of every table of a run, and of its summary."""
    sim.run(sim.load_scenario(KNOBS), seed=seed, ledger="full").save(folder)
    return {name: (folder / name).read_bytes() for name in (*TABLES, "summary.json")}


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    first, again, other = saved(tmp_path / "1", 7), saved(tmp_path / "2", 7), saved(tmp_path / "3", 8)
    assert min(len(content) for content in first.values()) > 500
    assert first == again
    assert all(first[name] != other[name] for name in first)


def test_another_hash_seed_of_python_changes_nothing(tmp_path: Path) -> None:
    """Two fresh interpreters, through the command line, to the byte."""
    found = []
    for hash_seed in ("1", "2"):
        out = tmp_path / hash_seed
        command = ["run", "two-resources", "--set", "duration=5s", "--ledger", "full", "--quiet", "--out", str(out)]
        subprocess.run(
            [sys.executable, "-m", "sim.cli.main", *command],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            check=True,
            cwd=Path(__file__).parent.parent,
        )
        found.append({name: (out / name).read_bytes() for name in (*TABLES, "summary.json")})
    assert found[0] == found[1]


class Plans(Observer):
    """Notes what each caller has set out to do when its INVITE leaves."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, float, int]] = []

    def message_sent(self, now: float, task: int, kind: int, session: Any) -> None:
        if kind == N_INVITE:
            self.calls.append((session.invite_s, session.hold_s, session.requests_left))


def plans(overrides: dict[str, Any], seed: int = 7) -> list[tuple[float, float, int]]:
    watch = Plans()
    sim.run(sim.load_scenario(KNOBS, overrides), seed=seed, ledger="summary", observers=(watch,))
    return watch.calls


@pytest.mark.parametrize(
    "overrides",
    [
        {"plugins.speechrecog.close.delay": "2s"},
        {"plugins.speechrecog.close.block": {"dist": "exponential", "mean": "30ms"}},
        {"plugins.speechrecog.open.never": 0.5},
        {"server.costs.server.offer": {"dist": "gamma", "shape": 3, "mean": "5ms"}},
        {"client.patience": "1s"},
    ],
)
def test_one_knob_leaves_every_arrival_and_hold_time_as_it_was(overrides: dict[str, Any]) -> None:
    before = plans({})
    assert len(before) > 150
    assert plans(overrides) == before


def test_another_seed_changes_every_arrival_and_hold_time() -> None:
    assert not {(at, hold) for at, hold, _ in plans({})} & {(at, hold) for at, hold, _ in plans({}, seed=8)}


def test_twice_the_rate_keeps_the_hold_times_in_their_order() -> None:
    """The n-th call has the n-th hold time, at any load: streams do not share a generator."""
    slow, fast = plans({}), plans({"arrivals.rate": "40/s"})
    assert len(fast) > len(slow)
    assert [hold for _, hold, _ in fast[: len(slow)]] == [hold for _, hold, _ in slow]
    assert [at for at, _, _ in fast[: len(slow)]] == pytest.approx([at / 2 for at, _, _ in slow])
