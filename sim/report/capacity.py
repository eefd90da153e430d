"""A capacity for a terminal: how much, how sure, what breaks first, the curve, and what a formula would have said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sim.ledger.limits import Pressure
from sim.report.plain import RATE, knob_value
from sim.report.study import interval
from sim.report.text import number, share

if TYPE_CHECKING:
    from sim.study.capacity import Capacity
    from sim.study.planner import Planned

KINDS = {"task": " (task)"}


def print_capacity(found: Capacity, console: Console) -> None:
    """Everything about one capacity."""
    console.print(headline(found))
    console.print(_targets(found))
    for line in (*on_the_edge(found), *not_asked(found)):
        console.print(line)
    if found.breaks:
        console.print(breaking(found))
    if found.reached_from:
        console.print(on_the_way(found))
    for planned in found.theory:
        console.print(f"{planned.formula} says {planned_value(planned, found)}")
        for broken in planned.broken:
            console.print(Text(f"  but {broken}", style="dim"))
    if found.curve:
        console.print(_curve(found))
    told = f"{number(found.runs)} runs, {number(found.calls)} calls simulated"
    console.print(Text(f"{told}, {number(found.curve_calls)} more for what is shown beside it", style="dim"))


def headline(found: Capacity) -> Text:
    """Whose answer it is, and the answer."""
    return Text(f"{found.scenario}: ", style="bold").append_text(answered(found))


def answered(found: Capacity) -> Text:
    """The answer in a line."""
    answer, unit = found.found, found.unit
    text = Text()
    if answer.reached == "below":
        return text.append(f"even at {found.knob} = {knob_value(answer.low, unit)} a target is missed", "bold red")
    if answer.reached == "above":
        return text.append(f"every target holds up to {found.knob} = {knob_value(answer.high, unit)}, the range's end")
    assert answer.value is not None
    sure = f"{100 * found.confidence:g} %"
    low, high = (knob_value(end, unit) for end in (answer.low, answer.high))
    text.append(f"{found.knob} up to {knob_value(answer.value, unit)}", "bold green")
    text.append(f" ({sure} sure: between {low} and {high})")
    if not answer.precise:
        text.append("; wider than asked: give the scenario a longer duration", "yellow")
    return text


def planned_value(planned: Planned, found: Capacity) -> str:
    """A formula's answer, and by how much it differs from the simulation's."""
    if not math.isfinite(planned.rate_per_s):
        return "nothing"
    error = planned.error(found.value)
    wrong = f", {100.0 * error:+.1f} %" if error is not None else ""
    return f"{knob_value(planned.rate_per_s, 'per_s')}{wrong}"


def _targets(found: Capacity) -> Table:
    table = Table(box=SIMPLE_HEAD, title="Targets at that value", title_justify="left")
    for heading in ("target", "found", "runs", ""):
        table.add_column(heading, justify="right" if heading == "runs" else "left")
    for at in found.targets:
        notes = ["missed first"] * (at.binding and found.misses) + ["wider than asked"] * (not at.precise)
        found_there = interval(at.estimate, at.target.metric)
        table.add_row(at.target.text, found_there, number(at.n) if at.n else "", ", ".join(notes))
    return table


def on_the_edge(found: Capacity) -> list[Text]:
    """What a target with a bound of 0 promises at the answer: that value is where runs begin to miss it."""
    if found.value is None:
        return []
    low, high = (knob_value(end, found.unit) for end in (found.found.low, found.found.high))
    return [
        Text(
            f"{at.target.text} is asked of {share(1.0 - at.target.allowed)} of the runs; fewer keep it from somewhere "
            f"between {low} and {high} on: plan for {low} or less"
        )
        for at in found.targets
        if at.target.counts_runs
    ]


def not_asked(found: Capacity) -> list[Text]:
    """What no target asks for and is worth asking for."""
    if not found.degraded > 0.0:
        return []
    told = (
        f"{share(found.degraded)} of the calls there are answered without audio or a connection, which is not refused"
    )
    ask = "sessions.degraded / sessions.arrived < 1%"
    return [Text(f"{told}: no target asks for that; --target '{ask}' does", "yellow")]


def breaking(found: Capacity) -> Text:
    """What breaks first and what would be next."""
    text = Text("breaks first: " if found.breaks[0].reached else "nearest limit: ")
    text.append(under_pressure(found.breaks[0]), "bold")
    if len(found.breaks) > 1:
        after = found.breaks[1]
        text.append(f"; next: {under_pressure(after)}")
        at = next_at(found)
        if at is not None:
            text.append(f", in proportion at about {knob_value(at, found.unit)}")
    return text


def next_at(found: Capacity) -> float | None:
    """The rate of calls at which the second limit would be reached, were that in proportion; None of another knob."""
    if found.value is None or found.knob != RATE or len(found.breaks) < 2 or not 0.0 < found.breaks[1].used < 1.0:
        return None
    return found.value / found.breaks[1].used


def on_the_way(found: Capacity) -> Text:
    """From which of the curve's values on each limit is reached: what is full first makes others full later."""
    each = (f"{name} from {knob_value(value, found.unit)} on" for name, value in found.reached_from.items())
    return Text(f"reached on the curve: {', '.join(each)}")


def under_pressure(p: Pressure) -> str:
    """A limit, how near it is, and what that costs."""
    does = "loses {:.3g} messages a run" if p.kind == "queue" else "refuses {:.3g} calls a run"
    refused = f", {does.format(p.refused)}" if p.refused > 0.0 else ""
    what = "busy" if p.kind in ("task", "processor") else "of its limit"
    return f"{p.name}{KINDS.get(p.kind, '')}, {share(min(p.used, 1.0))} {what}{refused}"


def _curve(found: Capacity) -> Table:
    table = Table(box=SIMPLE_HEAD, title="Response curve", title_justify="left")
    table.add_column(found.knob, justify="right")
    metrics = [*found.curve[0].metrics]
    for metric in metrics:
        table.add_column(metric, justify="right", overflow="fold")
    for point in found.curve:
        values = [interval(point.metrics[metric], metric) for metric in metrics]
        table.add_row(knob_value(point.value, found.unit), *values)
    return table
