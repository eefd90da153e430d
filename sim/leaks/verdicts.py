"""At the end of a run: which sessions are live and which are leaked, from the session records and what is pending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sim.leaks.diagnosis import Outstanding, SessionFacts, diagnose
from sim.ledger.summary import Leak
from sim.server.records import (
    DIALOG_TERMINATED,
    HAS_CONTROL,
    HAS_ENGINE,
    HAS_LICENCE,
    IS_CLOSED,
    IS_CLOSING,
    IS_OPENING,
    IS_STOPPING,
    TCP_NONE,
    WAITS_CHANNEL,
    WAITS_TERMINATION,
    Session,
)
from sim.vocabulary.messages import (
    A_TERMINATED,
    CARRIERS,
    MESSAGE_NAMES,
    MESSAGES,
    S_CONTROL,
    S_TERMINATE,
    channel_of,
    count_of,
    task_of,
)
from sim.vocabulary.resources import (
    CONNECTION_POOL,
    CONTROL_CHANNEL,
    HELD_ONCE,
    HOLDS_POOL,
    RESOURCE_NAMES,
    TCP_CONNECTION,
    names_of_plugin,
)
from sim.vocabulary.states import (
    ACTIVE,
    DEACTIVATING,
    DESTROYED,
    GENERATING_ANSWER,
    INITIALIZING,
    NONE,
    STATE_NAMES,
    TERMINATING,
)
from sim.vocabulary.tasks import CLIENT, PLUGIN

WAITING_STATES = (GENERATING_ANSWER, INITIALIZING, DEACTIVATING, TERMINATING)
ANSWERS = {kind for what in ("open", "close", "stop", "channel") for kind in CARRIERS[what]}
"""What brings one answer that a session waits for; a container brings as many as it has commands."""
ENDS_CALL = {A_TERMINATED, S_TERMINATE}
"""What can still release a session whose dialog is over."""
ENDS_NOTHING = {kind for kind, row in enumerate(MESSAGES) if row.ends_nothing}


@dataclass(frozen=True, slots=True)
class Pending:
    """A message in a queue, in service, or on its way; a timer that still lives."""

    kind: int
    slot: int
    arg: int
    reachable: bool  # the task that would take it can still run


@dataclass(frozen=True, slots=True)
class LeakVerdict:
    """What became of one session that was not released."""

    outcome: str  # live | leaked | crashed
    leak: Leak


def judge(
    sessions: Iterable[Session],
    pending: Iterable[Pending],
    plugins: tuple[str, ...],
    tasks: tuple[str, ...] = (),
    crashed: bool = False,
    frozen: Mapping[int, float] | None = None,
    licences: Iterable[int] = (),
) -> dict[int, LeakVerdict]:
    """A verdict for each session whose pool still exists, by slot; `frozen`: since when a task stands still for good;
    `licences`: plugins, by number, of which sessions that are not among these hold a licence, and go well.

    Where the process has crashed, a session that was stuck before is leaked and every other one has crashed with it.
    """
    by_slot: dict[int, list[Pending]] = {}
    for message in pending:
        by_slot.setdefault(message.slot, []).append(message)
    verdicts: dict[int, LeakVerdict] = {}
    waiting: list[tuple[Session, SessionFacts]] = []
    returning = set(licences)  # plugins of which somebody will give a licence back
    for session in sessions:
        if session.in_use and session.holds & HOLDS_POOL:
            facts = facts_of(session, by_slot.get(session.slot, []), plugins, tasks, crashed, frozen)
            if session.licence_waits and not crashed:
                waiting.append((session, facts))
                continue
            verdicts[session.slot] = verdict = _verdict(facts)
            if verdict.outcome == "live":
                returning.update(_licensed(session))
    _judge_waiting(waiting, returning, verdicts)
    return verdicts


def _verdict(facts: SessionFacts) -> LeakVerdict:
    leaked, leak = diagnose(facts)
    return LeakVerdict("live" if not leaked else "crashed" if leak.cause == "crash" else "leaked", leak)


def _licensed(session: Session) -> Iterable[int]:
    """The plugins, by number, of which a session holds a licence."""
    return (session.resource[i] for i in range(session.channels) if session.channel[i] & HAS_LICENCE)


def _judge_waiting(
    waiting: list[tuple[Session, SessionFacts]], returning: set[int], verdicts: dict[int, LeakVerdict]
) -> None:
    """A session that waits for a licence is live as long as one who holds such a licence is."""
    left = waiting
    while left:
        lucky = [pair for pair in left if {pair[0].resource[i] for i in _waits(pair[0])} <= returning]
        for session, facts in lucky:
            verdicts[session.slot] = _verdict(replace(facts, released_by_coming=True, coming=("a licence",)))
            returning.update(_licensed(session))
        left = [pair for pair in left if pair not in lucky]
        if not lucky:
            break
    for session, facts in left:
        verdicts[session.slot] = _verdict(facts)


def _waits(session: Session) -> Iterable[int]:
    return (i for i in range(session.channels) if session.licence_waits >> i & 1)


def facts_of(
    session: Session,
    pending: list[Pending],
    plugins: tuple[str, ...],
    tasks: tuple[str, ...] = (),
    crashed: bool = False,
    frozen: Mapping[int, float] | None = None,
) -> SessionFacts:
    """The facts that a diagnosis needs."""
    reachable = [m for m in pending if m.reachable]
    outstanding = _outstanding(session, pending, plugins, tasks, frozen or {})
    return SessionFacts(
        session=session.call,
        state=STATE_NAMES[session.state],
        since_s=_since(session, outstanding),
        holds=holds_of(session, plugins),
        outstanding=tuple(outstanding),
        queued=tuple(_queued(session)),
        coming=tuple(MESSAGE_NAMES[m.kind] for m in reachable),
        released_by_coming=_enough(session, reachable) or bool(session.crashed),
        wedged=bool(session.wedged),
        crashed=crashed,
        hung_up_s=session.bye_s if session.bye_s == session.bye_s else None,
        bye_answered=session.bye_ok_s == session.bye_ok_s,
    )


def _since(session: Session, outstanding: list[Outstanding]) -> float | None:
    """When the wait began: with the request, the creation of the session, the BYE, or else the last change of state.

    None where the server ended the dialog by itself: the session does not know when.
    """
    if session.active == S_CONTROL:
        return session.active_s
    if session.state == NONE:
        return session.created_s
    if outstanding and outstanding[0].what == "terminate":
        return session.bye_s if session.bye_s == session.bye_s else None
    return session.since_s


def _enough(session: Session, coming: list[Pending]) -> bool:
    """Whether what is coming can release the session: answers for every subrequest, or something that ends the call."""
    if session.active == S_CONTROL:
        return not session.wedged and any(m.kind in CARRIERS["request"] for m in coming)
    if session.state in WAITING_STATES:
        answers = 0
        for m in coming:
            if m.kind in CARRIERS["media"]:
                answers += count_of(m.arg)
            elif m.kind in ANSWERS or (session.state == DEACTIVATING and m.kind in CARRIERS["request"]):
                answers += 1
        return answers >= session.subrequests
    if session.dialog == DIALOG_TERMINATED:
        return any(m.kind in ENDS_CALL for m in coming)
    return any(m.kind not in ENDS_NOTHING for m in coming)


def _outstanding(
    session: Session,
    pending: list[Pending],
    plugins: tuple[str, ...],
    tasks: tuple[str, ...],
    frozen: Mapping[int, float],
) -> list[Outstanding]:
    found: list[Outstanding] = []
    blocked = any(not m.reachable for m in pending)
    lost_kind = session.lost_kind - 1

    def why(never: bool, kinds: tuple[int, ...]) -> str | None:
        if never:
            return "never"
        if lost_kind in kinds:
            return "lost"
        if any(m.kind in kinds and m.reachable for m in pending):
            return None
        return "blocked" if blocked else ("lost" if lost_kind >= 0 else None)

    for i in range(session.channels):
        flags, plugin = session.channel[i], plugins[session.resource[i]]
        if flags & IS_OPENING and session.licence_waits >> i & 1:
            found.append(Outstanding("open", plugin, "licence"))
        elif flags & IS_OPENING:
            found.append(Outstanding("open", plugin, why(bool(session.lost_open >> i & 1), CARRIERS["open"])))
        if flags & IS_CLOSING and not flags & IS_CLOSED:
            never = bool(session.lost_close >> i & 1)
            found.append(Outstanding("close", plugin, why(never, CARRIERS["close"])))
        if flags & IS_STOPPING and session.stop_waits[i]:
            found.append(Outstanding("stop", plugin, "audio", still_since_s=session.held_s))
        elif flags & IS_STOPPING:
            never = bool(session.lost_stop >> i & 1)
            found.append(Outstanding("stop", plugin, why(never, CARRIERS["stop"])))
        if flags & WAITS_CHANNEL and session.state in WAITING_STATES:
            found.append(Outstanding("channel", None, why(False, CARRIERS["channel"])))
    waits_media = session.rtp_waiting or any(session.channel[i] & WAITS_TERMINATION for i in range(session.channels))
    if waits_media and session.state in WAITING_STATES:
        missing = "dropped" if session.lost_media else why(False, CARRIERS["media"])
        found.append(Outstanding("media", None, missing))
    if session.active == S_CONTROL:
        i = channel_of(session.active_arg)
        never = bool(session.lost_request >> i & 1)
        missing = "audio" if session.stop_waits[i] else why(never, CARRIERS["request"])
        since = session.held_s if missing == "audio" else None
        found.append(Outstanding("request", plugins[session.resource[i]], missing, still_since_s=since))
    if not found and (lost_kind >= 0 or blocked):
        what = _signal(session) if session.state in (NONE, ACTIVE) else "media"
        missing = "dropped" if session.lost_media else "lost" if lost_kind >= 0 else "blocked"
        found.append(Outstanding(what, None, missing))
    found.sort(key=lambda o: (o.missing is None, o.missing == "lost" and lost_kind not in CARRIERS[o.what]))
    return [_followed(o, session, pending, plugins, tasks, frozen) for o in found]


def _signal(session: Session) -> str:
    """The signal of the SIP agent that a session waits for: no offer was made yet, or its call is over."""
    over = session.bye_s == session.bye_s or session.cancelled or session.dialog == DIALOG_TERMINATED
    return "offer" if session.state == NONE and not over else "terminate"


def _followed(
    outstanding: Outstanding,
    session: Session,
    pending: list[Pending],
    plugins: tuple[str, ...],
    tasks: tuple[str, ...],
    frozen: Mapping[int, float],
) -> Outstanding:
    """With the names of the tasks, and of the message that is lost or that lies in the queue of a task."""
    if not tasks:
        return outstanding
    own = tasks[PLUGIN + plugins.index(outstanding.plugin)] if outstanding.plugin else None
    outstanding = replace(outstanding, task=own)
    if outstanding.missing == "lost":
        kind = session.lost_kind - 1
        by = own or (tasks[PLUGIN + session.resource[0]] if session.channels else None)
        message, sender, queue = _route(kind, by or "a plugin", by or "a plugin", tasks)
        return replace(outstanding, message=message, sender=sender, queue=queue)
    if outstanding.missing == "blocked":
        wanted = CARRIERS[outstanding.what]
        stuck = [m for m in pending if not m.reachable]
        first = min(stuck, key=lambda m: wanted.index(m.kind) if m.kind in wanted else len(wanted))
        index = task_of(first.kind)
        if index == PLUGIN:
            index += session.resource[channel_of(first.arg)]
        taker = tasks[index] if index >= 0 else "the caller"
        message, sender, queue = _route(first.kind, own or taker, taker, tasks)
        since = frozen.get(index)
        return replace(outstanding, message=message, sender=sender, queue=queue, still_since_s=since)
    return outstanding


def _route(kind: int, plugin: str, taker: str, tasks: tuple[str, ...]) -> tuple[str, str, str]:
    """A message's name, the task that sends it, and the one that takes it."""

    def name(task: int, own: str) -> str:
        return "the caller" if task == CLIENT else own if task == PLUGIN else tasks[task]

    row = MESSAGES[kind]
    return row.name, name(row.sender, plugin), name(row.task, taker)


def _queued(session: Session) -> Iterable[str]:
    for i in range(session.queue_length):  # the first ones, where there are very many
        yield MESSAGE_NAMES[session.queue_kind[(session.queue_head + i) % len(session.queue_kind)]]


def holds_of(session: Session, plugins: tuple[str, ...]) -> tuple[str, ...]:
    """Names of the resources that a session holds."""
    held = [name for bit, name in HELD_ONCE if session.holds & bit]
    for i in range(session.channels):
        flags, (engine, licence) = session.channel[i], names_of_plugin(plugins[session.resource[i]])
        if flags & HAS_CONTROL:
            held.append(RESOURCE_NAMES[CONTROL_CHANNEL])
        if flags & HAS_ENGINE and session.state != DESTROYED:
            held.append(engine)
        if flags & HAS_LICENCE:
            held.append(licence)
    if session.tcp != TCP_NONE:
        held += [RESOURCE_NAMES[TCP_CONNECTION], RESOURCE_NAMES[CONNECTION_POOL]]
    return tuple(held)
