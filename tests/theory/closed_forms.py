"""Formulas that the simulator must meet, each with its source. Times in seconds, rates per second."""

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

Floats = npt.NDArray[np.float64]


def mg_infinity_mean(rate: float, mean_hold: float) -> float:
    """Mean number in an M/G/∞ system, which is also Little's law L = λW. Little, Operations Research 9 (1961) 383."""
    return rate * mean_hold


def erlang_b(offered: float, servers: int) -> float:
    """Probability that a call is blocked in M/G/c/c: a Poisson variable, truncated at c.

    Erlang 1917; Sevastyanov (Theory Prob. Appl. 2, 1957, 104): only the mean of the hold time matters.
    """
    return float(poisson.pmf(servers, offered) / poisson.cdf(servers, offered))


def pollaczek_khinchine(rate: float, mean: float, second_moment: float) -> float:
    """Mean wait in an M/G/1 queue. Kleinrock, Queueing Systems I (1975), equation 5.70."""
    return rate * second_moment / (2.0 * (1.0 - rate * mean))


def mm1_wait_quantile(rate: float, mean: float, p: float) -> float:
    """The p-quantile of the wait in M/M/1: P(W > t) = ρ·exp(-(μ-λ)t). Kleinrock I, equation 5.118."""
    rho = rate * mean
    return max(0.0, math.log(rho / (1.0 - p)) / (1.0 / mean - rate))


def lindley(arrivals: Floats, services: Floats) -> Floats:
    """Waits in a single-server FIFO queue, customer by customer. Lindley, Proc. Camb. Phil. Soc. 48 (1952) 277.

    W(n+1) = max(0, W(n) + S(n) - A(n)) is the random walk of S - A less its least value so far.
    """
    walk = np.concatenate([[0.0], np.cumsum(services[:-1] - np.diff(arrivals))])
    return walk - np.minimum.accumulate(walk)
