"""Which of DATE, TIME, MARK, THREAD and PRIORITY stand before a log's messages: found by looking, never asked for."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sim.logs.reading.wording import recognise
from sim.vocabulary.lines import PRIORITIES

_DATE = rb"(?P<date>\d{4}-\d\d-\d\d)[ T]"
_TIME = rb"(?P<time>\d\d:\d\d:\d\d(?:[:.,]\d{1,9})?) "
_MARK = rb"(?P<mark>(?:(?!\d\d:\d\d:\d\d)[^\[\]<>])*?\.(?:c|cc|cpp|cxx|h|hpp|inl):\d{3,}) "  # no time stands in it
_THREAD = rb"(?P<thread>\d{5,20}) "
_PRIORITY = rb"\[(?P<priority>" + b"|".join(PRIORITIES) + rb")\] {1,4}"
_USUAL = re.compile(rb"\d\d:\d\d:\d\d[:.,]\d{6}")
_ANY = re.compile(b"".join(b"(?:%s)?" % part for part in (_DATE, _TIME, _MARK, _THREAD, _PRIORITY)))


@dataclass(frozen=True, slots=True)
class Layout:
    """What a log entry begins with, in the server's fixed order; no field at all is a layout too."""

    date: bool = False
    time: bool = False
    mark: bool = False
    thread: bool = False
    priority: bool = False
    usual: bool = True  # the time has microseconds, as the server writes it

    @property
    def names(self) -> str:
        """As in logger.xml: "DATE,TIME,PRIORITY,THREAD"; "none" without any."""
        order = ("date", "time", "priority", "mark", "thread")
        return ",".join(name.upper() for name in order if getattr(self, name)) or "none"

    @property
    def bare(self) -> bool:
        """No field: an entry can only be told from the rest of a multi-line one by its wording."""
        return not (self.date or self.time or self.mark or self.thread or self.priority)

    def pattern(self) -> re.Pattern[bytes]:
        """Matches exactly this header at the start of a line."""
        parts = ((self.date, _DATE), (self.time, _TIME), (self.mark, _MARK), (self.thread, _THREAD))
        return re.compile(b"".join(part for used, part in parts if used) + (_PRIORITY if self.priority else b""))


def detect(lines: Iterable[bytes]) -> Layout | None:
    """The layout of most lines that have a header; a bare layout when none has but some are the server's words;
    None when nothing looks like a server's log."""
    seen: Counter[Layout] = Counter()
    worded = 0
    for line in lines:
        match = _ANY.match(line)
        assert match is not None  # every part is optional
        time = match["time"]
        fields = {name: match[name] is not None for name in ("date", "time", "mark", "thread", "priority")}
        found = Layout(**fields, usual=time is None or _USUAL.fullmatch(time) is not None)
        if not found.bare:
            seen[found] += 1
        elif recognise(line) is not None:
            worded += 1
    if seen and (best := seen.most_common(1)[0])[1] >= worded:
        return best[0]
    return Layout() if worded else None


def header(line: bytes) -> bool:
    """Whether a line begins as an entry of a log with the time or the priority does."""
    match = _ANY.match(line)
    return match is not None and (match["time"] is not None or match["priority"] is not None)


def has_time(line: bytes) -> bool:
    """Whether a line begins with a time as the server writes one."""
    match = _ANY.match(line)
    return match is not None and match["time"] is not None
