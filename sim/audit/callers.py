"""What a session waits for whose call is up: its caller, or a timer that notices that the caller has gone.

A timer that has run out and did not end the session proves that it does not run: then nothing but the caller ends it.
"""

from typing import Final

from sim.audit.audited import TRANSACTION, AuditedSession
from sim.audit.timers import ASSUMED, Timer
from sim.audit.waits import SLACK, EndEvidence, Wait, span

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
        answered = max(session.last_answer, session.proved)  # the line of the answer may not be in the log
        wait = Wait("caller-gone", ACK, answered, "", chain="caller")
        wait.proof = evidence.timed and 0 <= answered < end - TRANSACTION - SLACK
        wait.text, wait.late = "its caller never acknowledged the answer", _before(answered, end)
        return wait
    if session.gone >= 0:
        return _hung_up(session, evidence)
    if session.active is not None:
        text = f"waits for the response to {session.active[0]}, or BYE from its caller, which has sent none"
        return Wait("", f"the response to {session.active[0]}", session.active[2], "", text=text)
    return _silent(session, evidence)


def _hung_up(session: AuditedSession, evidence: EndEvidence) -> Wait:
    """A call whose caller closed the connection and sent no BYE: the session timer is what still ends it."""
    timer, silent = evidence.timers.session, evidence.end - session.gone
    wait = Wait("caller-gone", "BYE, or the session timer: its connection is closed", session.gone, "", chain="caller")
    wait.proof = evidence.timed and _late(silent, timer)
    wait.text = "its caller closed TCP and never sent BYE"
    if not timer.length:
        wait.text += f"; there is no session timer ({timer.said})"
    elif wait.proof:
        wait.text += f"; {_ran_out('the session timer', timer, silent)}"
    wait.late = _before(session.gone, evidence.end)
    return wait


def _silent(session: AuditedSession, evidence: EndEvidence) -> Wait:
    """A call that nobody has ended, and of which nothing was heard since its last line."""
    end = evidence.end
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
    alone, said = _of_timers(session, evidence)
    wait.text = f"{text}; {said}"
    if not alone:
        return wait
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


def _ends(session: AuditedSession, evidence: EndEvidence) -> list[tuple[str, Timer]]:
    """The timers of the server that would end a silent call, by what they are called, the one first due first."""
    found = [("the session timer", evidence.timers.session)]
    if session.connections and session.number not in evidence.sharing:
        found.append(("the inactivity timer of its connection", evidence.timers.inactivity))
    return sorted((entry for entry in found if entry[1].length), key=lambda entry: entry[1].length)


def _of_timers(session: AuditedSession, evidence: EndEvidence) -> tuple[bool, str]:
    """Whether nothing but its caller ends a call any more that is silent since its last line, and what is said of it.

    A call that was silent for longer than a timer and then went on refutes the timer.
    """
    timers = _ends(session, evidence)
    silent = evidence.end - session.last if evidence.timed else 0
    if not timers:
        alone = silent > ASSUMED.length + TRANSACTION + SLACK
        return alone, f"no timer of the server ends it ({evidence.timers.session.said}), nothing but a BYE does"
    name, timer = next((entry for entry in timers if not _late(silent, entry[1])), timers[0])
    if _late(silent, timer):
        return True, _ran_out(name, timer, silent)
    if _late(evidence.silence, timer):
        longest = f"another call was silent for {span(evidence.silence)} and then went on or ended"
        return False, f"{name} ({timer}) does not run, or is longer: {longest}"
    return False, f"{name} ({timer}) would end it"


def _late(silent: int, timer: Timer) -> bool:
    """Whether a timer should have ended a call that is silent for so long."""
    return silent > timer.length + TRANSACTION + SLACK


def _ran_out(name: str, timer: Timer, silent: int) -> str:
    """What is said of a timer that should have ended a call by now."""
    return (
        f"{name} ({timer}) ran out {span(silent - timer.length)} before the log ends and did not end it, so that it "
        "does not run: nothing but a BYE ends this session"
    )
