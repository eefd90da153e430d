"""What a recording of the server's threads adds to its log: the work that no line shows, and the processors.

A thread's processor time is that of its messages, plus a part for each time that it got a processor: going to sleep and
being woken are system calls, and a switch costs as well. That part is the same at 10 and at 2000 calls/s.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from sim.calibration.costs import idle_before, server_names
from sim.calibration.media import contexts_at
from sim.calibration.nua import FIRST_LINE, KindCost, kinds
from sim.calibration.shared import Activity, one_processor
from sim.calibration.threads import MEDIA_THREAD, Thread, ThreadTimes, named, sip_pair, used, windows
from sim.calibration.work import Work, ages, left
from sim.errors import LogError

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence

Array = NDArray[np.float64]

ASSUMED_PROCESSORS: Final = 2
SWITCH_S: Final = 5e-6  # of processor time each time a thread gets a processor, where no recording tells
TICK_S: Final = 0.01
NUA_PART: Final = 0.5
"""Of what is left of the server task's times when warm: the stack works with far more code and data. Found from what
its thread used of one processor at 400, 1200 and 2000 calls/s: 0.17, 0.32 and 0.37 of it."""
BUSY_OTHERS: Final = 0.3  # processors that other programs use: one of them always wants to run
OTHERS_BURST_S: Final = 0.004  # what such a program runs at a time
_WINDOW_S: Final = 0.5
_FULL: Final = 0.9  # of a processor that must be seen idle or used for it to count
_FEWEST_PACKETS: Final = 1000  # RTP packets from which on their cost can be told
_COVERED: Final = 0.5  # part of the log that a recording must cover


@dataclass(frozen=True, slots=True)
class FigureFound:
    """A figure, and in words what it was found from."""

    value: float
    said: str


@dataclass(frozen=True, slots=True)
class NuaFound:
    """Median and mean cost of each kind of the NUA stack's messages in seconds, by its key, and where they are from."""

    costs: dict[str, tuple[float, float]]
    said: str


@dataclass(frozen=True, slots=True)
class MachineFound:
    """The processors, and the processor time that the log does not show; None: the recording does not have it."""

    count: int
    count_said: str
    other_load: FigureFound
    switch: FigureFound
    use: float | None = None  # of all processors together, by the server
    nua: NuaFound | None = None
    context: FigureFound | None = None
    tick: FigureFound | None = None
    with_rtp: FigureFound | None = None  # of a context whose caller sends RTP
    covered: tuple[float, float] | None = None


def machine(evidence: "Evidence", seen: Activity, work: Work | None, times: ThreadTimes | None) -> MachineFound:
    """The machine of a log; `times` on the log's clock, `work` where the log has task messages."""
    one = one_processor(evidence, seen)
    if times is None:
        return _assumed(evidence, seen, one)
    span = _span(evidence, times)
    count, said = _count(times, one, span)
    switch = _switch(times, work, span)
    tick, context, with_rtp = _media(evidence, times, work, span)
    return MachineFound(
        count, said, _others(times, one, count, span), switch,
        use=sum(used(thread, *span).cpu_s for thread in times.threads) / (span[1] - span[0]) / count,
        nua=_nua(evidence, seen, times, work, switch.value, span), tick=tick, context=context, with_rtp=with_rtp,
        covered=span,
    )  # fmt: skip


def _assumed(evidence: "Evidence", seen: Activity, one: bool) -> MachineFound:
    if one:
        count, said = 1, "the log never has lines of two threads side by side, as it would with more processors"
    else:
        hint = "its threads' lines lie side by side, so at least two" if evidence.debug else "an INFO log can not tell"
        count, said = ASSUMED_PROCESSORS, f"ASSUMED; {hint}. Give a recording with --threads, or set it"
    other = FigureFound(0.0, "ASSUMED: nothing else runs on them; --threads tells")
    switch = FigureFound(SWITCH_S, "ASSUMED, from other servers; --threads tells")
    return MachineFound(count, said, other, switch, nua=_assumed_nua(kinds(evidence, seen, SWITCH_S)))


def _assumed_nua(told: dict[str, KindCost]) -> NuaFound | None:
    """Where the log tells how the kinds differ: as much for a call in all as by default."""
    if not told:
        return None
    usual = _default_costs()
    whole = sum(usual[key][1] for key in FIRST_LINE) / sum(told[key].mean_s for key in FIRST_LINE)
    return NuaFound(
        {key: (cost.median_s * whole, cost.mean_s * whole) for key, cost in told.items()},
        f"ASSUMED as much for a call as by default, --threads tells; {_shared_out(told)}",
    )


def _default_costs() -> dict[str, tuple[float, float]]:
    from sim.scenario.costs import NuaCosts

    return {key: (float(dist.median), float(dist.mean)) for key, dist in NuaCosts()}


def _shared_out(told: dict[str, KindCost]) -> str:
    if not told:
        return "shared out among their kinds as by default"
    seen = ", ".join(f"{key} {told[key].mean_s * 1e6:.0f}" for key in FIRST_LINE)
    return (
        f"shared out among their kinds as the times that the SIP agent slept between two events, us: {seen} (of "
        f"{sum(told[key].told_by for key in FIRST_LINE)}); nothing tells of cancel and other"
    )


def _span(evidence: "Evidence", times: ThreadTimes) -> tuple[float, float]:
    """The time that both the log's calls and the recording cover."""
    begin, end = times.span
    span = max(begin, 0.0), min(end, evidence.end)
    if span[1] - span[0] < _COVERED * evidence.end:
        raise LogError(
            f"{times.source}: expected a recording of the whole time of the log, {evidence.end:.0f} s (got "
            f"{max(0.0, span[1] - span[0]):.0f} s of it); start it before the server is loaded"
        )
    return span


def _count(times: ThreadTimes, one: bool, span: tuple[float, float]) -> tuple[int, str]:
    if one:
        return 1, "the log never has lines of two threads side by side: the server had one processor"
    if times.processors is not None:
        return times.processors, "the recording's first line; the log shows that the server had more than one"
    if times.idle is None:
        return ASSUMED_PROCESSORS, "ASSUMED: at least two by the log, and the recording does not say how many"
    edges = np.arange(times.span[0], times.span[1], 1.0)
    every = [windows(thread, edges) for thread in (times.idle, *times.threads, *times.others)]
    most = float(np.sum(every, axis=0).max()) if len(edges) > 1 else 0.0
    seen = math.floor(most) + (1 if most % 1.0 > _FULL else 0)
    return max(seen, 2), f"the log shows more than one; of the machine {most:.2f} were seen idle or used at a time"


def _others(times: ThreadTimes, one: bool, count: int, span: tuple[float, float]) -> FigureFound:
    length = span[1] - span[0]
    use = sum(used(thread, *span).cpu_s for thread in times.others) / length
    names = ", ".join(sorted({thread.name for thread in times.others})[:4]) or "none recorded"
    if one and (times.processors or 2) > 1:
        return FigureFound(0.0, f"other programs ({names}: {use:.2f}) have the machine's other processors")
    if times.idle is not None and count > 1:
        own = sum(used(thread, *span).cpu_s for thread in times.threads) / length
        rest = count - used(times.idle, *span).cpu_s / length - own
        said = f"the machine's {count} processors less {own:.2f} of the server and what was idle; {names}: {use:.2f}"
        return FigureFound(round(max(rest, use), 4), said)
    return FigureFound(round(use, 4), f"processor time of other programs ({names})")


def _switch(times: ThreadTimes, work: Work | None, span: tuple[float, float]) -> FigureFound:
    """Processor time a slice beyond the work on messages, over the tasks whose every message is in the log."""
    rest = slices = 0.0
    tasks = []
    for task, spent in (work.spent_s if work is not None else {}).items():
        thread = named(times, task)
        if thread is None or work is None or not work.whole.get(task, False):
            continue
        use = used(thread, *span)
        if use.slices and use.slices > 0 and use.cpu_s > spent:
            rest += use.cpu_s - spent
            slices += use.slices
            tasks.append(f"{task} {(use.cpu_s - spent) / use.slices * 1e6:.1f}")
    if not tasks:
        return FigureFound(
            SWITCH_S, "ASSUMED: the recording has no context switches (pidstat -w), or the log no task messages"
        )
    return FigureFound(
        rest / slices, f"processor time beyond the messages' own for each time slice, in us: {', '.join(tasks)}"
    )


def _media(
    evidence: "Evidence", times: ThreadTimes, work: Work | None, span: tuple[float, float]
) -> tuple[FigureFound | None, FigureFound | None, FigureFound | None]:
    """Processor time of a tick without contexts and of a context in one tick, without and with RTP, by least squares
    over windows."""
    from scipy.optimize import nnls

    thread = named(times, MEDIA_THREAD)
    edges = _edges(thread, span)
    if thread is None or len(edges) < 4:
        return None, None, None
    used_s = windows(thread, edges) - (_containers(evidence, work, edges) if work is not None else 0.0)
    at = np.arange(edges[0], edges[-1], TICK_S)
    ticks = np.histogram(at, edges)[0].astype(np.float64)
    contexts = np.histogram(at, edges, weights=contexts_at(_contexts(evidence), at))[0]
    if np.ptp(contexts) <= 0:
        return None, None, None
    packets = _packets(evidence, edges)
    parts = [ticks, contexts] + ([packets] if packets.sum() >= _FEWEST_PACKETS else [])
    (tick, context, *packet), _ = nnls(np.column_stack(parts), np.maximum(used_s, 0.0))
    said = f"least squares over {len(edges) - 1} stretches of the media thread's processor time ({used_s.sum():.2f} s)"
    found = FigureFound(float(tick), said), FigureFound(float(context), said)
    if not packet:
        return *found, None
    sent = evidence.receivers[evidence.receivers[:, 2] > 0]
    each = float(np.median(sent[:, 2] / np.maximum(sent[:, 1] - sent[:, 0], TICK_S))) * TICK_S
    return *found, FigureFound(float(context + each * packet[0]), f"{said}; {each:.2f} packets a tick from each sender")


def _contexts(evidence: "Evidence") -> Array:
    """Changes of the number of media contexts; an INFO log has no lines of them, but of answers and of releases."""
    if len(evidence.contexts):
        return evidence.contexts
    changes = [(call.answer, 1.0) for call in evidence.calls if call.status == 200 and math.isfinite(call.answer)]
    changes += [
        (call.terminate, -1.0) for call in evidence.calls if call.status == 200 and math.isfinite(call.terminate)
    ]
    return np.array(sorted(changes), dtype=np.float64).reshape(-1, 2)


def _packets(evidence: "Evidence", edges: Array) -> Array:
    """RTP packets in each window, as if each receiver got its own at an even rate."""
    total = np.zeros(len(edges) - 1)
    for opened, closed, received in evidence.receivers[evidence.receivers[:, 2] > 0]:
        upto = np.clip((edges - opened) / max(closed - opened, 1e-3), 0.0, 1.0)
        total += received * np.diff(upto)
    return total


def _edges(thread: Thread | None, span: tuple[float, float]) -> Array:
    """Times of the recording, no closer than half a second."""
    if thread is None:
        return np.empty(0)
    times = thread.time_s[(thread.time_s >= span[0]) & (thread.time_s <= span[1])]
    kept: list[float] = []
    for time in times.tolist():
        if not kept or time - kept[-1] >= _WINDOW_S - 1e-3:
            kept.append(time)
    return np.array(kept)


def _containers(evidence: "Evidence", work: Work, edges: Array) -> Array:
    """Processor time of the media engine's containers in each window."""
    rows = evidence.messages
    names, idle = server_names(evidence, rows), idle_before(evidence)
    media, began = (rows["role"] == "media").to_numpy(), rows["started"].to_numpy(dtype=np.float64)
    total = np.zeros(len(edges) - 1)
    for key in ("add", "subtract"):
        sample = work.samples.get(("media", key))
        at = media & (names == key) & np.isfinite(began)
        if sample is not None:
            parts = work.part(("media", key), idle[at], ages(began[at]))
            total += np.histogram(began[at], edges, weights=float(sample.mean()) * parts)[0]
    return total


def _nua(
    evidence: "Evidence", seen: Activity, times: ThreadTimes, work: Work | None, switch_s: float,
    span: tuple[float, float],
) -> NuaFound | None:  # fmt: skip
    """The NUA stack's costs: in all from its thread's processor time, among their kinds from the log."""
    pair = sip_pair(times)
    if pair is None:
        return None
    use = used(pair[0], *span)
    told = kinds(evidence, seen, switch_s)
    usual = {key: (cost.median_s, cost.mean_s) for key, cost in told.items()} or _default_costs()
    when = {key: np.array([time for _, time in evidence.states.get(line, [])]) for key, line in FIRST_LINE.items()}
    when["other"] = np.array([call.released for call in evidence.calls if math.isfinite(call.released)])
    everything = np.sort(np.concatenate(list(when.values())))
    if not len(everything):
        return None
    nominal, messages = 0.0, 0
    for key, at in when.items():
        at = at[(at >= span[0]) & (at <= span[1])]
        place = np.searchsorted(everything, at, "left") - 1
        idle = np.where(place >= 0, at - everything[np.maximum(place, 0)], np.inf)
        parts = left(nua_part(work), idle)
        nominal += usual[key][1] * float(parts.sum())
        messages += len(at)
    rest = use.cpu_s - switch_s * (use.slices if use.slices is not None else messages)
    if nominal <= 0 or rest <= 0:
        return None
    factor = rest / nominal
    return NuaFound(
        {key: (median * factor, mean * factor) for key, (median, mean) in usual.items()},
        f"{use.cpu_s:.2f} s of the NUA stack's thread for {messages} SIP messages and answers, "
        f"{use.cpu_s / messages * 1e6:.0f} us each; {_shared_out(told)}",
    )


def nua_part(work: Work | None) -> float:
    """What is left of the NUA stack's times on a warm processor. It logs nothing, so this follows the server task's."""
    return NUA_PART * work.warm.get("server", 1.0) if work is not None else 1.0
