"""Why a pool is still alive: from facts about a session to a verdict, a cause and an explanation."""

from __future__ import annotations

from dataclasses import dataclass

from sim.ledger.summary import Leak
from sim.vocabulary.chains import AFTERWARDS, BEFORE_TERMINATE, RELEASE_CHAINS, STOPPED_AT, TAKEN_BY, TERMINATION

NEVER_ANSWERED = {
    "open": "open-never-answered",
    "close": "close-never-answered",
    "request": "request-never-answered",
    "stop": "stop-never-answered",
}

MISSING = {
    "lost": "message-lost",
    "dropped": "mpf-queue-dropped",
    "blocked": "task-blocked",
    "audio": "audio-taken-away",
    "licence": "licence-never-free",
}

MESSAGES = {
    "open": ("the answer to open", "OPEN response"),
    "close": ("the answer to close", "CLOSE response"),
    "request": ("the response to the active request", "RESPONSE"),
    "stop": ("the answer to STOP", "STOP response"),
    "media": ("the media engine's answer", "MPF response"),
    "channel": ("the connection agent's answer", "ADD- or REMOVE-channel response"),
    "offer": ("the SIP agent's OFFER", "OFFER"),
    "terminate": ("the SIP agent's TERMINATE", "TERMINATE"),
    "wedged": ("the end of a request that nothing processes", "RESPONSE"),
    "caller": ("BYE from the caller", "BYE"),
}
"""What a session waits for, in words, and the message that would bring it."""

WAITS_FOR_CALLER = MESSAGES["caller"][0]
"""What a session waits for that has no answer outstanding."""

SENDERS = {
    "media": "Media-Engine-1", "channel": "MRCPv2-Agent-1", "offer": "SIP-Agent-1", "terminate": "SIP-Agent-1",
    "wedged": "nobody", "caller": "the caller",
}  # fmt: skip


COMING = "still to come: "
TIMERS = {"session timer", "inactivity timer", "ACK timeout", "BYE timeout", "termination timer"}


@dataclass(frozen=True, slots=True)
class Outstanding:
    """One answer that a session waits for, and why it is missing; None: it is still coming.

    never | lost | dropped | blocked, or audio: the audio callback that would answer is not called any more, or
    licence: the plugin waits for one.
    """

    what: str  # a key of RELEASE_CHAINS
    plugin: str | None
    missing: str | None
    task: str | None = None  # name of the plugin's task
    message: str | None = None  # the message that is lost or stuck
    sender: str | None = None  # the task that sent it
    queue: str | None = None  # the task that takes it
    still_since_s: float | None = None  # since when that task stands still


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What is known of a session that was not released."""

    session: int
    state: str
    since_s: float | None
    holds: tuple[str, ...]
    outstanding: tuple[Outstanding, ...]  # what is missing for good stands first
    queued: tuple[str, ...]  # requests behind the active one
    coming: tuple[str, ...]  # what is scheduled and could still release it
    released_by_coming: bool  # whether what is coming is enough
    wedged: bool = False
    crashed: bool = False  # the process is gone
    hung_up_s: float | None = None
    bye_answered: bool = False


def diagnose(facts: SessionFacts) -> tuple[bool, Leak]:
    """Whether the session is leaked (nothing scheduled can release it), and the diagnosis either way."""
    leaked = not facts.released_by_coming
    missing = _missing(facts)
    cause = _cause(facts, missing) if leaked else "crash" if facts.crashed else ""
    return leaked or facts.crashed, Leak(
        session=facts.session,
        state=facts.state,
        waiting_for=MESSAGES[missing.what][0],
        plugin=missing.plugin,
        since_s=facts.since_s,
        holds=facts.holds,
        explanation=_explain(facts, missing, leaked),
        cause=cause,
    )


def ends_by_timer(leak: Leak) -> bool:
    """Whether a session that a run left alive has no caller any more: all that is still to come is a timer."""
    coming = leak.explanation.rpartition(COMING)[2].split(", ")
    return not leak.cause and leak.waiting_for == WAITS_FOR_CALLER and TIMERS.issuperset(coming)


def _missing(facts: SessionFacts) -> Outstanding:
    """What a session waits for first: what never comes, before what is still to come."""
    if facts.wedged:
        return Outstanding("wedged", None, None)
    return facts.outstanding[0] if facts.outstanding else Outstanding("caller", None, None)


def _cause(facts: SessionFacts, missing: Outstanding) -> str:
    if missing.what == "wedged":
        return "channel-wedged"
    if missing.missing in MISSING:
        return MISSING[missing.missing]
    if missing.what == "caller":
        return "caller-gone" if facts.state in ("NONE", "ACTIVE") else "unknown"
    return NEVER_ANSWERED.get(missing.what, "unknown")


def _explain(facts: SessionFacts, missing: Outstanding, leaked: bool) -> str:
    parts = [f"{facts.state}: waits for {MESSAGES[missing.what][1]}{_why(missing)}"]
    others = [o for o in facts.outstanding if o is not missing and o.missing]
    if others:
        parts.append("also missing: " + ", ".join(f"{MESSAGES[o.what][1]} of {o.plugin or _sender(o)}" for o in others))
    if facts.queued:
        parts.append(f"behind it in its request_queue: {', '.join(facts.queued)}{_bye(facts)}")
    elif facts.hung_up_s is not None:
        parts.append(f"its caller hung up at {facts.hung_up_s:.3f} s{_answered(facts)}")
    if not leaked and facts.crashed:
        return "; ".join([*parts, "it would have been released, had the process not crashed"])
    if not leaked:
        return "; ".join([*parts, f"{COMING}{', '.join(dict.fromkeys(facts.coming)) or 'an answer'}"])
    chain, stopped = release_chain(missing, facts.state)
    steps = " → ".join(f"[{step}]" if i == stopped else step for i, step in enumerate(chain))
    parts.append(f"it would be released by {steps}")
    parts.append(f"step {stopped + 1} of {len(chain)}, {chain[stopped]}, never came")
    return "; ".join(parts)


def release_chain(missing: Outstanding, state: str) -> tuple[tuple[str, ...], int]:
    """The functions that would release a session, to the end of its pool, and the index of the one that never comes."""
    early = missing.what == "terminate" and missing.message in BEFORE_TERMINATE
    what = "caller" if early else missing.what
    rest = TERMINATION if what in ("offer", "terminate", "caller") else AFTERWARDS.get(state, TERMINATION)
    chain = (*RELEASE_CHAINS[what], *rest)
    if state == "TERMINATING":
        chain = tuple(TAKEN_BY["REMOVE-channel response"] if f == "mrcp_server_on_channel_modify" else f for f in chain)
    taken_by = TAKEN_BY.get(missing.message or "") if missing.missing in ("lost", "blocked", "dropped") else None
    return chain, chain.index(taken_by) if taken_by in chain else STOPPED_AT[what]


def _why(missing: Outstanding) -> str:
    """Who should have sent it and did not, or what became of it on its way."""
    sender = missing.task or _sender(missing)
    who = f" from [{sender}]" if missing.plugin is None else f" from [{sender}], plugin {missing.plugin}"
    if missing.missing == "never":
        return f"{who}, which was told to and never answered"
    if missing.missing == "licence":
        return f"{who}, which waits for a licence; every one is held by a session that never gives it back"
    if missing.missing == "audio":
        since = missing.still_since_s
        at = "" if since is None else f" at {since:.3f} s"
        return (
            f"{who}, which answers from its audio callback: a re-INVITE has taken the audio away{at} (hold), so that "
            "the callback is not called; the plugin is healthy"
        )
    if missing.missing == "lost" and missing.message:
        by = f"{missing.message} was sent by [{missing.sender}] and lost"
        return f": {by}: the queue of [{missing.queue}] was full and its sender gave up on {missing.message}"
    if missing.missing == "dropped":
        return f"{who}, which never got the request: MPF Request Queue is Full"
    if missing.missing == "blocked" and missing.message:
        since = missing.still_since_s
        still = "can not run any more" if since is None else f"has stood still since {since:.3f} s"
        return f": {missing.message} lies in the queue of [{missing.queue}], which {still}"
    if missing.what == "wedged":
        return f"{who}: its channel has no state machine"
    return who


def _sender(outstanding: Outstanding) -> str:
    return SENDERS.get(outstanding.what, "its plugin")


def _bye(facts: SessionFacts) -> str:
    if facts.hung_up_s is None:
        return ""
    return f" (BYE at {facts.hung_up_s:.3f} s{_answered(facts)})"


def _answered(facts: SessionFacts) -> str:
    return ", BYE answered 200" if facts.bye_answered else ", BYE not answered"
