"""From a scenario to the numbers that a run starts with: parameters, faults, plugins, streams."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sim.engine.start.sampling import Sampler, constant_value, interrupted, sampler, uniform
from sim.scenario import Dist, Fault, Scenario, constant, expected
from sim.scenario.dialogue import Step
from sim.server import streams as s
from sim.server.ledger import MAX_RESOURCES, Ledger
from sim.server.records import (
    COMPLETES_ITSELF,
    ENDS_AT_ONCE,
    IS_BARGED_IN,
    IS_STOPPED,
    MAX_FAULT_CALLS,
    NO_INPUT,
    UNTIL_BYE,
    VANISH_NEVER_OPENED,
    VANISH_TCP_CLOSED,
    VANISH_TCP_OPEN,
    Mix,
    Parameters,
    Plugin,
    Server,
    blank,
)
from sim.server.records import Fault as FaultRecord
from sim.server.records import Step as StepRecord
from sim.vocabulary.messages import COST_KEYS, M_CONTAINER, M_STOP, MESSAGE_NAMES, S_OFFER
from sim.vocabulary.plugins import ASKED, OPERATIONS, START
from sim.vocabulary.resources import CONNECTION_POOL, RESOURCE_NAMES, RTP_PORT, TCP_CONNECTION
from sim.vocabulary.tasks import PLUGIN, TASK_KEYS, TASK_NAMES

VANISH_HOW = {"closed": VANISH_TCP_CLOSED, "open": VANISH_TCP_OPEN, "never-opened": VANISH_NEVER_OPENED}
ENDS = {
    "completes": COMPLETES_ITSELF, "no-input": NO_INPUT, "until-bye": UNTIL_BYE, "stopped": IS_STOPPED,
    "barged-in": IS_BARGED_IN, "at-once": ENDS_AT_ONCE,
}  # fmt: skip
NO_FAULT = Fault(probability=0.0)


@dataclass(slots=True)
class Stream:
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
    streams: list[Stream]
    parameters: Parameters
    plugin_records: list[Plugin]
    mixes: list[Mix]
    steps: list[StepRecord]
    faults: list[FaultRecord]
    server: Server
    duration_s: float
    limits: tuple[int | None, ...]  # of each resource


def setup(scenario: Scenario, record_rows: bool) -> Setup:
    """The numbers of a scenario; everything random is left to the streams."""
    plugins = tuple(scenario.plugins.keys())
    server: Server = blank(Server)
    server.offline = int(scenario.server.sip.offline)
    server.crashed_at_s = -1.0
    server.shutdown_done_s = -1.0
    server.shared_connection = -1
    return Setup(
        scenario=scenario,
        resources=_resource_names(plugins),
        plugins=plugins,
        tasks=task_names(scenario),
        streams=_streams(scenario, plugins),
        parameters=_parameters(scenario, plugins, record_rows),
        plugin_records=[_plugin(scenario, p) for p in plugins],
        mixes=_mixes(scenario, plugins),
        steps=[_step(step, plugins) for _, step in _steps(scenario)],
        faults=_faults(scenario, plugins),
        server=server,
        duration_s=_duration(scenario),
        limits=_limits(scenario, plugins),
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
    ledger.unheld = 0
    ledger.window_s = window_s
    ledger.window_end_s = window_s
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
    names = list(RESOURCE_NAMES)
    for plugin in plugins:
        names += [f"engine_channel:{plugin}", f"plugin_licence:{plugin}"]
    return tuple(names)


def _limits(scenario: Scenario, plugins: tuple[str, ...]) -> tuple[int | None, ...]:
    limits: list[int | None] = [None] * len(RESOURCE_NAMES)
    limits[TCP_CONNECTION] = limits[CONNECTION_POOL] = scenario.server.limits.max_connection_count
    limits[RTP_PORT] = len(scenario.server.limits.rtp_ports.ports)
    for name in plugins:
        limits += [scenario.plugins[name].max_channel_count, scenario.plugins[name].licences]
    return tuple(limits)


def _duration(scenario: Scenario) -> float:
    if scenario.arrivals.kind == "replay" and "duration" not in scenario.model_fields_set:
        from sim.scenario import read_calls

        assert scenario.arrivals.file is not None
        return read_calls(scenario.arrivals.file)[-1].arrived_s + 1e-9
    return float(scenario.duration)


def _parameters(scenario: Scenario, plugins: tuple[str, ...], record_rows: bool) -> Parameters:
    p: Parameters = blank(Parameters)
    server, client, calls, sip = scenario.server, scenario.client, scenario.calls, scenario.server.sip
    p.t1_s = sip.t1
    p.t2_s = sip.t2
    p.transaction_s = 64.0 * sip.t1
    p.bye_on_release = int(sip.bye_response == "on-release")
    p.retransmit = int(client.retransmit)
    p.extract_call_id = int(sip.extract_call_id)
    p.session_expires_s = sip.session_expires
    p.refresh_s = sip.session_expires / 2.0
    p.client_refreshes = int(client.refresh)
    p.inactivity_s = server.connection.inactivity_timeout or 0.0
    p.termination_s = server.connection.termination_timeout
    p.max_connections = server.limits.max_connection_count or 0
    p.max_shared_use = server.limits.max_shared_use_count or 0
    p.shared_connection = int(calls.connection == "shared" and not server.connection.force_new_connection)
    p.tcp = int(client.tcp)
    p.rtp_min = server.limits.rtp_ports.min
    p.rtp_ports = len(server.limits.rtp_ports.ports)
    p.port_leaves = 1 << max(0, p.rtp_ports - 1).bit_length()
    p.pool_checked = int(server.pool.checked)
    p.crash_stops = int(server.pool.on_crash == "stop")
    p.free_use_stops = int(server.on_use_after_free == "stop")
    p.vanish_how = VANISH_HOW[client.vanish.tcp]
    p.vanish_after = int(client.vanish.after is not None)
    p.has_patience = int(client.patience is not None)
    p.has_recognition = int(calls.recognition is not None)
    p.has_dialogue = int(bool(_steps(scenario)))
    p.reinvites = int(calls.reinvite_every is not None)
    p.reinvite_identical = int(calls.identical_reinvite)
    p.plugins = len(plugins)
    p.mixes = len(calls.resources)
    memory = server.memory
    p.session_bytes = memory.session_create
    p.offer_bytes = memory.per_rtp
    p.channel_bytes = memory.per_channel
    p.request_bytes = memory.per_request
    p.connection_bytes = memory.connection
    p.record_rows = int(record_rows)
    p.awake_s = -1.0 if server.warm.wake is None else server.warm.wake_within
    p.warm_s = server.warm.within
    p.cooling_s = server.warm.cooling
    p.warm_nua = server.warm.nua
    p.warm_sip = server.warm.sip_agent
    p.warm_server = server.warm.server
    p.warm_agent = server.warm.connection_agent
    p.warm_media = server.warm.media
    p.context_cost_s = expected(server.media.cost_per_context)
    p.held_answers = server.media.held_answers
    return p


def _plugin(scenario: Scenario, name: str) -> Plugin:
    record: Plugin = blank(Plugin)
    plugin = scenario.plugins[name]
    record.limit = plugin.max_channel_count or 0
    record.licences = plugin.licences or 0
    record.stop_at_tick = int(plugin.stop_answered_at == "tick")
    record.adds_silence = int(plugin.no_input_accumulates)
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


def _step(step: Step, plugins: tuple[str, ...]) -> StepRecord:
    record: StepRecord = blank(StepRecord)
    record.resource = plugins.index(step.resource or "")
    record.what = ASKED.index(step.method) if step.method in ASKED else START
    record.ends = ENDS[step.ends]
    record.overlap = int(step.overlap)
    record.probability = step.probability
    return record


def _named_faults(scenario: Scenario, plugins: tuple[str, ...]) -> list[tuple[str, Fault]]:
    client, calls = scenario.client, scenario.calls
    named: list[tuple[str, Fault]] = [
        ("server.pool.fails", scenario.server.pool.fails),
        ("client.no_ack", client.no_ack),
        ("client.vanish", client.vanish),
        ("calls.offer.missing_sdp", calls.offer.missing_sdp),
        ("calls.offer.malformed_sdp", calls.offer.malformed_sdp),
        ("calls.offer.unknown_resource", calls.offer.unknown_resource),
        ("calls.profile_missing", calls.profile_missing),
    ]
    for i in range(s.MAX_PLUGINS):
        for operation in OPERATIONS:
            if i >= len(plugins):
                named += [(f"unused.{i}.{operation}", NO_FAULT)] * 4
                continue
            place = f"plugins.{plugins[i]}.{operation}"
            op = getattr(scenario.plugins[plugins[i]], operation)
            wrong = getattr(op, "reopen_never", None) or getattr(op, "wrong_order", None) or NO_FAULT
            named += [
                (f"{place}.never", op.never),
                (f"{place}.twice", op.twice),
                (f"{place}.late", op.late),
                (f"{place}.wrong", wrong),
            ]
    return named


def _faults(scenario: Scenario, plugins: tuple[str, ...]) -> list[FaultRecord]:
    records = []
    for _, fault in _named_faults(scenario, plugins):
        record: FaultRecord = blank(FaultRecord)
        record.probability = fault.probability
        record.from_s = fault.from_
        record.until_s = fault.until
        record.listed = min(len(fault.calls), MAX_FAULT_CALLS)
        for i, call in enumerate(fault.calls[:MAX_FAULT_CALLS]):
            record.calls[i] = call
        records.append(record)
    return records


def _streams(scenario: Scenario, plugins: tuple[str, ...]) -> list[Stream]:
    zero = constant(0.0)
    named: list[tuple[str, Dist]] = [(f"unused.{i}", zero) for i in range(s.FAULT)]

    def put(number: int, name: str, dist: Dist | None) -> None:
        named[number] = (name, dist if dist is not None else zero)

    costs = scenario.server.costs
    for kind, (task, key) in COST_KEYS.items():
        put(s.SERVICE + kind, f"service.{MESSAGE_NAMES[kind]}", getattr(getattr(costs, task), key))
    put(s.SERVICE + M_CONTAINER, "service.media.add", costs.media.add)
    put(s.SUBTRACT, "service.media.subtract", costs.media.subtract)
    put(s.SUBTRACTED, "service.MPF response to subtract", costs.server.mpf_subtracted)
    put(s.STOPS_FIRST, "service.TERMINATE that stops first", costs.server.deactivate)
    for key in (*TASK_KEYS, *plugins):
        put(s.WAKE + task_index(key, plugins), f"wake.{key}", scenario.server.wake_of(key))  # type: ignore[arg-type]
    for i, plugin in enumerate(plugins):
        for o, operation in enumerate(OPERATIONS):
            op = getattr(scenario.plugins[plugin], operation)
            base = s.OPERATION + (i * 4 + o) * 4
            put(base + s.BLOCK, f"plugins.{plugin}.{operation}.block", op.block)
            put(base + s.DELAY, f"plugins.{plugin}.{operation}.delay", op.delay)
            put(base + s.GAP, f"plugins.{plugin}.{operation}.gap", op.gap)
            put(base + s.LATE_BY, f"plugins.{plugin}.{operation}.late_by", op.late_by)
    client, calls = scenario.client, scenario.calls
    put(s.HOLD, "calls.hold", calls.hold)
    put(s.REQUESTS, "calls.requests", calls.requests)
    put(s.RECOGNITION, "calls.recognition", calls.recognition)
    put(s.PAUSE, "calls.pause", calls.pause)
    put(s.NETWORK, "client.network_delay", client.network_delay)
    put(s.CONNECT, "client.connect_delay", client.connect_delay)
    put(s.ACK_DELAY, "client.ack_delay", client.ack_delay)
    put(s.PATIENCE, "client.patience", client.patience)
    put(s.VANISH_AFTER, "client.vanish.after", client.vanish.after)
    put(s.REINVITE, "calls.reinvite_every", calls.reinvite_every)
    put(s.ROUNDS, "calls.dialogue_rounds", calls.dialogue_rounds)
    steps = _steps(scenario)
    for k, (place, step) in enumerate(steps):
        put(s.STEP + 4 * k + s.STEP_AFTER, f"{place}.after", step.after)
        put(s.STEP + 4 * k + s.STEP_PAUSE, f"{place}.pause", step.pause)
        put(s.STEP + 4 * k + s.STEP_REPEAT, f"{place}.repeat", step.repeat)
    put(s.OVERSLEEP, "server.media.oversleep", scenario.server.media.oversleep)
    put(s.AWAKE, "server.warm.wake", scenario.server.warm.wake)
    streams = [_stream(name, dist) for name, dist in named]
    _interfere(scenario, streams)
    for k, (place, step) in enumerate(steps):
        chance = uniform if step.probability < 1.0 else None
        streams[s.STEP + 4 * k + s.STEP_CHANCE] = Stream(f"{place}.probability", 0.0, chance)
    streams[s.MIX] = Stream("calls.resources", 0.0, uniform if len(calls.resources) > 1 else None)
    streams[s.HELD] = Stream("server.media.held_answers", 0.0, uniform if scenario.server.media.held_answers else None)
    streams[s.PHASE] = Stream("server.media.phase", 0.0, uniform)
    for name, fault in _named_faults(scenario, plugins):
        streams.append(Stream(f"fault.{name}", 0.0, uniform if fault.probability > 0.0 else None))
    return streams


def _interfere(scenario: Scenario, streams: list[Stream]) -> None:
    """Other processes delay wake-ups, ticks and work on messages: part of what those streams deliver."""
    other = scenario.server.interference
    plugin_work = [s.OPERATION + k * 4 + s.BLOCK for k in range(s.MAX_PLUGINS * len(OPERATIONS))]
    served = [s.SERVICE + kind for kind in range(S_OFFER, M_STOP)] + [s.SUBTRACT, s.SUBTRACTED, s.STOPS_FIRST]
    for probability, numbers in (
        (other.wake, (*range(s.WAKE, s.OPERATION), s.AWAKE)),
        (other.tick, (s.OVERSLEEP,)),
        (other.service, (*served, *plugin_work)),
    ):
        for k in numbers if probability > 0.0 else ():
            if not streams[k].name.startswith("unused."):
                before = streams[k]
                delayed = interrupted(before.sampler, before.value, probability, other.length)
                streams[k] = Stream(before.name, 0.0, delayed)


def _stream(name: str, dist: Dist) -> Stream:
    value = constant_value(dist)
    return Stream(name, value, None) if value is not None else Stream(name, 0.0, sampler(dist), dist)
