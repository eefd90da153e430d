"""The media engine's 10 ms tick: what arrives at random waits a time that is uniform on 0-10 ms."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest
from theory.bare import bare

import sim

TICK = 0.010
CALLS = 2000


def waits(messages: pd.DataFrame, message: str) -> np.ndarray:
    seen = messages[(messages["task"] == "Media-Engine-1") & (messages["message"] == message)]
    return (seen["started_s"] - seen["sent_s"]).to_numpy()


def first_container_waits(messages: pd.DataFrame) -> np.ndarray:
    """The waits of the containers that add; the second one of a session subtracts."""
    containers = messages[(messages["task"] == "Media-Engine-1") & (messages["message"] == "MPF container")]
    first = containers.groupby("session", observed=True).head(1)
    return (first["started_s"] - first["sent_s"]).to_numpy()


@pytest.fixture(scope="module")
def messages() -> pd.DataFrame:
    """Random arrivals and holds on a server where only the tick takes time; every call has a request to stop."""
    scenario = bare(
        "tick",
        duration="1h",
        drain="30s",
        arrivals={"kind": "poisson", "rate": "50/s", "calls": CALLS},
        calls={"hold": {"dist": "exponential", "mean": "1s"}, "requests": 1},
        client={"tcp": True, "connect_delay": "0s"},
        server={"media": {"tick": "10ms"}, "limits": {"max_connection_count": None}},
    )
    found = sim.run(scenario, seed=1, ledger="full").messages
    assert found is not None
    return found


def test_a_message_at_random_waits_uniformly(messages: pd.DataFrame) -> None:
    """Kolmogorov-Smirnov at the 1 % level; mean 5 ms within 3 standard errors of 10 ms/√(12 n) = 0.065 ms."""
    delay = first_container_waits(messages)
    assert len(delay) == CALLS
    assert kstest(delay, "uniform", args=(0.0, TICK)).pvalue > 0.01
    assert delay.mean() == pytest.approx(TICK / 2, abs=3 * TICK / np.sqrt(12 * CALLS))


def test_the_answer_to_stop_waits_uniformly(messages: pd.DataFrame) -> None:
    """Same test, for the callers' BYEs. They have no tick of their own, though INVITEs were answered at one."""
    delay = waits(messages, "STOP at tick")
    assert len(delay) == CALLS
    assert kstest(delay, "uniform", args=(0.0, TICK)).pvalue > 0.01


def test_a_message_sent_at_a_tick_waits_for_the_next(messages: pd.DataFrame) -> None:
    """The container that subtracts is sent when the STOP was answered, at a tick: it waits a whole one. Exact."""
    containers = messages[(messages["task"] == "Media-Engine-1") & (messages["message"] == "MPF container")]
    last = containers.groupby("session", observed=True).tail(1)
    delay = (last["started_s"] - last["sent_s"]).to_numpy()
    assert np.allclose(delay, TICK, atol=1e-9)


def test_evenly_spaced_calls_lock_to_the_tick_at_a_phase_of_the_run() -> None:
    """With a spacing of whole ticks every call waits the same, and each seed draws how long (as in trace base20)."""
    scenario = bare(
        "locked",
        duration="1s",
        drain="5s",
        arrivals={"kind": "even", "rate": "20/s"},
        calls={"hold": "500ms"},
        server={"media": {"tick": "10ms"}},
    )
    phases = []
    for seed in range(5):
        found = sim.run(scenario, seed=seed, ledger="full").messages
        assert found is not None
        delay = first_container_waits(found)
        assert np.ptp(delay) < 1e-9
        phases.append(delay[0])
    assert np.ptp(phases) > 1e-3
