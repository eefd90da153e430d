"""The data dictionary: unit, type, meaning and null of every column of every result table, of every outcome, and of
the counts of sessions in a summary.

`python -m sim.ledger.dictionary docs/data.md` writes it into that page, between the marks that stand there.
"""

import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sim.ledger.tables import PANDAS, TABLES, ColumnKind, schema

Meaning = tuple[str, str, str]
"""Unit, what it is, and what null means ("" where it is never null)."""

_REACHED: Final = "not reached, or not shown by the log"
_ID: Final = ("", "the server's own id of the session; that of a run is what its log would call it", "no session")

SESSIONS: Final[Mapping[str, Meaning]] = {
    "session": ("", "number of the session, from 0, in the order in which they came", ""),
    "arrived_s": ("s", "the INVITE reaches the SIP agent", _REACHED),
    "created_s": ("s", "its pool is created", "no session was made of the INVITE"),
    "offer_s": ("s", "the server task takes up the OFFER", _REACHED),
    "answer_s": ("s", "the server task sends the final answer", "never answered"),
    "answer_status": ("SIP status", "of the final answer", "never answered"),
    "bye_s": (
        "s",
        "the caller's BYE reaches the NUA stack",
        "its caller has not hung up, or the server did",
    ),
    "bye_ok_s": ("s", "the BYE is answered", "not answered; a log does not show it"),
    "deactivate_s": ("s", '"Deactivate Session": the release begins', _REACHED),
    "terminate_s": ("s", '"Terminate Session": the parts are asked to end', _REACHED),
    "close_answered_s": ("s", "the last engine channel has answered its close", _REACHED),
    "released_s": ("s", '"Destroy Session": its pool is destroyed', "not released: a lifetime that is cut off"),
    "state": ("", "state of the session at its end, or at the end of the run", "no session was made"),
    "outcome": ("", "what became of it, see below", ""),
    "waiting_for": ("", "what a session that was not released waits for", "it was released, or waits for nothing"),
    "plugin": ("", "whose answer it waits for, or of a log the plugin that served it", "none"),
    "pool_bytes": ("bytes", "size of its pool at the end; 0 in an audit, as a log does not show it", ""),
    "requests": ("requests", "MRCP requests that were made", ""),
    "media_s": ("s", "the media engine has answered", _REACHED),
    "open_s": ("s", "the last engine channel is open", _REACHED),
    "cause": ("", "cause of a leak", "it has not leaked"),
    "crashed": ("", "it ended with the process", ""),
    "name": ("", "of a log: its id, or where it lay in memory while it had none", "of a run"),
    "session_id": _ID,
    "media_path_s": ("s", 'of a log: "Media Path", a phase that a log at INFO shows', _REACHED),
    "ended_by": ("", "of a log: the server's timer that ended the call", "none did"),
    "call": ("", "where callers try again: the call that it is an INVITE of, from 0", "nobody tries again"),
    "attempt": ("", "likewise: the how-manieth INVITE of that call, from 1", "nobody tries again"),
}

LEVELS: Final[Mapping[str, Meaning]] = {
    "time_s": ("s", "since when, or where the interval of the grid begins", ""),
    "resource": ("", "resource, or `processors`", ""),
    "held": ("units", "held after the change, or at the end of the interval", ""),
    "min": ("units", "least level in the interval", "rows at every change"),
    "mean": ("units", "average level in the interval, weighted by time", "rows at every change"),
    "max": ("units", "greatest level in the interval", "rows at every change"),
}

LEDGER: Final[Mapping[str, Meaning]] = {
    "time_s": ("s", "when", ""),
    "session": ("", "number of the session, as in sessions; -1: none", ""),
    "resource": ("", "resource", ""),
    "delta": ("units", "1 acquired, -1 released, 0 a pool that grows", ""),
    "bytes": ("bytes", "that the pool grows by; 0 in an audit", ""),
    "task": ("", "task that did it", "the caller, or not shown by the log"),
    "cause": ("", "message, or of a log the line, by which it happened", "not known"),
    "session_id": _ID,
}

MESSAGES: Final[Mapping[str, Meaning]] = {
    "session": ("", "number of the session, as in sessions; -1: none", ""),
    "task": ("", "task that handled it", ""),
    "message": ("", "name of the message", ""),
    "sent_s": ("s", "when it was put into the queue", "not shown by the log"),
    "started_s": ("s", "when the task took it up", "not shown by the log"),
    "finished_s": ("s", "when the task was done with it", "not shown by the log"),
    "state": ("", "state of the session after it", "no session"),
    "subrequests": ("answers", "that the session still waits for after it", ""),
    "argument": ("", "what it names, see below", "it names nothing"),
    "session_id": _ID,
}

COLUMNS: Final[Mapping[str, Mapping[str, Meaning]]] = {
    "sessions": SESSIONS, "levels": LEVELS, "ledger": LEDGER, "messages": MESSAGES,
}  # fmt: skip

OUTCOMES: Final[Mapping[str, str]] = {
    "released": "its pool was destroyed; `answer_status` tells whether it was answered",
    "rejected": "refused with a status of 300 or more; `released_s` tells whether it was released",
    "cancelled": "its caller gave up before the answer",
    "unanswered": "no session was made of it and it got no answer: its INVITE was lost, or met a server that was gone",
    "crashed": "alive and well when the process crashed",
    "live": "not released at the end, and something is scheduled, or for a log possible, that still releases it",
    "leaked": "not released, and nothing can release it any more",
}


COUNTS: Final[Mapping[str, str]] = {
    "arrived": "INVITEs; those of the same caller again count again. Each is one of: answered, rejected, cancelled, "
    "unanswered, refused_without_session, in_setup",
    "created": "sessions, each with its pool",
    "answered": "INVITEs answered 200",
    "rejected": "INVITEs answered with a status of 300 or more, by status",
    "cancelled": "INVITEs whose caller gave up before the answer",
    "released": "sessions whose pool was destroyed",
    "live": "sessions that were not released, and may still be",
    "leaked": "sessions that nothing can release",
    "crashed_at_s": "when the process first crashed; null: it did not",
    "blocking": "callers refused for want of a resource ÷ callers. Who got no answer at all, or gave up, is not in it",
    "unanswered": "INVITEs that became a session and never got a final answer",
    "refused_without_session": "INVITEs that got neither a session nor an answer: lost, or the server was gone",
    "in_setup": "INVITEs that may still be answered",
    "degraded": "answered INVITEs without audio or without a connection",
    "retries": "of those that arrived, the same callers' again",
    "restarts": "how often the process was started again",
    "crashed": "sessions that ended with the process, and had not leaked",
    "callers": "who wanted a call, each once: arrived − retries",
    "callers_answered": "callers of whose INVITEs one was answered 200, and not given up for another before that",
    "callers_not_answered": "callers who never got through: refused, out of patience or without any answer, and not "
    "trying again",
    "callers_trying": "callers who may still be answered, in set-up or about to try again",
}
"""`sessions` of summary.json, for conditions, targets and metrics `sessions.…`."""


def counts_markdown() -> str:
    """The counts of sessions as a Markdown table."""
    return "\n".join(["| count | meaning |", "|---|---|", *(f"| `{name}` | {what} |" for name, what in COUNTS.items())])


def columns_markdown(table: str) -> str:
    """The columns of `table` as a Markdown table; those after the documented interface may be missing."""
    lines = ["| column | unit | in pandas | in Parquet | what | null |", "|---|---|---|---|---|---|"]
    types = schema(table)
    for name, kind in TABLES[table].items():
        unit, what, null = COLUMNS[table][name]
        parquet = types.field(name).type
        stored = "string, dictionary-encoded" if kind is ColumnKind.TEXT else str(parquet)
        lines.append(f"| `{name}` | {unit or '–'} | `{PANDAS[kind]}` | {stored} | {what} | {null or 'never'} |")
    return "\n".join(lines)


def outcomes_markdown() -> str:
    """The meaning of each outcome as a Markdown table."""
    return "\n".join(
        ["| outcome | meaning |", "|---|---|", *(f"| `{name}` | {what} |" for name, what in OUTCOMES.items())]
    )


def filled(page: str) -> str:
    """A page with everything between its marks made anew."""
    made = {table: columns_markdown(table) for table in TABLES} | {
        "outcomes": outcomes_markdown(), "counts": counts_markdown(),
    }  # fmt: skip
    for what, text in made.items():
        page = _between(what, text, page)
    return page


def _between(what: str, text: str, page: str) -> str:
    mark = re.compile(rf"(<!-- made: {what} -->\n).*?(\n<!-- end -->)", re.S)
    return mark.sub(lambda found: f"{found[1]}{text}{found[2]}", page)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
