"""What a calibration found as plain values, for scripts: one entry for each value that has evidence."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sim.calibration.fit import Fit
from sim.calibration.found import Calibration
from sim.calibration.rates import Rate
from sim.scenario.annotated import Noted, plain

MECHANISMS: Final = (
    ("arrivals", "arrivals"),
    ("calls", "caller"),
    ("client", "caller"),
    ("server.costs", "service time"),
    ("server.wakes", "wake-up"),
    ("server.warm", "warm caches"),
    ("server.media", "media tick"),
    ("server.interference", "other processes"),
    ("server.limits", "limit"),
    ("server", "setting"),
)
OPERATION: Final = {"block": "service time", "delay": "delay", "never": "fault", "twice": "fault"}


def to_dict(found: Calibration, written: list[str]) -> dict[str, Any]:
    """What `calibrate --json` prints; `written` are the files, the scenario first."""
    evidence = found.evidence
    return {
        "scenario": written[0],
        "name": found.name,
        "files": written,
        "log": list(evidence.names),
        "level": "DEBUG" if evidence.debug else "INFO",
        "sessions": evidence.summary.to_dict()["sessions"],
        "findings": list(findings(found)),
        "notes": list(evidence.notes),
    }


def findings(found: Calibration) -> Iterator[dict[str, Any]]:
    """One entry for each value with a comment; `parameter` is its path, as `--set` takes it, times are seconds."""
    seen = found.arrivals
    for path, noted in _noted(found.tree, ""):
        entry: dict[str, Any] = {
            "parameter": path, "mechanism": mechanism(path, noted), "value": plain(noted), **_evidence(noted.seen),
            "comment": noted.comment,
        }  # fmt: skip
        if path == "arrivals.kind":
            calls = sum(math.isfinite(call.arrived) for call in found.evidence.calls)
            entry.update(family=seen.kind, n=calls, mean=seen.rate, interval=_interval(seen.low, seen.high))
        yield entry


def mechanism(path: str, noted: Noted) -> str:
    """What in the server, its plugins or its callers the value at `path` describes."""
    if path.startswith("plugins."):
        last = path.rpartition(".")[2]
        return "blocking" if "BLOCKING" in noted.comment else OPERATION.get(last, "setting")
    return next(what for start, what in MECHANISMS if path == start or path.startswith(f"{start}."))


def _noted(tree: Mapping[str, Any], above: str) -> Iterator[tuple[str, Noted]]:
    for key, value in tree.items():
        path = f"{above}{key}"
        inner = value.value if isinstance(value, Noted) else value
        if isinstance(inner, Mapping) and "dist" not in inner:
            yield from _noted(inner, f"{path}.")
        elif isinstance(value, Noted):
            yield path, value


def _evidence(seen: object) -> dict[str, Any]:
    if isinstance(seen, Fit):
        return {
            "family": seen.family, "p_value": seen.best_p, "n": seen.n, "censored": seen.censored, "mean": seen.mean,
            "interval": _interval(seen.low, seen.high),
        }  # fmt: skip
    if isinstance(seen, Rate):
        return {
            "family": "bernoulli", "p_value": None, "n": seen.trials, "censored": 0, "mean": seen.value,
            "interval": _interval(seen.low, seen.high),
        }  # fmt: skip
    return {"family": None, "p_value": None, "n": None, "censored": None, "mean": None, "interval": None}


def _interval(low: float, high: float) -> list[float | None]:
    """A 95 % interval; an end that is infinite is null."""
    return [value if math.isfinite(value) else None for value in (low, high)]
