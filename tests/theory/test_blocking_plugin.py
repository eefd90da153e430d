"""A plugin whose task blocks in `open` is an M/G/1 queue: M/M/1, M/D/1 and M/H2/1, exactly and in the mean.

Every call opens a channel on three plugins at the same instant, so one stream of arrivals feeds three queues. Calls are
held for days: no close ever reaches the plugins, and the messages of their tasks are the opens alone. The media tick is
1 µs, because plugins are told to open in batches, one per tick: with the real 10 ms they would not be Poisson arrivals.

Three steps: each wait that the engine produces is Lindley's, exactly; Lindley's waits on the engine's own streams meet
Pollaczek-Khinchine over 100 seeds, to about 1 %; and one long run meets it by itself, which is the plain claim but the
weakest test, for waits in one run hang together. Standard errors of one run of 30 000 calls, from 300 replications in
NumPy: mean wait 3.8 % (M/M/1), 2.4 % (M/D/1), 5.1 % (M/H2/1), M/M/1's p95 3.8 % and p99 5.4 %. Tolerances are three.
"""

import numpy as np
import pytest
from theory.bare import bare, instant_plugin
from theory.closed_forms import lindley, mm1_wait_quantile, pollaczek_khinchine

import sim
from sim.engine.start.arrivals import arrival_blocks
from sim.engine.start.sampling import BLOCK, generator, sampler
from sim.ledger.summary import Summary
from sim.scenario.model import Scenario

RATE = 500.0
MEAN = 1.2e-3  # utilisation 0.6 (M/M/1 and M/D/1)
# mean 0.8 ms, squared coefficient of variation 4, utilisation 0.4
H2_MEANS, H2_SHARES = np.array([0.4e-3, 3.2e-3]), np.array([6.0, 1.0]) / 7.0
THEORY = {
    "speechrecog": pollaczek_khinchine(RATE, MEAN, 2.0 * MEAN**2),
    "speechsynth": pollaczek_khinchine(RATE, MEAN, MEAN**2),
    "recorder": pollaczek_khinchine(RATE, float(H2_SHARES @ H2_MEANS), float(H2_SHARES @ (2.0 * H2_MEANS**2))),
}
ENGINES = {"speechrecog": "Demo Recog Engine", "speechsynth": "Demo Synth Engine", "recorder": "Recorder Engine"}


def scenario(calls: int) -> Scenario:
    blocks = {
        "speechrecog": {"dist": "exponential", "mean": "1.2ms"},
        "speechsynth": "1.2ms",
        "recorder": {"dist": "hyperexponential", "means": ["0.4ms", "3.2ms"], "weights": [6, 1]},
    }
    return bare(
        "blocking",
        duration="1h",
        drain="1s",
        arrivals={"kind": "poisson", "rate": "500/s", "calls": calls},
        calls={"hold": "10d", "resources": list(blocks)},
        plugins={name: instant_plugin(open={"block": block}) for name, block in blocks.items()},
    )


@pytest.fixture(scope="module")
def summary() -> Summary:
    return sim.run(scenario(30_000), seed=1, ledger="summary").summary


def test_every_wait_is_lindleys() -> None:
    """Each wait, one by one, from the same arrivals and services. Tolerance: float rounding."""
    messages = sim.run(scenario(1000), seed=1, ledger="full").messages
    assert messages is not None
    for engine in ENGINES.values():
        opens = messages[messages["task"] == engine]
        assert (opens["message"] == "open").all()
        sent, started = opens["sent_s"].to_numpy(), opens["started_s"].to_numpy()
        services = (opens["finished_s"] - opens["started_s"]).to_numpy()
        assert len(opens) == 1000
        assert np.allclose(started - sent, lindley(sent, services), atol=1e-9)
        assert (started - sent).max() > 1e-3  # there was a queue


def test_the_streams_meet_pollaczek_khinchine_over_many_seeds() -> None:
    """Mean wait over 100 seeds. Standard errors a tenth of one run's; tolerances three: 1.2, 0.8 and 1.6 %."""
    queues = scenario(30_000)
    ratios: dict[str, list[float]] = {name: [] for name in THEORY}
    for seed in range(100):
        arrivals = np.concatenate([block.time_s for block in arrival_blocks(queues, seed, 3600.0)])
        for name, theory in THEORY.items():
            draws, draw = generator(seed, f"plugins.{name}.open.block"), sampler(queues.plugins[name].open.block)
            services = np.concatenate([draw(draws, BLOCK) for _ in range(len(arrivals) // BLOCK + 1)])
            ratios[name].append(lindley(arrivals, services[: len(arrivals)]).mean() / theory)
    assert np.mean(ratios["speechrecog"]) == pytest.approx(1.0, abs=0.012)
    assert np.mean(ratios["speechsynth"]) == pytest.approx(1.0, abs=0.008)
    assert np.mean(ratios["recorder"]) == pytest.approx(1.0, abs=0.016)


@pytest.mark.slow
def test_mean_wait_of_m_m_1(summary: Summary) -> None:
    wait = summary.tasks[ENGINES["speechrecog"]].wait
    assert wait.n == 30_000
    assert wait.mean == pytest.approx(THEORY["speechrecog"], rel=0.114)


@pytest.mark.slow
def test_wait_quantiles_of_m_m_1(summary: Summary) -> None:
    wait = summary.tasks[ENGINES["speechrecog"]].wait
    assert wait.p95 == pytest.approx(mm1_wait_quantile(RATE, MEAN, 0.95), rel=0.114)
    assert wait.p99 == pytest.approx(mm1_wait_quantile(RATE, MEAN, 0.99), rel=0.162)


@pytest.mark.slow
def test_mean_wait_of_m_d_1(summary: Summary) -> None:
    wait = summary.tasks[ENGINES["speechsynth"]].wait
    assert wait.mean == pytest.approx(THEORY["speechsynth"], rel=0.072)


@pytest.mark.slow
def test_mean_wait_of_m_g_1(summary: Summary) -> None:
    wait = summary.tasks[ENGINES["recorder"]].wait
    assert wait.mean == pytest.approx(THEORY["recorder"], rel=0.153)


@pytest.mark.slow
def test_utilisation_is_rate_times_mean_service(summary: Summary) -> None:
    """Standard error of both factors 0.6 % each (30 000 exponential values); tolerance 3 %, the last second idle."""
    tasks = summary.tasks
    loaded = summary.horizon_s - 1.0
    for engine in ("Demo Recog Engine", "Demo Synth Engine"):
        assert tasks[engine].utilisation * summary.horizon_s / loaded == pytest.approx(RATE * MEAN, rel=0.03)
