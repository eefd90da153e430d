"""The latencies: each from when to when in a session's life, said once for engines, audit, summary and pictures."""

from typing import Final, NamedTuple


class Span(NamedTuple):
    """From one time of the sessions table to another, and what people read for it."""

    start: str
    end: str
    label: str


SPANS: Final[dict[str, Span]] = {
    "invite_to_answer": Span("arrived_s", "answer_s", "INVITE → final answer"),
    "bye_to_ok": Span("bye_s", "bye_ok_s", "BYE → 200"),
    "terminate_to_release": Span("deactivate_s", "released_s", "terminate → release"),
    "pool_lifetime": Span("created_s", "released_s", "pool lifetime"),
    "offer_to_media": Span("offer_s", "media_s", "OFFER → media"),
    "media_to_open": Span("media_s", "open_s", "media → open"),
    "close_delay": Span("terminate_s", "close_answered_s", "close delay"),
}
"""By the names that a summary has; the columns are those of the sessions table."""

LATENCIES: Final = tuple(SPANS)

PHASES: Final[dict[str, Span]] = {
    "create_to_offer": Span("created_s", "offer_s", "Create → Offer"),
    "offer_to_media_path": Span("offer_s", "media_path_s", "Offer → Media Path"),
    "media_path_to_answer": Span("media_path_s", "answer_s", "Media Path → Answer"),
}
"""The phases of a set-up that lines of a log at INFO show; only the summary of an audit has them."""

KNOWN: Final = SPANS | PHASES
"""Every latency that a summary may have."""


def label(latency: str) -> str:
    """What people read for a latency; its own name where a result has one that this version does not know."""
    return KNOWN[latency].label if latency in KNOWN else latency
