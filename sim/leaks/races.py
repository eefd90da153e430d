"""What a lifetime violation was: the two messages that raced, in which order, and for which resource."""

from __future__ import annotations

from dataclasses import dataclass

WHAT_HAPPENED = {
    "use-after-free": "a destroyed pool is used",
    "double-close": "a close is answered a second time, and the subrequest counter falls early",
    "double-answer": "an answer comes a second time, and the subrequest counter falls early",
    "late-answer": "a plugin answers for a session that is gone",
    "release-not-held": "what is not held is released",
    "released-unclosed": "the session is destroyed although this plugin never answered its close: another answer that "
    "came twice hid it",
}


@dataclass(frozen=True, slots=True)
class Race:
    """The message at hand, the earlier one that it raced with, and the resource that they raced for."""

    what: str
    message: str
    task: str
    resource: str
    first: str | None
    first_s: float  # not a number: not known


def describe(race: Race) -> str:
    """One sentence: resource, what happened, the message that did it, and the one before it."""
    text = f"{race.resource}: {WHAT_HAPPENED[race.what]}; {race.message} on {race.task}"
    if race.first is None:
        return text
    when = "" if race.first_s != race.first_s else f" at {race.first_s:.6f} s"
    if race.what in ("use-after-free", "late-answer"):
        return f"{text}, after {race.first}{when} had destroyed the pool"
    if race.what == "released-unclosed":
        return f"{text} released it; {race.first}{when} is still unanswered"
    return f"{text}, after {race.first}{when}"
