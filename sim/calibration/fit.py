"""A sample, some of it censored, becomes the distribution that describes it: a family that fits, or the sample itself.

Families are fitted by maximum likelihood; an observation that was still going on when the log ended counts as longer
than what was seen. Goodness of fit is the Kolmogorov-Smirnov distance between the fitted and the (Kaplan-Meier)
distribution function, judged by a parametric bootstrap, because the parameters come from the same sample.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from sim.calibration.families import FAMILIES
from sim.calibration.family import Array, Family, Parameters

BOOTSTRAPS: Final = 99
SIGNIFICANT: Final = 0.05
POINTS: Final = 200  # quantile points that stand for a large sample
FEWEST: Final = 5  # below, nothing is fitted
_TESTED: Final = 2000  # the test looks at so many observations at most: more reject any family
_HOPELESS: Final = 1.63  # sqrt(n)·D beyond which even known parameters are rejected at 1 %
_STRAY: Final = 0.01  # so many may be censored beyond a constant and do not disprove it
_FAR_BEYOND: Final = 10.0
_ENOUGH_WORSE: Final = 10
RESOLUTION: Final = 1e-6  # a log's clock


@dataclass(frozen=True, slots=True)
class Fit:
    """A distribution as a scenario writes it (numbers in seconds), and why it was chosen."""

    dist: dict[str, Any]
    family: str
    n: int
    censored: int
    mean: float
    low: float  # 95 % interval of the mean
    high: float
    p_value: float | None = None
    note: str = ""
    tried: dict[str, float] = field(default_factory=dict)  # p-value of every family that was tried
    cut_by: str = "the log's end"  # what ended those that are censored

    @property
    def comment(self) -> str:
        """The choice in words, for the written scenario."""
        about = f"n = {self.n}" + (f" and {self.censored} cut off by {self.cut_by}" if self.censored else "")
        if self.family == "constant":
            return f"constant {short(self.mean)}, {about}{_also(self.note)}"
        spread = f"mean {short(self.mean)} [{short(self.low)}, {short(self.high)}]"
        p = self.best_p
        fits = "too few to fit" if p is None else "p < 0.01" if p < 0.005 else f"p = {p:.2f}"
        return f"{self.family}, {fits}, {about}, {spread}{_also(self.note)}"

    @property
    def best_p(self) -> float | None:
        """The p-value of the family that was chosen or, when none fits, of the best; None when none was tried."""
        return self.p_value if self.p_value is not None else max(self.tried.values(), default=None)


def _also(note: str) -> str:
    return f"; {note}" if note else ""


def short(seconds: float) -> str:
    """A duration for people, four digits at most."""
    if not math.isfinite(seconds):
        return str(seconds)
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "us")):
        if abs(seconds) >= size:
            return f"{seconds / size:.4g}{unit}"
    return f"{seconds / 1e-6:.4g}us"


def fit(
    observed: Sequence[float] | Array,
    censored: Sequence[float] | Array = (),
    *,
    resolution: float = RESOLUTION,
    families: Sequence[str] | None = None,
    jitter: float = 0.0,
    seed: int = 1,
) -> Fit | None:
    """The distribution of a sample in seconds; `censored` are durations that had not ended. None for no sample.

    `jitter` is how far apart the middle half of a constant's values may lie, as a part of it. Deterministic. Families
    that pass the test at 5 % are compared by AIC; when none does, the sample itself is used.
    """

    rng = np.random.default_rng(seed)
    x = np.asarray(observed, dtype=np.float64)
    x = np.maximum(x[np.isfinite(x)], 0.0)
    c = np.asarray(censored, dtype=np.float64)
    c = c[np.isfinite(c) & (c > 0)]
    if len(x) == 0:
        return None
    mean, low, high = _mean_interval(x, rng)
    middle = _constant(x, c, resolution, jitter)
    if middle is not None:
        return Fit({"dist": "constant", "value": middle}, "constant", len(x), len(c), middle, low, high)
    if len(x) < FEWEST:
        return Fit(empirical(x), "empirical", len(x), len(c), mean, low, high)
    # whole microseconds are no continuous values: spread them over the interval that they stand for
    smooth = np.maximum(x + rng.uniform(-0.5, 0.5, len(x)) * resolution, 0.01 * resolution)
    if len(smooth) > _TESTED:
        smooth = rng.choice(smooth, _TESTED, replace=False)
        c = c[rng.random(len(c)) < _TESTED / len(x)]
    # a mean far beyond everything that was seen is the family's tail, not the sample's
    most = float(smooth.sum() + c.sum()) if len(c) else _FAR_BEYOND * float(smooth.max())
    tried: dict[str, float] = {}
    passed: list[tuple[float, Family, Parameters]] = []
    for family in FAMILIES:
        if families is not None and family.name not in families:
            continue
        if family.last_resort and passed:
            continue
        found = try_family(family, smooth, c, rng)
        if found is None:
            continue
        parameters, p_value, aic = found
        if family.mean(parameters) > most:
            p_value = 0.0
        tried[family.name] = p_value
        if p_value >= SIGNIFICANT:
            passed.append((aic, family, parameters))
    if not passed:
        return Fit(empirical(x), "empirical", len(x), len(c), mean, low, high, None, "", tried)
    least = min(aic for aic, _, _ in passed)
    # the first in the list, the simplest, among those that are as good
    _, family, parameters = next(row for row in passed if row[0] <= least + 2.0)
    mean, low, high = _fitted_interval(family, parameters, smooth, c, rng)
    return Fit(
        family.written(parameters),
        family.name,
        len(x),
        len(c),
        mean,
        low,
        high,
        tried[family.name],
        "",
        tried,
    )


def empirical(x: Array, points: int = POINTS) -> dict[str, Any]:
    """The sample as it is or, when it is large, as the means of equal parts of it: the mean is kept exactly."""
    values = np.sort(x)
    if len(values) > points:
        edges = np.linspace(0, len(values), points + 1)
        total = np.concatenate(([0.0], np.cumsum(values)))
        at = np.interp(edges, np.arange(len(values) + 1), total)
        values = np.diff(at) / np.diff(edges)
    return {"dist": "empirical", "values": [float(v) for v in values]}


def _spread(x: Array) -> float:
    low, high = np.quantile(x, [0.01, 0.99])
    return float(high - low)


def _constant(x: Array, c: Array, resolution: float, jitter: float) -> float | None:
    """The one value that all have, which what is censored does not go beyond; None when there is no such value."""
    low, middle, high = np.quantile(x, [0.25, 0.5, 0.75])
    same = float(np.ptp(x)) <= 2 * resolution or (len(x) >= FEWEST and _spread(x) < 1e-4 * middle)
    if not same and not (len(x) >= FEWEST and high - low < jitter * middle):
        return None
    beyond = np.count_nonzero(c > max(float(x.max()), middle) + 2 * resolution)
    if beyond > _STRAY * (len(x) + len(c)):
        return None
    times, survival = kaplan_meier(x, c)
    return float(times[np.argmax(survival <= 0.5)]) if len(c) and survival[-1] <= 0.5 else float(middle)


def _mean_interval(x: Array, rng: np.random.Generator) -> tuple[float, float, float]:
    mean = float(x.mean())
    if len(x) < 2:
        return mean, 0.0, math.inf
    part = x if len(x) <= 5000 else rng.choice(x, 5000, replace=False)
    means = part[rng.integers(0, len(part), (200, len(part)))].mean(axis=1) if len(part) <= 5000 else np.array([mean])
    spread = math.sqrt(len(part) / len(x))
    low, high = np.quantile(means, [0.025, 0.975])
    return mean, mean + float(low - part.mean()) * spread, mean + float(high - part.mean()) * spread


def _fitted_interval(
    family: Family, parameters: Parameters, x: Array, c: Array, rng: np.random.Generator
) -> tuple[float, float, float]:
    """The fitted mean with its 95 % interval: exact for the exponential, by bootstrap for the others."""
    mean = family.mean(parameters)
    if family.name == "exponential":
        from scipy import stats

        total = float(x.sum() + c.sum())
        low = 2 * total / float(stats.chi2.ppf(0.975, 2 * len(x) + (2 if len(c) else 0)))
        high = 2 * total / float(stats.chi2.ppf(0.025, 2 * len(x)))
        return mean, low, high
    means = []
    for _ in range(100):
        again = rng.choice(x, len(x))
        cut = rng.choice(c, len(c)) if len(c) else c
        with np.errstate(all="ignore"):
            try:
                means.append(family.mean(family.fit(again, cut)))
            except (ValueError, ArithmeticError):
                continue
    if len(means) < 50:
        return mean, 0.0, math.inf
    low, high = np.quantile(means, [0.025, 0.975])
    return mean, float(low), float(high)


def try_family(family: Family, x: Array, c: Array, rng: np.random.Generator) -> tuple[Parameters, float, float] | None:
    """Parameters, p-value and AIC of one family; None when it can not be fitted."""
    with np.errstate(all="ignore"):
        try:
            parameters = family.fit(x, c)
        except (ValueError, ArithmeticError):
            return None
        if not all(math.isfinite(value) for value in parameters):
            return None
        distance = ks_distance(x, c, family.fitted(parameters))
        if len(c) == 0 and distance * math.sqrt(len(x)) > _HOPELESS:
            return parameters, 0.0, math.inf
        likelihood = float(family.log_pdf(x, parameters).sum())
        if len(c):
            likelihood += float(np.log(np.maximum(1.0 - family.cdf(c, parameters), 1e-300)).sum())
        worse, drawn_sets = 0, 0
        for _ in range(BOOTSTRAPS):
            if worse >= _ENOUGH_WORSE:  # the p-value is known well enough (Besag and Clifford 1991)
                break
            drawn_sets += 1
            drawn = family.draw(rng, len(x) + len(c), parameters)
            more, cut = _cut(drawn, x, c, rng)
            if len(more) < 2:
                continue
            try:
                again = family.fit(more, cut)
            except (ValueError, ArithmeticError):
                continue
            worse += ks_distance(more, cut, family.fitted(again)) >= distance
    p_value = worse / drawn_sets if worse >= _ENOUGH_WORSE else (worse + 1) / (BOOTSTRAPS + 1)
    return parameters, p_value, 2 * len(parameters) - 2 * likelihood


def _cut(drawn: Array, x: Array, c: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Censor drawn values as the sample was: by times from the Kaplan-Meier curve of its censoring times."""
    if len(c) == 0:
        return drawn, c
    times, survival = kaplan_meier(c, x)
    u = rng.random(len(drawn))
    place = np.searchsorted(-survival, -u, side="left")
    limit = np.where(place < len(times), times[np.minimum(place, len(times) - 1)], np.inf)
    return drawn[drawn <= limit], limit[drawn > limit]


def kaplan_meier(observed: Array, censored: Array) -> tuple[Array, Array]:
    """The distinct observed times and the survival probability just after each (Kaplan and Meier 1958)."""
    times, deaths = np.unique(observed, return_counts=True)
    everyone = np.sort(np.concatenate((observed, censored)))
    at_risk = len(everyone) - np.searchsorted(everyone, times, side="left")
    return times, np.asarray(np.cumprod(1.0 - deaths / at_risk), dtype=np.float64)


def ks_distance(observed: Array, censored: Array, cdf: Callable[[Array], Array]) -> float:
    """Largest distance between the empirical (Kaplan-Meier) and the given distribution function."""
    if len(censored) == 0:
        values = np.sort(observed)
        n = len(values)
        expected = cdf(values)
        above = np.arange(1, n + 1) / n - expected
        return float(max(above.max(), (expected - np.arange(n) / n).max()))
    times, survival = kaplan_meier(observed, censored)
    expected = cdf(times)
    before = np.concatenate(([1.0], survival[:-1]))
    return float(max(np.abs(1.0 - survival - expected).max(), np.abs(1.0 - before - expected).max()))
