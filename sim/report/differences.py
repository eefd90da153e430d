"""The picture of a comparison: each value as a multiple of the base's, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.report.comparison import shown
from sim.report.style import COLOURS, FAINT, GRID, INK, axes_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.comparison.differing import Difference

LEAST, MOST = 0.1, 10.0
"""Ends of the axis, at most: what is farther off stands there as an arrow."""
TICKS = (0.1, 0.2, 0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 5.0, 10.0)
CLOSE = (0.8, 0.9, 1.1, 1.25, 1.5)
"""Ticks of an axis that spans little."""
MOODS = {"worse": COLOURS[1], "better": COLOURS[2], "different": COLOURS[0]}


def difference_picture(rows: Sequence[Difference], base: str, title: str, ax: Axes | None = None) -> Axes:
    """Rows of a comparison, one above the other: how many times the value of the base, with the 95 % interval."""
    axes = axes_for(title, ax, size=(9.0, 1.8 + 0.3 * max(1, len(rows))))
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.axvline(1.0, color=INK, linewidth=1.0)
    ends = [min(MOST, max(LEAST, end)) for row in rows for end in _ends(row)]
    low, high = min([0.8, *ends]), max([1.25, *ends])
    for place, row in zip(range(len(rows) - 1, -1, -1), rows, strict=True):
        _draw(axes, place, row, low, high)
    axes.set_yticks(range(len(rows) - 1, -1, -1), [row.label for row in rows])
    axes.set(xscale="log", xlim=(low * 0.97, high * 1.03), ylim=(-0.6, len(rows) - 0.4))
    ticks = [tick for tick in TICKS if low <= tick <= high and (high / low < 4.0 or tick not in CLOSE)]
    axes.set_xticks(ticks, [f"×{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(f"times the value of {base} (logarithmic), 95 % interval")
    return axes


def _ends(row: Difference) -> list[float]:
    """Value and interval as multiples of the base; none where the base is 0."""
    if row.ratio is None or not row.base:
        return []
    found = row.difference
    ends = [] if found is None else [(row.base + end) / row.base for end in (found.low, found.high)]
    return [row.ratio, *ends]


def _draw(axes: Axes, place: int, row: Difference, low: float, high: float) -> None:
    """One row between both ends of the axis."""
    colour = MOODS.get(row.verdict, FAINT)
    told = f"{shown(row.base, row.unit)} → {shown(row.value, row.unit)}"
    axes.annotate(told, (1.0, place), xycoords=("axes fraction", "data"), xytext=(8, 0), textcoords="offset points",
                  va="center", fontsize=8.5, color=INK, annotation_clip=False)  # fmt: skip
    ends = [min(high, max(low, end)) for end in _ends(row)]
    if len(ends) == 3:
        axes.plot(ends[1:], [place, place], color=colour, linewidth=3, alpha=0.5, solid_capstyle="butt")
    beyond = high if (row.apart or 0.0) > 0.0 else low if row.apart else 1.0
    times = row.ratio if row.ratio is not None else (2.0 * MOST if row.apart else 1.0)
    mark = "<" if times < low else ">" if times > high else "o"
    at = times if mark == "o" else beyond
    axes.plot([at], [place], mark, color=colour, markersize=6, clip_on=False)
