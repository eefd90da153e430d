"""The media tick as a log shows it: period, phase, cost per context and oversleep, told apart.

Tick k begins at phase + k·tick + cost·contexts + oversleep(k): the thread sleeps to the nominal time less the work of
the tick before, see `sim.engine.reference.media_engine.MediaEngine`. Ticks are seen where a request was waiting for
them.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence

Array = NDArray[np.float64]

CODEC_FRAME_TIME_BASE: Final = 0.010
_FEWEST: Final = 20
_PERIODS: Final = (0.001, 0.200)  # periods looked for, in seconds
_LOOSEST: Final = 0.17  # jitter, as a part of the period, up to which a period is believable
_BINS: Final = 100
_NEAR: Final = 0.1  # no tick is earlier than the usual ones by more than this part of a tick
_APART: Final = 0.5e-3  # requests further apart than this are of different ticks
_AMONG_HELD: Final = 0.6  # quantile of the waits of answers that is that of a held one, as most are
_RTP_LAG: Final = 60e-6
_MANY: Final = 100
_TELLING: Final = 50e-6  # work on contexts from which on its end and its beginning can be told apart
_FLOOR: Final = 0.10  # quantile of the offsets that counts as "not overslept"
_ROUNDS: Final = 6  # of finding the cost: what one finds is taken off before the next
_EARLIEST: Final = 0.02  # quantile of the residuals that is taken for the phase


@dataclass(frozen=True, slots=True)
class Ticks:
    """What is known of the ticks; `overslept` are samples in seconds, `phase_s` is relative to the log's beginning."""

    tick_s: float
    phase_s: float | None
    cost_per_context_s: float
    overslept: Array
    weights: Array  # of each: a late tick is there for longer, so more requests find it
    seen: int
    held: int  # answers whose receiver waited until the contexts had been run
    answers: int  # of so many for which that can be told
    offsets: Array  # each tick less its place in the grid, before the contexts are taken off
    contexts: Array


def tick_times(evidence: "Evidence") -> tuple[Array, Array]:
    """When ticks began that had a request waiting, and how long the requests of each took together."""
    rows = evidence.messages
    media = rows[(rows["role"] == "media") & rows["started"].notna()].sort_values("started")
    if len(media) == 0:
        return np.empty(0), np.empty(0)
    threads = media["thread"].to_numpy()
    media = media[threads == _most(threads)]
    started = media["started"].to_numpy()
    finished = np.where(media["finished"].isna(), started, media["finished"].to_numpy())
    first = np.concatenate(([True], started[1:] - np.maximum.accumulate(finished)[:-1] > _APART))
    where = np.flatnonzero(first)
    ends = np.maximum.reduceat(finished, where) if len(where) else np.empty(0)
    # a request that waited less than this may have come while the tick was under way
    waited = (media["started"] - media["sent"]).to_numpy()[where] > 20e-6
    return np.asarray(started[where][waited], dtype=np.float64), np.asarray((ends - started[where])[waited])


def _most(values: NDArray[np.int64]) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])


def ticks(evidence: "Evidence") -> Ticks | None:
    """The ticks of a log; None when too few were seen."""
    times, work = tick_times(evidence)
    if len(times) < _FEWEST and len(evidence.rtp_enabled) >= _FEWEST:
        # INFO level: a port is enabled a little after the tick began, so this phase is late by that much
        times = evidence.rtp_enabled
        times = times[np.concatenate(([True], np.diff(times) > _APART))] - _RTP_LAG
        work = np.zeros(len(times))
    if len(times) < _FEWEST:
        return None
    tick = period(times)
    if tick is None:
        return None
    # the work of the tick before, where that one was seen
    gap = np.diff(times, prepend=-np.inf)
    before = np.where((gap > 0.3 * tick) & (gap < 1.7 * tick), np.concatenate(([0.0], work[:-1])), 0.0)
    contexts = contexts_at(evidence.contexts, times)
    found = separate(times, tick, contexts, before)
    held, answers = held_answers(evidence, found.cost_per_context_s)
    if answers < _FEWEST or held > (1 - _AMONG_HELD) * answers:  # else they started at once
        found = separate(times, tick, contexts, before, cost_from_answers(evidence))
        held, answers = held_answers(evidence, found.cost_per_context_s)
    return replace(found, held=held, answers=answers)


def phase_for(seen: Ticks, cost_per_context_s: float, oversleep_median_s: float) -> float:
    """The phase at which a model with this cost and oversleep begins its ticks, at the median, when the log's did."""
    rest = seen.offsets - cost_per_context_s * seen.contexts
    return float((np.median(rest) - oversleep_median_s) % seen.tick_s)


def cost_from_answers(evidence: "Evidence") -> float | None:
    """Seconds per context, from how much longer single answers wait the more contexts are run after them.

    Most answers are held until then, some are not, so the upper half is looked at. None: too little to tell.
    """
    rows = evidence.messages
    answers = rows[(rows["name"] == "mpf_response") & rows["sent"].notna() & rows["started"].notna()]
    if len(answers) < _MANY:
        return None
    answers = answers.sort_values("sent", kind="stable")
    sent, wait = answers["sent"].to_numpy(), (answers["started"] - answers["sent"]).to_numpy()
    contexts = contexts_at(evidence.contexts, sent)
    alone = (np.diff(sent, append=np.inf) > 2e-3) & (np.diff(sent, prepend=-np.inf) > 2e-3)
    sent, wait, contexts = sent[alone], wait[alone], contexts[alone]
    if len(sent) < _MANY:
        return None
    slope = _line(contexts, wait, _AMONG_HELD, 10.0)
    if slope > 0:
        return slope
    # the number of contexts hardly changed: what these wait longer than other answers do
    others = rows[rows["name"].isin(("channel_added", "opened", "closed")) & (rows["role"] == "server")]
    other = (others["started"] - others["sent"]).dropna().to_numpy()
    middle = float(np.median(contexts))
    if len(other) < _MANY or middle < 5:
        return None
    longer = float(np.quantile(wait, _AMONG_HELD) - np.quantile(other, _AMONG_HELD))
    return max(0.0, longer / middle)


def held_answers(evidence: "Evidence", cost: float) -> tuple[int, int]:
    """How many answers of the media engine started only when the tick's contexts had been run, and of how many.

    Counted are single answers to an idle server task while the contexts took long enough to tell.
    """
    rows = evidence.messages
    answers = rows[(rows["name"] == "mpf_response") & rows["sent"].notna() & rows["started"].notna()]
    if cost <= 0 or not len(answers):
        return 0, 0
    answers = answers.sort_values("sent", kind="stable")
    sent, wait = answers["sent"].to_numpy(), (answers["started"] - answers["sent"]).to_numpy()
    work = cost * contexts_at(evidence.contexts, sent)
    others = rows[rows["name"].isin(("channel_added", "opened", "closed")) & (rows["role"] == "server")]
    usual, slow = np.nanquantile(np.append((others["started"] - others["sent"]).to_numpy(), 0.0), [0.5, 0.9])
    alone = (np.diff(sent, append=np.inf) > 2e-3) & (np.diff(sent, prepend=-np.inf) > 2e-3)
    alone &= work > max(_TELLING, float(slow - usual))
    return int(np.count_nonzero(wait[alone] > usual + 0.5 * work[alone])), int(np.count_nonzero(alone))


def contexts_at(changes: Array, times: Array) -> Array:
    """How many media contexts there were at each of `times`."""
    if len(changes) == 0:
        return np.zeros(len(times))
    order = np.argsort(changes[:, 0], kind="stable")
    level = np.cumsum(changes[order, 1])
    place = np.searchsorted(changes[order, 0], times) - 1
    return np.where(place >= 0, level[np.maximum(place, 0)], 0.0)


def period(times: Array) -> float | None:
    """The tick: the period at which the times gather at one phase. None: there is none.

    UniMRCP's own is 10 ms; it is taken if it fits, and a multiple of it only when that gathers them as closely (what
    gathers at p also gathers at its divisors, and evenly spaced calls make multiples look like periods).
    """
    steps = np.arange(_PERIODS[0], _PERIODS[1] + 5e-4, 1e-3)
    jitter = np.array([_jitter(times, float(step)) for step in steps])
    usual = int(np.argmin(np.abs(steps - CODEC_FRAME_TIME_BASE)))
    fits = np.flatnonzero(jitter < _LOOSEST * steps)
    if fits.size == 0:
        return None
    rough = usual if usual in fits else int(fits[-1])
    longer = [i for i in fits.tolist() if i > rough and jitter[i] < 1.1 * jitter[rough]]
    return _refined(times, float(steps[longer[-1] if longer else rough]))


def _refined(times: Array, rough: float) -> float:
    """The period to within what the length of the log can tell; `rough` itself when that is as good."""
    span = float(times[-1] - times[0]) or 1.0
    width = min(rough * rough / span, rough * 0.02)  # beyond one period of drift over the log it is another period
    fine = rough + np.linspace(-width, width, 81)
    best = float(fine[np.argmin([_jitter(times, float(step)) for step in fine])])
    return rough if abs(best - rough) < 0.2 * rough * rough / span else best


def _jitter(times: Array, step: float) -> float:
    """Standard deviation of the times around multiples of `step` (circular), in seconds."""
    length = float(np.abs(np.exp(2j * np.pi * times / step).mean()))
    return float(step / (2 * np.pi) * np.sqrt(-2 * np.log(min(max(length, 1e-12), 1.0))))


def separate(times: Array, tick: float, contexts: Array, before: Array, known_cost: float | None = None) -> Ticks:
    """Phase, cost per context and oversleep, from the begin of ticks, the contexts that each had to run, and the time
    that requests took in the tick before."""
    times = times - before
    cost = known_cost or 0.0
    for _ in range(0 if known_cost is not None else _ROUNDS):
        start, rest = _from_mode(times - cost * contexts, tick)
        cost = max(0.0, cost + _slope(contexts, rest))
    start, rest = _from_mode(times - cost * contexts, tick)
    floor = float(np.quantile(rest[np.abs(rest) <= _NEAR * tick], _EARLIEST))
    overslept = np.maximum(rest - floor, 0.0)
    return Ticks(
        tick_s=tick,
        phase_s=float((start + floor) % tick),
        cost_per_context_s=cost,
        overslept=overslept,
        weights=tick / (tick + overslept),
        seen=len(times),
        held=0,
        answers=0,
        offsets=start + rest + cost * contexts,
        contexts=contexts,
    )


def _from_mode(times: Array, tick: float) -> tuple[float, Array]:
    """Where within the tick most times lie, and every time relative to that, none earlier than a tenth of a tick."""
    phase = times % tick
    counts = np.histogram(phase, bins=_BINS, range=(0.0, tick))[0].astype(np.float64)
    smooth = counts + np.roll(counts, 1) + np.roll(counts, -1)
    mode = (float(smooth.argmax()) + 0.5) * tick / _BINS
    return mode, (phase - mode + _NEAR * tick) % tick - _NEAR * tick


def _slope(contexts: Array, offset: Array) -> float:
    """Seconds per context: weighted least squares through the lower quantile of the offsets at each level."""
    return _line(contexts, offset, _FLOOR) if np.ptp(contexts) >= 5 else 0.0


def _line(contexts: Array, times: Array, quantile: float, span: float = 0.0) -> float:
    """The slope of that line through a quantile of the times; 0 with fewer than three levels, or all within `span`."""
    edges = np.unique(np.quantile(contexts, np.linspace(0, 1, 13)))
    place = np.clip(np.searchsorted(edges, contexts, "right") - 1, 0, len(edges) - 2)
    x, y, weight = [], [], []
    for i in range(len(edges) - 1):
        here = place == i
        if np.count_nonzero(here) >= 8:
            x.append(float(contexts[here].mean()))
            y.append(float(np.quantile(times[here], quantile)))
            weight.append(float(np.count_nonzero(here)))
    if len(x) < 3 or np.ptp(x) < span:
        return 0.0
    return float(np.polyfit(x, y, 1, w=np.sqrt(weight))[0])


def reweighted(sample: Array, weights: Array) -> Array:
    """As many values as the sample has, at the quantiles of the weighted sample."""
    order = np.argsort(sample, kind="stable")
    upto = np.cumsum(weights[order])
    at = (np.arange(len(sample)) + 0.5) / len(sample) * upto[-1]
    return np.asarray(sample[order][np.minimum(np.searchsorted(upto, at), len(sample) - 1)], dtype=np.float64)
