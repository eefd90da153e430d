"""Texts of log lines made from their templates, and a log as another version of the server would have written it."""

import re
from collections.abc import Iterator

from sim.logs.reading.wording import ALL_LINES, recognise
from sim.vocabulary.lines import FIELDS, VERSIONS, Kind, Line

FIELD = re.compile(r"\{(\w+)\}")
EXAMPLES = {
    "pointer": "0x7f2000001000", "handle": "0x7f2000001000", "app": "ASR-1", "id": "00000000005e0000",
    "resource": "speechrecog", "message": "0x7f9b5c000b70;1;0", "plain": "1;0", "address": "10.0.0.1:5000",
    "connection": "10.0.0.1:1544 <-> 10.0.0.9:40000", "remote": "10.0.0.9:6000", "ip": "10.0.0.1",
    "method": "RECOGNIZE", "what": "Request", "words": "some words here",
}  # fmt: skip


def example(text: str, **fields: str) -> bytes:
    """A template with its fields filled in."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        return fields.get(name) or EXAMPLES.get(name) or ("7" if FIELDS.get(name) == FIELDS["count"] else "Name-1")

    return FIELD.sub(value, text).encode()


def written_by(version: str, kind: Kind) -> Line | None:
    """How `version` writes a kind of line."""
    at = VERSIONS.index(version)
    fits = (x for x in ALL_LINES if x.kind is kind and VERSIONS.index(x.since) <= at <= VERSIONS.index(x.until))
    return next(fits, None)


def as_of(version: str, text: bytes) -> Iterator[bytes]:
    """The lines of a log of 1.8 in the wording of `version`, without those that it does not write."""
    header = re.compile(rb"(\S+ \S+ \d+ \[\w+\] {1,4})(.*)")
    for line in text.splitlines():
        entry = header.fullmatch(line)
        known = recognise(entry[2]) if entry is not None else None
        if known is None or entry is None or known[0].kind is Kind.OTHER:
            yield line
            continue
        old, said = known
        fields = {name: value.decode() for name, value in said.groupdict().items()}
        kind = old.kind
        if kind in (Kind.SIGNAL, Kind.PROCESS) and version in ("0.10", "1.0"):
            kind = Kind.SIGNAL_PLAIN if kind is Kind.SIGNAL else Kind.PROCESS_PLAIN
            fields["plain"] = fields["message"].partition(";")[2]
        if VERSIONS.index(old.since) <= VERSIONS.index(version) <= VERSIONS.index(old.until):
            yield line
        elif (new := written_by(version, kind)) is not None:
            yield entry[1] + example(new.text, **fields)
