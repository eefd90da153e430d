"""What a page is made of: sections of text, tables, pictures and code, plain values until they are rendered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column; `text` stands left, numbers right."""

    name: str
    text: bool = False


@dataclass(frozen=True, slots=True)
class Datum:
    """A cell: what is shown, and what it is sorted by where that is a number."""

    shown: str
    value: float | None = None
    name: str = ""  # CSS classes: text, long, bad, …
    target: str = ""  # the id that it leads to
    part: float | None = None  # drawn as a bar, 0 to 1


@dataclass(frozen=True, slots=True)
class TableData:
    """A table with a caption that says what it holds."""

    caption: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Datum]]
    sorts: bool = True


@dataclass(frozen=True, slots=True)
class PagePart:
    """One part of a section; `kind` says which of the other fields it has."""

    kind: str  # text | heading | link | picture | chart | zoom | steps | code | command | sessions | table
    text: str = ""
    mood: str = ""
    id: str = ""
    target: str = ""
    svgs: tuple[str, ...] = ()  # markup of our own making: everything from outside in it is escaped
    caption: str = ""
    steps: Sequence[str] = ()
    title: str = ""
    table: TableData | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A section with its own anchor."""

    id: str
    title: str
    parts: Sequence[PagePart]


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the few numbers that stand at the top."""

    name: str
    value: str
    mood: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A whole page; `data` is what scripts draw from: levels and sessions."""

    title: str
    subtitle: str
    verdict: str
    mood: str  # good | warn | bad
    sections: Sequence[Section]
    figures: Sequence[Figure] = ()
    data: dict[str, object] = field(default_factory=dict)


def text(words: str, mood: str = "") -> PagePart:
    """A paragraph."""
    return PagePart("text", text=words, mood=mood)


def heading(words: str, id_: str = "") -> PagePart:
    """A heading within a section."""
    return PagePart("heading", text=words, id=id_)


def table(data: TableData) -> PagePart:
    """A table that can be sorted."""
    return PagePart("table", table=data)


def pictures(svgs: Sequence[str]) -> PagePart:
    """Small ones, as many beside each other as there is room."""
    return PagePart("pictures", svgs=tuple(svgs))


def picture(svg: str, caption: str = "") -> PagePart:
    """An SVG picture of our own making."""
    return PagePart("picture", svgs=(svg,), caption=caption)
