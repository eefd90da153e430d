"""What a lifetime violation was: the two messages that raced, in which order, and for which resource."""

from __future__ import annotations

from dataclasses import dataclass

from sim.vocabulary.violations import VIOLATIONS


@dataclass(frozen=True, slots=True)
class Race:
    """The message at hand, the earlier one that it raced with, and the resource that they raced for."""

    violation: int  # its number in `sim.vocabulary.violations`
    message: str
    task: str
    resource: str
    first: str | None
    first_s: float  # not a number: not known

    @property
    def kind(self) -> str:
        """The kind of violation that it is."""
        return VIOLATIONS[self.violation][0]


def describe(race: Race) -> str:
    """One sentence: resource, what happened, the message that did it, and the one before it."""
    text = f"{race.resource}: {VIOLATIONS[race.violation][1]}; {race.message} on {race.task}"
    if race.first is None:
        return text
    when = "" if race.first_s != race.first_s else f" at {race.first_s:.6f} s"
    if race.kind in ("use-after-free", "late-answer"):
        return f"{text}, after {race.first}{when} had destroyed the pool"
    if race.kind == "released-unclosed":
        return f"{text} released it; {race.first}{when} is still unanswered"
    return f"{text}, after {race.first}{when}"
