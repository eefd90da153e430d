"""What a result says about its load, its memory and the log that it was read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.ledger.result import RunResult
    from sim.scenario.server import Memory


def given(result: RunResult, path: str) -> Any:
    """The value at `path` of the resolved scenario; None where it has none, as that of an audit."""
    import yaml

    try:
        found: Any = yaml.safe_load(result.scenario_yaml)
    except yaml.YAMLError:
        return None
    for key in path.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def planned_seconds(result: RunResult) -> float | None:
    """The load as the scenario has it: its duration, or less when its calls are fewer; None without one."""
    from sim.scenario.units import read_quantity

    duration = read_quantity("time", given(result, "duration"))
    calls, kind = given(result, "arrivals.calls"), given(result, "arrivals.kind")
    rate = read_quantity("rate", given(result, "arrivals.rate"))
    if duration is not None and isinstance(calls, int) and rate and kind in ("even", "poisson"):
        return min(duration, calls / rate)
    return duration


def memory_of(result: RunResult) -> Memory:
    """What the process takes in memory: as the scenario has it, else as was measured."""
    from sim.scenario.server import Memory
    from sim.scenario.units import read_quantity

    said = {name: read_quantity("size", given(result, f"server.memory.{name}")) for name in Memory.model_fields}
    return Memory(**{name: int(value) for name, value in said.items() if value is not None})


def sip_timers_of(result: RunResult) -> tuple[float, float]:
    """SIP's T1 and T4 of the scenario, in seconds; SIP's own defaults without one."""
    from sim.scenario.server import Sip
    from sim.scenario.units import read_quantity

    said = (read_quantity("time", given(result, f"server.sip.{name}")) for name in ("t1", "t4"))
    t1, t4 = (
        default if value is None else float(value) for value, default in zip(said, (Sip().t1, Sip().t4), strict=True)
    )
    return t1, t4


def memory_limit_of(result: RunResult) -> float | None:
    """The limit of the process's resident memory, in bytes, that the scenario has; None without one."""
    from sim.scenario.units import read_quantity

    return read_quantity("size", given(result, "server.limits.memory"))


def unread_lines(result: RunResult) -> int:
    """Lines of a server's log that could not be read, so that what they told is not in this result."""
    found = result.provenance.get("unread", 0)
    return found if isinstance(found, int) else 0
