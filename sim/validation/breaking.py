"""Where a server breaks: one calibration run at rising rates, against what was measured at those rates.

Measured are logs with a recording of the threads beside them, and figures that others published. What is predicted for
a rate are evenly spaced calls for as long as the measurement, over several seeds: near saturation runs differ, the
real ones as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sim.calibration.calibrate import calibrate_evidence
from sim.calibration.evidence import watch_logs
from sim.calibration.threadfile import read_threads
from sim.calibration.threads import MEDIA_THREAD, named, sip_pair, used
from sim.errors import LogError
from sim.logs.reading.reader import StrPath

if TYPE_CHECKING:
    from sim.ledger.result import RunResult
    from sim.scenario import Scenario

Runner = Callable[["Scenario", int], "RunResult"]

SEEDS: Final = 5
LENGTH_S: Final = 7.0
RATES: Final = (400, 800, 1200, 1600, 1800, 2000, 2300, 2600)
THREADS: Final = ".threads.csv"
QUANTILES: Final = ("p50", "p95", "p99")


ALONE: Final = {"server.processors.other_load": 0.0}
"""Nothing else runs on the server's processors: it was bound to one, and the load generator to another."""


@dataclass(frozen=True, slots=True)
class Point:
    """One rate on so many processors: latencies of INVITE → 200 in seconds, processor use, sessions stuck."""

    source: str
    rate: float
    processors: int
    latency: dict[str, float]
    use: dict[str, float]  # by task, in processors
    stuck: float | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The same as predicted: each figure of every seed."""

    rate: float
    processors: int
    latency: dict[str, list[float]]
    use: dict[str, list[float]]
    stuck: list[float]


@dataclass(frozen=True, slots=True)
class Breaking:
    """Measured points with the prediction for each, and the predicted curve between them."""

    calibrated_on: str
    points: tuple[tuple[Point, Prediction], ...]
    curve: tuple[Prediction, ...]


QUOTED: Final = (
    Point("issue 10", 800, 1, {"p50": 5.8e-3, "p95": 10.1e-3, "p99": 11.5e-3}, {}, None),
    Point("issue 10", 1600, 1, {"p50": 5.9e-3, "p95": 13.1e-3, "p99": 16.5e-3}, {"all": 0.90}, None),
    Point("issue 10", 2000, 1, {"p50": 9.2e-3, "p95": 22.0e-3, "p99": 27.4e-3}, {}, None),
    Point("issue 10", 2600, 1, {"p50": 16e-3, "p95": 42e-3, "p99": 87e-3}, {}, 230),
)
"""Measured on the same server and machine, in runs whose logs are not here: the table of issue 10."""


def breaking(
    on: StrPath, others: Mapping[str, float], run: Runner, tell: Callable[[str], None] | None = None
) -> Breaking:
    """Calibrate on one log with its recording, and hold the scenario to the others and to the quoted figures.

    `others` has the calls per second that were offered in each log; 0: what the log shows, which is less where a
    saturated server takes calls up late.
    """
    from sim.scenario import load_scenario

    with TemporaryDirectory() as folder:
        calibration = calibrate_evidence(watch_logs([on]), threads=read_threads(recording_of(on)))
        path = Path(folder) / f"{calibration.name}.yaml"
        calibration.save(path)
        pairs = []
        for point, machine in [
            *(_measured(log, rate) for log, rate in {str(on): 0.0, **others}.items()),
            *((quoted, ALONE) for quoted in QUOTED),
        ]:
            made = load_scenario(path, {**_at(point.rate, point.processors), **machine})
            pairs.append((point, _predicted(made, point, run)))
            if tell is not None:
                tell(f"{point.source}, {point.rate:.0f}/s on {point.processors}: done")
        curve = []
        for rate in RATES:
            at = Point("", rate, 1, {}, {}, None)
            curve.append(_predicted(load_scenario(path, {**_at(rate, 1), **ALONE}), at, run))
    return Breaking(Path(on).name, tuple(pairs), tuple(curve))


def recording_of(log: StrPath) -> Path:
    """The recording of the threads beside a log. LogError when there is none."""
    path = Path(log)
    stem = path.name
    for ending in (".gz", ".xz", ".log"):
        stem = stem.removesuffix(ending)
    found = path.with_name(stem + THREADS)
    if not found.is_file():
        raise LogError(f"{log}: expected a recording of the threads beside it (got no {found.name})")
    return found


def _at(rate: float, processors: int) -> dict[str, Any]:
    return {
        "arrivals.kind": "even", "arrivals.rate": f"{rate:.6g}/s", "duration": f"{LENGTH_S}s", "drain": "8s",
        "server.processors.count": processors,
    }  # fmt: skip


def _measured(log: StrPath, offered: float) -> tuple[Point, dict[str, Any]]:
    """A log's point, and what else ran on its processors, as `calibrate` finds it."""
    evidence = watch_logs([log])
    times = read_threads(recording_of(log))
    calibration = calibrate_evidence(evidence, threads=times)
    processors = calibration.mapping["server"]["processors"]
    moved = times.moved_to(evidence.origin, evidence.origin + evidence.end, evidence.dated)
    arrived = np.sort([call.arrived for call in evidence.calls if np.isfinite(call.arrived)])
    begin, end = float(arrived[0]), min(float(arrived[-1]), float(arrived[0]) + LENGTH_S)  # while calls were offered
    pair = sip_pair(moved)
    threads = {"NUA": pair[0], "SIP agent": pair[1]} if pair is not None else {}
    for name, thread in (("server", named(moved, "MRCP Server")), ("media", named(moved, MEDIA_THREAD))):
        if thread is not None:
            threads[name] = thread
    use = {name: used(thread, begin, end).cpu_s / (end - begin) for name, thread in threads.items()}
    use["all"] = sum(used(thread, begin, end).cpu_s for thread in moved.threads) / (end - begin)
    waits = np.sort(evidence.latencies["invite_to_answer"])
    latency = {q: float(waits[int(len(waits) * p)]) for q, p in zip(QUANTILES, (0.5, 0.95, 0.99), strict=True)}
    rate = offered or round((len(arrived) - 1) / (end - begin), -1)
    counts = evidence.summary.sessions
    point = Point(Path(log).name, rate, processors["count"], latency, use, float(counts.leaked))
    machine = {key: processors[key] for key in ("other_load", "other_burst") if key in processors}
    return point, {f"server.processors.{key}": value for key, value in machine.items()}


def _predicted(scenario: "Scenario", point: Point, run: Runner) -> Prediction:
    latency: dict[str, list[float]] = {q: [] for q in QUANTILES}
    use: dict[str, list[float]] = {name: [] for name in ("NUA", "SIP agent", "server", "media", "all")}
    stuck = []
    for seed in range(1, SEEDS + 1):
        summary = run(scenario, seed).summary.to_dict()
        for q in QUANTILES:
            latency[q].append(summary["latency"]["invite_to_answer"][q] or float("nan"))
        tasks = {name: task["utilisation"] or 0.0 for name, task in summary["tasks"].items()}
        names = {"NUA": "NUA", "SIP agent": "SIP-Agent-1", "server": "MRCP Server", "media": "Media-Engine-1"}
        for name, task in names.items():
            use[name].append(tasks.get(task, 0.0))
        use["all"].append(sum(tasks.values()))
        stuck.append(float(summary["sessions"]["leaked"]))
    return Prediction(point.rate, point.processors, latency, use, stuck)
