"""A scenario against a real log: the log's own calls are simulated, and everything is compared quantile by quantile.

The calls are those of the log; everything else is the scenario's. A run has two properties of its own that say nothing
about the server: at which phase its ticks fall, and how often other processes on the machine took its processor. They
are read from the log on request only, and the verdict then says so.
"""

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from sim.calibration.costs import AGENT_KEYS, SERVER_KEYS, services, wait_times, wakes
from sim.calibration.media import ticks
from sim.calibration.stalls import Stalls, stalls
from sim.errors import LogError
from sim.ledger.spans import LATENCIES, SPANS
from sim.theory.queues import PROBABILITIES
from sim.validation.formulas import planner
from sim.validation.replayed import replayed
from sim.vocabulary.messages import MESSAGES

if TYPE_CHECKING:
    from sim.calibration.evidence import Evidence
    from sim.ledger.result import RunResult
    from sim.scenario import Scenario

Array = NDArray[np.float64]
Runner = Callable[["Scenario", int], "RunResult"]
"""Simulates a scenario with a seed and keeps sessions and messages: `sim.engine.run.run`, given by the caller."""

Source = Literal["log", "scenario"]
"""Where a property of a single run is taken from: the log that is compared, or the scenario."""

JUDGED: Final = ("invite_to_answer", "terminate_to_release")
NOT_IN_LOGS: Final = ("bye_to_ok",)  # a log does not tell when a BYE was answered
TOLERANCE: Final = 0.10
FEWEST: Final = 20
_BOOTSTRAPS: Final = 400
_SESSIONS: Final = 4000  # predicted from about so many, in at least _LEAST runs
_LEAST, _MOST = 3, 20
_UNSEEN: Final = {row.name for row in MESSAGES if not row.log}
_ROLES: Final = {"server": "MRCP Server", "connection": "MRCPv2-Agent-1", "media": "Media-Engine-1"}


@dataclass(frozen=True, slots=True)
class Quantile:
    """One quantile in seconds: measured with its 95 % bootstrap interval, and predicted.

    `least` and `most` are those of single simulated runs: seeds, and phases of the tick, differ from run to run.
    """

    measured: float
    predicted: float
    low: float
    high: float
    least: float
    most: float

    @property
    def error(self) -> float:
        """Relative."""
        return self.predicted / self.measured - 1.0 if self.measured > 0 else math.inf

    @property
    def agrees(self) -> bool:
        """Within 10 % of the measured, or within its interval or among the simulated runs where those are wider."""
        return self.close or self.among_runs

    @property
    def close(self) -> bool:
        """Within 10 % of the measured, or within its interval where that is wider."""
        return abs(self.error) <= TOLERANCE or self.low <= self.predicted <= self.high

    @property
    def among_runs(self) -> bool:
        """Whether single runs have less as well as more than what was measured."""
        return self.least <= self.measured <= self.most


@dataclass(frozen=True, slots=True)
class Comparison:
    """One duration: its quantiles, the Kolmogorov-Smirnov distance, and both samples in seconds."""

    quantiles: Mapping[str, Quantile]
    ks: float
    measured: Array
    predicted: Array
    theory: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Every quantile does."""
        return all(quantile.agrees for quantile in self.quantiles.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in `validate --json`."""
        found: dict[str, Any] = {
            name: {
                "measured": q.measured,
                "predicted": q.predicted,
                "low": q.low,
                "high": q.high,
                "least_of_runs": q.least,
                "most_of_runs": q.most,
                "ok": q.agrees,
            }
            for name, q in self.quantiles.items()
        }
        found.update(ks=self.ks, n=len(self.measured), n_predicted=len(self.predicted), ok=self.agrees)
        if self.theory:
            found["mm1"] = dict(self.theory)
        return found


@dataclass(frozen=True, slots=True)
class Validation:
    """The outcome: one verdict, counts, latencies, the waits of every task, and what was read from the log."""

    scenario: str
    log: str
    ok: bool
    verdict: str
    counts: Mapping[str, tuple[float, float]]  # measured, predicted (mean of the runs)
    latency: Mapping[str, Comparison]
    tasks: Mapping[str, Comparison]
    theory: Mapping[str, Any]
    read_from_log: Mapping[str, Any]
    runs: int

    @property
    def judged(self) -> tuple[str, ...]:
        """The latencies that decide, of those that were compared."""
        return tuple(name for name in JUDGED if name in self.latency)

    def to_dict(self) -> dict[str, Any]:
        """What `validate --json` prints."""
        return {
            "ok": self.ok,
            "verdict": self.verdict,
            "scenario": self.scenario,
            "log": self.log,
            "counts": {name: {"measured": m, "predicted": p} for name, (m, p) in self.counts.items()},
            "latency": {name: c.to_dict() for name, c in self.latency.items()},
            "tasks": {name: {"wait": c.to_dict()} for name, c in self.tasks.items()},
            "theory": self.theory,
            "read_from_log": self.read_from_log,
            "runs": self.runs,
        }


def validate(
    scenario: "Scenario",
    evidence: "Evidence",
    run: Runner,
    *,
    interference: Source = "scenario",
    phase: Source = "scenario",
    runs: int | None = None,
    seed: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Validation:
    """Simulate the calls of a log with a scenario, several times, and compare. `run` does one simulation."""
    if not any(math.isfinite(call.arrived) for call in evidence.calls):
        raise LogError(f"{evidence.names[0]}: expected the beginning of at least one call (got only later lines)")
    seen = ticks(evidence)
    noise = _noise(evidence, seen)
    wanted = runs or int(np.clip(math.ceil(_SESSIONS / max(len(evidence.calls), 1)), _LEAST, _MOST))
    first_seed = scenario.seed if seed is None else seed
    results = []
    with tempfile.TemporaryDirectory() as folder:
        taken = noise if interference == "log" else None
        own = seen if phase == "log" else None
        replay = replayed(scenario, evidence, own, Path(folder) / "calls.csv", taken)
        for i in range(wanted):
            results.append(run(replay, first_seed + i))
            if progress is not None:
                progress((i + 1) / wanted)
    theory = planner(evidence)
    latency = {
        name: found
        for name in LATENCIES
        if name not in NOT_IN_LOGS
        and (found := compare(
            evidence.latencies.get(name, np.empty(0)), _spans(results, name), theory["latency"].get(name, {})
        )) is not None
    }  # fmt: skip
    tasks = _tasks(evidence, results, seen.cost_per_context_s if seen else 0.0)
    counts = _counts(evidence, results)
    borrowed = [what for what, source in (("phase", phase), ("interference", interference)) if source == "log"]
    ok, verdict = _verdict(latency, counts, tasks, borrowed)
    media = replay.server.media
    read = {
        "phase_s": media.phase,
        "tick_s": seen.tick_s if seen else None,
        "phase": phase,
        "interference": interference,
        "stalls": {
            name: {
                "log": found.value if found.trials else None,
                "scenario": getattr(scenario.server.interference, name),
            }
            for name, found in (("tick", noise.tick), ("wake", noise.wake), ("service", noise.service))
        },
    }
    name = Path(evidence.names[0]).name + (f" and {len(evidence.names) - 1} more" if len(evidence.names) > 1 else "")
    return Validation(scenario.name, name, ok, verdict, counts, latency, tasks, theory, read, wanted)


def compare(
    measured: Array, runs: Sequence[Array], theory: Mapping[str, float | None] | None = None
) -> Comparison | None:
    """One duration as measured and as each run predicts it; None when either has too few samples."""
    measured = measured[np.isfinite(measured)]
    runs = [run[np.isfinite(run)] for run in runs]
    predicted = np.concatenate([np.empty(0), *runs])
    if len(measured) < FEWEST or len(predicted) < FEWEST:
        return None
    rng = np.random.default_rng(1)
    ordered, other = np.sort(measured), np.sort(predicted)
    picks = np.sort(rng.integers(0, len(ordered), (_BOOTSTRAPS, min(len(ordered), 5000))), axis=1)
    quantiles = {}
    for name, p in PROBABILITIES.items():
        again = ordered[picks[:, min(picks.shape[1] - 1, int(picks.shape[1] * p))]]
        low, high = np.quantile(again, [0.025, 0.975])
        single = [_order(np.sort(run), p) for run in runs if len(run)]
        quantiles[name] = Quantile(
            _order(ordered, p), _order(other, p), float(low), float(high), min(single), max(single)
        )
    return Comparison(quantiles, ks_two(ordered, other), ordered, other, theory or {})


def _order(ordered: Array, p: float) -> float:
    """The value at index floor(n·p), as everywhere in this project."""
    return float(ordered[min(len(ordered) - 1, int(len(ordered) * p))])


def ks_two(one: Array, two: Array) -> float:
    """Largest distance between two empirical distribution functions; both sorted."""
    everything = np.concatenate((one, two))
    first = np.searchsorted(one, everything, side="right") / len(one)
    second = np.searchsorted(two, everything, side="right") / len(two)
    return float(np.abs(first - second).max())


def _noise(evidence: "Evidence", seen: Any) -> Stalls:
    if not evidence.debug:
        return stalls(seen, (), None)
    woken = wakes(evidence, seen.cost_per_context_s if seen else 0.0)
    return stalls(seen, woken.samples, services(evidence))


def _spans(results: list["RunResult"], name: str) -> list[Array]:
    begin, end, _ = SPANS[name]
    parts = []
    for result in results:
        assert result.sessions is not None
        parts.append((result.sessions[end] - result.sessions[begin]).dropna().to_numpy(dtype=np.float64))
    return parts


def _tasks(evidence: "Evidence", results: list["RunResult"], cost: float) -> dict[str, Comparison]:
    """Queue waits, each from when its sender's work was done, as the model counts them."""
    found: dict[str, Comparison] = {}
    if not evidence.debug:
        return found
    rows = evidence.messages
    waits = wait_times(evidence, cost)
    known = {*SERVER_KEYS, *AGENT_KEYS, "add", "subtract", "open", "close", "request", "stop"}
    listed = rows["name"].isin(known).to_numpy() & np.isfinite(waits)
    roles = dict(zip(rows["task"].tolist(), rows["role"].tolist(), strict=True))
    for task in sorted(roles):
        measured = waits[(rows["task"] == task).to_numpy() & listed]
        other = task if roles[task] == "plugin" else _ROLES.get(roles[task], task)
        parts = []
        for result in results:
            assert result.messages is not None
            table = result.messages
            mine = table[(table["task"] == other) & ~table["message"].isin(_UNSEEN)]
            parts.append((mine["started_s"] - mine["sent_s"]).to_numpy(dtype=np.float64))
        compared = compare(measured, parts)
        if compared is not None:
            found[task] = compared
    return found


def _counts(evidence: "Evidence", results: list["RunResult"]) -> dict[str, tuple[float, float]]:
    measured = evidence.summary.sessions
    found: dict[str, tuple[float, float]] = {}
    for name in ("arrived", "created", "answered", "cancelled", "released", "leaked", "live"):
        predicted = float(np.mean([getattr(result.summary.sessions, name) for result in results]))
        found[name] = (float(getattr(measured, name)), predicted)
    ports = [result.summary.resources["rtp_port"].refused for result in results]
    if evidence.rtp_refused or any(ports):
        found["rtp refused"] = (float(evidence.rtp_refused), float(np.mean(ports)))
    statuses = {status for result in results for status in result.summary.sessions.rejected} | set(measured.rejected)
    for status in sorted(statuses):
        predicted = float(np.mean([result.summary.sessions.rejected.get(status, 0) for result in results]))
        found[f"rejected {status}"] = (float(measured.rejected.get(status, 0)), predicted)
    return found


def _differ(name: str, measured: float, predicted: float) -> bool:
    """Whether two counts differ by more than chance; a scenario that never leaks is refuted by any leak."""
    if name == "leaked" and measured > 0.0 and predicted == 0.0:
        return True
    return abs(measured - predicted) > 3 * math.sqrt(max(measured, predicted, 1.0))


def counts_that_differ(counts: Mapping[str, tuple[float, float]]) -> list[str]:
    """The counts that speak against the model, each with what was measured and predicted."""
    return [
        f"{name} {measured:.0f} in the log, {predicted:.4g} predicted"
        for name, (measured, predicted) in counts.items()
        if name != "live" and _differ(name, measured, predicted)
    ]


def _verdict(
    latency: Mapping[str, Comparison],
    counts: Mapping[str, tuple[float, float]],
    tasks: Mapping[str, Comparison],
    borrowed: Sequence[str],
) -> tuple[bool, str]:
    """Whether what is judged agrees, in one line, which also says what is not judged and what was read from the log."""
    rows = [(name, q, value) for name in JUDGED if name in latency for q, value in latency[name].quantiles.items()]
    if not rows:
        return False, "DISAGREES: the log has too few calls to compare any latency"
    off = [(name, q, value) for name, q, value in rows if not value.agrees]
    wrong = counts_that_differ(counts)
    spread = sum(value.agrees and not value.close for _, _, value in rows)
    said = f"{len(rows) - len(off)} of {len(rows)} judged quantiles within 10 % or the measurement's own interval"
    said += f" ({spread} of them only within what single runs differ)" if spread else ""
    said += f"; READ FROM THE LOG: {' and '.join(borrowed)}" if borrowed else ""
    rest = _not_judged(latency, tasks)
    if not off and not wrong:
        return True, f"AGREES: {said}; counts agree; {rest}"
    worst = [f"{name} {q} {value.error:+.0%}" for name, q, value in off]
    return False, f"DISAGREES: {said}; {'; '.join([*worst, *wrong])}; {rest}"


def _not_judged(latency: Mapping[str, Comparison], tasks: Mapping[str, Comparison]) -> str:
    shown = [name for name in latency if name not in JUDGED] + (["queue waits"] if tasks else [])
    missing = [name for name in LATENCIES if name not in latency]
    parts = [f"not judged: {', '.join(shown)}"] if shown else []
    return "; ".join([*parts, f"not in the log, or too few: {', '.join(missing)}"] if missing else parts)
