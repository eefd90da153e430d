"""Undoes what happened to a log on its way here: markup, quoting, prefixes of containers and journals, folded lines.

The beginning of a file decides: a step is taken when with it more of the first lines are lines of the server, whole.
A log that is as the server wrote it is left alone, at the cost of a look at its first lines.
"""

import html
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, product
from typing import Final

from sim.logs.reading.header import Layout, detect, has_time, header
from sim.logs.reading.stamps import restamped
from sim.logs.reading.wording import recognise
from sim.vocabulary.lines import PRIORITIES, WITH_BODY

_LOOKED_AT: Final = 400  # lines of the head that are compared
_FEW: Final = 20  # where more than one line in so many has a header of its own, no prefix stands before the others
_JOINED: Final = 4  # pieces of one folded line
Step = Callable[[bytes], bytes]

_PRIORITY: Final = rb"\[(?:" + b"|".join(PRIORITIES) + rb")\]"
_STAMP: Final = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"
_MONTH: Final = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:[.,]\d+)?"
_SYSLOG: Final = rb"(?:<\d{1,3}>)?(?P<time>" + _MONTH + rb"|" + _STAMP + rb") [\w.:-]+ [^\s:\[]+(?:\[\d+\])?: ?"
# What stands before each line, by what puts it there.
_PREFIXES: Final = {
    "marks of quoting": rb"(?:> ?)+",
    "indentation": rb"[ \t]+",
    "line numbers": rb"[ \t]*(?:[\w./-]+:)?\d{1,9}(?:[:|\t-][ \t]?| {1,2}(?=\d{4}-\d\d-|\d\d:\d\d:))",
    "prefixes of syslog (RFC 5424)": rb"<\d{1,3}>1 (?P<time>\S+) \S+ \S+ \S+ \S+ (?:-|(?:\[[^\]]*\])+) ?",
    "prefixes of syslog or journald": _SYSLOG,
    "prefixes of Kubernetes (CRI)": rb"(?P<time>" + _STAMP + rb") (?:stdout|stderr) [FP] ",
    "names of pods": rb"\[[\w./-]+\] ",
    "names of containers": rb"[\w.-]+ +\| ",
    "names of supervisord": rb"[\w.:-]+ (?:stdout|stderr) \| ",
    "times of containers": rb"(?P<time>" + _STAMP + rb") ",
    "times of another program (TAI64N)": rb"@[0-9a-f]{24}:? ",
    "times of another program": rb"\d{4}-\d\d-\d\d[ _]\d\d:\d\d:\d\d(?:[.,:]\d+)?(?:Z|[+-]\d\d:?\d\d)?:? ",
}  # fmt: skip
_ENTITY: Final = re.compile(rb"&(?:lt|gt|amp|quot|apos|nbsp|#\d{1,5}|#x[0-9A-Fa-f]{1,4});")
_TAG: Final = rb"</?(?:b|strong|em|i|u|code|pre|span|font|mark|p|div|br|td|tr|li)(?: [^<>]*)?/?>"
_JSON_TEXTS: Final = ("log", "MESSAGE", "message", "msg", "line", "textPayload")
_JSON_DEPTH: Final = 3
_QUOTES: Final = re.compile(rb'(?m)^"|"[ \t]*$')
_COLUMNS: Final = re.compile(rb'(?m)",(?:"(?:[^"\n]|"")*"|[^",\n]*)(?:,(?:"(?:[^"\n]|"")*"|[^",\n]*))*$')
_OPENING: Final = tuple(mark.encode() for mark in "\u2039\u00ab\u2329\u3008\uff1c")
_CLOSING: Final = tuple(mark.encode() for mark in "\u203a\u00bb\u232a\u3009\uff1e")
_ANGLES: Final = re.compile(b"|".join((*_OPENING, *_CLOSING)))
_FENCE: Final = re.compile(rb"(?m)^[ \t]*(?:```|~~~)[ \w-]*\n")


def _entities(text: bytes) -> bytes:
    for _ in range(3):  # "&amp;lt;" was escaped twice
        before = text
        text = _ENTITY.sub(lambda m: html.unescape(m[0].decode()).replace("\xa0", " ").encode(), text)
        if text == before:
            break
    return text


def _angle(found: re.Match[bytes]) -> bytes:
    """What an editor made of `<` or `>`."""
    return b"<" if found[0] in _OPENING else b">"


def _replacing(old: bytes, new: bytes) -> Step:
    pattern = re.compile(old)
    return lambda text: pattern.sub(new, text)


def _unmarked(around: bytes, anywhere: bytes) -> Step:
    """Takes marks away around a whole line (of its own, it may end like that), and others wherever they are."""
    line, mark = re.compile(around), re.compile(anywhere)
    return lambda text: mark.sub(b"", line.sub(rb"\1", text))


def _unpacked(text: bytes) -> bytes:
    """Lines of JSON, each with a text, as the text."""
    return b"".join(_from_json(line) for line in text.splitlines())


def _from_json(line: bytes) -> bytes:
    try:
        entry = json.loads(line.strip().rstrip(b","))
    except ValueError:
        return line + b"\n"
    found = _text_in(entry, _JSON_DEPTH)
    return line + b"\n" if found is None else found.rstrip("\r\n").encode("utf-8", "surrogateescape") + b"\n"


def _text_in(entry: object, depth: int) -> str | None:
    """The text of an entry of JSON, or of one within it, as searches for logs give them."""
    if not isinstance(entry, dict) or not depth:
        return None
    values = (entry.get(key) for key in _JSON_TEXTS)
    own = next((value for value in values if isinstance(value, str)), None)
    inner = (_text_in(value, depth - 1) for value in entry.values())
    return own if own is not None else next((text for text in inner if text is not None), None)


# Each with what makes it worth a trial: a text that must stand in the head.
_MARKUP: Final[tuple[tuple[str, bytes, Step], ...]] = (
    ("wrapping in JSON", rb"\A\s*(?:\[\s*)?\{\"", _unpacked),
    ("terminal colours", rb"\x1b\[", _replacing(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b\([A-Z]", b"")),
    ("blanks that do not break", rb"\xc2\xa0|\xe2\x80\x8b|\xef\xbb\xbf", lambda text: text.replace(
        b"\xc2\xa0", b" ").replace(b"\xe2\x80\x8b", b"").replace(b"\xef\xbb\xbf", b"")),
    ("HTML entities", rb"&(?:lt|gt|amp|quot|apos|nbsp|#)", _entities),
    ("HTML tags", _TAG, _replacing(_TAG, b"")),
    ("code fences", rb"```|~~~", _replacing(_FENCE.pattern, b"")),
    ("bold marks", rb"\*\*|`|__", _unmarked(rb"(?m)^__(.*?)(?:__)?$", rb"\*\*|`+")),
    ("bold marks", rb"(?m)\*|^_", _unmarked(rb"(?m)^_+(.*?)_*$", rb"\*")),
    ("quotation marks", rb'(?m)^"', lambda text: _QUOTES.sub(b"", text).replace(b'""', b'"')),
    ("columns of CSV", rb'",', lambda text: _COLUMNS.sub(b"", text).replace(b'""', b'"')),
    ("marks of a table", rb"(?m)[ \t]\|[ \t]*$", _replacing(rb"(?m)[ \t]+\|[ \t]*$", b"")),
    ("other angle brackets", _ANGLES.pattern, lambda text: _ANGLES.sub(_angle, text)),
    ("escaped marks", rb"\\[<>\[\]_*`#&|.-]", _replacing(rb"\\([<>\[\]_*`#&|.-])", rb"\1")),
    ("tabs", rb"\t", _replacing(rb"\t", b" ")),
    ("line ends written out", rb"#012", _replacing(rb"#012", b"\n")),
)  # fmt: skip


class Decoder:
    """`steps` undo, in order, what `undone` names; both empty for a log that is as its server wrote it."""

    def __init__(self, head: bytes) -> None:
        """`head`: the first whole lines of the file."""
        self.undone: list[str] = []
        self._steps: list[Step] = []
        self.layout: Layout | None = None
        self._folded = 0  # from which length on a piece goes on without a blank, where lines are folded
        text = head[: 1 << 16]
        for _ in range(2):  # a mark may stand before a prefix, or after it
            before = len(self._steps)
            text = self._prefixes(self._marks(self._stamps(text)))
            if len(self._steps) == before:
                break
        self.layout = detect(text.splitlines()[:2000])
        if self.layout is not None and not self.layout.bare and (width := _folded_at(text, self.layout)):
            self._folded = width
            self.undone.append("folded lines")

    @property
    def idle(self) -> bool:
        """Whether there is nothing to undo."""
        return not self.undone

    def __call__(self, lines: bytes) -> bytes:
        """Whole lines of the file as the server wrote them."""
        for step in self._steps:
            lines = step(lines)
        if self._folded and self.layout is not None:
            lines = unfolded(lines, self.layout, self._folded)
        return lines

    def cut(self, data: bytes) -> int:
        """Where whole entries end in `data`: after a line end, and where lines are folded before the last entry."""
        end = data.rfind(b"\n") + 1
        if not self._folded or not end:
            return end
        start = max((m.start() for m in _BEGINS_ENTRY.finditer(data, max(0, end - 65536), end)), default=0)
        return start or end

    def _take(self, name: str, step: Step) -> None:
        self._steps.append(step)
        if name not in self.undone:
            self.undone.append(name)

    def _marks(self, text: bytes) -> bytes:
        best = -1
        for name, trigger, step in _MARKUP:
            if re.search(trigger, text) is None:
                continue
            if best < 0:
                best = score(text)
            tried = step(text)
            if (found := score(tried)) > best:
                best, text = found, tried
                self._take(name, step)
        return text

    def _stamps(self, text: bytes) -> bytes:
        """Times that have another form are written anew: before prefixes are looked for, which would take them away."""
        if _plain(text):
            return text
        now = score(text)
        for step in restamped(text):
            if score(tried := step(text)) > now:
                self._take("times in another form", step)
                return tried
        return text

    def _prefixes(self, text: bytes) -> bytes:
        for _ in range(4):
            if _plain(text):
                break
            lines = [line for line in text.splitlines() if line.strip()][:_LOOKED_AT]
            found = _best_prefix(text, lines)
            if found is None:
                break
            name, step = found
            text = step(text)
            self._take(name, step)
        return text


def _plain(text: bytes) -> bool:
    """Whether some of the first lines are known, and not only dated: then nothing stands before them. So where there
    are none."""
    lines = [line for line in text.splitlines() if line.strip()][:_LOOKED_AT]
    return not lines or (sum(map(header, lines)) * _FEW > len(lines) and score(text) > len(lines))


def _best_prefix(text: bytes, lines: Sequence[bytes]) -> tuple[str, Step] | None:
    """The first kind of prefix without which more lines are the server's; else one that is learnt from them."""
    now = score(text)
    for name, prefix in _PREFIXES.items():
        step = _without(prefix)
        if score(step(text)) > now:
            return name, step
    learnt = _learnt(lines)
    if learnt is not None and score((step := _without(learnt))(text)) > now:
        return "prefixes", step
    return None


def score(text: bytes) -> int:
    """How many of the first lines are lines of the server: those with a header count twice."""
    lines = text.splitlines()[:_LOOKED_AT]
    layout = detect(lines)
    if layout is None:
        return 0
    pattern = layout.pattern()
    total = 0
    for line in lines:
        found = pattern.match(line)
        if found is not None and line:
            total += 10 * (recognise(line[found.end() :].rstrip()) is not None) + (not layout.bare)
    return total


def _without(prefix: bytes) -> Step:
    """Takes a prefix from each line; where the server's own header is missing behind it, its time becomes one."""
    pattern = re.compile(rb"(?m)^" + prefix)
    if b"(?P<time>" not in prefix:
        return lambda text: pattern.sub(b"", text)
    whole = re.compile(rb"(?m)^" + prefix + rb"(?P<text>.*)$")

    def timed(found: re.Match[bytes]) -> bytes:
        text = found["text"]
        if has_time(text) or (not header(text) and recognise(text.rstrip()) is None):
            return text
        return _as_header(found["time"]) + text

    return lambda text: whole.sub(timed, text)


_CLOCK: Final = re.compile(rb"(?:(\d{4}-\d\d-\d\d)T)?(\d\d:\d\d:\d\d)(?:[.,](\d+))?")


def _as_header(time: bytes) -> bytes:
    """A journal's time as the server would write it, with a date where there is one."""
    found = _CLOCK.search(time)
    if found is None:
        return b""
    day, clock, fraction = found.groups()
    return (day + b" " if day else b"") + clock + b":" + (fraction or b"")[:6].ljust(6, b"0") + b" "


_TIME_WITHIN: Final = re.compile(rb"(?:\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d[:.,]\d{3,6} ")
_PRIORITY_WITHIN: Final = re.compile(_PRIORITY)


def _header_within(line: bytes) -> int:
    """Where the header begins: at the last time before the priority, for a prefix may have one too; -1: nowhere."""
    priority = _PRIORITY_WITHIN.search(line)
    if priority is None:
        return -1
    return max((found.start() for found in _TIME_WITHIN.finditer(line, 0, priority.start())), default=-1)


def _learnt(lines: Sequence[bytes]) -> bytes | None:
    """A prefix of another kind, from what stands before the header of most lines: its digits may differ."""
    shapes: dict[bytes, int] = {}
    for line in lines:
        begin = _header_within(line)
        if 0 < begin <= 200:
            shape = re.sub(rb"\d+", rb"\\d+", re.escape(line[:begin]))
            shapes[shape] = shapes.get(shape, 0) + 1
    common = [shape for shape, count in shapes.items() if count * 20 >= len(lines)]
    return b"(?:" + b"|".join(common) + b")" if common else None


# --- folded lines ------------------------------------------------------------------------------------------------

_BEGINS_ENTRY: Final = re.compile(
    rb"(?m)^(?:\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d|\d\d:\d\d:\d\d[:.,]\d|" + _PRIORITY + b")"
)


def _folded_at(text: bytes, layout: Layout) -> int:
    """0 where none of the first lines are lines of the server only when they are joined. Else how long a piece is that
    goes on without a blank: all that a line has room for where words are cut, longer than any where they are not."""
    found = _entries(text.splitlines()[:_LOOKED_AT], layout, 0)
    lengths = [len(lines[0]) for lines, joined in found if joined is not None]
    width = max(lengths, default=0)
    return width if 2 * lengths.count(width) >= len(lengths) else sys.maxsize


def unfolded(text: bytes, layout: Layout, width: int) -> bytes:
    """`text` with the pieces of folded entries joined."""
    result: list[bytes] = []
    for lines, joined in _entries(text.splitlines(), layout, width):
        if joined is None:
            result += lines
        else:
            count, line = joined
            result += [line, *lines[count:]]
    return b"".join(line + b"\n" for line in result)


def _entries(
    lines: Iterable[bytes], layout: Layout, width: int
) -> Iterable[tuple[list[bytes], tuple[int, bytes] | None]]:
    """Each entry with its further lines, and when it is folded (how many of them are one, that one)."""
    group: list[bytes] = []
    for line in lines:
        if _BEGINS_ENTRY.match(line):
            if group:
                yield group, _joined(group, layout, width)
            group = [line]
        else:
            group.append(line)
    if group:
        yield group, _joined(group, layout, width)


def _joined(group: list[bytes], layout: Layout, width: int) -> tuple[int, bytes] | None:
    """The first lines of `group` as one, when only together (or together as well) they are a line of the server."""
    if len(group) < 2 or not _BEGINS_ENTRY.match(group[0]):
        return None
    alone = _said(group[0], layout)
    if alone is not None and alone in WITH_BODY:
        return None
    whole = next((at for at, piece in enumerate(group) if not piece.strip()), len(group))  # a blank line ends it
    for count in range(min(_JOINED, whole), 1, -1):
        pieces = [piece.rstrip() for piece in group[:count]]
        blank = (a[-1:].isspace() or b[:1].isspace() or len(a) < width for a, b in pairwise(group[:count]))
        for glue in product(*((b" ", b"") if there else (b"", b" ") for there in blank)):
            line = pieces[0] + b"".join(g + piece.lstrip() for g, piece in zip(glue, pieces[1:], strict=True))
            if _said(line, layout) is not None:
                return count, line
    return None


def _said(line: bytes, layout: Layout) -> int | None:
    """The kind of a whole line with its header; None when it is none."""
    found = layout.pattern().match(line)
    known = recognise(line[found.end() :].rstrip()) if found is not None else None
    return int(known[0].kind) if known is not None else None
