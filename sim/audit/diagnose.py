"""Why each session that is still open when a log ends is open: leaked with the cause, or alive and waiting for what.

A session is leaked when what it waits for can be named and can no longer come. That is judged from the mechanism:
a plugin's task that has finished with a request without answering, where it otherwise always answers before it
finishes, will never answer; where answers come later from other threads, from how long they took in this very log.
"""

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.audit.session import Session
from sim.audit.taskbook import Message, Stats
from sim.leaks.diagnosis import MESSAGES, Outstanding, release_chain
from sim.logs.reading.shown import word
from sim.vocabulary.tasks import SERVER_TASK

SECOND: Final = 1_000_000
TRANSACTION: Final = 32 * SECOND  # 64·T1: no ACK to a 200, no answer to a BYE
SESSION_TIMER: Final = (
    600 * SECOND
)  # Session-Expires and the connection's inactivity timeout of the sample configuration
ACK: Final = "the caller's ACK (64·T1)"
_SLACK: Final = 5 * SECOND
_NEAR: Final = 5 * SECOND  # a dropped message of no known session belongs to a wait that began this long before
_ENOUGH: Final = 20  # answers seen before their delays are taken for what is normal
_UNSEEN: Final = 2 * SECOND  # how long to believe in an answer of a kind that this log shows too rarely
_TAKES_ANSWER: Final = {
    "open": "mrcp_server_on_engine_channel_open", "close": "mrcp_server_on_engine_channel_close",
    "stop": "mrcp_server_on_engine_channel_message", "request": "mrcp_server_on_engine_channel_message",
}  # fmt: skip
_PHRASE: Final = {"open": "open", "close": "close", "stop": "STOP", "request": "the request"}


@dataclass(slots=True)
class Patience:
    """How long answers of one kind took in this log, in microseconds."""

    samples: "array[int]" = field(default_factory=lambda: array("q"))
    _limits: tuple[int, tuple[int, int]] | None = None

    def limits(self) -> tuple[int, int]:
        """(strict, sure): later than `sure` no answer comes; later than `strict` hardly one, for use when
        answers of this kind are known to be missing."""
        if self._limits is None or self._limits[0] != len(self.samples):
            self._limits = (len(self.samples), self._judge(np.sort(np.array(self.samples, dtype=np.int64))))
        return self._limits[1]

    @staticmethod
    def _judge(values: NDArray[np.int64]) -> tuple[int, int]:
        longest = int(values[-1]) if values.size else 0
        if values.size < _ENOUGH:
            return (max(_UNSEEN, 3 * longest),) * 2
        rare = int(values.mean() * math.log(1000 * values.size))  # one in 1000 times as many, were they exponential
        return max(int(values[int(values.size * 0.99)]), 5_000), max(2 * longest, rare, 50_000)


@dataclass(slots=True)
class Evidence:
    """What the whole log tells about answers, tasks and dropped messages."""

    end: int
    debug: bool
    timed: bool
    patience: Mapping[str, Patience]
    answers: Mapping[tuple[str, str], list[int]]
    blocked: Mapping[str, int]  # task → working on one message since
    lost_unknown: Iterable[tuple[int, str, str]] = ()
    queued: Mapping[int, tuple[str, int]] = field(default_factory=dict)  # session → blocked task that has its message
    roles: Mapping[str, str] = field(default_factory=dict)  # of the tasks by name


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome` is live or leaked; `cause` one of the leak causes when leaked, and what it would be when live."""

    outcome: str
    cause: str
    waiting_for: str
    plugin: str
    since: int
    text: str
    chain: str = ""  # the server's functions that would release it


@dataclass(slots=True)
class _Wait:
    """What a session waits for: since when, by whom, and how its delay is judged."""

    cause: str
    what: str
    since: int
    kind: str  # key of Evidence.patience; "" when nothing can be late
    engine: str = ""
    proof: bool = False  # it can not come any more, however short the wait
    hurry: bool = True  # whether a wait longer than almost all others is enough where such answers go missing
    text: str = ""
    chain: str = ""  # key of RELEASE_CHAINS
    step: str = ""  # the function of the chain that never came, where it is not the usual one

    def released_by(self, state: str) -> str:
        """The server's functions that would release the session, with the missing one in brackets."""
        if not self.chain:
            return ""
        chain, usual = release_chain(Outstanding(self.chain, None, None), state)
        missing = chain.index(self.step) if self.step in chain else usual
        steps = " → ".join(f"[{step}]" if place == missing else step for place, step in enumerate(chain))
        return f"it would be released by {steps}; step {missing + 1} of {len(chain)}, {chain[missing]}, never came"


def blocked_tasks(
    stats: Iterable[Stats], working: Iterable[tuple[str, int]], overdue: Iterable[Message], end: int
) -> dict[str, int]:
    """Tasks that work on one message, or leave one in their queue, far longer than any other: name → since."""
    known = {entry.name: entry for entry in stats}
    blocked = {task: since for task, since in working if end - since > max(SECOND, 3 * known[task].longest)}
    for message in overdue:
        if end - message.sent > max(SECOND, 3 * message.stats.longest_wait):
            blocked.setdefault(message.task, message.sent)
    return blocked


def diagnose(sessions: Iterable[Session], evidence: Evidence) -> dict[int, Verdict]:
    """The verdict on every open session by number. Where some are surely missing an answer of a kind, those that
    wait longer than almost every answer took are judged alike."""
    waits = {session.number: (session, _waiting(session, evidence)) for session in sessions}
    sure = {number: _judge(s, w, evidence, False) for number, (s, w) in waits.items()}
    known = {(v.cause, v.plugin) for v in sure.values() if v.outcome == "leaked"}
    return {
        number: _judge(*waits[number], evidence, True) if (v.cause, v.plugin) in known and v.outcome == "live" else v
        for number, v in sure.items()
    }


def _judge(session: Session, wait: _Wait, evidence: Evidence, strict: bool) -> Verdict:
    elapsed = evidence.end - wait.since if wait.since >= 0 else 0
    leaked = wait.proof
    if not leaked and wait.kind:
        patience = evidence.patience.get(wait.kind) or Patience()
        leaked = not evidence.timed or elapsed > patience.limits()[0 if strict and wait.hurry else 1]
    engine = wait.engine or ("" if wait.chain == "caller" else session.engine)
    about = f"session <{session.label}> is {session.state}: {wait.text or 'waits for ' + wait.what}"
    if leaked and evidence.timed and wait.since >= 0:
        about += f", {elapsed / 1e6:.3f} s before the log ends"
    outcome, chain = "leaked" if leaked else "live", wait.released_by(session.state)
    # the words of a simulated run, but for a timer that runs
    waiting_for = MESSAGES[wait.chain][0] if wait.chain and wait.what != ACK else wait.what
    return Verdict(outcome, wait.cause, waiting_for, engine, wait.since, about, chain)


def _waiting(session: Session, evidence: Evidence) -> _Wait:
    if session.terminate >= 0:
        wait = _terminating(session, evidence)
    elif session.deactivate >= 0:
        wait = _deactivating(session, evidence)
    elif session.ended >= 0:
        wait = _ended(session, evidence)
    elif session.negotiating or (session.answer < 0 and session.proved < 0 and not session.partial):
        wait = _answering(session, evidence)
    else:
        wait = _talking(session, evidence)
    return _queued(session, _lost(session, wait, evidence), evidence)


def _queued(session: Session, wait: _Wait, evidence: Evidence) -> _Wait:
    """A message of the session that was signalled, and that its task never took, explains what it waits for."""
    if session.number not in evidence.queued or wait.cause in ("task-blocked", "channel-wedged", "mpf-queue-dropped"):
        return wait
    task, since = evidence.queued[session.number]
    wait.cause, wait.proof, wait.since = "task-blocked", True, since
    wait.text = f"a message of it was signalled to [{task}], which has taken none since; it waits for {wait.what}"
    return wait


def _terminating(session: Session, evidence: Evidence) -> _Wait:
    """Close answers, the removal of control channels and the media's subtraction are all that can be missing."""
    channels = [r for r, s in session.control.items() if s == "removing"] if evidence.debug else []
    media = evidence.debug and session.media_done < session.media_asked
    closes = [r for r in session.engines if r not in session.closing]
    if not evidence.debug:
        channels = [r for r in session.engines if session.control.get(r) != "gone" and not session.v1]
        media = bool(session.ports)
    if closes:
        names = ", ".join(dict.fromkeys(session.engines[r] for r in closes))
        resources = ", ".join(word(r) for r in closes)
        wait = _of_plugin(session, evidence, "close", closes, session.terminate, f"close of {resources} by {names}")
        if not evidence.debug:
            wait.kind = "release"
            if not channels and not media:
                wait.text += "; its control channel and media are gone, so the close is all that can be missing"
        return wait
    if channels:
        return _of_task(session, evidence, "its control channel's removal by the connection agent", "connection")
    if media:
        return _of_task(session, evidence, "the subtraction of its media by the media engine", "media")
    return _Wait("message-lost", "the end of its termination", session.terminate, "release", chain="close")


def _of_plugin(
    session: Session, evidence: Evidence, operation: str, resources: Iterable[bytes], since: int, what: str
) -> _Wait:
    engines = list(dict.fromkeys(session.engines.get(r, "") for r in resources))
    engine = ", ".join(engines)
    asked = min(
        (a for (what, _), a in session.asked.items() if what == operation),
        key=lambda a: (a.answers >= a.count, -a.signalled),  # of several tasks, the one that has not answered
        default=None,
    )
    cause = f"{operation}-never-answered"
    wait = _Wait(cause, what, since, operation, engine, chain=operation)
    wait.text = f"waits for the answer to {_PHRASE[operation]} of {engine or 'its engine'}"
    if asked is None or asked.signalled < since - SECOND:
        return wait
    if asked.answers >= asked.count:  # what is missing is that the server task takes the answer from its queue
        wait.cause, wait.hurry, wait.step = "message-lost", False, _TAKES_ANSWER.get(operation, "")
        wait.text = f"[{asked.task}] has answered {_PHRASE[operation]}, but [{SERVER_TASK}] has not taken the answer"
        if SERVER_TASK in evidence.blocked:
            wait.cause, wait.proof = "task-blocked", True
    elif asked.finished < 0:  # still queued, or being worked on
        wait.hurry = False
        if asked.task in evidence.blocked:
            wait.cause, wait.proof = "task-blocked", True
            stands = "has been busy with one message" if asked.started >= 0 else "has not taken it from its queue"
            wait.text += f"; [{asked.task}] {stands} and answers nobody"
    else:
        own, other = (sum(evidence.answers.get((e, operation), (0, 0))[i] for e in engines) for i in (0, 1))
        wait.proof = own >= _ENOUGH and other == 0
        wait.text += f"; [{asked.task}] has finished with the request and did not answer"
        media = next((task for task in evidence.blocked if evidence.roles.get(task) == "media"), "")
        if operation in ("stop", "request") and media and not own:  # such plugins answer with the next frame of audio
            wait.cause, wait.proof = "task-blocked", True
            wait.text += f"; its plugin answers with the next frame of audio, and [{media}] is stuck"
        elif wait.proof:
            wait.text += f", as it did before finishing in all {own} others"
    return wait


def _of_task(session: Session, evidence: Evidence, what: str, role: str) -> _Wait:
    since = max(session.terminate, session.offer)
    wait = _Wait("message-lost", what, since, "release" if session.terminate >= 0 else "answer")
    wait.chain = "channel" if role == "connection" else "media"
    wait.text = f"waits for {what}, which this log never shows to fail: a message was lost"
    for task in evidence.blocked:
        if evidence.roles.get(task) == role:
            wait.cause, wait.proof, wait.text = "task-blocked", True, f"waits for {what}; [{task}] is stuck"
    if SERVER_TASK in evidence.blocked:
        wait.cause, wait.proof, wait.text = "task-blocked", True, f"waits for {what}; [{SERVER_TASK}] is stuck"
    return wait


def _deactivating(session: Session, evidence: Evidence) -> _Wait:
    since = min(session.stopping.values(), default=session.deactivate)
    resources = list(session.stopping) or list(session.engines)
    names = ", ".join(dict.fromkeys(session.engines.get(r, "") for r in resources))
    return _of_plugin(session, evidence, "stop", resources, since, f"STOP of the request in progress by {names}")


def _ended(session: Session, evidence: Evidence) -> _Wait:
    """The call is over and TERMINATE waits behind something, or is itself on its way."""
    if session.active is not None:
        method, resource, since = session.active
        wait = _of_plugin(
            session, evidence, "request", [resource], since, f"the response to {method}, TERMINATE behind it"
        )
        wait.text = wait.text.replace("the request of", f"{method} of") + "; TERMINATE is queued behind it"
        if session.wedged >= since:
            wait.cause, wait.proof = "channel-wedged", True
            wait.text = (
                f"{method} went to a channel without a state machine and never ends; TERMINATE is queued behind it"
            )
            wait.chain = "wedged"
        wait.since = since
        return wait
    if session.wedged >= 0:  # then TERMINATE is not dispatched, whether or not its queueing was logged
        text = "an MRCP request went to a channel without a state machine and never ends; TERMINATE is queued behind it"
        return _Wait(
            "channel-wedged", "the end of a request that nothing processes", session.wedged, "", proof=True, text=text,
            chain="wedged",
        )  # fmt: skip
    if session.negotiating:
        wait = _answering(session, evidence)
        wait.text += "; TERMINATE is queued behind the offer"
        return wait
    wait = _Wait("message-lost", "TERMINATE to be processed by the server task", session.ended, "release")
    wait.chain = "terminate"
    if SERVER_TASK in evidence.blocked:
        wait.cause, wait.proof = "task-blocked", True
        wait.text = f"its TERMINATE waits for [{SERVER_TASK}], which has been busy with one message since"
    else:
        wait.text = "its call is over but TERMINATE never reached the session"
    return wait


def _answering(session: Session, evidence: Evidence) -> _Wait:
    """An offer is being answered: control channels, then media, then the engine's open."""
    if session.offer < 0:
        wait = _Wait("message-lost", "its OFFER to be processed by the server task", session.last, "answer")
        wait.chain = "offer"
        if SERVER_TASK in evidence.blocked:
            wait.cause, wait.proof, wait.text = "task-blocked", True, f"its OFFER waits for [{SERVER_TASK}]"
        return wait
    since = max(session.last_offer, session.media)
    if session.state == "INITIALIZING" or (not evidence.debug and session.held.get("control_channel")):
        missing = [r for r in session.engines if session.opened.get(r, -1) < session.last_offer]
        names = ", ".join(dict.fromkeys(session.engines[r] for r in missing))
        if missing:
            wait = _of_plugin(session, evidence, "open", missing, since, f"open of its engine channel by {names}")
            if not evidence.debug:
                wait.kind = "answer"
            return wait
    pending = [r for r, s in session.control.items() if s == "pending"]
    what = "its control channel to be added by the connection agent" if pending else "the media engine's answer"
    wait = _of_task(session, evidence, what, "connection" if pending else "media")
    if not evidence.debug:
        wait.kind = "answer"
    return wait


def _talking(session: Session, evidence: Evidence) -> _Wait:
    """Answered and not ended: alive, unless the caller is gone and the timers that notice have run out."""
    end = evidence.end
    if session.asked_bye >= 0:
        text = "the server sent BYE, which the caller has not answered"
        wait = _Wait(
            "caller-gone", "the answer to the server's BYE (64·T1)", session.asked_bye, "", text=text, chain="caller"
        )
        wait.proof = evidence.timed and end - session.asked_bye > TRANSACTION + _SLACK
        return wait
    if session.call_state == b"completed":
        wait = _Wait("caller-gone", ACK, session.last_answer, "", chain="caller")
        wait.proof = evidence.timed and end - session.last_answer > TRANSACTION + _SLACK
        wait.text = "its caller never acknowledged the answer"
        return wait
    if session.gone >= 0:
        wait = _Wait(
            "caller-gone", "BYE, or the session timer: its connection is closed", session.gone, "", chain="caller"
        )
        wait.proof = evidence.timed and end - session.gone > SESSION_TIMER + TRANSACTION + _SLACK
        wait.text = "its caller closed TCP and never sent BYE"
        return wait
    if session.active is not None:
        text = f"waits for the response to {session.active[0]}, or BYE from its caller, which has sent none"
        return _Wait("", f"the response to {session.active[0]}", session.active[2], "", text=text)
    since = max(session.last_answer, session.created)
    text = "its caller neither sent BYE nor closed its connection"
    if session.v1 or (session.partial and not session.connections):
        text = "its caller sent no BYE"
    elif not session.connections:
        text = "its caller sent no BYE; no request ever tied a connection to its control channel, so that the end of a "
        text += "connection tells the session nothing"
    text += f"; the session timer of {SESSION_TIMER // SECOND} s would end it"
    return _Wait("", "BYE from the caller, or the session timer", since, "", text=text, chain="caller")


_ANSWERS: Final = {
    "close-never-answered": "closed",
    "open-never-answered": "opened",
    "request-never-answered": "response",
    "stop-never-answered": "response",
}


def _lost(session: Session, wait: _Wait, evidence: Evidence) -> _Wait:
    """A message that the log says was dropped explains whatever its session waits for since then. Where the log does
    not say whose it was, it is that of a session which misses just such a message from that time on."""
    stuck = session.ended >= 0 or session.negotiating or session.answer < 0
    if not stuck or wait.cause in ("task-blocked", "channel-wedged"):
        return wait
    dropped = session.lost[-1] if session.lost else None
    if dropped is None and not wait.proof:
        expected = _ANSWERS.get(wait.cause)
        near = (entry for entry in evidence.lost_unknown if 0 <= entry[0] - wait.since <= _NEAR)
        dropped = next(((*e, False) for e in near if expected is None or e[2] == expected), None)
    if dropped is None:
        return wait
    at, task, name, full = dropped
    wait.cause = "mpf-queue-dropped" if full else "message-lost"
    wait.proof = True
    kind = f"its {name} message" if name else "a message of it"
    wait.text = f"{kind} to [{task}] was dropped because the queue was full; it waits for {wait.what}"
    wait.since = at
    return wait
