"""Sessions held in a fault-free run: Little's law exactly, and M/G/∞ within its own standard error."""

import math

import numpy as np
import pytest
from scipy.stats import chisquare, poisson
from theory.bare import bare
from theory.closed_forms import mg_infinity_mean

import sim

RATE, MEAN_HOLD, SECONDS = 20.0, 0.3, 300.0
HOLDS = {
    "exponential": {"dist": "exponential", "mean": "300ms"},
    "constant": "300ms",
    "lognormal": {"dist": "lognormal", "mean": "300ms", "cv": 1.5},
}


SQUARED_CV = {"exponential": 1.0, "constant": 0.0, "lognormal": 2.25}


def run_of(name: str) -> sim.RunResult:
    hold = HOLDS[name]
    scenario = bare(
        name, duration="300s", drain="30s", arrivals={"kind": "poisson", "rate": "20/s"}, calls={"hold": hold}
    )
    return sim.run(scenario, seed=1, ledger="sessions")


@pytest.fixture(scope="module", params=HOLDS)
def held(request: pytest.FixtureRequest) -> sim.RunResult:
    return run_of(request.param)


def test_littles_law_holds_exactly(held: sim.RunResult) -> None:
    """Area under the number held = sum of the lifetimes within the observed time. Tolerance: float rounding."""
    sessions = held.sessions
    assert sessions is not None
    assert sessions["released_s"].notna().all()
    lifetimes = sessions["released_s"].clip(upper=SECONDS) - sessions["created_s"].clip(upper=SECONDS)
    use = held.summary.resources["session_pool"]
    assert use.mean * SECONDS == pytest.approx(lifetimes.sum(), rel=1e-9)
    assert use.held == 0


def test_mean_number_held_is_that_of_m_g_infinity(held: sim.RunResult) -> None:
    """Standard error √((1 + cv²)/n) of the mean, that is 1.3, 1.8 and 2.3 % for n = 6000; tolerance three of them.

    It is √(∫ covariance) of M/G/∞, a·E[S²]/(E[S]·T) with a = λE[S]. Beneš, Bell System Tech. J. 36 (1957) 965.
    """
    n, cv2 = held.summary.sessions.created, SQUARED_CV[held.summary.scenario]
    mean = held.summary.resources["session_pool"].mean
    theory = mg_infinity_mean(RATE, MEAN_HOLD)
    assert mean == pytest.approx(theory, rel=3.0 * math.sqrt((1.0 + cv2) / n))


def test_number_held_is_poisson(held: sim.RunResult) -> None:
    """At 180 moments 5 mean holds apart: variance/mean = 1 within three standard errors √(2/179), χ² at 0.1 %."""
    levels = held.levels
    seen = levels.loc[(levels["resource"] == "session_pool") & (levels["time_s"] < SECONDS), "held"].to_numpy()[5::5]
    n = len(seen)
    assert n > 170
    assert seen.var(ddof=1) / seen.mean() == pytest.approx(1.0, abs=3.0 * math.sqrt(2.0 / (n - 1)))
    mean = mg_infinity_mean(RATE, MEAN_HOLD)
    edges = [2, 4, 5, 6, 7, 9]  # classes 0-2, 3-4, 5, 6, 7, 8-9, 10 and more
    expected = np.diff([0.0, *poisson.cdf(edges, mean), 1.0]) * n
    counted = np.bincount(np.searchsorted(edges, seen), minlength=len(expected))
    assert chisquare(counted, expected).pvalue > 0.001


def test_every_other_resource_of_a_session_is_held_as_long_as_it() -> None:
    """On a server without service times a session's resources last as long as its pool, to a tick or two."""
    use = run_of("constant").summary.resources
    pool = use["session_pool"].mean
    for name in ("sip_home", "nua_handle", "session_table", "media_context", "rtp_port", "engine_channel:speechrecog"):
        assert use[name].mean == pytest.approx(pool, rel=1e-4), name
        assert use[name].acquired == use[name].released == use["session_pool"].acquired, name
