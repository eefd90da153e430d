"""Where the transient of a run ends: MSER-5, which cuts where what is left is known best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.errors import ScenarioError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BATCH = 5


@dataclass(frozen=True, slots=True)
class Cut:
    """What MSER-5 found in a series of equally spaced values."""

    kept_from: int
    """Index of the first value that is kept."""
    statistic: NDArray[Any]
    """The squared standard error of what would be left, for each batch at which the series could be cut."""
    reliable: bool
    """False when the least value lies at the end of the first half: the series is too short for its transient."""

    def after(self, values: ArrayLike) -> NDArray[Any]:
        """The values that are kept."""
        return np.asarray(values, dtype=np.float64)[self.kept_from :]


def mser5(values: ArrayLike, batch: int = BATCH) -> Cut:
    """The marginal standard error rule on means of 5 (White 1997; White, Cobb and Spratt 2000).

    Cuts d batches where Σ (x - mean of what is left)² / (left)² is least, with d in the first half of the series.
    `values` are levels on a regular grid. ScenarioError for fewer than 10 batches.
    """
    series = np.asarray(values, dtype=np.float64)
    count = len(series) // batch
    if count < 10:
        raise ScenarioError(f"MSER-5 needs at least {10 * batch} values on a regular grid (got {len(series)})")
    means = series[: count * batch].reshape(count, batch).mean(axis=1)
    left = np.arange(count, 0, -1.0)
    sums, squares = np.cumsum(means[::-1])[::-1], np.cumsum((means[::-1] - means.mean()) ** 2)[::-1]
    shifted = sums - left * means.mean()
    statistic = np.maximum(squares - shifted**2 / left, 0.0) / left**2
    most = count // 2
    cut = int(np.argmin(statistic[: most + 1]))
    return Cut(cut * batch, statistic[: most + 1], cut < most)


def settled(levels: Any, resource: str = "session_pool") -> tuple[float, Cut]:
    """When the number of a resource that is held has settled, in seconds, from the table `levels` of a run.

    Uses the part of the run in which calls arrive least changes: give it the rows up to the end of the load. The grid
    of the run is used as it is where it is regular, otherwise the level is sampled at 1 000 instants.
    """
    rows = levels[levels["resource"] == resource]
    if not len(rows):
        raise ScenarioError(f"there are no levels of {resource}; run it with levels")
    times = rows["time_s"].to_numpy(dtype=np.float64)
    held = rows["mean" if "mean" in rows and rows["mean"].notna().all() else "held"].to_numpy(dtype=np.float64)
    grid = np.linspace(times[0], times[-1], 1000, endpoint=False)
    sampled = held[np.clip(np.searchsorted(times, grid, "right") - 1, 0, len(held) - 1)]
    cut = mser5(sampled)
    return float(grid[cut.kept_from]), cut
