"""A real server's log becomes a scenario that says of every value where it comes from.

What is fitted are mechanisms: service times, wake-ups, the media tick, delays and blocks of plugins, faults, callers.
End-to-end latencies are never fitted, so the scenario can be run at loads that were not in the log.
"""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from sim.calibration import sharing
from sim.calibration.arrivals import ArrivalsSeen, arrivals, callers_clock
from sim.calibration.calls import calls, client, timers
from sim.calibration.costs import AWAKE_WITHIN_S, WARM_WITHIN_S, Services, WakesSeen, services, wakes
from sim.calibration.evidence import Evidence, watch_logs
from sim.calibration.fit import POINTS, Fit
from sim.calibration.found import Calibration
from sim.calibration.machine import MachineFound
from sim.calibration.machine import machine as found_machine
from sim.calibration.media import Ticks, reweighted, ticks
from sim.calibration.plugins import engine_tasks, plugins
from sim.calibration.rates import rate
from sim.calibration.shared import activity, one_processor
from sim.calibration.sheet import INLINE, Sheet, counted, noted, seconds
from sim.calibration.stalls import Stalls, stalls, without_stalls
from sim.calibration.threadfile import read_threads
from sim.calibration.threads import ThreadTimes
from sim.calibration.work import Work, work
from sim.logs.reading.reader import StrPath
from sim.scenario.annotated import Noted

_ENOUGH: Final = 20
INFO_ASSUMED: Final = (
    "INFO level: service times, wake-ups, what a line costs and how many processors there are is not in the log. Costs "
    "are those of the reference server, measured at DEBUG, less its DEBUG lines; --threads gives those of the NUA "
    "stack and of the media engine."
)

RECEIVE_BUFFER: Final = 131
"""Packets, of one INVITE with SDP, one ACK and one BYE each; measured on Linux 6.18 over loopback."""


def calibrate_logs(
    paths: Sequence[StrPath],
    *,
    name: str | None = None,
    threads: StrPath | None = None,
    progress: Callable[[int], None] | None = None,
) -> Calibration:
    """The scenario of one server's log, given in one or several files. LogError when there is nothing to learn from.

    `threads` is a recording of the server's threads meanwhile: threads.csv, or what `pidstat -t` prints.
    """
    recorded = read_threads(threads) if threads is not None else None
    return calibrate_evidence(watch_logs(paths, progress), name, recorded)


def calibrate_evidence(evidence: Evidence, name: str | None = None, threads: ThreadTimes | None = None) -> Calibration:
    """The same from evidence that was read before."""
    recorded = threads.moved_to(evidence.origin, evidence.origin + evidence.end, evidence.dated) if threads else None
    name = name or scenario_name(evidence.names[0])
    sheet = Sheet(f"{name}.samples.csv")
    seen = arrivals(np.array([call.arrived for call in evidence.calls]))
    tick = ticks(evidence)
    fits: dict[str, Fit] = {}
    tree: dict[str, Any] = {
        "name": name,
        "description": f"Calibrated from {', '.join(Path(n).name for n in evidence.names)}.",
    }
    arrived = [call.arrived for call in evidence.calls if math.isfinite(call.arrived)]  # not those before the log began
    span = max(arrived) - min(arrived) if arrived else 0.0
    tree["duration"] = seconds(max(math.ceil(span * 1e3 + 1) / 1e3, 1.0))  # the last call within it
    tree["arrivals"] = _arrivals(seen, name)
    tree["calls"] = calls(evidence, sheet)
    tree["client"] = client(evidence, sheet)
    clock = callers_clock(np.array([call.arrived for call in evidence.calls])) if seen.kind == "even" else None
    if clock is not None:
        said = "calls begin at the ticks of such a clock, as those of a load generator do (Rayleigh test)"
        tree["client"]["clock"] = Noted(seconds(clock), said)
    tree["server"] = _server(evidence, tick, sheet, fits, recorded)
    made = plugins(evidence, sheet)
    if made:
        tree["plugins"] = {resource: _ordered(block) for resource, block in made.items()}
    return Calibration(name, tree, sheet, evidence, seen, tick, fits, _head(evidence))


def scenario_name(path: str) -> str:
    """A scenario's name from the name of a log file."""
    stem = "stdin" if path == "-" else Path(path).name
    for ending in (".gz", ".xz", ".log"):
        stem = stem.removesuffix(ending)
    return re.sub(r"[^\w.-]+", "-", stem).lstrip("._-")[:80] or "calibrated"


def _head(evidence: Evidence) -> list[str]:
    counts = evidence.summary.sessions
    lines = [
        f"Calibrated by mrcpsim from {', '.join(Path(n).name for n in evidence.names)}: {counts.created} sessions, "
        f"{counts.released} released, {counts.leaked} leaked, {counts.live} alive at the end of the log.",
        "Every value says what it was fitted to; [a, b] are 95 % intervals of the mean. Mechanisms are fitted (service "
        "times, wake-ups, the media tick, delays, faults), never end-to-end latencies.",
        'p: how well a family fits (KS, bootstrap). "empirical": none does (p is the best one\'s, below 0.05), so the '
        f"sample itself is used: up to {INLINE} values in place, more as {POINTS} points in the CSV file beside this.",
    ]
    return lines + list(evidence.notes) + ([] if evidence.debug else [INFO_ASSUMED])


def _arrivals(seen: ArrivalsSeen, name: str) -> Any:
    block: dict[str, Any] = {"kind": Noted(seen.kind, seen.comment)}
    if seen.kind in ("poisson", "even"):
        block["rate"] = f"{seen.rate:.6g}/s"
    elif seen.kind == "profile":
        block["profile"] = [{"at": seconds(at), "rate": f"{max(r, 1e-6):.6g}/s"} for at, r in seen.profile]
    elif seen.kind == "burst":
        burst = seen.burst
        block["burst"] = {
            "size": burst["size"], "every": seconds(burst["every"]), "spacing": seconds(burst["spacing"]),
        }  # fmt: skip
    else:
        block["file"] = f"{name}.calls.csv"
    return block


def _server(
    evidence: Evidence, tick: Ticks | None, sheet: Sheet, fits: dict[str, Fit], recorded: ThreadTimes | None
) -> dict[str, Any]:
    sip: dict[str, Any] = {
        "bye_response": Noted("immediate", "what UniMRCP 1.8.0 does; a log does not show when a BYE was answered"),
        "receive_buffer": Noted(
            RECEIVE_BUFFER,
            "ASSUMED: what a socket's default on Linux (212 992 bytes) takes of a call's mix of packets",
        ),
        **timers(evidence),
    }
    server: dict[str, Any] = {"sip": sip}
    profiles = sorted({call.profile for call in evidence.calls if call.profile})
    if profiles:
        server["profile"] = profiles[0]
    limits: dict[str, Any] = {}
    if evidence.rtp_range is not None and 1 <= evidence.rtp_range[0] < evidence.rtp_range[1] <= 65535:
        said = f"the server's start; used up {evidence.rtp_refused} times"
        limits["rtp_ports"] = Noted(f"{evidence.rtp_range[0]}-{evidence.rtp_range[1]}", said)
    if evidence.max_connections:
        limits["max_connection_count"] = Noted(evidence.max_connections, "the server's start")
    if limits:
        server["limits"] = limits
    if evidence.termination_timeout:
        server["connection"] = {
            "termination_timeout": Noted(seconds(evidence.termination_timeout), "the timer that the log sets")
        }
    seen = activity(evidence)
    one = one_processor(evidence, seen)
    worked = work(evidence, seen, one) if evidence.debug and (one or recorded is not None) else None
    machine = found_machine(evidence, seen, worked, recorded)
    server["processors"] = sharing.processors(machine)
    server["log"] = sharing.log(evidence)
    media = _media(tick, sheet, fits)
    if worked is not None or machine.context is not None:
        media |= sharing.media(tick, machine, sheet, fits)
        media.pop("held_answers", None)
    if media:
        server["media"] = media
    if worked is not None:
        server.update(_shared(evidence, tick, worked, machine, sheet, fits))
        return server
    server.update(sharing.costs(None, machine, sheet, fits))
    times = services(evidence) if evidence.debug else None
    woken = wakes(evidence, tick.cost_per_context_s if tick else 0.0) if evidence.debug else None
    server.update(_interference(stalls(tick, woken.samples if woken else (), times), sheet, fits))
    if times is not None and woken is not None:
        server.update(_wakes(evidence, woken, sheet, fits))
        server.update(_costs(times, sheet, fits))
        server.update(_warm(woken, times, sheet, fits))
    return server


def _shared(
    evidence: Evidence, tick: Ticks | None, worked: Work, machine: MachineFound, sheet: Sheet, fits: dict[str, Fit]
) -> dict[str, Any]:
    """The server's times where its tasks share processors, and these were seen."""
    woken = wakes(evidence, tick.cost_per_context_s if tick else 0.0)
    block: dict[str, Any] = {}
    if not sharing.own_stalls(machine):
        block |= _interference(stalls(tick, woken.samples, services(evidence)), sheet, fits)
    free = sharing.wake_samples(woken.asleep, machine)
    block |= _wakes(evidence, WakesSeen(free, np.empty(0)), sheet, fits)
    return block | sharing.costs(worked, machine, sheet, fits) | sharing.warm(worked)


def _media(tick: Ticks | None, sheet: Sheet, fits: dict[str, Fit]) -> dict[str, Any]:
    if tick is None:
        return {}
    block: dict[str, Any] = {
        "tick": Noted(
            seconds(round(tick.tick_s, 8)),
            f"{tick.seen} ticks seen; in this log their phase was {(tick.phase_s or 0.0) * 1e3:.3f} ms after its first "
            "line, which every run draws anew",
        ),
        "cost_per_context": Noted(
            seconds(tick.cost_per_context_s), "how much longer a tick takes for each context that it runs"
        ),
    }
    if tick.answers >= _ENOUGH:
        seen = rate(tick.held, tick.answers)
        block["held_answers"] = counted(seen, "answers that were taken up only after the tick's contexts", 4)
    late = without_stalls(reweighted(tick.overslept, tick.weights))[0]
    if late is not None:
        fits["oversleep"] = late
        block["oversleep"] = noted(late, sheet, "oversleep", "without stalls, see interference")
    return block


def _interference(seen: Stalls, sheet: Sheet, fits: dict[str, Fit]) -> dict[str, Any]:
    if seen.length is None:
        return {}
    fits["interference"] = seen.length
    block: dict[str, Any] = {
        name: counted(found, f"stalls of {what}")
        for name, found, what in (
            ("wake", seen.wake, "threads that were woken"),
            ("tick", seen.tick, "media ticks"),
            ("service", seen.service, "work on messages"),
        )
        if found.trials
    }
    said = "other processes on that machine during this run; not the server's own, and different in every run"
    block["length"] = noted(seen.length, sheet, "interference", said)
    return {"interference": block}


def _wakes(evidence: Evidence, woken: WakesSeen, sheet: Sheet, fits: dict[str, Fit]) -> dict[str, Any]:
    tasks = engine_tasks(evidence)
    roles = dict(zip(evidence.messages["task"].tolist(), evidence.messages["role"].tolist(), strict=True))
    block: dict[str, Any] = {}
    for task, sample in woken.asleep.items():
        place = {"server": "server", "connection": "connection_agent"}.get(roles[task], tasks.get(task, ""))
        found = without_stalls(sample)[0]
        if place and found is not None:
            fits[f"wake.{place}"] = found
            block[place] = noted(found, sheet, f"wake.{place}")
    return {"wakes": Noted(block, "from the end of the sender's work to the start of the receiver's")} if block else {}


def _costs(times: Services, sheet: Sheet, fits: dict[str, Fit]) -> dict[str, Any]:
    costs: dict[str, Any] = {}
    for (task, key), sample in sorted(times.samples.items()):
        found = without_stalls(sample, work=True)[0]
        if found is not None:
            fits[f"{task}.{key}"] = found
            costs.setdefault(task, {})[key] = noted(found, sheet, f"{task}.{key}")
    said = "from Process Message to the last signal that the task sent, or to Wait for Messages; without stalls"
    return {"costs": Noted(costs, said)} if costs else {}


def _warm(woken: WakesSeen, times: Services, sheet: Sheet, fits: dict[str, Fit]) -> dict[str, Any]:
    block: dict[str, Any] = {}
    found = without_stalls(woken.awake)[0] if len(woken.awake) >= _ENOUGH else None
    if found is not None:
        fits["wake.awake"] = found
        block["wake_within"] = Noted(seconds(AWAKE_WITHIN_S), "so soon after its last work a thread is woken faster")
        block["wake"] = noted(found, sheet, "wake.awake")
    if any(times.told_by.values()):
        said = "what is left of a service time so soon after the task's last message; from " + ", ".join(
            f"{n} messages ({task})" for task, n in times.told_by.items() if n
        )
        block["within"] = Noted(seconds(WARM_WITHIN_S), said)
        block |= {task: round(part, 4) for task, part in times.warm.items() if times.told_by[task]}
    return {"warm": block} if block else {}


def _ordered(block: dict[str, Any]) -> dict[str, Any]:
    order = ("engine", "id", "max_channel_count", "stop_answered_at", "open", "close", "request", "stop")
    return {key: block[key] for key in order if key in block}
