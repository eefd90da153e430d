"""Waiting systems: how long a customer waits for a server. Times in seconds, rates per second."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.errors import InternalError
from sim.theory.queues import erlang_b

if TYPE_CHECKING:
    import numpy.typing as npt


def erlang_c(offered: float, servers: int) -> float:
    """Probability that a customer of M/M/c has to wait (Erlang 1917); 1 at and beyond saturation."""
    if offered >= servers:
        return 1.0
    refused = erlang_b(offered, servers)
    return servers * refused / (servers - offered * (1.0 - refused))


@dataclass(frozen=True, slots=True)
class MMc:
    """The wait in M/M/c, FIFO: with probability `erlang_c` exponential, else none (Kleinrock I, section 3.5)."""

    rate: float
    mean_service_s: float
    servers: int = 1

    @property
    def waits(self) -> float:
        """Probability to wait at all."""
        return erlang_c(self.rate * self.mean_service_s, self.servers)

    @property
    def relief(self) -> float:
        """Rate at which a queue empties, per second: c/S - λ."""
        return self.servers / self.mean_service_s - self.rate

    @property
    def mean_wait_s(self) -> float:
        """Mean wait; infinite at and beyond saturation."""
        return self.waits / self.relief if self.relief > 0.0 else math.inf

    def wait_quantile_s(self, p: float) -> float:
        """The wait that a share `p` of the customers does not exceed."""
        if self.relief <= 0.0:
            return math.inf
        return max(0.0, math.log(self.waits / (1.0 - p)) / self.relief)


def mg1_mean_wait(rate: float, mean_service_s: float, squared_variation: float) -> float:
    """Mean wait in M/G/1: λS²(1 + c²) / 2(1 - ρ) (Pollaczek 1930, Khinchine 1932; Kleinrock I, equation 5.70).

    `squared_variation` is the variance of the service time over its squared mean: 1 exponential, 0 constant.
    """
    load = rate * mean_service_s
    if load >= 1.0:
        return math.inf
    return load * mean_service_s * (1.0 + squared_variation) / (2.0 * (1.0 - load))


def md1_wait_within(rate: float, service_s: float, t: float) -> float:
    """P(wait ≤ t) in M/D/1 (Erlang 1909, Crommelin 1932): (1 - ρ) Σ (-x_k)^k/k! e^x_k, x_k = λ(t - kS), k ≤ t/S.

    The terms alternate; they are summed exactly as fractions of two, so that none is lost at high load.
    """
    from decimal import Decimal, localcontext

    load = rate * service_s
    if load >= 1.0:
        return 0.0
    if t < 0.0:
        return 0.0
    with localcontext() as context:
        context.prec = 50 + int(2.0 * rate * t)
        total, factorial = Decimal(0), Decimal(1)
        for k in range(int(t / service_s) + 1):
            factorial *= max(k, 1)
            x = Decimal(rate) * (Decimal(t) - k * Decimal(service_s))
            total += ((-x) ** k if k else 1) / factorial * x.exp()
        return min(1.0, float((1 - Decimal(load)) * total))


def md1_wait_quantile(rate: float, service_s: float, p: float) -> float:
    """The wait that a share `p` of the customers of M/D/1 does not exceed, by bisection."""
    from scipy.optimize import brentq

    if md1_wait_within(rate, service_s, 0.0) >= p:
        return 0.0
    high = service_s
    while md1_wait_within(rate, service_s, high) < p:
        high *= 2.0
        if high > 1e4 * service_s:
            raise InternalError(f"no quantile {p} of M/D/1 found at load {rate * service_s}")
    return float(brentq(lambda t: md1_wait_within(rate, service_s, t) - p, 0.0, high, xtol=1e-9 * service_s))


def mean_of_first_waits(rate: float, mean_service_s: float, customers: int, shape: int | None = 1) -> float:
    """Mean wait of the first customers of a queue that starts empty: what a run of so many calls estimates, exactly.

    Spitzer's identity (1956): E W(n) = Σ E max(0, S_k)/k for k < n, where S_k is k services less k gaps. Services
    are Erlang of this shape (1: M/M/1), or constant for None (M/D/1).
    """
    import numpy as np
    from scipy.stats import gamma

    k = np.arange(1, customers)
    if shape is None:
        excess = _constant_excess(rate, mean_service_s, k)
    else:
        # E max(0, G - H) by integrating P(G > x) P(H < x) over x: G of the services, H of the gaps
        nodes, weights = np.polynomial.legendre.leggauss(400)
        centre, spread = k * mean_service_s, np.sqrt(k) * (mean_service_s + 1.0 / rate)
        low = np.maximum(0.0, np.minimum(centre, k / rate) - 9.0 * spread)
        high = centre + 12.0 * spread + 30.0 * mean_service_s
        x = low[:, None] + (nodes + 1.0)[None, :] / 2.0 * (high - low)[:, None]
        tail = gamma.sf(x, shape * k[:, None], scale=mean_service_s / shape) * gamma.cdf(x, k[:, None], scale=1 / rate)
        excess = (tail * weights).sum(axis=1) * (high - low) / 2.0
    waits = np.concatenate([[0.0], np.cumsum(excess / k)])
    return float(waits.mean())


def _constant_excess(rate: float, service_s: float, k: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """E max(0, kS - H_k) for H_k a sum of k exponential gaps: kS F_k(kS) - (k/λ) F_(k+1)(kS)."""
    from scipy.stats import gamma

    work = k * service_s
    at_most, beyond = gamma.cdf(work, k, scale=1 / rate), gamma.cdf(work, k + 1, scale=1 / rate)
    excess: npt.NDArray[Any] = work * at_most - k / rate * beyond
    return excess
