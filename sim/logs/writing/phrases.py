"""Each line of the log as UniMRCP 1.8 writes it, from its template."""

import re
from typing import Final

from sim.vocabulary.lines import LINES, VERSIONS, Kind, Line

_FIELD: Final = re.compile(r"\{(\w+)\}")
# The first line of each kind with these fields.
_LINES: Final[dict[tuple[Kind, frozenset[str]], Line]] = {}
for _line in LINES:
    if _line.until == VERSIONS[-1]:
        _LINES.setdefault((_line.kind, frozenset(_FIELD.findall(_line.text))), _line)


def line_of(kind: Kind, fields: dict[str, object]) -> tuple[str, str]:
    """(level, text) of a line of `kind` with these fields, all of them. KeyError: no template has just these."""
    line = _LINES[kind, frozenset(fields)]
    return line.level, line.text.format(**fields)
