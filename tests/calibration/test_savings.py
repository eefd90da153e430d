"""What is saved of a cost in quick succession: found again where the times tell it, left open where they do not."""

import numpy as np
import pytest

from sim.calibration.work import ages, kept, savings

RNG = np.random.default_rng(5)
N = 4000
IDLE = RNG.exponential(0.4e-3, N)
AGE = IDLE + RNG.exponential(2e-3, N)


@pytest.mark.parametrize("saved", [(0.3, 0.4), (0.0, 0.6), (0.7, 0.0), (0.0, 0.0)])
def test_both_parts_come_back(saved: tuple[float, float]) -> None:
    noise = RNG.lognormal(-0.5 * 0.2**2, 0.2, N)
    found = savings(80e-6 * kept(saved, IDLE, AGE) * noise, IDLE, AGE)
    assert found == pytest.approx(saved, abs=0.05)


def test_few_times_or_times_after_the_same_pause_tell_nothing() -> None:
    time = np.full(N, 80e-6)
    assert savings(time[:100], IDLE[:100], AGE[:100]) is None
    assert savings(time, np.full(N, 1.0), np.full(N, 1.0)) is None


def test_something_of_a_cost_is_always_left() -> None:
    found = savings(np.maximum(AGE / (AGE + 1e-3) - 0.05, 1e-9), IDLE, AGE)
    assert found is not None
    assert sum(found) < 1.0


def test_the_age_of_a_message_is_counted_from_the_one_before_it_in_time() -> None:
    assert ages(np.array([3.0, 1.0, 1.5])).tolist() == [1.5, np.inf, 0.5]
