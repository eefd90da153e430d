"""Which line of the server a text is. NumPy finds the fixed text that it begins with; then the whole text must match.

A *place* is the number of a fixed beginning; the forms of a place are the lines that may begin so, likeliest first.
"""

import re
from collections.abc import Callable, Container, Iterable
from functools import cache
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.vocabulary.client_lines import CLIENT_ONLY
from sim.vocabulary.lines import BODY_BEGINNINGS, FIELDS, FREE, LINES, WITH_BODY, Kind, Line
from sim.vocabulary.other_lines import SERVER_ONLY, SHARED, START_FAILURES

Said = re.Match[bytes]
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Places = NDArray[np.int16]

_FIELD: Final = re.compile(r"\{(\w+)\}")


def other_lines() -> Iterable[Line]:
    """The lines that no account needs, and those of the client library."""
    for table, kind, shared in (
        (CLIENT_ONLY, Kind.CLIENT, False),  # some are like a server's with more behind it
        (SERVER_ONLY, Kind.OTHER, False),
        (SHARED, Kind.OTHER, True),
    ):
        for level, since, until, texts in table:
            for text in texts:
                failed = text in START_FAILURES and kind is not Kind.CLIENT
                yield Line(Kind.START_FAILED if failed else kind, level, text, "any", since, until, shared)


ALL_LINES: Final = (*LINES, *other_lines())
_FIELDS_OF: Final = {
    kind: sorted({name for line in LINES if line.kind is kind for name in _FIELD.findall(line.text)}) for kind in Kind
}

# The usual fields of the usual lines, up to the character after them: faster than their full forms. That character can
# not stand in the field, so that there is nothing to go back to: "++" does not try.
_QUICK: Final = {
    ("pointer", " "): "0x[^ ]++", ("id", "@"): "[^@]++", ("id", ">"): FIELDS["id"] + "+",
    ("resource", ">"): "[^>]++", ("task", "]"): FREE + "+",
}  # fmt: skip


def pattern(line: Line) -> str:
    """A regular expression for the whole line; its groups are all fields that any version of its kind has."""
    parts, seen = [], set[str]()
    pieces = _FIELD.split(line.text)
    for at, piece in enumerate(pieces):
        if at % 2 == 0:
            parts.append(re.escape(piece))
        else:
            form = _QUICK.get((piece, pieces[at + 1][:1])) or FIELDS.get(piece, FREE)
            parts.append(f"(?:{form})" if piece in seen else f"(?P<{piece}>{form})")
            seen.add(piece)
    return "".join(parts) + "".join(f"(?P<{name}>)" for name in _FIELDS_OF[line.kind] if name not in seen)


def beginning(line: Line) -> bytes:
    """The fixed text before the first field; addresses have a fixed beginning too."""
    text, field, rest = line.text.partition("{")
    return (text + ("0x" if field and rest.startswith(("pointer}", "message}")) else "")).encode()


@cache
def matcher(line: Line) -> Callable[[bytes, int, int], Said | None]:
    """Matches the whole of a line's text, which begins and ends where it is told."""
    if line.kind is Kind.BODY:
        return re.compile(rb"(?P<verb>TEARDOWN|Session:) (?P<rest>.*)").fullmatch
    return re.compile(pattern(line).encode(), re.DOTALL).fullmatch


def side(line: Line) -> str:
    """Whose line it is: "server", "client", or "" when both write it."""
    return "client" if line.kind in (Kind.CLIENT, Kind.CLIENT_HANDLE) else "" if line.shared else "server"


def _word(text: bytes) -> int:
    return int.from_bytes(text[:8].ljust(8, b"\0"), "little")


def _mask(length: int) -> int:
    return (1 << 8 * max(0, min(8, length))) - 1


Members = list[tuple[list[tuple[int, np.uint64, np.uint64]], int]]  # (what must stand where, place)
_MANY: Final = 4
_DISTINCT: Final = 12
_REMEMBERED: Final = 10_000


class Beginnings:
    """Finds which of some beginnings each text has, the longest one; place 0: none, 1: the first of them, …"""

    def __init__(self, texts: Iterable[bytes], read: Container[int] = ()) -> None:
        """Of places in `read` the whole text is looked at by whoever reads them: for these, where no other text has the
        same first eight bytes, those are enough unless all are asked to be sure."""
        groups: dict[int, list[tuple[bytes, int]]] = {}
        for place, text in enumerate(texts, 1):
            groups.setdefault(_word(text), []).append((text, place))
        # a beginning of fewer than eight bytes has those of a longer text after it: each length has a mask of its own
        self._short = sorted(
            ((text, place) for group in groups.values() for text, place in group if len(text) < 8),
            key=lambda entry: len(entry[0]),
        )
        groups = {
            word: sorted((e for e in group if len(e[0]) >= 8), key=lambda e: len(e[0]))
            for word, group in groups.items()
        }
        groups = {word: group for word, group in groups.items() if group}
        self.words = np.array(sorted(groups), dtype=np.uint64)
        self._groups = [[(self._rest(text), place) for text, place in groups[word]] for word in self.words.tolist()]
        self._by_second: dict[tuple[int, int], Members] = {}
        alone = [group[0][1] if len(group) == 1 and group[0][1] in read else 0 for group in self._groups]
        self._alone = np.array(alone, dtype=np.int16)

    @staticmethod
    def _rest(text: bytes) -> list[tuple[int, np.uint64, np.uint64]]:
        """(offset, word, mask) of every eight bytes after the first."""
        return [(at, np.uint64(_word(text[at:])), np.uint64(_mask(len(text) - at))) for at in range(8, len(text), 8)]

    def places_at(self, words: Words, at: Ints, *, sure: bool = True) -> tuple[Places, NDArray[np.bool_]]:
        """The place of the text that begins at each of `at`; and whether its first eight bytes are those of one."""
        first = words[at]
        found = np.minimum(np.searchsorted(self.words, first), len(self.words) - 1)
        known = self.words[found] == first
        result = np.zeros(at.size, dtype=np.int16)
        todo = known
        if not sure:
            result = np.where(known, self._alone[found], np.int16(0))
            todo = known & (result == 0)
        for text, place in self._short:
            result[(first & np.uint64(_mask(len(text)))) == np.uint64(_word(text))] = place
        rows = np.flatnonzero(todo)
        group = found[rows].astype(np.int16)
        order = np.argsort(group, kind="stable")
        rows, group = rows[order], group[order]
        cuts = np.flatnonzero(np.diff(group, prepend=-1, append=-2)).tolist() if rows.size else []
        for start, stop in pairwise(cuts):
            self._tell(words, at, rows[start:stop], int(group[start]), result)
        return result, known

    def _tell(self, words: Words, at: Ints, rows: Ints, group: int, result: Places) -> None:
        """Fill `result` for rows that share their first eight bytes: by the eight after, where many texts do."""
        members = self._groups[group]
        if len(members) > _MANY:
            second = words[at[rows] + 8]
            for _ in range(_DISTINCT):
                if rows.size <= _MANY:
                    break
                word = second[0]
                same = second == word
                self._compare(words, at, rows[same], self._fitting(group, int(word)), result)
                rows, second = rows[~same], second[~same]
        self._compare(words, at, rows, members, result)

    def _fitting(self, group: int, second: int) -> Members:
        """The members of a group that may have `second` as their second eight bytes."""
        known = self._by_second.get((group, second))
        if known is None:
            known = [
                (rest[1:], place)
                for rest, place in self._groups[group]
                if not rest or second & int(rest[0][2]) == int(rest[0][1])
            ]
            if len(self._by_second) < _REMEMBERED:
                self._by_second[group, second] = known
        return known

    @staticmethod
    def _compare(words: Words, at: Ints, rows: Ints, members: Members, result: Places) -> None:
        if rows.size == 0:
            return
        starts = at[rows]
        later: dict[int, Words] = {}
        for rest, place in members:  # a longer one overwrites a shorter one
            same: NDArray[np.bool_] | None = None
            for offset, word, mask in rest:
                if offset not in later:
                    later[offset] = words[starts + offset]
                fits = (later[offset] & mask) == word
                same = fits if same is None else same & fits
            result[rows if same is None else rows[same]] = place


_TEXTS: Final = tuple(dict.fromkeys(beginning(line) for line in ALL_LINES))
BODY: Final = len(_TEXTS) + 1
UNREAD: Final = BODY + 1  # looks like a line that matters, and can not be read
SIGNAL, PROCESS = UNREAD + 1, UNREAD + 2  # whose whole text was checked already
PLACES: Final = UNREAD + 3

_READ: Final = frozenset(
    1 + _TEXTS.index(beginning(line)) for line in LINES if line.kind is not Kind.OTHER and line.kind not in WITH_BODY
)
ENTRIES: Final = Beginnings(_TEXTS, _READ)
BODIES: Final = Beginnings(BODY_BEGINNINGS)
_BODY_LINE: Final = Line(Kind.BODY, "", "")


def _forms() -> list[tuple[Line, ...]]:
    """By place: the lines that begin just so, then those with a shorter beginning."""
    by_text: dict[bytes, list[Line]] = {}
    for line in ALL_LINES:
        by_text.setdefault(beginning(line), []).append(line)
    result: list[tuple[Line, ...]] = [()]
    for text in _TEXTS:
        shorter = [text[:length] for length in range(len(text), 0, -1)]
        result.append(tuple(line for other in shorter for line in by_text.get(other, ())))
    return [*result, (_BODY_LINE,), (), *(result[place_of(kind)] for kind in (Kind.SIGNAL, Kind.PROCESS))]


def place_of(kind: Kind) -> int:
    """The place of a kind whose lines all begin alike, or of the first of them."""
    return 1 + _TEXTS.index(next(beginning(line) for line in LINES if line.kind is kind))


def places_of(*kinds: Kind) -> frozenset[int]:
    """All places at which a line of these kinds may stand."""
    return frozenset(1 + _TEXTS.index(beginning(line)) for line in LINES if line.kind in kinds)


def after(kind: Kind) -> int:
    """How many bytes of a line of this kind stand before its first field."""
    return len(next(line.text for line in LINES if line.kind is kind).partition("{")[0])


FORMS: Final = _forms()
OWN_KINDS: Final = [
    frozenset(line.kind for line in lines if place > len(_TEXTS) or beginning(line) == _TEXTS[place - 1])
    for place, lines in enumerate(FORMS)
]
CARRIES: Final = np.array([not kinds.isdisjoint(WITH_BODY) for kinds in OWN_KINDS])
KINDS: Final = [lines[0].kind if lines else Kind.OTHER for lines in FORMS]
WRITERS: Final = [lines[0].by if lines else "server" for lines in FORMS]


_BY_START: Final[dict[bytes, list[tuple[bytes, int]]]] = {}
for _place, _text in sorted(enumerate(_TEXTS, 1), key=lambda entry: -len(entry[1])):
    _BY_START.setdefault(_text[:4], []).append((_text, _place))


def recognise(text: bytes) -> tuple[Line, Said] | None:
    """The line that `text` is, whole; None when it is none that is known."""
    place = next((place for start, place in _BY_START.get(text[:4], ()) if text.startswith(start)), 0)
    for line in FORMS[place]:
        said = matcher(line)(text, 0, len(text))
        if said is not None:
            return line, said
    return None


def _phrases() -> dict[bytes, Kind]:
    """What lines of two words and more begin with in any case, however their fields are damaged."""
    found: dict[bytes, Kind] = {}
    for line in LINES:
        phrase = re.sub(r"[^\w]+$", "", line.text.partition("{")[0])
        if " " in phrase and line.kind is not Kind.OTHER:
            found.setdefault(phrase.encode(), line.kind)
    return found


_PHRASES: Final = _phrases()
_ALIKE: Final = re.compile(
    b"(?P<phrase>" + b"|".join(re.escape(p) for p in sorted(_PHRASES, key=len, reverse=True)) + rb")(?![\w])"
    rb"|Process [A-Z-]+ (?:Request|Response|Event)\b"
)


def alike(text: bytes, *, anywhere: bool = False) -> Kind | None:
    """The kind of line that a text looks like by its first words (or by words `anywhere` in it) though it is none."""
    found = _ALIKE.search(text) if anywhere else _ALIKE.match(text)
    if found is None:
        return None
    return _PHRASES[found["phrase"]] if found["phrase"] is not None else Kind.MRCP
