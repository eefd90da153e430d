"""What a session waits for whose call is up: its caller, or a timer that notices that the caller has gone.

A timer that has run out and did not end the session proves that it does not run: then nothing but the caller ends it.
"""

from typing import Final

from sim.audit.audited import TRANSACTION, AuditedSession
from sim.audit.waits import SLACK, EndEvidence, Timer, Wait, span

ACK: Final = "the caller's ACK (64·T1)"
_OLDER: Final = 3  # times as long as any silence of a call that went on or ended after it


def talking(session: AuditedSession, evidence: EndEvidence) -> Wait:
    """Answered and not ended: alive, unless the caller is gone and the timers that notice have run out."""
    end = evidence.end
    if session.asked_bye >= 0:
        text = "the server sent BYE, which the caller has not answered"
        wait = Wait(
            "caller-gone", "the answer to the server's BYE (64·T1)", session.asked_bye, "", text=text, chain="caller"
        )
        wait.proof = evidence.timed and end - session.asked_bye > TRANSACTION + SLACK
        wait.late = _before(session.asked_bye, end)
        return wait
    if session.call_state == b"completed":
        wait = Wait("caller-gone", ACK, session.last_answer, "", chain="caller")
        wait.proof = evidence.timed and end - session.last_answer > TRANSACTION + SLACK
        wait.text, wait.late = "its caller never acknowledged the answer", _before(session.last_answer, end)
        return wait
    timer = evidence.timers.session
    if session.gone >= 0:
        wait = Wait(
            "caller-gone", "BYE, or the session timer: its connection is closed", session.gone, "", chain="caller"
        )
        wait.proof = evidence.timed and end - session.gone > timer.length + TRANSACTION + SLACK
        wait.text = "its caller closed TCP and never sent BYE" + _ran_out(session.gone, timer, end)
        wait.late = _before(session.gone, end)
        return wait
    if session.active is not None:
        text = f"waits for the response to {session.active[0]}, or BYE from its caller, which has sent none"
        return Wait("", f"the response to {session.active[0]}", session.active[2], "", text=text)
    return _silent(session, evidence)


def _silent(session: AuditedSession, evidence: EndEvidence) -> Wait:
    """A call that nobody has ended, and of which nothing was heard since its last line."""
    timer, end = evidence.timers.session, evidence.end
    wait = Wait("", "BYE from the caller, or the session timer", _since(session), "", chain="caller")
    text = "its caller neither sent BYE nor closed its connection"
    if session.v1 or (session.partial and not session.connections):
        text = "its caller sent no BYE"
    elif not session.connections:
        text = "its caller sent no BYE; no request ever tied a connection to its control channel, so that the end of a "
        text += "connection tells the session nothing"
    if session.v1:
        wait.text = f"{text}; RTSP has no session timer, only TEARDOWN or the end of its connection ends it"
        return wait
    ran_out = _ran_out(session.last, timer, end) if evidence.timed else ""
    if not ran_out:
        wait.text = f"{text}; the session timer ({timer}) would end it"
        return wait
    wait.text = f"{text}{ran_out}"
    busy = session.in_progress
    if busy:
        wait.text += f"; its {busy} is still in progress"
    elif end - session.last > _OLDER * evidence.silence:
        wait.cause, wait.proof = "caller-gone", True
        wait.since = session.last
        wait.text += f"; nothing was heard of it for {span(end - session.last)}"
        if evidence.silence:
            wait.text += f", where no other call was silent for more than {span(evidence.silence)}"
    else:
        wait.text += "; other calls were silent for as long and then ended"
    return wait


def _before(since: int, end: int) -> str:
    return f", {span(end - since)} before the log ends"


def _since(session: AuditedSession) -> int:
    return max(session.last_answer, session.created)


def _ran_out(silent_since: int, timer: Timer, end: int) -> str:
    """What is said of a timer that should have ended the session by now; "" while it still can."""
    late = end - silent_since - timer.length
    if late <= TRANSACTION + SLACK:
        return ""
    return (
        f"; the session timer ({timer}) ran out {span(late)} before the log ends and did not end it, so that it does "
        "not run: nothing but a BYE ends this session"
    )
