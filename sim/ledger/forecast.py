"""When leaks will have used a limit up: the time to the first refused call, from headroom, load and leak rate.

The model: calls hold `busy` units of the resource on average (M/G/∞ seen by a call that arrives: Erlang-B on what is
left), and leaks take one unit for good at rate r. With k units leaked, a call is refused with the probability
B(limit - k, busy), so the first refusal comes at rate h(k) = λ·B(limit - k, busy). The time to it is the absorption
time of a chain 0 → 1 → … → limit with rate r upwards and rate h(k) out; mean and variance follow in one pass backwards.
"""

from __future__ import annotations

import math

from sim.ledger.intervals import CONFIDENCE, Estimate


def erlang_b(servers: int, offered: float) -> list[float]:
    """Erlang's loss probability for 0, 1, … `servers` servers (recursion of Jagerman, stable for any load)."""
    losses = [1.0]
    for n in range(1, servers + 1):
        losses.append(offered * losses[-1] / (n + offered * losses[-1]))
    return losses


def first_refusal(limit: int, busy: float, calls: float, leaks: float, already: int = 0) -> tuple[float, float]:
    """Mean and standard deviation of the time to the first refused call.

    `limit` units, of which calls hold `busy` on average; `calls` and `leaks` per unit of time; `already` leaked.
    """
    losses = erlang_b(limit, busy)
    mean = second = 0.0
    for leaked in range(limit, already - 1, -1):
        refused = calls * losses[limit - leaked]
        out = leaks + refused
        if out <= 0.0:
            return math.inf, math.inf
        stay = 1.0 / out
        go_on = leaks / out if leaked < limit else 0.0
        # E[T²] of exp(out) + T' with probability go_on
        second = 2.0 * stay * stay + go_on * (2.0 * stay * mean + second)
        mean = stay + go_on * mean
    return mean, math.sqrt(max(0.0, second - mean * mean))


def time_to_refusal(
    limit: int, busy: float, calls: float, leaks: Estimate, already: int = 0, confidence: float = CONFIDENCE
) -> Estimate:
    """The mean time, and an interval that has both the chance of a single run and the uncertainty of the leak rate.

    The ends are quantiles of a gamma distribution with the chain's mean and variance, at the ends of the interval of r.
    """
    from scipy.stats import gamma

    tail = (1.0 - confidence) / 2.0

    def quantile(rate: float, p: float) -> float:
        mean, deviation = first_refusal(limit, busy, calls, rate, already)
        if math.isinf(mean):
            return math.inf
        return float(gamma.ppf(p, (mean / deviation) ** 2, scale=deviation**2 / mean))

    mean, _ = first_refusal(limit, busy, calls, leaks.value, already)
    return Estimate(mean, quantile(leaks.high, tail), quantile(leaks.low, 1.0 - tail))


def time_to_fill(headroom: float, leaks: Estimate, size: float = 1.0) -> Estimate:
    """The time until leaks of `size` each have used `headroom` up, where nothing random competes for it (memory)."""

    def after(rate: float) -> float:
        return headroom / (rate * size) if rate > 0.0 else math.inf

    return Estimate(after(leaks.value), after(leaks.high), after(leaks.low))
