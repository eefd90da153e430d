"""How a field of a record, or a random stream, says beside itself which knob of a scenario it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple, get_type_hints


class Knob(NamedTuple):
    """The path of a knob, as `--set` takes it, and what number it becomes."""

    path: str
    given: bool = False  # 1 where it is set at all, whatever to
    numbers: Mapping[Any, int] | None = None  # for one that is a word
    times: float = 1


class StreamNumbers:
    """Numbers streams one by one, and notes of each which knob it is."""

    def __init__(self, first: int) -> None:
        self.next = first
        self.values: dict[int, tuple[str, str]] = {}
        """Streams whose values are a knob's: by number the knob's path, and the stream's name, part of what a seed
        means."""
        self.chances: dict[int, str] = {}
        """Streams that are uniform on [0, 1), by number the path of the knob that chance decides about."""

    def of(self, path: str, name: str = "") -> int:
        """The number of the stream with a knob's values; its name is the path, unless it had another before."""
        self.values[self.next] = (path, name or path)
        return self._taken()

    def chance_of(self, path: str) -> int:
        """The number of the stream by which chance decides about a knob."""
        self.chances[self.next] = path
        return self._taken()

    def _taken(self) -> int:
        self.next += 1
        return self.next - 1


@cache
def knobs(record: type) -> dict[str, Knob]:
    """The fields of a record that are knobs, in the order in which they are declared."""
    found = {}
    for name, hint in get_type_hints(record, include_extras=True).items():
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, Knob):
                found[name] = note
    return found
