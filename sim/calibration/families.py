"""The families that calibration tries, the simplest first, each with its maximum-likelihood fit."""

import math
from typing import Final

import numpy as np
from scipy import optimize, special

from sim.calibration.family import Array, Family, Parameters


def _exponential_fit(x: Array, c: Array) -> Parameters:
    return (float(x.sum() + c.sum()) / len(x),)


def _uniform_fit(x: Array, c: Array) -> Parameters:
    if len(c):
        raise ValueError("censored")
    low, high = float(x.min()), float(x.max())
    reach = (high - low) / max(len(x) - 1, 1)
    return max(0.0, low - reach), high + reach


def _lognormal_fit(x: Array, c: Array) -> Parameters:
    logs = np.log(x)
    mu, sigma = float(logs.mean()), float(logs.std())
    if sigma <= 0:
        raise ValueError("no spread")
    return _censored(LOGNORMAL, x, c, (mu, sigma)) if len(c) else (mu, sigma)


def _gamma_fit(x: Array, c: Array) -> Parameters:
    mean = float(x.mean())
    s = math.log(mean) - float(np.log(x).mean())
    if s <= 0:
        raise ValueError("no spread")
    shape = (3 - s + math.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s)
    for _ in range(8):  # Newton on log k - digamma(k) = s (Minka 2002)
        step = (math.log(shape) - float(special.digamma(shape)) - s) / (1 / shape - float(special.polygamma(1, shape)))
        shape = max(shape - step, shape / 10)
    if not 0.01 <= shape <= 10_000:
        raise ValueError("shape")
    return _censored(GAMMA, x, c, (shape, mean)) if len(c) else (shape, mean)


def _weibull_fit(x: Array, c: Array) -> Parameters:
    logs = np.log(x)
    everything = np.concatenate((x, c)) if len(c) else x
    top = float(everything.max())
    scaled, scaled_logs = everything / top, np.log(everything)
    spread = float(logs.std())
    if spread <= 0:
        raise ValueError("no spread")
    shape = math.pi / math.sqrt(6) / spread
    mean_log = float(logs.mean())
    for _ in range(50):  # the profile likelihood holds with censoring, too
        power = scaled**shape
        s0, s1, s2 = float(power.sum()), float((power * scaled_logs).sum()), float((power * scaled_logs**2).sum())
        slope = 1 / shape + mean_log - s1 / s0
        step = slope / (-1 / shape**2 - (s2 * s0 - s1**2) / s0**2)
        new = max(shape - step, shape / 3)
        done = abs(new - shape) < 1e-9 * shape
        shape = new
        if done:
            break
    if not 0.05 <= shape <= 1000:
        raise ValueError("shape")
    return shape, top * float((scaled**shape).sum() / len(x)) ** (1 / shape)


def _hyper_fit(x: Array, c: Array) -> Parameters:
    """Two exponential branches by EM: weight of the first, both means."""
    if len(c) or float(x.std()) <= 1.05 * float(x.mean()):
        raise ValueError("not burstier than exponential")
    middle = float(np.median(x))
    weight, fast, slow = 0.5, float(x[x <= middle].mean()), float(x[x >= middle].mean())
    for _ in range(200):
        one = weight / fast * np.exp(-x / fast)
        two = (1 - weight) / slow * np.exp(-x / slow)
        share = one / (one + two)
        before = weight, fast, slow
        total = float(share.sum())
        weight = min(max(total / len(x), 1e-6), 1 - 1e-6)
        fast = float((share * x).sum()) / max(total, 1e-12)
        slow = float(((1 - share) * x).sum()) / max(len(x) - total, 1e-12)
        if max(abs(a - b) / b for a, b in zip((weight, fast, slow), before, strict=True)) < 1e-4:
            break
    return weight, fast, slow


def _hyper_draw(rng: np.random.Generator, n: int, p: Parameters) -> Array:
    return np.asarray(np.where(rng.random(n) < p[0], p[1], p[2]) * rng.standard_exponential(n), dtype=np.float64)


def _censored(family: Family, x: Array, c: Array, start: Parameters) -> Parameters:
    """Maximum likelihood with censoring by Nelder-Mead on the logarithms of positive parameters."""
    positive = [value > 0 and not (family.name == "lognormal" and i == 0) for i, value in enumerate(start)]

    def back(theta: Array) -> Parameters:
        return tuple(math.exp(min(v, 50.0)) if log else float(v) for v, log in zip(theta, positive, strict=True))

    def cost(theta: Array) -> float:
        p = back(theta)
        value = -float(family.log_pdf(x, p).sum())
        value -= float(np.log(np.maximum(1 - family.cdf(c, p), 1e-300)).sum())
        return value if math.isfinite(value) else 1e300

    first = np.array([math.log(v) if log else v for v, log in zip(start, positive, strict=True)])
    found = optimize.minimize(cost, first, method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-4, "maxiter": 300})
    return back(found.x)


def _shifted(base: Family) -> Family:
    """The same family on top of a fixed part, which is estimated from the least value: (shift, *parameters)."""

    def fit(x: Array, c: Array) -> Parameters:
        least, mean = float(x.min()), float(x.mean())
        shift = least - (mean - least) / len(x)
        if shift <= 0.0:
            raise ValueError("no shift")
        rest = c - shift
        return shift, *base.fit(np.maximum(x - shift, 1e-9), rest[rest > 0])

    return Family(
        f"{base.name} + shift",
        fit,
        lambda x, p: base.cdf(_above(x, p[0]), p[1:]),
        lambda x, p: base.log_pdf(_above(x, p[0]), p[1:]),
        lambda rng, n, p: base.draw(rng, n, p[1:]) + p[0],
        lambda p: base.mean(p[1:]) + p[0],
        lambda p: {**base.written(p[1:]), "shift": p[0]},
    )


def _above(x: Array, shift: float) -> Array:
    return np.asarray(np.maximum(x - shift, 1e-12), dtype=np.float64)


def _normal_cdf(z: Array) -> Array:
    return np.asarray(special.ndtr(z), dtype=np.float64)


EXPONENTIAL = Family(
    "exponential",
    _exponential_fit,
    lambda x, p: -np.expm1(-x / p[0]),
    lambda x, p: -math.log(p[0]) - x / p[0],
    lambda rng, n, p: rng.standard_exponential(n) * p[0],
    lambda p: p[0],
    lambda p: {"dist": "exponential", "mean": p[0]},
)
UNIFORM = Family(
    "uniform",
    _uniform_fit,
    lambda x, p: np.asarray(np.clip((x - p[0]) / (p[1] - p[0]), 0.0, 1.0), dtype=np.float64),
    lambda x, p: np.full(len(x), -math.log(p[1] - p[0])),
    lambda rng, n, p: rng.uniform(p[0], p[1], n),
    lambda p: (p[0] + p[1]) / 2,
    lambda p: {"dist": "uniform", "low": p[0], "high": p[1]},
)
LOGNORMAL = Family(
    "lognormal",
    _lognormal_fit,
    lambda x, p: _normal_cdf((np.log(x) - p[0]) / p[1]),
    lambda x, p: -np.log(x * p[1]) - 0.5 * math.log(2 * math.pi) - (np.log(x) - p[0]) ** 2 / (2 * p[1] ** 2),
    lambda rng, n, p: np.exp(rng.standard_normal(n) * p[1] + p[0]),
    lambda p: math.exp(p[0] + p[1] ** 2 / 2),
    lambda p: {"dist": "lognormal", "median": math.exp(p[0]), "mean": math.exp(p[0] + p[1] ** 2 / 2)},
)
GAMMA = Family(
    "gamma",
    _gamma_fit,
    lambda x, p: np.asarray(special.gammainc(p[0], x * p[0] / p[1]), dtype=np.float64),
    lambda x, p: (p[0] - 1) * np.log(x) - x * p[0] / p[1] - special.gammaln(p[0]) - p[0] * math.log(p[1] / p[0]),
    lambda rng, n, p: np.asarray(rng.standard_gamma(p[0], n) * p[1] / p[0], dtype=np.float64),
    lambda p: p[1],
    lambda p: {"dist": "gamma", "shape": p[0], "mean": p[1]},
)
WEIBULL = Family(
    "weibull",
    _weibull_fit,
    lambda x, p: -np.expm1(-((x / p[1]) ** p[0])),
    lambda x, p: math.log(p[0] / p[1]) + (p[0] - 1) * np.log(x / p[1]) - (x / p[1]) ** p[0],
    lambda rng, n, p: rng.standard_exponential(n) ** (1 / p[0]) * p[1],
    lambda p: p[1] * math.gamma(1 + 1 / p[0]),
    lambda p: {"dist": "weibull", "shape": p[0], "scale": p[1]},
)
HYPEREXPONENTIAL = Family(
    "hyperexponential",
    _hyper_fit,
    lambda x, p: 1 - p[0] * np.exp(-x / p[1]) - (1 - p[0]) * np.exp(-x / p[2]),
    lambda x, p: np.log(p[0] / p[1] * np.exp(-x / p[1]) + (1 - p[0]) / p[2] * np.exp(-x / p[2]) + 1e-300),
    _hyper_draw,
    lambda p: p[0] * p[1] + (1 - p[0]) * p[2],
    lambda p: {"dist": "hyperexponential", "means": [p[1], p[2]], "weights": [p[0], 1 - p[0]]},
    last_resort=True,
)
FAMILIES: Final = (
    EXPONENTIAL, UNIFORM, LOGNORMAL, GAMMA, WEIBULL, _shifted(EXPONENTIAL), _shifted(LOGNORMAL), _shifted(GAMMA),
    HYPEREXPONENTIAL,
)  # fmt: skip
BY_NAME: Final = {family.name: family for family in FAMILIES}
