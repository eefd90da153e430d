"""Random values in blocks: one named NumPy generator per purpose, the same values for every engine."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from sim.errors import InternalError
from sim.scenario import distributions as d

Array = np.ndarray[Any, np.dtype[np.float64]]
Sampler = Callable[[np.random.Generator, int], Array]

BLOCK = 1024
"""Values drawn at a time. Part of what a seed means: changing it changes the draws of compound distributions."""


def generator(seed: int, name: str, replication: int = 0) -> np.random.Generator:
    """The generator of one stream, keyed by seed, replication and the stream's name alone."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, replication, zlib.crc32(name.encode())))))


def constant_value(dist: d.Dist) -> float | None:
    """The value of a distribution that has only one, else None."""
    if isinstance(dist, d.Constant):
        return float(dist.value + dist.shift)
    return None


def sampler(dist: d.Dist) -> Sampler:
    """A function `(generator, n)` that draws n values in seconds, the distribution's shift included."""
    draw = _unshifted(dist)
    shift = float(dist.shift)
    if shift == 0.0:
        return draw
    return lambda rng, n: draw(rng, n) + shift


def _unshifted(dist: d.Dist) -> Sampler:
    if isinstance(dist, d.Constant):
        value = float(dist.value)
        return lambda rng, n: np.full(n, value)
    if isinstance(dist, d.Uniform):
        low, high = float(dist.low), float(dist.high)
        return lambda rng, n: rng.uniform(low, high, n)
    if isinstance(dist, d.Exponential):
        mean = float(dist.mean)
        return lambda rng, n: rng.standard_exponential(n) * mean
    if isinstance(dist, d.Erlang | d.Gamma):
        shape, scale = float(dist.shape), float(dist.mean) / float(dist.shape)
        return lambda rng, n: rng.standard_gamma(shape, n) * scale
    if isinstance(dist, d.Lognormal):
        mu, sigma = dist.log_mu, dist.log_sigma
        return lambda rng, n: np.exp(rng.standard_normal(n) * sigma + mu)
    if isinstance(dist, d.Weibull):
        power, size = 1.0 / float(dist.shape), float(dist.scale)
        return lambda rng, n: rng.standard_exponential(n) ** power * size
    if isinstance(dist, d.Hyperexponential):
        means, edges = np.asarray(dist.means, dtype=np.float64), np.cumsum(dist.probabilities)[:-1]
        return lambda rng, n: means[np.searchsorted(edges, rng.random(n), "right")] * rng.standard_exponential(n)
    if isinstance(dist, d.Empirical):
        values = np.asarray(dist.values, dtype=np.float64)
        return lambda rng, n: values[(rng.random(n) * len(values)).astype(np.int64)]
    if isinstance(dist, d.Mixture):
        return _mixture(dist)
    raise InternalError(f"no sampler for the distribution {dist!r}")


def _mixture(dist: d.Mixture) -> Sampler:
    edges = np.cumsum(dist.probabilities)[:-1]
    parts = [sampler(part.of) for part in dist.parts]

    def draw(rng: np.random.Generator, n: int) -> Array:
        which = np.searchsorted(edges, rng.random(n), "right")
        return np.choose(which, [part(rng, n) for part in parts])

    return draw


def interrupted(draw: Sampler | None, value: float, probability: float, length: d.Dist) -> Sampler:
    """A stream (or a constant `value`) of which some values, with this probability, are longer by `length`."""
    longer = sampler(length)

    def delayed(rng: np.random.Generator, n: int) -> Array:
        plain = np.full(n, value) if draw is None else draw(rng, n)
        return plain + np.where(rng.random(n) < probability, longer(rng, n), 0.0)

    return delayed


def lengthened(draw: Sampler | None, value: float, by: float, least: float) -> Sampler:
    """A stream (or a constant `value`) whose values are all longer by `by` (shorter, below 0), to `least` of them."""

    def longer(rng: np.random.Generator, n: int) -> Array:
        plain = np.full(n, value) if draw is None else draw(rng, n)
        return np.maximum(plain + by, least * plain)

    return longer


def uniform(rng: np.random.Generator, n: int) -> Array:
    """n values on [0, 1)."""
    return rng.random(n)
