"""An XML file of bounded size and depth becomes a tree whose elements know their line, or one error with file:line.

Read with expat and handlers of our own: a DOCTYPE is refused, so there are no entities to expand and nothing outside
the file is ever opened.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from xml.parsers import expat

from sim.errors import ScenarioError
from sim.scenario.bounded import shown, size_of
from sim.scenario.problems import shorten

LARGEST_FILE = 2**20
DEEPEST = 32
MOST_ELEMENTS = 20_000


@dataclass(slots=True)
class Element:
    """One element: names in lower case (the server ignores case), its own text stripped, where it stands.

    `cdata` is what the server looks at: the first piece of text before the first child, as expat cuts it (at every line
    end and reference), with its blanks; None where the element begins with a child or is empty.
    """

    name: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    cdata: str | None = None
    children: list["Element"] = field(default_factory=list)

    def all(self, name: str) -> list["Element"]:
        """The children of this name, in their order."""
        return [child for child in self.children if child.name == name]

    def first(self, name: str) -> "Element | None":
        """The first child of this name."""
        return next(iter(self.all(name)), None)


class _Refused(Exception):
    """Raised inside an expat handler: what the file has that it must not have."""


class _Builder:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.root: Element | None = None
        self.open: list[Element] = []
        self.texts: list[list[str]] = []
        self.count = 0
        self.parser.buffer_text = False  # the server takes the first piece only
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.data
        self.parser.StartDoctypeDeclHandler = self.doctype
        self.parser.EntityDeclHandler = self.entity
        self.parser.ExternalEntityRefHandler = self.external

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > MOST_ELEMENTS:
            raise _Refused(f"at most {MOST_ELEMENTS} elements")
        if len(self.open) >= DEEPEST:
            raise _Refused(f"elements nested at most {DEEPEST} deep")
        lower = {key.lower(): value for key, value in attributes.items()}
        element = Element(name.lower(), lower, self.parser.CurrentLineNumber)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)
        self.texts.append([])

    def end(self, name: str) -> None:
        self.open.pop().text = "".join(self.texts.pop()).strip()

    def data(self, text: str) -> None:
        if self.texts:
            self.texts[-1].append(text)
            element = self.open[-1]
            if element.cdata is None and not element.children:
                element.cdata = text

    def doctype(self, *_: object) -> NoReturn:
        raise _Refused("no DOCTYPE (its entities could expand without bound or read other files)")

    def entity(self, *_: object) -> NoReturn:
        raise _Refused("no entity declarations")

    def external(self, *_: object) -> NoReturn:
        raise _Refused("no reference to another file")


def read_xml(path: str | os.PathLike[str], what: str = "configuration file") -> Element:
    """The root element of the file. ScenarioError with file:line when it is not XML, too large, or has a DOCTYPE."""
    name = shown(path)
    size_of(path, LARGEST_FILE, what)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ScenarioError(f"{name}: can not be read ({error.strerror or error})") from None
    return parse_xml(data, name)


def parse_xml(data: bytes, name: str) -> Element:
    """`read_xml` of bytes that came from `name`."""
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ScenarioError(f"{name}:1: must be an XML file (got binary data)")
    if not data.strip():
        raise ScenarioError(f"{name}:1: must be an XML file (got an empty file)")
    builder = _Builder()
    try:
        builder.parser.Parse(data, True)
    except _Refused as error:
        raise ScenarioError(f"{name}:{builder.parser.CurrentLineNumber}: must have {error}") from None
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        line = data.splitlines()[error.lineno - 1 : error.lineno]
        got = shorten(line[0].decode("utf-8", "replace").strip()) if line else "its end"
        raise ScenarioError(f"{name}:{error.lineno}: must be well-formed XML: {reason} (got {got})") from None
    except (ValueError, LookupError) as error:  # an encoding that expat does not know
        raise ScenarioError(f"{name}:1: must be in UTF-8 or another encoding that XML readers know ({error})") from None
    assert builder.root is not None
    return builder.root
