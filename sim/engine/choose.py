"""Which engine runs a scenario: SimPy for small runs and whoever wants to watch, the compiled one for the rest."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from sim.engine.contract import Engine, Observer
from sim.engine.end.collect import Collector
from sim.engine.start.setup import Setup
from sim.errors import ScenarioError

COMPILED_FROM = 2_000
"""Expected calls from which SimPy (0.4 ms a call) takes longer than loading the compiled engine (0.5 s) and its run."""

COMPILE_FROM = 100_000
"""The same while nothing is compiled yet, which takes about half a minute, once."""

EXACT_UP_TO = 20_000
"""Up to so many expected calls every duration is kept, so that quantiles are exact in both engines."""

COMPILES = "compiling the engine: this takes about half a minute, once"

KERNEL = "sim.engine.compiled.kernel"
"""The module with the compiled code."""

Tell = Callable[[float, str], None]


def choose(engine: str, calls: float, observed: bool) -> str:
    """`simpy` or `compiled`, for what was asked (`auto` too), so many expected calls, and whether anybody watches."""
    if engine == "compiled" and observed:
        raise ScenarioError("engine must be simpy (or auto) where observers watch the run (got 'compiled')")
    if engine != "auto":
        return engine
    if observed or calls < COMPILED_FROM:
        return "simpy"
    if calls >= COMPILE_FROM:
        return "compiled"
    return "compiled" if is_compiled() else "simpy"


def make_engine(
    name: str,
    setup: Setup,
    seed: int,
    collector: Collector,
    window_s: float,
    calls: float,
    observers: tuple[Observer, ...] = (),
    replication: int = 0,
    tell: Tell | None = None,
) -> Engine:
    """The engine of that name, ready to run. `tell` learns of a compilation that is about to happen."""
    if name == "simpy":
        from sim.engine.reference.engine import SimpyEngine
        from sim.engine.reference.recorder import Recorder

        recorder = Recorder(collector, window_s, len(setup.resources))
        return SimpyEngine(setup, seed, recorder, observers, replication)
    if not is_compiled():
        logging.getLogger("mrcpsim").info(COMPILES)
        if tell is not None:
            tell(0.0, COMPILES)
    from sim.engine.compiled.engine import CompiledEngine

    exact = calls <= EXACT_UP_TO
    return CompiledEngine(
        setup,
        seed,
        collector,
        window_s,
        replication,
        record_messages=exact or collector.ledger == "full",
        record_sessions=exact or collector.ledger != "summary",
    )


def is_compiled() -> bool:
    """Whether this process has the code, or finds it whole: to look, it reads all of it, which takes 6 ms."""
    from sim.engine.compiled.cache import is_compiled

    return KERNEL in sys.modules or is_compiled()
