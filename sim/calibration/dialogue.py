"""What calls ask of their channels all call long: the dialogues that a log shows, by class of call.

A call's requests are cut by its BYE: a short call that follows a dialogue shows its beginning only. So a call belongs
to the dialogue of which it may be the beginning, and a request that was in progress at the BYE is one that lasts until
the BYE only where no other call shows how it ends.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from sim.calibration.fit import fit
from sim.calibration.sheet import Sheet, noted
from sim.scenario.annotated import Noted, plain
from sim.vocabulary.plugins import ASKED, AT_ONCE, BARGE_IN, MAIN_METHODS, MAX_STEPS, RESOURCES, STOPS

if TYPE_CHECKING:
    from sim.calibration.evidence import CallSeen, Evidence, RequestSeen

RARE: Final = 0.01  # of the calls of one kind: a dialogue that fewer have is left out
NO_PAUSE_S: Final = 2e-3  # what the network and the tasks take; a caller's pause is longer
OPEN: Final = "until-bye"
_ENDS: Final = {ASKED[STOPS]: "stopped", ASKED[BARGE_IN]: "barged-in"}

Key = tuple[str, str, str]
"""Method, resource and end of a step."""


@dataclass(slots=True)
class AskedRequest:
    """One request of one call, as far as the log has it; times in seconds."""

    method: str
    resource: str
    pause: float  # since what came before it
    ends: str = OPEN
    answered: float = math.nan
    lasts: float = math.nan  # from the response to the end, or to the BYE
    overlap: bool = False  # the next one began before it ended

    @property
    def key(self) -> Key:
        """What makes it the same step as another call's."""
        return self.method, self.resource, self.ends


@dataclass(slots=True)
class Talk:
    """One call's requests in order, and how long it was idle after the last."""

    call: "CallSeen"
    asked: list[AskedRequest]
    idle: float

    @property
    def runs(self) -> list[list[AskedRequest]]:
        """Its steps: the same request several times in a row is one."""
        found: list[list[AskedRequest]] = []
        for one in self.asked:
            if found and found[-1][0].key == one.key:
                found[-1].append(one)
            else:
                found.append([one])
        return found

    @property
    def shape(self) -> tuple[Key, ...]:
        """Its steps without their times."""
        return tuple(run[0].key for run in self.runs)


@dataclass(slots=True)
class Dialogue:
    """A dialogue and the calls that follow it, to the end or cut short by their BYE."""

    resources: tuple[str, ...]
    shape: tuple[Key, ...]
    talks: list[Talk] = field(default_factory=list)
    cut: list[Talk] = field(default_factory=list)

    @property
    def weight(self) -> int:
        """How many calls follow it."""
        return len(self.talks) + len(self.cut)


def talks(evidence: "Evidence") -> list[Talk]:
    """What each answered call asked for, in order of time."""
    of_call: dict[int, list[RequestSeen]] = defaultdict(list)
    for seen in evidence.requests:
        of_call[seen.session].append(seen)
    found = []
    for call in evidence.calls:
        if call.status == 200 and math.isfinite(call.answer):
            cuts = (call.on_hold, call.bye, call.deactivate, call.ended)  # on hold nothing ends by itself
            over = next((t for t in cuts if math.isfinite(t)), evidence.end)
            found.append(_talk(call, sorted(of_call[call.number], key=lambda seen: seen.time), over))
    return found


def _talk(call: "CallSeen", seen: Sequence["RequestSeen"], over: float) -> Talk:
    asked: list[AskedRequest] = []
    open_: dict[str, AskedRequest] = {}
    last = call.answer
    for one in seen:
        if one.time > over:
            break
        current = open_.get(one.resource)
        if one.what == "Request" and one.method in _ENDS and current is not None:
            current.ends, current.lasts = _ENDS[one.method], one.time - current.answered
        elif one.what == "Request" and (one.method in MAIN_METHODS or one.method in AT_ONCE):
            for other in open_.values():
                other.overlap = True
            open_[one.resource] = AskedRequest(one.method, one.resource, one.time - last)
            asked.append(open_[one.resource])
        elif one.what == "Response" and current is not None:
            last = one.time
            if one.method in AT_ONCE:
                current.ends = "at-once"
            current.answered = one.time if one.method not in _ENDS else current.answered
            if one.method in _ENDS or one.method in AT_ONCE:
                del open_[one.resource]
        elif one.what == "Event" and one.method.endswith("-COMPLETE") and current is not None:
            last = one.time
            current.ends, current.lasts = "completes", one.time - current.answered
            del open_[one.resource]
    for one_left in open_.values():
        if one_left.ends == OPEN:
            one_left.lasts = over - one_left.answered
    return Talk(call, asked, over - last if not open_ else 0.0)


def dialogues(found: Sequence[Talk]) -> list[Dialogue]:
    """The dialogues that explain all calls, the most frequent first; each call belongs to one."""
    result = []
    kinds = sorted({_offered(talk.call) for talk in found})
    for resources in kinds:
        result += _of_kind(resources, [talk for talk in found if _offered(talk.call) == resources])
    return sorted(result, key=lambda dialogue: -dialogue.weight)


def _offered(call: "CallSeen") -> tuple[str, ...]:
    return tuple(name for name in call.offered if name in RESOURCES)


def _of_kind(resources: tuple[str, ...], found: list[Talk]) -> list[Dialogue]:
    """The dialogues of calls that ask for the same resources."""
    by_shape: dict[tuple[Key, ...], Dialogue] = {}
    for talk in found:
        by_shape.setdefault(talk.shape, Dialogue(resources, talk.shape)).talks.append(talk)
    whole = sorted(by_shape.values(), key=lambda dialogue: (-len(dialogue.shape), -len(dialogue.talks)))
    limits = {dialogue.shape: _limits(dialogue) for dialogue in whole}
    for dialogue in reversed(whole):  # the shortest first: it may be the beginning of a longer one
        longer = [other for other in whole if other is not dialogue and len(other.talks) > RARE * len(found)]
        own = []
        for talk in dialogue.talks:
            fitting = [other for other in longer if _may_begin(talk, other.shape, limits[other.shape])]
            if fitting:
                max(fitting, key=lambda other: len(other.talks)).cut.append(talk)
            else:
                own.append(talk)
        dialogue.talks = own
    return [dialogue for dialogue in whole if len(dialogue.talks) > RARE * len(found)]


def _limits(dialogue: Dialogue) -> list[tuple[float, float]]:
    """Of each step, how long its pause and how long its request were at most."""
    found = []
    for number in range(len(dialogue.shape)):
        run = [one for talk in dialogue.talks for one in talk.runs[number]]
        lasting = [one.lasts for one in run if math.isfinite(one.lasts)]
        found.append((max((one.pause for one in run), default=0.0), max(lasting, default=0.0)))
    return found


def _may_begin(talk: Talk, shape: tuple[Key, ...], limits: list[tuple[float, float]]) -> bool:
    """Whether a call may have followed a dialogue that its BYE has cut short."""
    steps = list(talk.shape)
    if steps == list(shape):
        return False
    last = talk.asked[-1] if talk.asked else None
    if last is not None and last.ends == OPEN:
        steps = steps[:-1]
        at = len(steps) - 1 if steps and steps[-1][:2] == last.key[:2] and _ends_otherwise(shape, steps) else len(steps)
        if at >= len(shape) or shape[at][:2] != last.key[:2] or shape[at][2] == OPEN:
            return False
        return tuple(steps) == shape[: len(steps)] and last.lasts <= limits[at][1]
    if len(steps) >= len(shape) or tuple(steps) != shape[: len(steps)]:
        return False
    return talk.idle <= limits[len(steps)][0] + NO_PAUSE_S


def _ends_otherwise(shape: tuple[Key, ...], steps: list[Key]) -> bool:
    """Whether a further request of the same method belongs to the last of `steps`, repeated, not to the next step."""
    return len(steps) >= len(shape) or shape[len(steps)][:2] != steps[-1][:2]


def is_plain(found: Sequence[Dialogue]) -> bool:
    """Whether `calls.requests` and `calls.recognition` say all there is: one method that always ends alike."""
    keys = {key for dialogue in found for key in dialogue.shape}
    return len(keys) <= 1 and all(method in MAIN_METHODS and end in ("completes", OPEN) for method, _, end in keys)


def written_steps(dialogue: Dialogue, sheet: Sheet, column: str) -> list[Noted]:
    """The steps of a dialogue with what each was fitted to."""
    steps = []
    for number in range(min(len(dialogue.shape), MAX_STEPS)):
        step = dict(_step(dialogue, number, sheet, f"{column}.{number}"))
        said = [f"{key}: {value.comment}" for key, value in step.items() if isinstance(value, Noted)]
        steps.append(Noted(plain(step), "; ".join((_comment(dialogue, number), *said))))
    return steps


def _step(dialogue: Dialogue, number: int, sheet: Sheet, column: str) -> Iterator[tuple[str, Any]]:
    method, resource, ends = dialogue.shape[number]
    run = _run(dialogue, number)
    yield "method", method
    yield "resource", resource
    yield "ends", ends
    if ends not in (OPEN, "at-once"):
        lasted = fit([one.lasts for one in run if one.ends == ends], [one.lasts for one in run if one.ends == OPEN])
        if lasted is not None:
            yield "after", noted(replace(lasted, cut_by="the BYE"), sheet, f"{column}.after")
    pauses = [one.pause for one in run if number or one is not run[0]]
    paused = fit(pauses) if number else None
    if paused is not None and sorted(pauses)[len(pauses) // 2] > NO_PAUSE_S:
        yield "pause", noted(paused, sheet, f"{column}.pause")
    counts = [len(talk.runs[number]) for talk in dialogue.talks]
    if set(counts) == {counts[0]}:
        if counts[0] > 1:
            yield "repeat", counts[0]
    else:
        values = sorted(counts)
        few = [values[i * len(values) // 50] for i in range(50)] if len(values) > 50 else values
        yield "repeat", {"dist": "empirical", "values": few}
    if ends != OPEN and sum(one.overlap for one in run) * 2 > len(run):
        yield "overlap", True


def _run(dialogue: Dialogue, number: int) -> list[AskedRequest]:
    """Every request of one step, also of the calls that were cut within it."""
    method, resource, ends = dialogue.shape[number]
    found = [one for talk in dialogue.talks for one in talk.runs[number]]
    for talk in dialogue.cut:
        runs = talk.runs
        if number < len(runs) and runs[number][0].key == (method, resource, ends):
            found += runs[number]
        if runs and runs[-1][-1].key == (method, resource, OPEN) and number in (len(runs) - 1, len(runs) - 2):
            found.append(runs[-1][-1])
    return found


def _comment(dialogue: Dialogue, number: int) -> str:
    method, resource, ends = dialogue.shape[number]
    ended = Counter(one.ends for one in _run(dialogue, number))
    said = ", ".join(f"{count} {'in progress at the BYE' if end == OPEN else end}" for end, count in ended.items())
    return f"{method} ({resource}): {said or ends}"
