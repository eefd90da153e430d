"""The files of a log, in order, through an auditor: nothing twice, and lines that a rotation cut joined again."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from sim.errors import LogError
from sim.logs.reading.clock import DAY
from sim.logs.reading.foreign import CLIENT, CUT, VAGUE, seems
from sim.logs.reading.reader import Source, blocks
from sim.logs.reading.repeats import Repeats
from sim.logs.reading.shown import shown
from sim.logs.reading.wording import alike
from sim.quiet import quiet_collector

if TYPE_CHECKING:
    from sim.audit.auditor import Auditor

_MASKED: Final = 3  # sessions that have the name of another one
_LOOKED_AT: Final = 400
_STEP: Final = 60_000_000  # microseconds by which a part may begin before the end of the one before it


def read_into(auditor: "Auditor", sources: Sequence[Source], progress: Callable[[int], None] | None = None) -> None:
    """Feed whole files, in order, to `auditor`; `progress` is told the bytes (uncompressed) after each block."""
    with quiet_collector():
        for count in feeding(auditor, sources):
            if progress is not None:
                progress(count)


def feeding(auditor: "Auditor", sources: Sequence[Source]) -> Iterator[int]:
    """The same step by step: the number of bytes of each block that was fed."""
    for source in sources:
        for also in source.aliases:
            same = "is given twice" if also == source.title else f"and {source.title} are the same file"
            auditor.remarks.append(f"{also} {same}; read once.")
        if source.stream.cr_only:
            auditor.remarks.append(f"{source.title} has line ends that are CR only; read as line ends.")
        if source.stream.undone:
            auditor.remarks.append(f"{source.title} was read without: {', '.join(source.stream.undone)}.")
    repeats = Repeats(sources, auditor.remarks)
    carry, before = b"", ""
    for source in sources:
        begun, again = False, repeats.repeats(source)
        if not again and _overlaps(source, auditor):
            auditor.remarks.append(
                f"{source.title} begins before {before} ends and has other lines: are these logs of one server?"
            )
        for block, rest in repeats.fresh(source, blocks(source)):
            if not begun:
                begun = True
                if carry and source.begins_entry and not again:
                    auditor.feed(carry + b"\n")
                    carry = b""
                auditor.begin(source.layout, source.title)
                if carry and not again:
                    block, rest = (carry + block, rest) if block else (block, carry + rest)
            low = _last(auditor)
            auditor.feed(block)
            repeats.watch(source.title, block, source.first if low is None else low, _last(auditor))
            carry = rest
            yield len(block)
        if source.stream.cut:
            auditor.remarks.append(f"{source.title} ends early: the archive was cut short; read up to there.")
        before = source.title
    if carry:
        auditor.cut = True
        auditor.feed(carry + b"\n")
    _refuse_foreign(auditor, sources)
    _refuse_masked(auditor, sources)


def _refuse_masked(auditor: "Auditor", sources: Sequence[Source]) -> None:
    """LogError when somebody made the names of sessions alike: no line tells then whose it is."""
    name, count = next(iter(auditor.account.same.most_common(1)), (b"", 0))
    if count >= _MASKED:
        raise LogError(
            f"{sources[0].title}: expected an id and an address of its own for each session (got {shown(name)} for "
            f"{count + 1} of them); were they masked? Put another word in place of each, the same one everywhere"
        )


def _refuse_foreign(auditor: "Auditor", sources: Sequence[Source]) -> None:
    """LogError when there were lines and none of them is a server's."""
    counts = auditor.counts
    source = next((source for source in sources if source.head.strip()), None)
    if source is None or counts.server or (counts.known and not counts.client):
        return
    expected = f"{source.title}: expected the log of a UniMRCP server (got {counts.lines} lines, none of a server"
    what = CLIENT if counts.client else seems(source.head)
    if what in VAGUE and _pieces(source.head):
        what = CUT
    raise LogError(f"{expected}); it seems to be {what}")


def _pieces(head: bytes) -> bool:
    """Whether the first lines begin as the server's do, and go on otherwise."""
    lines = [line for line in head.splitlines()[:_LOOKED_AT] if line.strip()]
    return 2 * sum(alike(line, anywhere=True) is not None for line in lines) >= len(lines)


def _overlaps(source: Source, auditor: "Auditor") -> bool:
    """Whether the first entry of `source` is older than what was read before it."""
    last = _last(auditor)
    if last is None or source.first is None or source.layout is None:
        return False
    back = last - source.first
    return back > _STEP and (source.layout.date or back < DAY // 2)


def _last(auditor: "Auditor") -> int | None:
    """The last time that was read, as the log writes it; None before the first."""
    return auditor.clock.raw if auditor.clock is not None else None
