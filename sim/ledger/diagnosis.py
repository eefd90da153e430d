"""Why a pool is still alive: from facts about a session to a verdict, a cause and an explanation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sim.ledger.summary import Leak

RELEASE_CHAINS = {
    "open": ("mrcp_engine_channel_virtual_open", "mrcp_engine_channel_open_respond", "mrcp_server_on_engine_channel_open",
             "mrcp_server_session_subrequest_remove", "mrcp_server_session_answer_send"),
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
    "caller": ("nua_i_bye", "nua_i_state [terminated]", "mrcp_sofia_on_call_terminate",
               "mrcp_session_terminate_request", "mrcp_server_session_deactivate"),
}  # fmt: skip
"""The server's functions, in order, that would release a session, by what it waits for."""

STOPPED_AT = {"open": 1, "close": 1, "request": 1, "stop": 2, "media": 1, "channel": 1, "signal": 1, "caller": 0}
"""The step of its chain that never comes when the answer is missing."""

NEVER_ANSWERED = {
    "open": "open-never-answered",
    "close": "close-never-answered",
    "request": "request-never-answered",
    "stop": "stop-never-answered",
}


@dataclass(frozen=True, slots=True)
class Outstanding:
    """One answer that a session waits for, and why it is missing: never | lost | dropped | blocked, or still coming."""

    what: str  # a key of RELEASE_CHAINS
    plugin: str | None
    missing: str | None


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """What is known of a session that was not released."""

    session: int
    state: str
    since_s: float | None
    holds: tuple[str, ...]
    outstanding: tuple[Outstanding, ...]
    queued: tuple[str, ...]  # requests behind the active one
    coming: tuple[str, ...]  # what is scheduled and could still release it
    released_by_coming: bool  # whether what is coming is enough
    wedged: bool = False
    crashed: bool = False
    bye: bool = False


def diagnose(facts: SessionFacts) -> tuple[bool, Leak]:
    """Whether the session is leaked (nothing scheduled can release it), and the diagnosis either way."""
    leaked = not facts.released_by_coming
    missing = next((o for o in facts.outstanding if o.missing), facts.outstanding[0] if facts.outstanding else None)
    cause = _cause(facts, missing)
    waiting_for = _waiting_for(facts, missing)
    return leaked, Leak(
        session=facts.session,
        state=facts.state,
        waiting_for=waiting_for,
        plugin=missing.plugin if missing else None,
        since_s=facts.since_s,
        holds=facts.holds,
        explanation=_explain(facts, missing, waiting_for, leaked),
        cause=cause if leaked else "",
    )


def _cause(facts: SessionFacts, missing: Outstanding | None) -> str:
    if facts.crashed:
        return "crash"
    if facts.wedged:
        return "channel-wedged"
    if missing is None:
        return "caller-gone"
    if missing.missing == "lost":
        return "message-lost"
    if missing.missing == "dropped":
        return "mpf-queue-dropped"
    if missing.missing == "blocked":
        return "task-blocked"
    return NEVER_ANSWERED.get(missing.what, "unknown")


def _waiting_for(facts: SessionFacts, missing: Outstanding | None) -> str:
    if missing is None:
        return "BYE from the caller"
    return {
        "open": "the answer to open",
        "close": "the answer to close",
        "request": "the response to the active request",
        "stop": "the answer to STOP",
        "media": "the media engine's answer",
        "channel": "the connection agent's answer",
        "signal": "the SIP agent's signal",
    }[missing.what]


def _explain(facts: SessionFacts, missing: Outstanding | None, waiting_for: str, leaked: bool) -> str:
    chain: Sequence[str] = RELEASE_CHAINS[missing.what if missing else "caller"]
    stopped = STOPPED_AT[missing.what if missing else "caller"]
    who = f" of plugin {missing.plugin}" if missing and missing.plugin else ""
    steps = " → ".join(f"[{step}]" if i == stopped else step for i, step in enumerate(chain))
    text = f"{facts.state}: waits for {waiting_for}{who}"
    if facts.queued:
        text += f"; behind it: {', '.join(facts.queued)}"
    if leaked:
        return f"{text}; would be released by {steps}, and stopped at [{chain[stopped]}]"
    return f"{text}; still to come: {', '.join(facts.coming) or 'an answer under way'}"
