"""One session as a message sequence chart: a standalone SVG for a ticket, drawn from its story.

Rows stand in order of time, not to scale: a call waits seconds between messages that take microseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from sim.ledger.summary import Leak
from sim.report.text import duration, number
from sim.report.timeline import EPSILON_S, Story, StoryStep
from sim.vocabulary.messages import argument_text
from sim.vocabulary.tasks import SERVER_TASK

ROW, HEAD, TIMES, LANE, BAR = 40, 220, 150, 225, 30  # pixels: a row, the heads, the column of times, a lane, a bar
MOST_STEPS = 300
"""Of a longer story the middle is left out, and the chart says so."""

PAUSE_S = 0.1
"""A silence from which on the chart says how long it was."""

OUTSIDE = "caller or not known"
"""The lane of what no recorded task sent: callers, timers, and where a log does not tell who."""

_MISSING = re.compile(r"\[(\w+)\]")
_UNFIT = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 can not have at all

STYLE = """text{font-family:system-ui,sans-serif;font-size:12px;fill:#1c2733}
.faint{fill:#5b6570;font-size:11px}.head{font-weight:700}.never{fill:#b3261e;font-weight:700}
.lane{stroke:#c3cad1;stroke-dasharray:3 4}.work{fill:#0072B2}.message{stroke:#1c2733;stroke-width:1.3;fill:none}
.missing{stroke:#b3261e;stroke-width:2;stroke-dasharray:6 4;fill:none}.open{stroke:#b3261e;stroke-width:2;fill:none}
.held{fill:#56B4E9}.kept{fill:#D55E00}"""


@dataclass(frozen=True, slots=True)
class Held:
    """Units of one resource held from a row to another; `until` is None for what was never released."""

    resource: str
    since: int
    until: int | None


def sequence_svg(told: Story, leak: Leak | None = None) -> str:
    """The chart of `told` as an SVG document; `leak`, its diagnosis, adds the message that never came."""
    steps = _shown(told.steps)
    lanes = _lanes(told.steps)
    place = {name: TIMES + LANE // 2 + i * LANE for i, name in enumerate(lanes)}
    bars = _held(told.steps, steps)
    names = list(dict.fromkeys(bar.resource for bar in bars))
    missing = _missing(leak)
    width = TIMES + LANE * len(lanes) + BAR * len(names) + 30
    bottom = HEAD + ROW * (len(steps) + (missing is not None))
    said = _wrapped(told.end, max(60, width // 8))
    parts = [*_heads(place, bottom), *_bars(bars, names, TIMES + LANE * len(lanes) + 15, bottom)]
    before: StoryStep | None = None
    state: str | None = None
    for i, step in enumerate(steps):
        y = HEAD + ROW * i + ROW // 2
        parts += _times(step, before, told.started_s, y)
        if step.state and step.state != state:
            parts.append(_text(10, y + 13, step.state, "faint"))
        state = step.state or state
        sender = _sender(told.steps, step)
        parts += _message(step, place[sender], place[step.task], y)
        before = step
    if missing is not None:
        parts += _never(missing, place[_silent(told.steps, missing, lanes)], place[SERVER_TASK], bottom - ROW // 2)
    if len(steps) < len(told.steps):
        left_out = f"{number(len(told.steps) - len(steps))} steps in the middle are left out"
        parts.append(_text(10, HEAD - 8, left_out, "never"))
    parts += [_text(10, bottom + 24 + 16 * i, line, "never" if leak else "") for i, line in enumerate(said)]
    return _document(told, width, bottom + 40 + 16 * len(said), parts)


def _document(told: Story, width: int, height: int, parts: Sequence[str]) -> str:
    title = f"Session {told.session}" + (f" ({told.session_id})" if told.session_id else "")
    what = f"{title}: {number(len(told.steps))} steps in order of time. {told.end}"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="title description"><title id="title">{_safe(title)}</title>'
        f'<desc id="description">{_safe(what)}</desc><style>{STYLE}</style>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>{_text(10, 24, title, "head")}'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def _shown(steps: list[StoryStep]) -> list[StoryStep]:
    """The steps that are drawn: of a long story its beginning and its end."""
    half = MOST_STEPS // 2
    return steps if len(steps) <= MOST_STEPS else steps[:half] + steps[-half:]


def _lanes(steps: Sequence[StoryStep]) -> list[str]:
    """The tasks in order of appearance, after a lane for what came from none of them."""
    return list(dict.fromkeys([OUTSIDE, *(step.task for step in steps), SERVER_TASK]))


def _sender(steps: Sequence[StoryStep], step: StoryStep) -> str:
    """The task that was at work for this session when the message was sent, the latest to begin; else the outside."""
    if step.sent_s is None:
        return step.task
    sent = step.sent_s
    at_work = [
        one
        for one in steps
        if one is not step
        and one.sent_s is not None
        and one.started_s is not None
        and one.finished_s is not None
        and one.started_s - EPSILON_S <= sent <= one.finished_s + EPSILON_S
    ]
    return max(at_work, key=lambda one: one.at_s).task if at_work else OUTSIDE


def _held(told: Sequence[StoryStep], shown: Sequence[StoryStep]) -> list[Held]:
    """What was held from which row to which, unit by unit; the unit acquired first is released first."""
    rows = {id(step): i for i, step in enumerate(shown)}
    held: dict[str, list[int]] = {}
    found: list[Held] = []
    row = 0
    for step in told:
        row = rows.get(id(step), row)
        for change in step.changes:
            units = held.setdefault(change.resource, [])
            units += [row] * max(0, change.delta)
            for _ in range(min(len(units), max(0, -change.delta))):
                found.append(Held(change.resource, units.pop(0), row))
    kept = [Held(name, row, None) for name, units in held.items() for row in units]
    return sorted(found + kept, key=lambda bar: bar.since)


def _missing(leak: Leak | None) -> str | None:
    """The function of the release chain that never came, which the explanation has in brackets."""
    found = _MISSING.findall(leak.explanation.partition("released by ")[2]) if leak is not None else []
    return found[0] if found else None


def _silent(steps: Sequence[StoryStep], missing: str, lanes: Sequence[str]) -> str:
    """The lane that the missing message would have come from: of an answer, the task that handled the request last."""
    request = missing.removesuffix("_respond").removeprefix("mrcp_engine_channel_")
    asked = [step.task for step in steps if missing.endswith("_respond") and step.message == request]
    return asked[-1] if asked else lanes[0]


def _heads(place: dict[str, int], bottom: int) -> Iterator[str]:
    for name, x in place.items():
        yield _text(x, HEAD - 24, name, "head", ' text-anchor="middle"')
        yield f'<path class="lane" d="M{x} {HEAD - 14}V{bottom}"/>'


def _times(step: StoryStep, before: StoryStep | None, began: float, y: int) -> Iterator[str]:
    if step.at_s != float("inf"):
        yield _text(10, y, f"+{duration(step.at_s - began)}", "faint")
    if before is not None and PAUSE_S <= step.at_s - before.at_s < float("inf"):
        yield _text(10, y - ROW // 2 + 2, f"… {duration(step.at_s - before.at_s)} later", "faint")


def _message(step: StoryStep, start: int, end: int, y: int) -> Iterator[str]:
    """One arrow with its message above and its times below; a red dashed one for what was never handled."""
    never = step.started_s is None
    words = argument_text(step.message, step.argument)
    argument = f" [{words}]" if words else ""
    right = start == end
    x, anchor = (end + 8, "start") if right else ((start + end) // 2, "middle")
    yield _text(x, y - 5, step.message + argument, "never" if never else "", f' text-anchor="{anchor}"')
    if not right:
        yield _arrow(start, end, y, "missing" if never else "message", opened=never)
    if never:
        below = "never handled"
    else:
        below = ", ".join(
            f"{word} {duration(value)}" for word, value in (("waited", step.wait_s), ("took", step.service_s)) if value
        )
        inside = "".join(f"\n{line}" for line in step.inside)
        told = f"<title>{_safe(step.function + inside)}</title>"
        yield f'<rect class="work" x="{end - 4}" y="{y - 6}" width="8" height="12">{told}</rect>'
    yield _text(x, y + 13, below, "never" if never else "faint", f' text-anchor="{anchor}"')


def _never(name: str, start: int, end: int, y: int) -> Iterator[str]:
    yield _text((start + end) // 2, y - 6, name, "never", ' text-anchor="middle"')
    yield _text((start + end) // 2, y + 15, "never came", "never", ' text-anchor="middle"')
    yield _arrow(start, end, y, "missing", opened=True)


def _arrow(start: int, end: int, y: int, name: str, opened: bool) -> str:
    """An arrow from lane to lane; an open one ends short of its lane, for it never got there."""
    way = 1 if end > start else -1
    tip = end - way * (26 if opened else 4)
    head = f"M{tip - way * 8} {y - 5}L{tip} {y}L{tip - way * 8} {y + 5}"
    return f'<path class="{name}" d="M{start} {y}H{tip}"/><path class="{"open" if opened else name}" d="{head}"/>'


def _bars(bars: Sequence[Held], names: Sequence[str], left: int, bottom: int) -> Iterator[str]:
    """A column for each resource; what is still held at the end goes on to the bottom, in another colour."""
    for i, name in enumerate(names):
        x = left + BAR * i + BAR // 2
        yield _text(x + 4, HEAD - 14, name, "", f' transform="rotate(-90 {x + 4} {HEAD - 14})"')
    for bar in bars:
        x = left + BAR * names.index(bar.resource) + BAR // 2 - 5
        top = HEAD + ROW * bar.since + ROW // 2
        end = bottom if bar.until is None else HEAD + ROW * bar.until + ROW // 2
        told = f"{bar.resource}: {'never released' if bar.until is None else 'released'}"
        kind = "kept" if bar.until is None else "held"
        height = max(4, end - top)
        yield f'<rect class="{kind}" x="{x}" y="{top}" width="10" height="{height}"><title>{_safe(told)}</title></rect>'


def _text(x: int, y: int, text: str, name: str = "", more: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f'<text x="{x}" y="{y}"{kind}{more}>{_safe(text)}</text>'


def _safe(text: str) -> str:
    """Text from anywhere as XML has it: escaped, without characters that no XML may hold."""
    return escape(_UNFIT.sub("\ufffd", text), quote=True)


def _wrapped(text: str, width: int) -> list[str]:
    from textwrap import wrap

    return [line for part in text.splitlines() for line in wrap(part, width)]
