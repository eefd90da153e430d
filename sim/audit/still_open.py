"""Why each session that is still open when a log ends is open: leaked with the cause, or alive and waiting for what.

A session is leaked when what it waits for can be named and can no longer come. That is judged from the mechanism:
a plugin's task that has finished with a request without answering, where it otherwise always answers before it
finishes, will never answer; where answers come later from other threads, from how long they took in this very log.
"""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from sim.audit.audited import TRANSACTION, AuditedSession
from sim.audit.callers import ACK, talking
from sim.audit.timers import SECOND
from sim.audit.waits import SLACK, EndEvidence, Patience, Verdict, Wait, span
from sim.leaks.diagnosis import MESSAGES
from sim.logs.reading.shown import word
from sim.vocabulary.tasks import SERVER_TASK

LOST: Final = ", which this log never shows to fail: a message was lost"
NO_REASON: Final = "; a log at INFO does not show why it never came"
PICKED: Final = "lines were taken out of this log, which shows of no session what would tell its end"
NOT_SHOWN: Final = "cause-not-shown"
MESSAGE_LOST: Final = "message-lost"
ON_HOLD: Final = "audio-taken-away"
_NEAR: Final = 5 * SECOND  # a dropped message of no known session belongs to a wait that began this long before
_ENOUGH: Final = 20  # answers seen before their delays are taken for what is normal
_TAKES_ANSWER: Final = {
    "open": "mrcp_server_on_engine_channel_open", "close": "mrcp_server_on_engine_channel_close",
    "stop": "mrcp_server_on_engine_channel_message", "request": "mrcp_server_on_engine_channel_message",
}  # fmt: skip
_PHRASE: Final = {"open": "open", "close": "close", "stop": "STOP", "request": "the request"}


def judge_open(sessions: Iterable[AuditedSession], evidence: EndEvidence) -> dict[int, Verdict]:
    """The verdict on every open session by number. Where some are surely missing an answer of a kind, those that
    wait longer than almost every answer took are judged alike."""
    waits = {session.number: (session, _waiting(session, evidence)) for session in sessions}
    on_hold = {wait.engine for _, wait in waits.values() if wait.cause == ON_HOLD}
    sure = {number: _judge(s, w, evidence, False) for number, (s, w) in waits.items()}
    known = {(v.cause, v.plugin) for v in sure.values() if v.outcome == "leaked"}
    verdicts = {
        number: _judge(*waits[number], evidence, True) if (v.cause, v.plugin) in known and v.outcome == "live" else v
        for number, v in sure.items()
    }
    return {
        number: _without_cause(verdict, *waits[number], evidence, on_hold) if verdict.outcome == "leaked" else verdict
        for number, verdict in verdicts.items()
    }


def _judge(session: AuditedSession, wait: Wait, evidence: EndEvidence, strict: bool) -> Verdict:
    elapsed = evidence.end - wait.since if wait.since >= 0 else 0
    leaked = wait.proof
    if not leaked and wait.kind:
        patience = evidence.patience.get(wait.kind) or Patience()
        limit = patience.limits()[0 if strict and wait.hurry else 1]
        if wait.cause == NOT_SHOWN:  # without a mechanism, not before every SIP transaction is over
            limit = max(limit, TRANSACTION + SLACK)
        leaked = not evidence.timed or elapsed > limit
    if leaked and evidence.picked is not None and wait.kind not in evidence.picked:
        return Verdict("live", "", wait.what, "", wait.since, f"session <{session.label}>: {PICKED}")
    engine = wait.engine or ("" if wait.chain == "caller" else session.engine)
    about = f"session <{session.label}> is {session.state}: {wait.text or 'waits for ' + wait.what}"
    if leaked:
        about += wait.late
    if evidence.timed and wait.since >= 0 and wait.chain != "caller":
        about += f", {span(elapsed)} before the log ends" if elapsed else ", where the log ends"
        about += "" if leaked else ": too soon to tell"
    if session.answer < 0 and session.ended < 0 and evidence.timed and (so_far := session.set_up()):
        about += f"; its set-up so far: {so_far}"
    outcome, chain = "leaked" if leaked else "live", wait.released_by(session.state)
    # the words of a simulated run, but for a timer that runs
    waiting_for = MESSAGES[wait.chain][0] if wait.chain and wait.what != ACK else wait.what
    return Verdict(outcome, wait.cause, waiting_for, engine, wait.since, about, chain)


def _waiting(session: AuditedSession, evidence: EndEvidence) -> Wait:
    if session.terminated >= 0:  # which proves that all came that its termination waited for
        text = "its termination is complete; the line that destroys its pool is not in this log"
        return Wait("", "the destruction of its pool", session.terminated, "", text=text)
    if session.terminate >= 0:
        wait = _terminating(session, evidence)
    elif session.deactivate >= 0:
        wait = _deactivating(session, evidence)
    elif session.ended >= 0:
        wait = _ended(session, evidence)
    elif session.negotiating or (
        session.answer < 0 and session.proved < 0 and not session.partial and not _unseen(session)
    ):
        wait = _answering(session, evidence)
    elif _unseen(session) and session.answer < 0 and session.proved < 0:
        text = "this log, as one at NOTICE, shows its beginning and would show its end, and nothing of its call between"
        wait = Wait("", "the end of its call", session.last, "", text=text)
    else:
        wait = talking(session, evidence)
    return _behind_server(_queued(session, _lost(session, wait, evidence), evidence), evidence)


def _without_cause(
    verdict: Verdict, session: AuditedSession, wait: Wait, evidence: EndEvidence, on_hold: Collection[str]
) -> Verdict:
    """Of a leak no cause that lines would refute which are not in the log: those from before it, or those that were
    lost. `on_hold`: engines of sessions whose audio was taken away."""
    why = ""
    if not session.partial and not evidence.lossy:
        return verdict
    if wait.cause == MESSAGE_LOST and not wait.proof:
        why = "what it waited for before may not be in this log"
    elif wait.cause == "stop-never-answered":
        answered, _ = evidence.answers.get((wait.engine, "stop"), (0, 0))
        if evidence.debug and not session.stopping:
            why = "no STOP of it is in this log"
        elif wait.engine in on_hold or (session.partial and not answered):
            why = "a re-INVITE that took its audio away may not be in this log"
    if not why:
        return verdict
    text = f"{verdict.text.replace(wait.late, '')}; {why}"
    return replace(verdict, cause=NOT_SHOWN, plugin="", chain="", text=text)


def _unseen(session: AuditedSession) -> bool:
    """Whether its OFFER was taken up in a log that does not show it: "Add Session" is written then, at NOTICE."""
    return session.table and session.offer < 0


def _behind_server(wait: Wait, evidence: EndEvidence) -> Wait:
    """At INFO, whatever has been waited for since the server task stands still waits for that task."""
    since = evidence.blocked.get(SERVER_TASK)
    if evidence.debug or since is None or not wait.kind or wait.since < since - SECOND:
        return wait
    wait.cause, wait.kind, wait.late = "task-blocked", "", ""
    wait.proof = evidence.end - since > TRANSACTION + SLACK
    wait.text = f"waits for {wait.what}; [{SERVER_TASK}] has logged nothing since"
    return wait


def _queued(session: AuditedSession, wait: Wait, evidence: EndEvidence) -> Wait:
    """A message of the session that was signalled, and that its task never took, explains what it waits for."""
    if session.number not in evidence.queued or wait.cause in ("task-blocked", "channel-wedged", "mpf-queue-dropped"):
        return wait
    task, since = evidence.queued[session.number]
    wait.cause, wait.proof, wait.since = "task-blocked", True, since
    wait.text = f"a message of it was signalled to [{task}], which has taken none since; it waits for {wait.what}"
    return wait


def _terminating(session: AuditedSession, evidence: EndEvidence) -> Wait:
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
    return Wait(MESSAGE_LOST, "the end of its termination", session.terminate, "release", chain="close")


def _of_plugin(
    session: AuditedSession, evidence: EndEvidence, operation: str, resources: Iterable[bytes], since: int, what: str
) -> Wait:
    engines = list(dict.fromkeys(session.engines.get(r, "") for r in resources))
    engine = ", ".join(engines)
    asked = min(
        (a for (what, _), a in session.asked.items() if what == operation),
        key=lambda a: (a.answers >= a.count, -a.signalled),  # of several tasks, the one that has not answered
        default=None,
    )
    cause = f"{operation}-never-answered"
    wait = Wait(cause, what, since, operation, engine, chain=operation)
    wait.text = f"waits for the answer to {_PHRASE[operation]} of {engine or 'its engine'}"
    if asked is None or asked.signalled < since - SECOND:
        return wait
    if asked.answers >= asked.count:  # what is missing is that the server task takes the answer from its queue
        wait.cause, wait.hurry, wait.step = MESSAGE_LOST, False, _TAKES_ANSWER.get(operation, "")
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


def _of_task(session: AuditedSession, evidence: EndEvidence, what: str, role: str) -> Wait:
    since = max(session.terminate, session.offer)
    cause = MESSAGE_LOST if evidence.debug else NOT_SHOWN
    wait = Wait(cause, what, since, "release" if session.terminate >= 0 else "answer")
    wait.chain = "channel" if role == "connection" else "media"
    wait.text, wait.late = f"waits for {what}", LOST if evidence.debug else NO_REASON
    for task in evidence.blocked:
        if evidence.roles.get(task) == role:
            wait.cause, wait.proof, wait.text = "task-blocked", True, f"waits for {what}; [{task}] is stuck"
    if SERVER_TASK in evidence.blocked:
        wait.cause, wait.proof, wait.text = "task-blocked", True, f"waits for {what}; [{SERVER_TASK}] is stuck"
    return wait


def _deactivating(session: AuditedSession, evidence: EndEvidence) -> Wait:
    since = min(session.stopping.values(), default=session.deactivate)
    resources = list(session.stopping) or list(session.engines)
    names = ", ".join(dict.fromkeys(session.engines.get(r, "") for r in resources))
    wait = _of_plugin(session, evidence, "stop", resources, since, f"STOP of the request in progress by {names}")
    return _on_hold(session, evidence, wait, names)


def _on_hold(session: AuditedSession, evidence: EndEvidence, wait: Wait, names: str) -> Wait:
    """A re-INVITE that took the audio away explains a STOP without an answer, where plugins answer it from their audio
    callback: the media engine calls it no more."""
    own = sum(evidence.answers.get((engine, "stop"), (0, 0))[0] for engine in dict.fromkeys(session.engines.values()))
    if session.audio_away < 0 or own or wait.cause in ("task-blocked", MESSAGE_LOST):
        return wait
    wait.cause, wait.proof = ON_HOLD, True
    before = (wait.since - session.audio_away) / SECOND
    wait.text = (
        f"waits for the answer to STOP of {names}, which comes from its audio callback; a re-INVITE {before:.3f} s "
        "before had taken the audio away (hold) and none gave it back, so the callback is not called: the plugin is "
        "healthy"
    )
    return wait


def _ended(session: AuditedSession, evidence: EndEvidence) -> Wait:
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
        return Wait(
            "channel-wedged", "the end of a request that nothing processes", session.wedged, "", proof=True, text=text,
            chain="wedged",
        )  # fmt: skip
    if session.negotiating:
        wait = _answering(session, evidence)
        wait.text += "; TERMINATE is queued behind the offer"
        return wait
    cause = MESSAGE_LOST if evidence.debug else NOT_SHOWN
    wait = Wait(cause, "TERMINATE to be processed by the server task", session.ended, "release", chain="terminate")
    if SERVER_TASK in evidence.blocked:
        wait.cause, wait.proof = "task-blocked", True
        wait.text = f"its TERMINATE waits for [{SERVER_TASK}], which has been busy with one message since"
    else:
        wait.text = "its call is over but TERMINATE has not reached the session"
    return wait


def _answering(session: AuditedSession, evidence: EndEvidence) -> Wait:
    """An offer is being answered: control channels, then media, then the engine's open."""
    if session.offer < 0:
        cause, what = MESSAGE_LOST if evidence.debug else NOT_SHOWN, "its OFFER to be processed by the server task"
        wait = Wait(cause, what, session.last, "offer", chain="offer")
        if SERVER_TASK in evidence.blocked:
            wait.cause, wait.proof, wait.text = "task-blocked", True, f"its OFFER waits for [{SERVER_TASK}]"
        return wait
    since = max(session.last_offer, session.media)
    if not evidence.debug and session.offers == 1 and session.audio and not session.media_path:
        return _setting_up(session, evidence)
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


def _setting_up(session: AuditedSession, evidence: EndEvidence) -> Wait:
    """At INFO, between the offer and the media path: what has not been logged yet is still to come."""
    parts = [] if session.held.get("control_channel") else ["its control channel"]
    what = " and ".join([*parts, "its media path"]) + " to be set up"
    wait = _of_task(session, evidence, what, "media")
    wait.kind, wait.since = "answer", session.last_offer
    return wait


_ANSWERS: Final = {
    "close-never-answered": "closed",
    "open-never-answered": "opened",
    "request-never-answered": "response",
    "stop-never-answered": "response",
}


def _lost(session: AuditedSession, wait: Wait, evidence: EndEvidence) -> Wait:
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
    wait.cause = "mpf-queue-dropped" if full else MESSAGE_LOST
    wait.proof = True
    kind = f"its {name} message" if name else "a message of it"
    wait.text = f"{kind} to [{task}] was dropped because the queue was full; it waits for {wait.what}"
    wait.since = at
    return wait
