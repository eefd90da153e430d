"""A fleet for a terminal: what each server took, and what became of the calls in all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.report.terminal import expectations
from sim.report.text import duration, number, share

if TYPE_CHECKING:
    from sim.study.fleet import FleetResult


def print_fleet(found: FleetResult, console: Console) -> None:
    """Everything about one run of a fleet."""
    table = Table(box=SIMPLE_HEAD)
    headings = ("server", "attempts", "answered", "refused", "unanswered", "lost", "sessions at most", "leaked")
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "server" else "right")
    for server in found.servers:
        peak = max((s.resources["session_pool"].peak for s in server.summaries if s.resources), default=0)
        leaked = sum(s.sessions.leaked for s in server.summaries)
        counts = (server.attempts, server.answered, server.refused, server.unanswered, server.lost, peak, leaked)
        table.add_row(Text(server.name), *(number(count) for count in counts))
    console.print(Text(found.scenario, style="bold"))
    console.print(table)
    summary = found.summary
    setup = summary.latency["invite_to_answer"]
    console.print(
        f"{number(len(found.calls))} calls: {share(summary.sessions.blocking)} served by none, "
        f"{number(found.lost)} lost with a server, {number(found.retried)} tried a second server"
    )
    console.print(
        f"set-up, retries included: p50 {duration(setup.p50)}, p95 {duration(setup.p95)}, p99 {duration(setup.p99)}"
    )
    if not found.settled:
        console.print(Text(f"retries still changed after {found.rounds} rounds", style="yellow"))
    if summary.expect:
        console.print(expectations(summary.expect))
