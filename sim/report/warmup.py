"""A picture of where a transient was cut: the level, the cut, and the statistic that chose it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sim.study.warmup import Cut


def plot_cut(times_s: ArrayLike, level: ArrayLike, cut: Cut, path: str | os.PathLike[str], name: str = "held") -> None:
    """Draw a level over time with the part that MSER-5 cuts, and the statistic below; times in seconds."""
    import numpy as np
    from matplotlib.figure import Figure

    times, values = np.asarray(times_s), np.asarray(level)
    figure = Figure(figsize=(9.0, 5.4), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    top.plot(times, values, drawstyle="steps-post", linewidth=0.9, color="#1f5fa8")
    at = times[min(cut.kept_from, len(times) - 1)]
    top.axvspan(times[0], at, color="#c8c8c8", alpha=0.5, linewidth=0, label=f"cut, up to {at:.4g} s")
    kept = cut.after(values).mean()
    top.axhline(kept, color="#b8441f", linewidth=1.2, linestyle="--", label=f"mean of what is kept, {kept:.4g}")
    top.set_ylabel(name)
    top.legend(loc="lower right", frameon=False)
    step = max(1, len(values) // max(2 * (len(cut.statistic) - 1), 1))
    bottom.semilogy(times[::step][: len(cut.statistic)], cut.statistic, color="#444444", linewidth=0.9)
    bottom.axvline(at, color="#b8441f", linewidth=1.0)
    bottom.set_ylabel("MSER-5")
    bottom.set_xlabel("time in s")
    if not cut.reliable:
        top.set_title("the run is too short: nothing settles within its first half", color="#b8441f", fontsize=10)
    figure.savefig(path, dpi=120)
