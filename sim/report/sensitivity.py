"""Knobs for a terminal, by how much they move an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.report.study import shown
from sim.report.text import number

if TYPE_CHECKING:
    from sim.study.sensitivity import Sensitivity


def print_sensitivity(found: Sensitivity, console: Console) -> None:
    """The knobs, the one that moves the metric most first."""
    morris = found.method == "morris"
    size, alone = ("effect over its range (μ*)", "spread (σ)") if morris else ("share of the variance", "alone")
    table = Table(box=SIMPLE_HEAD, title=f"What moves {found.metric}", title_justify="left")
    for heading in ("knob", size, "±", alone):
        table.add_column(heading, justify="left" if heading == "knob" else "right")
    for effect in found.effects:
        values = (effect.size, effect.uncertain, effect.alone)
        cells = [shown(v, found.metric) for v in values] if morris else [f"{100.0 * v:.1f} %" for v in values]
        table.add_row(effect.knob, *cells)
    console.print(table)
    console.print(Text(f"{number(found.runs)} runs", style="dim"))
