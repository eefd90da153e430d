"""The states of a session, and what the server calls between one and the next."""

from typing import Final

# `mrcp_server_session_state_e`; ACTIVE and DESTROYED are ours, see the glossary
NONE: Final = 0
GENERATING_ANSWER: Final = 1
INITIALIZING: Final = 2
ACTIVE: Final = 3
DEACTIVATING: Final = 4
TERMINATING: Final = 5
DESTROYED: Final = 6

STATE_NAMES: Final = (
    "NONE", "GENERATING_ANSWER", "INITIALIZING", "ACTIVE", "DEACTIVATING", "TERMINATING", "DESTROYED",
)  # fmt: skip

# what runs when a session leaves a state because its subrequest counter fell to 0, in the order of the states
_LEAVING: dict[str, tuple[str, ...]] = {
    "GENERATING_ANSWER": ("mrcp_server_engine_channels_update",),
    "INITIALIZING": ("mrcp_server_session_answer_send",),
    "ACTIVE": (),
    "DEACTIVATING": ("mrcp_server_session_terminate_process",),
    "TERMINATING": (
        "mrcp_server_session_terminate_send",
        "mrcp_session_terminate_response",
        "mrcp_sofia_on_session_terminate",
    ),
}
_ORDER = (*_LEAVING, "DESTROYED")


def called_on_the_way(before: str | None, after: str | None) -> tuple[str, ...]:
    """The functions that brought a session from state `before` to `after`: INITIALIZING to ACTIVE sent the answer."""
    if before == after or after not in _ORDER:
        return ()
    if before in (None, "NONE"):
        before = "GENERATING_ANSWER"
        if after == "DESTROYED":  # no offer was ever made: nothing to answer, straight to the end
            return _LEAVING["TERMINATING"]
    if before not in _ORDER:
        return ()
    start, end = _ORDER.index(before), _ORDER.index(after)
    if start > end:
        return ()  # a re-INVITE: back to GENERATING_ANSWER by the handler itself
    called = [name for state in _ORDER[start:end] for name in _LEAVING[state]]
    skipped_answer = start <= _ORDER.index("ACTIVE") and end > _ORDER.index("ACTIVE")
    return tuple(called) if not skipped_answer else tuple(n for n in called if n != "mrcp_server_session_answer_send")
