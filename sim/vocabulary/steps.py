"""Steps that take no message of their own: one round of sofia's loop, and the creation of a session, from the sources.

Sizes are those of UniMRCP 1.8.0 on a 64-bit machine, counted field by field and rounded up to 8 as `apr_palloc` does.
"""

from dataclasses import dataclass
from typing import Final

from sim.vocabulary.messages import LANES_OF, MESSAGES
from sim.vocabulary.tasks import MESSAGE_LANE, NUA, SIP_AGENT, SOCKET_LANE, TIMER_LANE


@dataclass(frozen=True, slots=True)
class LoopStep:
    """One step of a round of `su_base_port_run`."""

    function: str
    what: str
    model: str  # what stands for it here


LOOP: Final = (
    LoopStep("sup_max_defer", "the round waits at most 15 s", "`tout` of an observer's `loop_polled`"),
    LoopStep(
        "sup_prepoll",
        "the pre-poll callback, if one is set: UniMRCP sets none (`mrcp_sofia_task_initialize`)",
        "nothing to do",
    ),
    LoopStep(
        "su_port_getmsgs",
        "the whole list of messages is detached; what is posted from now on belongs to the next round",
        "the message lane's batch",
    ),
    LoopStep(
        "su_base_port_execute_msgs",
        "each message in order, each followed by `su_msg_delivery_report`, which frees it or sends it back to a sender "
        "that asked for a report: UniMRCP and the NUA ask for none",
        "the handlers of that batch; the report is part of the service time",
    ),
    LoopStep("su_timer_expire(sup_timers)", "timers that are due", "the timer lane"),
    LoopStep(
        "su_timer_expire(sup_deferrable)",
        "deferrable timers that are due: they do not lower `tout`, and UniMRCP has none",
        "nothing to do",
    ),
    LoopStep(
        "sup_running",
        "cleared by `su_root_break`: the loop is left. At a shutdown `nua_shutdown` ends in `nua_r_shutdown`, whose "
        "handler calls it (`mrcp_sofia_task_break`)",
        "the run ends with the last session after a shutdown: nothing is simulated behind it",
    ),
    LoopStep("sup_head", "messages came meanwhile: `tout` is 0", "a loop with messages does not sleep"),
    LoopStep(
        "su_port_wait_events",
        "sockets, at most `tout`; a message from another thread wakes it",
        "one packet of the socket lane (`tport_recv_event` reads no second one), and the time to wake the thread",
    ),
)
"""One round of the loop that the SIP agent and the NUA stack each run."""

_AROUND: Final = {
    MESSAGE_LANE: ("su_base_port_execute_msgs", "su_msg_delivery_report"),
    TIMER_LANE: ("su_timer_expire", ""),
    SOCKET_LANE: ("su_port_wait_events", ""),
}
_LOOPED: Final = {
    row.name: _AROUND[LANES_OF[kind]] for kind, row in enumerate(MESSAGES) if row.task in (NUA, SIP_AGENT)
}


def loop_around(message: str) -> tuple[str, str]:
    """The step of the loop that runs a message's handler, and what follows it there; empty for other tasks."""
    return _LOOPED.get(message, ("", ""))


@dataclass(frozen=True, slots=True)
class CreationStep:
    """One function in the creation of a session, and the bytes that it requests from the session's pool."""

    function: str
    what: str
    bytes: int = 0


CREATION: Final = (
    CreationStep("apt_pool_create", "the session's own pool, with an allocator and a mutex of its own"),
    CreationStep("mrcp_session_create_ex", "mrcp_server_session_t", 232),
    CreationStep("apr_array_make", "terminations, head and 2 slots", 112),
    CreationStep("apr_array_make", "channels, head and 2 pointers", 48),
    CreationStep("apt_list_create", "request_queue", 24),
    CreationStep("apr_psprintf", "the session's name, its address as text", 16),
    CreationStep("mrcp_server_profile_get_by_agent", "the profile; without one mrcp_session_destroy, and 488"),
    CreationStep("mrcp_sofia_session_create", "mrcp_sofia_session_t", 40),
)
"""What `mrcp_sofia_session_create` runs, in order."""

CREATION_BYTES: Final = sum(step.bytes for step in CREATION)
"""What these functions request. The rest of `server.memory.session_create` comes with the offer, by assumption."""
