"""The two engines of this project as rows: baseline.yaml through the public API, `--ledger summary`."""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.flow import RATE_PER_S

BASELINE = Path(__file__).resolve().parent.parent / "scenarios" / "baseline.yaml"
ENGINE_MODULES = {"simpy": "sim.engine.reference.engine", "compiled": "sim.engine.compiled"}
WARM_UP_CALLS = 200  # compiles, or loads what is compiled; not part of the measured time


def missing(engine: str) -> str | None:
    """What stands in the way of a run with this engine, or None."""
    for module in ("sim.engine.run", ENGINE_MODULES[engine]):
        if find_spec(module) is None:
            return f"{module} does not exist yet"
    if not BASELINE.is_file():
        return "scenarios/baseline.yaml does not exist yet"
    return None


def long_holds(hold_s: float) -> dict[str, Any]:
    """Overrides under which a mean hold of `hold_s` seconds meets no limit and no timer: only concurrency grows.

    The port range is as wide as ports go: above 32 000 calls the rest is answered without audio, as on the real server.
    """
    return {
        "calls.hold": {"dist": "exponential", "mean": f"{hold_s}s"},
        "calls.requests": 0,
        "client.refresh": False,
        "server.sip.session_expires": f"{hold_s * 1000}s",
        "server.connection.inactivity_timeout": None,
        "server.limits.max_connection_count": None,
        "server.limits.rtp_ports": "1024-65534",
    }


def run(engine: str, calls: int, seed: int, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of one run of about `calls` calls at the flow's rate; counted are those that arrived."""
    import sim

    def scenario(size: int) -> Any:
        sized = {"duration": f"{size / RATE_PER_S}s", "arrivals.rate": f"{RATE_PER_S}/s", **overrides}
        return sim.load_scenario(BASELINE, overrides=sized)

    sim.run(scenario(WARM_UP_CALLS), seed=seed, engine=engine, ledger="summary")
    measured = scenario(calls)
    wall, cpu = perf_counter(), process_time()
    result = sim.run(measured, seed=seed, engine=engine, ledger="summary")
    wall, cpu = perf_counter() - wall, process_time() - cpu
    summary = result.summary.to_dict()
    answer = summary["latency"]["invite_to_answer"]
    return {
        "calls": summary["sessions"]["arrived"],
        "wall_s": wall,
        "cpu_s": cpu,
        "p50_s": answer["p50"],
        "p95_s": answer["p95"],
    }
