"""The smallest scenario that still fails in the same way: fewest calls first, then fewest words.

Greedy and checked: every step is a changed copy of the scenario, run with the same seed, and kept only when the run
still shows the signature. What random faults did to one call is pinned to that call's number; what does not matter goes
back to its default, unless that brings requests or resources that were not there; what varies becomes constant;
waiting is cut. The result is local: no single further step works.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sim.errors import MrcpsimError, ScenarioError
from sim.leaks.signature import Signature, choose, signatures
from sim.ledger.result import RunResult
from sim.scenario import load_scenario
from sim.scenario.resolve import to_mapping, to_yaml
from sim.study.unbroken import run_whole

Mapped = dict[str, Any]
MOST_RUNS = 400
FAULT_PLACES = (
    ("server", "pool", "fails"), ("client", "no_ack"), ("client", "vanish"), ("calls", "profile_missing"),
    ("calls", "offer", "missing_sdp"), ("calls", "offer", "malformed_sdp"), ("calls", "offer", "unknown_resource"),
)  # fmt: skip
PLUGIN_FAULTS = ("never", "twice", "late", "wrong_order", "reopen_never")
HOLDS = ("10ms", "100ms", "1s", "10s")
DRAINS = ("100ms", "1s", "5s", "20s", "40s", "100s")
KEPT = ("name", "seed", "duration", "drain", "expect", "arrivals")


@dataclass(frozen=True, slots=True)
class Minimal:
    """What is left: the text of the scenario, its calls, and what it shows."""

    text: str
    scenario: Mapping[str, Any]
    signature: Signature
    calls: int
    calls_before: int
    runs: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What the calls of a run ask of the server: MRCP requests, and what of each resource they take."""

    requests: int = 0
    acquired: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def by(cls, result: RunResult) -> Asked:
        """What they asked in this run."""
        requests = 0 if result.sessions is None else int(result.sessions["requests"].sum())
        return cls(requests, {name: use.acquired + use.refused for name, use in result.summary.resources.items()})

    def more_than(self, other: Asked) -> bool:
        """Whether more requests are made, or something is taken of which nothing was."""
        new = any(count and not other.acquired.get(name) for name, count in self.acquired.items())
        return new or self.requests > other.requests


def shrink(
    result: RunResult,
    cause: str | None = None,
    progress: Callable[[str], None] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Minimal:
    """Reduce the scenario and seed of `result` to the fewest calls that show the same signature.

    `cause` chooses among several; otherwise it is that of the first leak, else of the first violation. ScenarioError
    when the result shows none. `folder` is where the text will be saved: names of data files are relative to it.
    """
    import yaml

    if result.summary.engine == "log":
        where = result.directory or result.summary.scenario
        raise ScenarioError(
            f"{where}: is the audit of a log, which has no scenario to make smaller; "
            "write one with `mrcpsim calibrate LOG -o SCENARIO.yaml`, run it, and ask for that result"
        )
    signature, session = choose(result, cause)
    if not result.scenario_yaml.strip():
        where = f"{result.directory}: " if result.directory else ""
        raise ScenarioError(f"{where}has no scenario.yaml to make smaller; run it again")
    resolved = yaml.safe_load(result.scenario_yaml)
    small = to_mapping(load_scenario(resolved), only_changes=True)
    small["seed"] = result.summary.seed
    small.pop("expect", None)
    small.pop("description", None)
    shrinker = _Shrinker(small, signature, progress or (lambda _: None))
    shrinker.reduce(session, result.summary.sessions.arrived)
    return shrinker.minimal(result, folder)


class _Shrinker:
    def __init__(self, small: Mapped, signature: Signature, progress: Callable[[str], None]) -> None:
        self.best = small
        self.signature = signature
        self.progress = progress
        self.runs = 0
        self.asked = Asked()

    def reduce(self, session: int, calls: int) -> None:
        """All passes, in order; each begins with what the last one left."""
        self.progress(f"keeping {self.signature}")
        if not self.shows(self.best):
            return
        self.cut_after(session)
        self.drop_and_pin_faults(session + 1)
        self.take_fewer_calls(calls)
        for _ in range(2):
            self.forget_settings()
            self.make_constant()
            self.shorten()

    def shows(self, candidate: Mapped, no_more: bool = False) -> bool:
        """Whether a scenario can be read and its run shows the signature, with `no_more` asked of the server than by
        the last that did."""
        if self.runs >= MOST_RUNS:
            return False
        self.runs += 1
        try:
            found = run_whole(load_scenario(candidate), ledger="sessions")
        except MrcpsimError:
            return False
        asked = Asked.by(found)
        if self.signature not in signatures(found) or (no_more and asked.more_than(self.asked)):
            return False
        self.asked = asked
        return True

    def attempt(self, change: Callable[[Mapped], None], no_more: bool = False) -> bool:
        """Keep a changed copy when it differs and still shows the signature."""
        candidate = copy.deepcopy(self.best)
        change(candidate)
        if candidate == self.best or not self.shows(candidate, no_more):
            return False
        self.best = candidate
        return True

    # --- fewer calls ------------------------------------------------------------------------------------------------

    def cut_after(self, session: int) -> None:
        """No call after the first that fails."""
        if self.attempt(lambda s: _put(s, ("arrivals", "calls"), session + 1)):
            self.progress(f"no call after number {session + 1}")

    def drop_and_pin_faults(self, call: int) -> None:
        """Faults that do not matter go; a random one that does is pinned to the call that it hit."""
        for place in list(_faults(self.best)):
            if self.attempt(partial(_drop, place=place)):
                continue
            self.attempt(partial(_pin, place=place, call=call))

    def take_fewer_calls(self, calls: int) -> None:
        """1, 2, 4, … calls, evenly spaced or in the manner of the original; then down again between the last two."""
        most = _get(self.best, ("arrivals", "calls")) or calls
        count = 1
        while count <= most:
            if any(self.attempt(change) for change in _fewer(count)):
                break
            count *= 2
        low, high = count // 2, min(count, most)
        while high - low > 1:
            middle = (low + high) // 2
            if any(self.attempt(change) for change in _fewer(middle)):
                high = middle
            else:
                low = middle
        self.progress(f"{high} call{'' if high == 1 else 's'}")

    # --- fewer words ------------------------------------------------------------------------------------------------

    def forget_settings(self) -> None:
        """Back to the default, where that adds nothing: whole blocks first, then their parts."""
        for place in list(_places(self.best)):
            if place[0] not in KEPT and _get(self.best, place) is not None:
                self.attempt(partial(_drop, place=place), no_more=True)

    def make_constant(self) -> None:
        """Distributions become their rounded mean."""
        from sim.scenario import expected
        from sim.scenario.units import write_time

        for place in list(_places(self.best)):
            value = _get(self.best, place)
            if isinstance(value, dict) and "dist" in value and place[:2] != ("server", "costs"):
                mean = expected(_dist(value))
                plain = float(f"{mean:.1g}")
                self.attempt(partial(_put, place=place, value=write_time(plain)))

    def shorten(self) -> None:
        """The shortest hold, load and drain that still do, and the media tick at a round time."""
        for hold in HOLDS:
            if _get(self.best, ("calls", "hold")) == hold or self.attempt(
                partial(_put, place=("calls", "hold"), value=hold)
            ):
                break
        for drain in DRAINS:
            if self.attempt(partial(_put, place=("drain",), value=drain)):
                break
        self.attempt(lambda s: _put(s, ("duration",), "1s"))
        if _get(self.best, ("server", "media", "phase")) is not None:
            self.attempt(lambda s: _put(s, ("server", "media", "phase"), "4ms"))

    # --- the result -------------------------------------------------------------------------------------------------

    def minimal(self, result: RunResult, folder: str | os.PathLike[str] | None) -> Minimal:
        """The scenario with its expectation, what it was made from, and its messages in order."""
        scenario = copy.deepcopy(self.best)
        scenario["name"] = f"{result.summary.scenario}-minimal"[:100]
        found = run_whole(load_scenario(scenario), ledger="full")
        scenario["expect"] = [f"sessions.arrived == {found.summary.sessions.arrived}", self.signature.condition]
        loaded = load_scenario(scenario)
        text = _comment(result, found, self.signature) + to_yaml(loaded, only_changes=True, relative_to=folder)
        before = result.summary.sessions.arrived
        return Minimal(text, scenario, self.signature, found.summary.sessions.arrived, before, self.runs)


def _fewer(count: int) -> Iterator[Callable[[Mapped], None]]:
    """Ways to have `count` calls, the plainest first; pinned faults move to the last call."""

    def evenly(s: Mapped) -> None:
        s["arrivals"] = {"kind": "even", "rate": "1/s", "calls": count}
        _repin(s, count)

    def at_once(s: Mapped) -> None:
        s["arrivals"] = {"kind": "burst", "burst": {"size": count, "every": "60s"}, "calls": count}
        _repin(s, count)

    def as_before(s: Mapped) -> None:
        _put(s, ("arrivals", "calls"), count)
        if _get(s, ("arrivals", "burst", "size")):
            _put(s, ("arrivals", "burst", "size"), min(count, int(_get(s, ("arrivals", "burst", "size")))))
        _repin(s, count)

    yield evenly
    if count > 1:
        yield as_before
        yield at_once


def _repin(s: Mapped, call: int) -> None:
    for place in _faults(s):
        fault = _get(s, place)
        if isinstance(fault, dict) and fault.get("calls"):
            _put(s, (*place, "calls"), [call])


def _pin(s: Mapped, place: tuple[str, ...], call: int) -> None:
    """A fault of certain probability for one call; what else it says (how a caller vanishes) stays."""
    fault = _get(s, place)
    rest = (
        {k: v for k, v in fault.items() if k not in ("probability", "from", "until", "calls")} if _is_map(fault) else {}
    )
    _put(s, place, {"probability": 1, "calls": [call], **rest})


def _faults(s: Mapped) -> Iterator[tuple[str, ...]]:
    """Where faults stand that can happen at all."""
    places = list(FAULT_PLACES)
    for plugin in s.get("plugins") or {}:
        for operation in ("open", "close", "request", "stop"):
            places += [("plugins", plugin, operation, kind) for kind in PLUGIN_FAULTS]
    for place in places:
        if _get(s, place):
            yield place


def _places(s: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every key of nested mappings, outer ones first."""
    if _is_map(s):
        for key, value in list(s.items()):
            yield (*above, key)
            if not (_is_map(value) and "dist" in value):
                yield from _places(value, (*above, key))


def _get(s: Any, place: tuple[str, ...]) -> Any:
    for key in place:
        if not _is_map(s) or key not in s:
            return None
        s = s[key]
    return s


def _put(s: Mapped, place: tuple[str, ...], value: Any) -> None:
    for key in place[:-1]:
        inner: Any = s.get(key)
        if not _is_map(inner):
            inner = s[key] = {}
        s = inner
    s[place[-1]] = value


def _drop(s: Mapped, place: tuple[str, ...]) -> None:
    inner: Any = _get(s, place[:-1]) if len(place) > 1 else s
    if _is_map(inner):
        inner.pop(place[-1], None)
        if not inner and len(place) > 1:
            _drop(s, place[:-1])


def _is_map(value: Any) -> bool:
    return isinstance(value, dict)


def _dist(value: Mapped) -> Any:
    """The distribution that a mapping describes, read as a scenario reads it."""
    return load_scenario({"name": "x", "calls": {"hold": value}}).calls.hold


def _comment(result: RunResult, found: RunResult, signature: Signature) -> str:
    """What this scenario shows, where it came from, and its story message by message."""
    session = signatures(found).get(signature, 0)
    lines = [
        f"The smallest scenario found that still shows {signature}.",
        "",
        f"Made by `mrcpsim leaks --minimal` from {result.summary.scenario}, seed {result.summary.seed}: "
        f"{found.summary.sessions.arrived} of {result.summary.sessions.arrived} calls are left.",
    ]
    for leak in found.summary.leaks:
        if leak.session == session and leak.cause:
            lines += ["", *leak.explanation.split("; ")]
    violations = [v for v in found.summary.violations if v.session == session]
    if violations:
        lines += ["", *(f"{v.time_s:.6f} s {v.kind}: {v.message}" for v in violations[:5])]
    lines += ["", f"Session {session}, message by message (time in s, task, message, state and subrequests after it):"]
    lines += _story(found, session)
    return "".join(f"# {line}".rstrip() + os.linesep for line in lines).replace(os.linesep, "\n")


def _story(found: RunResult, session: int, most: int = 60) -> list[str]:
    messages = found.messages
    if messages is None:
        return []
    mine = messages[messages["session"] == session].sort_values("finished_s", kind="stable")
    rows = [
        f"  {row.finished_s:10.6f}  {row.task:<17}  {row.message:<24}  {row.state} {row.subrequests}"
        for row in mine.head(most).itertuples()
    ]
    return rows if len(mine) <= most else [*rows, f"  … and {len(mine) - most} more"]
