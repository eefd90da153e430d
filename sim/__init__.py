"""mrcpsim: what happens to one call's resources inside a UniMRCP server, simulated.

Everything public is loaded on first use, so that `import sim` and `mrcpsim --help` stay fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sim.version import VERSION

if TYPE_CHECKING:
    from sim.audit.audit import audit_log
    from sim.comparison.compare import compare
    from sim.engine.run import run
    from sim.errors import InternalError, LogError, MrcpsimError, RunFailed, ScenarioError
    from sim.ledger.lifetimes import lifetimes
    from sim.ledger.result import RunResult, load_result
    from sim.scenario import Scenario, load_scenario
    from sim.study.capacity import capacity
    from sim.study.fleet import run_fleet
    from sim.study.splitting import rare_overflow

__version__ = VERSION

_HOMES = {
    "InternalError": "sim.errors",
    "LogError": "sim.errors",
    "MrcpsimError": "sim.errors",
    "RunFailed": "sim.errors",
    "RunResult": "sim.ledger.result",
    "Scenario": "sim.scenario",
    "ScenarioError": "sim.errors",
    "audit_log": "sim.audit.audit",
    "capacity": "sim.study.capacity",
    "compare": "sim.comparison.compare",
    "lifetimes": "sim.ledger.lifetimes",
    "load_result": "sim.ledger.result",
    "load_scenario": "sim.scenario",
    "rare_overflow": "sim.study.splitting",
    "run": "sim.engine.run",
    "run_fleet": "sim.study.fleet",
}

_CALLED = ("study",)
"""Packages that are functions too: `sim.study(…)`."""

__all__ = [
    "InternalError",
    "LogError",
    "MrcpsimError",
    "RunFailed",
    "RunResult",
    "Scenario",
    "ScenarioError",
    "audit_log",
    "capacity",
    "compare",
    "lifetimes",
    "load_result",
    "load_scenario",
    "rare_overflow",
    "run",
    "run_fleet",
    "study",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _CALLED:
        return import_module(f"sim.{name}")
    raise AttributeError(f"module 'sim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
