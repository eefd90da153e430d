"""What makes two failures the same: a leak's cause, plugin, state and missing message; a violation's kind; a crash."""

from __future__ import annotations

from dataclasses import dataclass

from sim.errors import ScenarioError
from sim.ledger.result import RunResult
from sim.ledger.summary import Leak


@dataclass(frozen=True, slots=True)
class Signature:
    """One way in which a run fails; equal signatures are the same bug."""

    kind: str  # a leak cause, a violation kind, or "crash"
    plugin: str | None = None
    state: str | None = None
    waiting_for: str | None = None

    def __str__(self) -> str:
        where = f" in {self.state}, waiting for {self.waiting_for}" if self.state else ""
        return f"{self.kind}{f' of {self.plugin}' if self.plugin else ''}{where}"

    @property
    def condition(self) -> str:
        """What a scenario expects that shows it."""
        if self.state is not None:
            return f"leaks.{self.kind} >= 1"
        return "sessions.crashed_at_s > 0" if self.kind == "crash" else f"violations.{self.kind} >= 1"


def of_leak(leak: Leak) -> Signature:
    """The signature of one leaked session."""
    return Signature(leak.cause, leak.plugin, leak.state, leak.waiting_for)


def signatures(result: RunResult) -> dict[Signature, int]:
    """Every way in which a run fails, with the session that showed it first."""
    found: dict[Signature, int] = {}
    for leak in result.summary.leaks:
        if leak.cause and leak.cause != "crash":
            found.setdefault(of_leak(leak), leak.session)
    for violation in result.summary.violations:
        found.setdefault(Signature(violation.kind), violation.session)
    if result.summary.sessions.crashed_at_s is not None:
        sessions = result.summary.sessions
        found.setdefault(Signature("crash"), sessions.arrived - 1)
    return found


def choose(result: RunResult, wanted: str | None) -> tuple[Signature, int]:
    """The signature to keep, and its first session. ScenarioError when the run does not fail, or not like that."""
    found = signatures(result)
    if wanted is not None:
        found = {signature: session for signature, session in found.items() if signature.kind == wanted}
    if not found:
        what = f"no '{wanted}'" if wanted else "no leak, no violation and no crash"
        raise ScenarioError(f"{result.summary.scenario}: nothing to shrink: this run shows {what}")
    return next(iter(found.items()))
