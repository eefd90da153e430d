"""The world as plain Python sees it: the handlers' state in lists, and streams refilled in blocks."""

from __future__ import annotations

from dataclasses import dataclass, field

from sim.engine.reference.stretches import Stretches
from sim.engine.sharing import Machine, Processor, Runner
from sim.engine.start.generators import Streams
from sim.engine.start.sampling import BLOCK
from sim.engine.start.setup import Setup, new_ledger
from sim.server.ledger import Ledger
from sim.server.media import all_free
from sim.server.parameters import FaultPlan, Mix, Parameters, PluginLimits, StepPlan, Warmth
from sim.server.records import ServerState, Session
from sim.server.streams import STREAMS

MARGIN = 256
"""No single event may use up more values of one stream than this."""

OutboxItem = tuple[int, int, int, int, float]


@dataclass(slots=True)
class PlainWorld:
    """`sim.server.records.World`, made of lists."""

    sessions: list[Session]
    server: ServerState
    p: Parameters
    ledger: Ledger
    plugins: list[PluginLimits]
    mixes: list[Mix]
    steps: list[StepPlan]
    faults: list[FaultPlan]
    warmths: list[Warmth]
    ports: list[int]
    draws: list[list[float]]
    drawn: list[int]
    draw_step: list[int]
    draw_limit: int
    runners: list[Runner]
    machine: Machine
    processors: list[Processor]
    stretches: Stretches | None = None  # None: every task has a processor of its own
    free: list[int] = field(default_factory=list)  # slots whose call is over
    more: list[list[int]] = field(default_factory=list)
    outbox: list[OutboxItem] = field(default_factory=list)
    rows: list[tuple[float, int, int, int, int, int, int]] = field(default_factory=list)
    offences: list[tuple[float, int, int, int, int, int, int, float]] = field(default_factory=list)


def new_world(setup: Setup, streams: Streams, window_s: float) -> PlainWorld:
    """A world at time 0, every stream filled."""
    draws, step = [], []
    for k in range(STREAMS):
        if streams.random(k):
            draws.append([0.0] * MARGIN + streams.block(k).tolist())
            step.append(1)
        else:
            draws.append([streams.value(k)])
            step.append(0)
    return PlainWorld(
        sessions=[],
        server=setup.server,
        p=setup.parameters,
        ledger=new_ledger(bool(setup.parameters.record_rows), window_s),
        plugins=setup.plugin_records,
        mixes=setup.mixes,
        steps=setup.steps,
        faults=setup.faults,
        warmths=setup.warmths,
        ports=all_free(setup.parameters.rtp_ports, setup.parameters.port_leaves),
        draws=draws,
        drawn=[MARGIN if random else 0 for random in step],
        draw_step=step,
        draw_limit=BLOCK,
        runners=setup.runners,
        machine=setup.machine,
        processors=setup.processors,
    )


def refill(world: PlainWorld, streams: Streams) -> None:
    """Give every stream that runs low its next block, behind what is left of the last one."""
    world.server.needs_draws = 0
    for k in range(STREAMS):
        used = world.drawn[k]
        if world.draw_step[k] and used >= BLOCK:
            left = world.draws[k][used:]
            start = MARGIN - len(left)
            world.draws[k] = [0.0] * start + left + streams.block(k).tolist()
            world.drawn[k] = start
