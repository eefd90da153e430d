"""What formulas say beside a run, for a terminal: each with its error, and below it what of its assumptions fails."""

from __future__ import annotations

import math

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from sim.ledger.summary import Summary
from sim.report.study import shown


def formulas(summary: Summary) -> Table:
    """A row for each number of the run that a formula fits."""
    table = Table(
        title="\nBeside it, a formula", title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_edge=False,
        header_style="dim",
    )  # fmt: skip
    for heading in ("of", "this run", "formula", "error", "which"):
        table.add_column(heading, justify="left" if heading in ("of", "which") else "right", overflow="fold")
    for one in summary.theory:
        which = Text(one.formula)
        for broken in one.assumptions_broken:
            which.append(f"\nbut {broken}", "dim")
        wrong = f"{100.0 * one.error:+.1f} %" if one.error is not None else ""
        values = [shown(math.nan if value is None else value, one.metric) for value in (one.simulated, one.value)]
        table.add_row(one.metric, *values, wrong, which)
    return table
