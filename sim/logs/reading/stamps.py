"""Times and priorities in forms that are not the server's: "[23/Nov/2026 03:07:12,343] info: …", epochs, lower case.

Each line's beginning is written anew as the server does: "2026-11-23 03:07:12:343000 140236119037824 [INFO]  …".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from sim.logs.reading.wording import recognise
from sim.vocabulary.lines import PRIORITIES

_LOOKED_AT: Final = 400
_MONTHS: Final = tuple(b"jan feb mar apr may jun jul aug sep oct nov dec".split())
_ALSO: Final = {
    b"WARNING": b"WARN", b"ERR": b"ERROR", b"CRIT": b"CRITIC", b"CRITICAL": b"CRITIC", b"FATAL": b"EMERG",
    b"EMERGENCY": b"EMERG", b"NOTE": b"NOTICE", b"INFORMATION": b"INFO", b"TRACE": b"DEBUG",
}  # fmt: skip

_LONGEST_FIRST: Final = sorted([*PRIORITIES, *_ALSO], key=lambda name: -len(name))
_NAMES: Final = b"|".join(_LONGEST_FIRST)
_PRIORITY: Final = rb"[\[<(]?\b(?P<priority>(?i:" + _NAMES + rb"))\b[\])>]?"
_BEFORE: Final = _PRIORITY.replace(b"<priority>", b"<early>")
_MONTH: Final = rb"(?P<name>(?i:" + b"|".join(_MONTHS) + rb"))[a-z]{0,6}"
_DATES: Final = (
    rb"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d)(?P=mark)(?P<day>\d\d)",
    rb"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)",
    rb"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})",
    rb"(?P<day>\d{1,2})[-/ ]" + _MONTH + rb"[-/ ](?P<year>\d{4})",
    _MONTH + rb" {1,2}(?P<day>\d{1,2}),? (?P<year>\d{4})",
)
_TIME: Final = (
    rb"(?P<hour>\d{1,2}):(?P<minute>\d\d):(?P<second>\d\d)(?:[.,:](?P<fraction>\d{1,9}))?(?: ?(?P<half>(?i:[AP]M)))?"
    rb"(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
)
_EPOCH: Final = rb"(?P<epoch>1\d{9})(?P<more>\d{3}|\d{6})?(?:[.,](?P<fraction>\d{1,9}))?"
_STAMPS: Final = (
    *(rb"[\[(]?" + date + rb"(?:\]?[ T_:,]{0,2}\[?)" + _TIME + rb"[\])]?" for date in _DATES),
    rb"[\[(]?" + _TIME + rb"[\])]?",
    rb"[\[(]?" + _EPOCH + rb"[\])]?",
)
_REST: Final = rb"(?P<between>[^\n]{0,100}?)" + _PRIORITY + rb"(?:[ \t:|\]-]*)"
_NO_PRIORITY: Final = rb"(?P<between>)[ \t:|-]*"
_CLOCK_WITHIN: Final = re.compile(rb"\d\d:\d\d:\d\d")
_THREAD: Final = re.compile(rb"(?<![\w.:])(?:0x(?P<hex>[0-9a-fA-F]{4,16})|(?P<number>\d{5,20}))(?![\w.])")

Step = Callable[[bytes], bytes]


def restamped(text: bytes) -> Iterator[Step]:
    """What may write the lines of a log anew whose times have another form: where it does so for some of its first
    lines, and these are the server's then."""
    lines = [line for line in text.splitlines() if line.strip()][:_LOOKED_AT]
    for stamp in _STAMPS:
        for first in (b"", _BEFORE + rb"[ \t:|-]*"):
            for rest in (_REST, _NO_PRIORITY):
                pattern = re.compile(rb"(?m)^" + first + stamp + rest)
                found = [said for line in lines if (said := pattern.match(line)) is not None and _told(line, said)]
                if 20 * len(found) >= len(lines):
                    yield _step(pattern, found)


def _told(line: bytes, said: re.Match[bytes]) -> bool:
    """Whether the server's own text follows, without another time before it: that would be the server's."""
    own = _CLOCK_WITHIN.search(said["between"]) is None
    return own and recognise(line[said.end() :].rstrip()) is not None


def _step(pattern: re.Pattern[bytes], found: Sequence[re.Match[bytes]]) -> Step:
    order = _order(found)

    def anew(said: re.Match[bytes]) -> bytes:
        header = _header(said.groupdict(), order)
        return said[0] if header is None else header

    return lambda text: pattern.sub(anew, text)


def _order(found: Iterable[re.Match[bytes]]) -> str:
    """Of dates like 11/12/2026: "dm" or "md", as their numbers tell, or dots, or AM and PM; "" where nothing does."""
    parts = [said.groupdict() for said in found]
    if not any(part.get("one") for part in parts):
        return "dm"
    ones, twos = ([int(part[key]) for part in parts] for key in ("one", "two"))
    if max(ones) > 12 or max(twos) > 12:
        return "dm" if max(twos) <= 12 else "md"
    if len(set(ones)) != len(set(twos)):
        return "dm" if len(set(ones)) > len(set(twos)) else "md"
    if parts[0]["mark"] == b".":
        return "dm"
    return "md" if parts[0].get("half") else ""


def _header(part: dict[str, bytes | None], order: str) -> bytes | None:
    """What the server writes before its text; None where this is no time."""
    try:
        time = _time(part, order)
    except (ValueError, OverflowError):
        return None
    priority = (part.get("priority") or part.get("early") or b"").upper()
    thread = _THREAD.search(part["between"] or b"")
    header = time + b" "
    if thread is not None:
        header += (b"%d" % int(thread["hex"], 16) if thread["hex"] else thread["number"]) + b" "
    return header + (b"[%s]" % _ALSO.get(priority, priority)).ljust(9) if priority else header


def _time(part: dict[str, bytes | None], order: str) -> bytes:
    fraction = (part["fraction"] or b"")[:6]
    if epoch := part.get("epoch"):
        fraction = part["more"] or fraction
        return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%d %H:%M:%S").encode() + _after(fraction)
    hour = int(part["hour"] or 0)
    if half := part["half"]:
        hour = hour % 12 + 12 * (half.upper() == b"PM")
    clock = b"%02d:%s:%s" % (hour, part["minute"] or b"", part["second"] or b"") + _after(fraction)
    year, month, day = part.get("year"), part.get("month"), part.get("day")
    if name := part.get("name"):
        month = b"%d" % (1 + _MONTHS.index(name.lower()))
    if part.get("one"):
        if not order:
            return clock
        day, month = (part["one"], part["two"]) if order == "dm" else (part["two"], part["one"])
    if not (year and month and day):
        return clock
    return datetime(int(year), int(month), int(day)).strftime("%Y-%m-%d ").encode() + clock


def _after(fraction: bytes) -> bytes:
    """What stands after the seconds: as many digits as there are, for milliseconds are no microseconds."""
    return b":" + fraction if fraction else b""
