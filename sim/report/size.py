"""Proposed limits for a terminal: each with what is needed and its margin, the check, and the XML to paste."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.report.study import interval
from sim.report.text import duration, number, share

if TYPE_CHECKING:
    from sim.study.sizing import Size
    from sim.theory.intervals import Estimate


def print_size(found: Size, console: Console) -> None:
    """Everything that is proposed."""
    what = f"limits for {found.scenario}, with {share(found.headroom)} more load in reserve"
    console.print(Text(what, style="bold"))
    table = Table(box=SIMPLE_HEAD)
    for heading in ("", "held on average", "needed", "proposed", "margin", "now"):
        table.add_column(heading, justify="left" if not heading else "right")
    for limit in found.limits:
        now = Text("no limit" if limit.now is None else number(limit.now), style="" if limit.enough_now else "bold red")
        margin = f"+{share(limit.margin)}"
        table.add_row(limit.resource, f"{limit.held:.4g}", number(limit.needed), number(limit.proposed), margin, now)
    task, busy = found.busiest
    table.add_row("processors", "", "", number(found.processors), "", "")
    console.print(table)
    console.print(f"busiest task under the proposal: {task}, {share(busy)}; a task can not use two processors")
    for target, estimate, ok in found.checked:
        mark = Text("✓ ", style="green") if ok else Text("✗ ", style="bold red")
        mark.append(f"{target.text}: {interval(estimate, target.metric)}", "")
        console.print(mark)
    if not found.ok:
        console.print(Text("No limit mends what is marked ✗: it is time, not places, that is short.", style="yellow"))
    console.print(
        f"to empty: {_time(found.drain.waiting_s)} when {found.drain.sessions:.0f} calls are left to end, "
        f"{_time(found.drain.shutdown_s)} at shutdown, which sends them a BYE"
    )
    console.print("\n" + found.xml, markup=False, highlight=False)
    console.print(Text(f"{number(found.runs)} runs, {number(found.calls)} calls simulated", style="dim"))


def _time(estimate: Estimate) -> str:
    return "for ever" if math.isinf(estimate.value) else duration(estimate.value)
