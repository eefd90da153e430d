"""Why a pool is still alive: from facts about a session to a verdict, a cause and an explanation."""

from __future__ import annotations

from dataclasses import dataclass

from sim.ledger.summary import Leak

RELEASE_CHAINS = {
    "open": ("mrcp_engine_channel_virtual_open", "mrcp_engine_channel_open_respond",
             "mrcp_server_on_engine_channel_open",
             "mrcp_server_session_subrequest_remove", "mrcp_server_session_answer_send",
             "mrcp_server_session_deactivate"),
    "close": ("mrcp_engine_channel_virtual_close", "mrcp_engine_channel_close_respond",
              "mrcp_server_on_engine_channel_close", "mrcp_server_session_subrequest_remove",
              "mrcp_server_session_terminate_send", "mrcp_sofia_on_session_terminate", "apr_pool_destroy"),
    "request": ("mrcp_engine_channel_request_process", "mrcp_engine_channel_message_send",
                "mrcp_server_on_engine_channel_message", "state_machine_on_message_dispatch",
                "mrcp_server_signaling_message_dispatch", "mrcp_server_session_deactivate"),
    "stop": ("mrcp_state_machine_deactivate", "mrcp_engine_channel_request_process", "mrcp_engine_channel_message_send",
             "state_machine_on_deactivate", "mrcp_server_session_subrequest_remove",
             "mrcp_server_session_terminate_process"),
    "media": ("mpf_engine_message_send", "mpf_engine_msg_process", "mrcp_server_mpf_message_process",
              "mrcp_server_session_subrequest_remove"),
    "channel": ("mrcp_server_control_message_signal", "mrcp_server_agent_msg_process", "mrcp_server_on_channel_modify",
                "mrcp_server_session_subrequest_remove"),
    "signal": ("mrcp_session_offer", "mrcp_server_signaling_message_process", "mrcp_server_signaling_message_dispatch"),
    "wedged": ("mrcp_server_on_message_receive", "mrcp_server_signaling_message_dispatch",
               "mrcp_server_session_deactivate"),
    "caller": ("nua_i_bye", "nua_i_state [terminated]", "mrcp_sofia_on_call_terminate",
               "mrcp_session_terminate_request", "mrcp_server_session_deactivate"),
}  # fmt: skip
"""The server's functions, in order, that would release a session, by what it waits for."""

STOPPED_AT = {
    "open": 1, "close": 1, "request": 1, "stop": 2, "media": 1, "channel": 1, "signal": 1, "wedged": 1, "caller": 0,
}  # fmt: skip
"""The step of its chain that never comes when the answer is missing."""

NEVER_ANSWERED = {
    "open": "open-never-answered",
    "close": "close-never-answered",
    "request": "request-never-answered",
    "stop": "stop-never-answered",
}

MISSING = {"lost": "message-lost", "dropped": "mpf-queue-dropped", "blocked": "task-blocked"}

MESSAGES = {
    "open": ("the answer to open", "OPEN response"),
    "close": ("the answer to close", "CLOSE response"),
    "request": ("the response to the active request", "RESPONSE"),
    "stop": ("the answer to STOP", "STOP response"),
    "media": ("the media engine's answer", "MPF response"),
    "channel": ("the connection agent's answer", "ADD- or REMOVE-channel response"),
    "signal": ("the SIP agent's signal", "OFFER or TERMINATE"),
    "wedged": ("the end of a request that nothing processes", "RESPONSE"),
    "caller": ("BYE from the caller", "BYE"),
}
"""What a session waits for, in words, and the message that would bring it."""

SENDERS = {
    "media": "Media-Engine-1", "channel": "MRCPv2-Agent-1", "signal": "SIP-Agent-1", "wedged": "nobody",
    "caller": "the caller",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outstanding:
    """One answer that a session waits for, and why it is missing: never | lost | dropped | blocked, or still coming."""

    what: str  # a key of RELEASE_CHAINS
    plugin: str | None
    missing: str | None
    task: str | None = None  # name of the plugin's task


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
    lost: str | None = None  # the last message of this session that a full queue lost


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
    sender = missing.task or SENDERS.get(missing.what, "its plugin")
    who = f"[{sender}]" if missing.plugin is None else f"[{sender}], plugin {missing.plugin}"
    parts = [f"{facts.state}: waits for {MESSAGES[missing.what][1]} from {who}{_why(facts, missing)}"]
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
        return "; ".join([*parts, f"still to come: {', '.join(dict.fromkeys(facts.coming)) or 'an answer'}"])
    chain, stopped = RELEASE_CHAINS[missing.what], STOPPED_AT[missing.what]
    steps = " → ".join(f"[{step}]" if i == stopped else step for i, step in enumerate(chain))
    parts.append(f"it would be released by {steps}")
    parts.append(f"step {stopped + 1} of {len(chain)}, {chain[stopped]}, never came")
    return "; ".join(parts)


def _why(facts: SessionFacts, missing: Outstanding) -> str:
    if missing.missing == "never":
        return ", which was told to and never answered"
    if missing.missing == "lost":
        return f", which is lost: the queue was full and its sender gave up on {facts.lost or 'a message'}"
    if missing.missing == "dropped":
        return ", which never got the request: MPF Request Queue is Full"
    if missing.missing == "blocked":
        return ", which waits for a task that stands still"
    if missing.what == "wedged":
        return ": its channel has no state machine"
    return ""


def _sender(outstanding: Outstanding) -> str:
    return SENDERS.get(outstanding.what, "its plugin")


def _bye(facts: SessionFacts) -> str:
    if facts.hung_up_s is None:
        return ""
    return f" (BYE at {facts.hung_up_s:.3f} s{_answered(facts)})"


def _answered(facts: SessionFacts) -> str:
    return ", answered 200" if facts.bye_answered else ", not answered"
