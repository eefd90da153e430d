"""From a scenario to the numbers that a run starts with: parameters, faults, plugins, streams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sim.engine.sharing import Machine, Processor, Runner
from sim.engine.start.logged import LEAST_LEFT, SERVICES, changes
from sim.engine.start.processors import idle_processors, machine_of, sleeping_runners
from sim.engine.start.sampling import Sampler, constant_value, interrupted, lengthened, sampler, uniform
from sim.engine.start.values import at, fill, undecided
from sim.scenario import Dist, Fault, Scenario, constant, expected, exponential
from sim.scenario.dialogue import Step
from sim.scenario.server import PortRange
from sim.server import streams as s
from sim.server.ledger import Ledger
from sim.server.parameters import MAX_FAULT_CALLS, FaultPlan, Mix, Parameters, PluginLimits, StepPlan, Warmth
from sim.server.records import (
    COMPLETES_ITSELF,
    ENDS_AT_ONCE,
    IS_BARGED_IN,
    IS_STOPPED,
    NO_INPUT,
    UNTIL_BYE,
    ServerState,
)
from sim.server.shape import blank
from sim.vocabulary.messages import COST_KEYS, M_CONTAINER, MESSAGE_NAMES
from sim.vocabulary.plugins import ASKED, MAX_PLUGINS, OPERATIONS, START
from sim.vocabulary.resources import MAX_RESOURCES, OWN_RESOURCES, PLUGIN_RESOURCES, RESOURCE_NAMES, names_of_plugin
from sim.vocabulary.tasks import PLUGIN, TASK_KEYS, TASK_NAMES

ENDS = {
    "completes": COMPLETES_ITSELF, "no-input": NO_INPUT, "until-bye": UNTIL_BYE, "stopped": IS_STOPPED,
    "barged-in": IS_BARGED_IN, "at-once": ENDS_AT_ONCE,
}  # fmt: skip
NO_FAULT = Fault(probability=0.0)


@dataclass(slots=True)
class NamedStream:
    """One named stream: either always the same value, or a sampler."""

    name: str
    value: float
    sampler: Sampler | None
    dist: Dist | None = None  # what the sampler samples, where it is one of the scenario's


@dataclass(slots=True)
class Setup:
    """What both engines start from."""

    scenario: Scenario
    resources: tuple[str, ...]  # the ledger's resource names, by number
    plugins: tuple[str, ...]  # MRCP resource of each plugin, by number
    tasks: tuple[str, ...]  # task names, by number
    streams: list[NamedStream]
    parameters: Parameters
    plugin_records: list[PluginLimits]
    mixes: list[Mix]
    steps: list[StepPlan]
    faults: list[FaultPlan]
    warmths: list[Warmth]
    server: ServerState
    duration_s: float
    limits: tuple[int | None, ...]  # of each resource
    machine: Machine
    processors: list[Processor]
    runners: list[Runner]


def setup(scenario: Scenario, record_rows: bool) -> Setup:
    """The numbers of a scenario; everything random is left to the streams."""
    plugins = tuple(scenario.plugins.keys())
    server: ServerState = blank(ServerState)
    server.offline = int(scenario.server.sip.offline)
    server.crashed_at_s = -1.0
    server.shared_connection = -1
    tasks = task_names(scenario)
    machine = machine_of(scenario, len(tasks))
    return Setup(
        scenario=scenario,
        resources=_resource_names(plugins),
        plugins=plugins,
        tasks=tasks,
        streams=_streams(scenario, plugins),
        parameters=_parameters(scenario, plugins, record_rows),
        plugin_records=[_plugin(scenario, p) for p in plugins],
        mixes=_mixes(scenario, plugins),
        steps=[_step(step, plugins) for _, step in _steps(scenario)],
        faults=_faults(scenario, plugins),
        warmths=_warmths(scenario),
        server=server,
        duration_s=_duration(scenario),
        limits=_limits(scenario, plugins),
        machine=machine,
        processors=idle_processors(machine),
        runners=sleeping_runners(machine),
    )


def new_ledger(record_rows: bool, window_s: float) -> Ledger:
    """A ledger with nothing in it."""
    ledger = Ledger()
    for name in (
        "acquired",
        "bytes_held",
        "bytes_peak",
        "held",
        "peak",
        "refused",
        "released",
        "window_max",
        "window_min",
    ):
        setattr(ledger, name, [0] * MAX_RESOURCES)
    for name in ("area", "since_s", "window_area", "window_since_s"):
        setattr(ledger, name, [0.0] * MAX_RESOURCES)
    ledger.load_end_s = math.inf
    ledger.record_rows = int(record_rows)
    ledger.window_s = window_s
    return ledger


def resource_names(scenario: Scenario) -> tuple[str, ...]:
    """The resources that a result of this scenario accounts for; licences only where the plugin has such."""
    plugins = tuple(scenario.plugins.keys())
    licensed = {f"plugin_licence:{name}" for name in plugins if scenario.plugins[name].licences is not None}
    return tuple(
        name for name in _resource_names(plugins) if not name.startswith("plugin_licence:") or name in licensed
    )


def task_names(scenario: Scenario) -> tuple[str, ...]:
    """The tasks of the modelled server, by number."""
    return TASK_NAMES + tuple(plugin.engine for plugin in scenario.plugins.values())


def task_index(key: str, plugins: Sequence[str]) -> int:
    """The number of a task by the key that scenarios use: nua, server, … or a plugin's resource."""
    return TASK_KEYS.index(key) if key in TASK_KEYS else PLUGIN + list(plugins).index(key)


def _resource_names(plugins: tuple[str, ...]) -> tuple[str, ...]:
    return (*RESOURCE_NAMES, *(name for plugin in plugins for name in names_of_plugin(plugin)))


def _limits(scenario: Scenario, plugins: tuple[str, ...]) -> tuple[int | None, ...]:
    limits = [_limit(scenario, row.limit) for row in OWN_RESOURCES]
    for name in plugins:
        limits += [_limit(scenario.plugins[name], row.limit) for row in PLUGIN_RESOURCES]
    return tuple(limits)


def _limit(part: Any, path: str) -> int | None:
    """The number at a path of a scenario, or how many ports there are; None where nothing limits."""
    found = attrgetter(path)(part) if path else None
    return len(found.ports) if isinstance(found, PortRange) else found


def _duration(scenario: Scenario) -> float:
    if scenario.arrivals.kind == "replay" and "duration" not in scenario.model_fields_set:
        from sim.scenario import read_calls

        assert scenario.arrivals.file is not None
        return read_calls(scenario.arrivals.file)[-1].arrived_s + 1e-9
    return float(scenario.duration)


def _parameters(scenario: Scenario, plugins: tuple[str, ...], record_rows: bool) -> Parameters:
    p: Parameters = blank(Parameters)
    fill(p, scenario)
    # what no single knob says
    server = scenario.server
    p.shared_connection = int(scenario.calls.connection == "shared" and not server.connection.force_new_connection)
    p.port_leaves = 1 << max(0, p.rtp_ports - 1).bit_length()
    p.has_dialogue = int(bool(_steps(scenario)))
    p.delayed_ack = int(constant_value(scenario.client.delayed_ack) != 0.0)
    p.reopens = int(any(plugin.open.reopen_never.probability > 0.0 for plugin in scenario.plugins.values()))
    p.plugins = len(plugins)
    p.record_rows = int(record_rows)
    p.awake_s = -1.0 if server.warm.wake is None else server.warm.wake_within
    p.costs_save = int(server.warm.costs != type(server.warm.costs)())
    p.context_cost_s += _more_with_rtp(scenario)
    return p


def _more_with_rtp(scenario: Scenario) -> float:
    """How much more a context costs in a tick because some callers send audio: all cost the same, their mean."""
    media = scenario.server.media
    if media.cost_with_rtp is None:
        return 0.0
    return float(scenario.calls.rtp * (expected(media.cost_with_rtp) - expected(media.cost_per_context)))


def _plugin(scenario: Scenario, name: str) -> PluginLimits:
    record: PluginLimits = blank(PluginLimits)
    fill(record, scenario.plugins[name])
    record.audio_blocks = int(constant_value(scenario.plugins[name].audio_block) != 0.0)
    return record


def _mixes(scenario: Scenario, plugins: tuple[str, ...]) -> list[Mix]:
    total = math.fsum(mix.weight for mix in scenario.calls.resources)
    upto = 0.0
    mixes = []
    dialogues = scenario.calls.dialogues()
    for number, mix in enumerate(scenario.calls.resources):
        record: Mix = blank(Mix)
        own = next((d for d, (place, _) in enumerate(dialogues) if place.startswith(f"resources.{number}.")), 0)
        record.first_step = sum(len(steps) for _, steps in dialogues[:own])
        record.steps = len(dialogues[own][1])
        upto += mix.weight / total
        record.upto = upto
        record.channels = len(mix.resources)
        record.own_hold = int(mix.hold is not None)
        for i, resource in enumerate(mix.resources):
            record.resource[i] = plugins.index(resource)
        mixes.append(record)
    return mixes


def _steps(scenario: Scenario) -> list[tuple[str, Step]]:
    """Every step of every dialogue with its place in the scenario, in the order of the step records."""
    return [
        (f"calls.{place}.{number}", step)
        for place, steps in scenario.calls.dialogues()
        for number, step in enumerate(steps)
    ]


def _step(step: Step, plugins: tuple[str, ...]) -> StepPlan:
    record: StepPlan = blank(StepPlan)
    record.resource = plugins.index(step.resource or "")
    record.what = ASKED.index(step.method) if step.method in ASKED else START
    record.ends = ENDS[step.ends]
    record.overlap = int(step.overlap)
    record.probability = step.probability
    return record


def _named_faults(scenario: Scenario, plugins: tuple[str, ...]) -> list[tuple[str, Fault]]:
    named: list[tuple[str, Fault]] = [("", NO_FAULT)] * s.FAULTS
    for number, path in s.FAULT_KNOBS.items():
        named[number] = (path, at(scenario, path))
    for i in range(MAX_PLUGINS):
        for o, operation in enumerate(OPERATIONS):
            for what, name in s.OPERATION_FAULTS.items():
                number = s.PLUGIN_FAULT + (i * 4 + o) * 4 + what
                if i >= len(plugins):
                    named[number] = (f"unused.{i}.{operation}", NO_FAULT)
                    continue
                op = getattr(scenario.plugins[plugins[i]], operation)
                own = s.WRONGS if what == s.WRONG else (name,)
                fault = next((getattr(op, knob) for knob in own if hasattr(op, knob)), NO_FAULT)
                named[number] = (f"plugins.{plugins[i]}.{operation}.{name}", fault)
        if i < len(plugins):
            named[s.CRASH + i] = (f"plugins.{plugins[i]}.crash", scenario.plugins[plugins[i]].crash)
        else:
            named[s.CRASH + i] = (f"unused.{i}.crash", NO_FAULT)
    return named


def _faults(scenario: Scenario, plugins: tuple[str, ...]) -> list[FaultPlan]:
    records = []
    for _, fault in _named_faults(scenario, plugins):
        record: FaultPlan = blank(FaultPlan)
        record.probability = fault.probability
        record.from_s = fault.from_
        record.until_s = fault.until
        record.listed = min(len(fault.calls), MAX_FAULT_CALLS)
        for i, call in enumerate(fault.calls[:MAX_FAULT_CALLS]):
            record.calls[i] = call
        records.append(record)
    return records


def _warmths(scenario: Scenario) -> list[Warmth]:
    """By the number of a service time's stream, what is saved of it in quick succession."""
    first: dict[tuple[str, str], int] = {}
    records = []
    for stream in range(s.WARMTHS):
        record: Warmth = blank(Warmth)
        record.last_s = -math.inf
        cost = SERVICES.get(stream)
        saved = at(scenario.server.warm.costs, ".".join(cost)) if cost is not None else None
        if cost is not None and saved is not None:
            record.task, record.kind = saved
            record.of = first.setdefault(cost, stream)
        records.append(record)
    return records


def _streams(scenario: Scenario, plugins: tuple[str, ...]) -> list[NamedStream]:
    zero = constant(0.0)
    named: list[tuple[str, Dist]] = [(f"unused.{i}", zero) for i in range(s.FAULT)]

    def put(number: int, name: str, dist: Dist | None) -> None:
        named[number] = (name, dist if dist is not None else zero)

    costs = scenario.server.costs
    for kind, (task, key) in COST_KEYS.items():
        put(s.SERVICE + kind, f"service.{MESSAGE_NAMES[kind]}", getattr(getattr(costs, task), key))
    put(s.SERVICE + M_CONTAINER, "service.media.add", costs.media.add)
    for number, (path, name) in s.VALUES.items():
        put(number, name, at(scenario, path))
    for key in (*TASK_KEYS, *plugins):
        put(s.WAKE + task_index(key, plugins), f"wake.{key}", scenario.server.wake_of(key))  # type: ignore[arg-type]  # plugins are those of the scenario
    for i, plugin in enumerate(plugins):
        put(s.AUDIO + i, f"plugins.{plugin}.audio_block", scenario.plugins[plugin].audio_block)
        for o, operation in enumerate(OPERATIONS):
            for what, name in s.OPERATION_VALUES.items():
                path = f"plugins.{plugin}.{operation}.{name}"
                put(s.OPERATION + (i * 4 + o) * 4 + what, path, at(scenario.plugins[plugin], f"{operation}.{name}"))
    for number, mix in enumerate(scenario.calls.resources):
        if mix.hold is not None:
            put(s.CLASS_HOLD + number, f"calls.resources.{number}.hold", mix.hold)
    put(s.OTHER_GAP, "server.processors.other_gap", exponential(1.0))
    steps = _steps(scenario)
    for k, (place, step) in enumerate(steps):
        for what, name in s.STEP_VALUES.items():
            put(s.STEP + 4 * k + what, f"{place}.{name}", at(step, name))
    streams = [_stream(name, dist) for name, dist in named]
    for k, more_s in changes(scenario, len(plugins)).items():
        before = streams[k]
        longer = lengthened(before.sampler, before.value, more_s, LEAST_LEFT)
        streams[k] = NamedStream(before.name, 0.0, longer)
    _interfere(scenario, streams)
    for k, (place, step) in enumerate(steps):
        chance = uniform if step.probability < 1.0 else None
        streams[s.STEP + 4 * k + s.STEP_CHANCE] = NamedStream(f"{place}.probability", 0.0, chance)
    for number, path in s.CHANCES.items():
        streams[number] = NamedStream(path, 0.0, uniform if undecided(at(scenario, path)) else None)
    for name, fault in _named_faults(scenario, plugins):
        streams.append(NamedStream(f"fault.{name}", 0.0, uniform if fault.probability > 0.0 else None))
    return streams


def _interfere(scenario: Scenario, streams: list[NamedStream]) -> None:
    """Other processes delay wake-ups, ticks and work on messages: part of what those streams deliver."""
    other = scenario.server.interference
    plugin_work = [s.OPERATION + k * 4 + s.BLOCK for k in range(MAX_PLUGINS * len(OPERATIONS))]
    served = [
        s.SERVICE + kind for kind, (task, _) in COST_KEYS.items() if task in ("server", "connection_agent", "media")
    ] + [s.SUBTRACT, s.SUBTRACTED, s.STOPS_FIRST]
    for probability, numbers in (
        (other.wake, (*range(s.WAKE, s.OPERATION), s.AWAKE)),
        (other.tick, (s.OVERSLEEP,)),
        (other.service, (*served, *plugin_work)),
    ):
        for k in numbers if probability > 0.0 else ():
            if not streams[k].name.startswith("unused."):
                before = streams[k]
                delayed = interrupted(before.sampler, before.value, probability, other.length)
                streams[k] = NamedStream(before.name, 0.0, delayed)


def _stream(name: str, dist: Dist) -> NamedStream:
    value = constant_value(dist)
    return NamedStream(name, value, None) if value is not None else NamedStream(name, 0.0, sampler(dist), dist)
