"""A fleet of servers behind a dispatcher, each simulated whole; refused callers try another, until all agree.

A retry depends on a refusal before it, and a refusal on the calls before it, so the servers are run again with the
retries that their refusals cause until no new one comes up: each round settles a longer time from the start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sim.engine.start.arrivals import arrival_blocks
from sim.engine.start.sampling import generator, sampler
from sim.engine.start.setup import resource_names, task_names
from sim.errors import ScenarioError
from sim.ledger.summary import Quantiles, ResourceUse, SessionCounts, Summary, TaskUse
from sim.scenario import RecordedCall, Scenario, calls_given, load_scenario, to_mapping
from sim.scenario.fleet import Fleet
from sim.study.dispatch import Dispatcher, outages
from sim.study.unbroken import run_whole

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray[Any, Any]

ROUNDS = 40
"""Rounds after which retries that still change are left as they are, and said to be."""


@dataclass(slots=True)
class FleetCall:
    """One call of a fleet: where it was sent when, and what became of it."""

    arrived_s: float
    hold_s: float
    caller: int
    sent: list[tuple[float, int]] = field(default_factory=list)
    """Time and server of each attempt."""
    answered_s: float = math.nan
    lost_s: float = math.nan
    """When its server failed under it."""

    @property
    def served(self) -> bool:
        """Whether it was answered with 200 at last."""
        return not math.isnan(self.answered_s)


@dataclass(frozen=True, slots=True)
class ServerResult:
    """One server over the whole run: its summary (of each time that it was up), and the fleet's view of it."""

    name: str
    summaries: tuple[Summary, ...]
    attempts: int
    answered: int
    refused: int
    unanswered: int
    """INVITEs that met a failed server."""
    lost: int
    """Calls that ended with a failure."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {name: getattr(self, name) for name in ("name", "attempts", "answered", "refused", "unanswered", "lost")}


@dataclass(frozen=True, slots=True)
class FleetResult:
    """A fleet's run: per server, and in all."""

    scenario: str
    seed: int
    calls: tuple[FleetCall, ...]
    servers: tuple[ServerResult, ...]
    rounds: int
    settled: bool
    """False when retries were still changing after the last round."""
    summary: Summary
    """The whole fleet as one summary: counts added, set-up from the first INVITE to the answer, retries included."""

    @property
    def lost(self) -> int:
        """Calls that ended with the failure of their server."""
        return sum(not math.isnan(call.lost_s) for call in self.calls)

    @property
    def retried(self) -> int:
        """Calls that were sent to more than one server."""
        return sum(len(call.sent) > 1 for call in self.calls)

    def to_dict(self) -> dict[str, Any]:
        """What `run --json` prints for a fleet: the summary, and beside it the fleet."""
        fleet = {
            "servers": [server.to_dict() for server in self.servers],
            "calls": len(self.calls), "served": sum(call.served for call in self.calls), "lost": self.lost,
            "retried": self.retried, "rounds": self.rounds, "settled": self.settled,
        }  # fmt: skip
        return {**self.summary.to_dict(), "fleet": fleet}

    def per_server(self) -> pd.DataFrame:
        """One row a server: attempts, answered, refused, unanswered, lost, and the peak and mean of what it held."""
        import pandas as pd

        rows = []
        for server in self.servers:
            held = [s.resources["session_pool"] for s in server.summaries if "session_pool" in s.resources]
            row = server.to_dict()
            rows.append({**row, "sessions_peak": max((use.peak for use in held), default=0)})
        return pd.DataFrame(rows)


def run_fleet(scenario: Scenario, *, seed: int | None = None, engine: str = "compiled") -> FleetResult:
    """Simulate a scenario with a `fleet`; the same seed gives the same result. ScenarioError without one."""
    fleet = scenario.fleet
    if fleet is None:
        raise ScenarioError(f"{scenario.name}: has no fleet")
    seed = scenario.seed if seed is None else seed
    state = _State(scenario, fleet, seed, engine)
    rounds = 0
    settled = False
    while rounds < ROUNDS and not settled:
        rounds += 1
        settled = state.round()
    return state.result(rounds, settled)


@dataclass(slots=True)
class _Epoch:
    """A server from one start to its failure or the end: what it was sent, and what it said."""

    server: int
    start_s: float
    end_s: float
    sent: tuple[tuple[float, int], ...] = ()
    """Time and number of the call of each attempt."""
    answers: dict[int, tuple[float, int]] = field(default_factory=dict)
    """For each call its answer's time and status; none: not answered."""
    summary: Summary | None = None


def _recorded(arrived_s: float, hold_s: float) -> RecordedCall:
    return RecordedCall(arrived_s, hold_s, requests=None, cancel_after_s=None, vanished=False)


class _State:
    def __init__(self, scenario: Scenario, fleet: Fleet, seed: int, engine: str) -> None:
        self.scenario, self.fleet, self.seed, self.engine = scenario, fleet, seed, engine
        self.outages = outages(fleet, generator(seed, "fleet.health"))
        self.names = [fleet.name_of(i) for i in range(fleet.servers)]
        self.plain = [self._mapping(i) for i in range(fleet.servers)]
        self.calls = self._calls()
        dispatcher = self._dispatcher()
        for call in self.calls:
            server = dispatcher.choose(call.arrived_s, call.caller, call.hold_s)
            if server is not None:
                call.sent.append((call.arrived_s, server))
        self.epochs = [epoch for server in range(fleet.servers) for epoch in self._epochs_of(server)]
        self.unanswered = [0] * fleet.servers

    def _dispatcher(self) -> Dispatcher:
        return Dispatcher(self.fleet, self.outages, generator(self.seed, "fleet.dispatch"))

    def _mapping(self, server: int) -> tuple[dict[str, Any], dict[str, Any]]:
        plain = to_mapping(self.scenario, only_changes=True)
        plain.pop("fleet", None)
        plain.pop("expect", None)
        plain["arrivals"] = {}
        members = self.fleet.members
        return plain, dict(members[server].settings) if server < len(members) else {}

    def _calls(self) -> list[FleetCall]:
        scenario, seed = self.scenario, self.seed
        blocks = [*arrival_blocks(scenario, seed, float(scenario.duration))]
        times = np.concatenate([block.time_s for block in blocks]) if blocks else np.empty(0)
        given = np.concatenate([block.hold_s for block in blocks]) if blocks else np.empty(0)
        drawn = sampler(scenario.calls.hold)(generator(seed, "calls.hold"), len(times))
        holds = np.where(np.isnan(given) | (given < 0.0), drawn, given)
        callers = generator(seed, "fleet.callers").integers(0, self.fleet.callers, len(times))
        return [FleetCall(float(t), float(h), int(c)) for t, h, c in zip(times, holds, callers, strict=True)]

    def _epochs_of(self, server: int) -> list[_Epoch]:
        kills = sorted((o for o in self.outages if o.server == server and o.kills), key=lambda o: o.start_s)
        found, start = [], 0.0
        for outage in kills:
            if outage.start_s > start:
                found.append(_Epoch(server, start, outage.start_s))
            start = max(start, outage.end_s)
        end = self.scenario.duration + self.scenario.drain
        if start < end:
            found.append(_Epoch(server, start, math.inf))
        return found

    # --- rounds ------------------------------------------------------------------------------------------------------

    def round(self) -> bool:
        """Run every server whose calls changed, then let refused callers try again; whether nothing changed."""
        for epoch in self.epochs:
            sent = tuple(sorted(
                (at, i) for i, call in enumerate(self.calls) for at, server in call.sent
                if server == epoch.server and epoch.start_s <= at < epoch.end_s
            ))  # fmt: skip
            if sent != epoch.sent or epoch.summary is None:
                epoch.sent = sent
                self._run(epoch)
        return not self._retry()

    def _run(self, epoch: _Epoch) -> None:
        epoch.answers = {}
        if not epoch.sent:
            epoch.summary = Summary(self.names[epoch.server], self.seed, self.engine, 0.0)
            return
        first = epoch.sent[0][0]
        load = max(self.scenario.duration - first, epoch.sent[-1][0] - first) + 1e-9
        drain = self.scenario.drain
        if math.isfinite(epoch.end_s):
            load, drain = max(epoch.end_s - first, 1e-9), 0.0
        plain, settings = self.plain[epoch.server]
        with calls_given([_recorded(at - first, self.calls[i].hold_s) for at, i in epoch.sent]) as file:
            replay = {"arrivals": {"kind": "replay", "file": file}, "duration": load, "drain": drain}
            scenario = load_scenario({**plain, "name": "fleet", **replay}, settings)
            seed = self.seed + 7919 * (epoch.server + 1)
            result = run_whole(scenario, seed=seed, engine=self.engine, ledger="sessions")
        sessions = result.sessions
        assert sessions is not None
        columns = (sessions[name].to_numpy(dtype=np.float64) for name in ("session", "answer_s", "answer_status"))
        for number, answered, status in zip(*columns, strict=True):
            if not math.isnan(answered):
                epoch.answers[epoch.sent[int(number)][1]] = (float(answered) + first, int(status))
        epoch.summary = result.summary

    def _retry(self) -> bool:
        """Bring every call's attempts up to date with what its servers said; whether any changed."""
        dispatcher = self._dispatcher()
        by_server: dict[int, list[_Epoch]] = {}
        for epoch in self.epochs:
            by_server.setdefault(epoch.server, []).append(epoch)
        changed = False
        for number, call in enumerate(self.calls):
            sent = self._attempts(call, number, by_server, dispatcher)
            if sent != call.sent:
                call.sent = sent
                changed = True
        return changed

    def _attempts(
        self, call: FleetCall, number: int, by_server: dict[int, list[_Epoch]], dispatcher: Dispatcher
    ) -> list[tuple[float, int]]:
        """The attempts that a call makes, given what each server said to it so far."""
        call.answered_s = call.lost_s = math.nan
        retry = self.fleet.retry
        sent = call.sent[:1]
        while sent:
            at, server = sent[-1]
            epoch = next((e for e in by_server.get(server, ()) if e.start_s <= at < e.end_s), None)
            answer = epoch.answers.get(number) if epoch is not None else None
            if answer is None and epoch is not None and (at, number) not in epoch.sent:
                break  # it has not been run with this attempt yet
            if answer is not None and answer[1] < 300 and answer[0] - at <= retry.timeout:
                call.answered_s = answer[0]
                assert epoch is not None
                if answer[0] + call.hold_s > epoch.end_s:
                    call.lost_s = epoch.end_s
                break
            again = answer[0] + retry.after if answer is not None and answer[1] >= 300 else at + retry.timeout
            other = dispatcher.other(again, [s for _, s in sent])
            if len(sent) > retry.attempts or other is None:
                break
            sent = [*sent, (again, other)]
        return sent

    # --- the result --------------------------------------------------------------------------------------------------

    def result(self, rounds: int, settled: bool) -> FleetResult:
        """What was found, per server and in all."""
        servers = tuple(self._server(i) for i in range(self.fleet.servers))
        summary = total(self.scenario, self.seed, self.engine, self.calls, servers)
        return FleetResult(self.scenario.name, self.seed, tuple(self.calls), servers, rounds, settled, summary)

    def _server(self, server: int) -> ServerResult:
        epochs = [epoch for epoch in self.epochs if epoch.server == server]
        attempts = sum(s == server for call in self.calls for _, s in call.sent)
        met = sum(len(epoch.sent) for epoch in epochs)
        statuses = [status for epoch in epochs for _, status in epoch.answers.values()]
        lost = sum(not math.isnan(call.lost_s) and call.sent[-1][1] == server for call in self.calls)
        return ServerResult(
            self.names[server], tuple(epoch.summary for epoch in epochs if epoch.summary is not None), attempts,
            sum(status < 300 for status in statuses), sum(status >= 300 for status in statuses), attempts - met, lost,
        )  # fmt: skip


def total(
    scenario: Scenario, seed: int, engine: str, calls: Sequence[FleetCall], servers: Sequence[ServerResult]
) -> Summary:
    """The fleet as one summary. Peaks are added, so they are an upper bound; a task's figures are those of the server
    whose task was busiest."""
    every = [summary for server in servers for summary in server.summaries]
    served = sum(call.served for call in calls)
    counts = SessionCounts(
        arrived=len(calls),
        created=sum(s.sessions.created for s in every),
        answered=served,
        rejected=_added([s.sessions.rejected for s in every]),
        cancelled=sum(s.sessions.cancelled for s in every),
        released=sum(s.sessions.released for s in every),
        live=sum(s.sessions.live for s in every),
        leaked=sum(s.sessions.leaked for s in every),
        crashed=sum(s.sessions.crashed for s in every),
        blocking=1.0 - served / len(calls) if calls else 0.0,
    )
    setup = Quantiles.of([call.answered_s - call.arrived_s for call in calls if call.served])
    busiest: dict[str, Any] = {}
    for summary in every:
        for name, task in summary.tasks.items():
            if name not in busiest or (task.utilisation or 0.0) > (busiest[name].utilisation or 0.0):
                busiest[name] = task
    worst = max(every, key=lambda s: s.latency["invite_to_answer"].p99 or 0.0, default=None)
    latency = dict(worst.latency) if worst is not None else {}
    resources = _resources(servers)
    if not every:  # no server ever ran: what there would have been was never used
        resources = {name: ResourceUse() for name in resource_names(scenario)}
        busiest = {name: TaskUse() for name in task_names(scenario)}
    return Summary(
        scenario.name, seed, engine, max((s.horizon_s for s in every), default=0.0), counts, resources,
        {**latency, "invite_to_answer": setup}, busiest,
        violations=tuple(v for s in every for v in s.violations), leaks=tuple(x for s in every for x in s.leaks),
    )  # fmt: skip


def _added(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in counts:
        for key, count in one.items():
            found[key] = found.get(key, 0) + count
    return found


def _resources(servers: Sequence[ServerResult]) -> dict[str, ResourceUse]:
    found: dict[str, ResourceUse] = {}
    for server in servers:
        own: dict[str, ResourceUse] = {}
        for summary in server.summaries:
            for name, use in summary.resources.items():
                own[name] = _sum(own[name], use, _ONCE) if name in own else use
        for name, use in own.items():
            found[name] = _sum(found[name], use) if name in found else use
    return found


_ONCE = ("peak", "limit", "bytes_peak", "mean")
"""What a server that was started again has once, and not once for each start."""


def _sum(one: ResourceUse, two: ResourceUse, once: tuple[str, ...] = ()) -> ResourceUse:
    changes: dict[str, Any] = {}
    for name in type(one).__dataclass_fields__:
        a, b = getattr(one, name), getattr(two, name)
        both = a is not None and b is not None
        changes[name] = None if not both else max(a, b) if name in once else a + b
    return replace(one, **changes)
