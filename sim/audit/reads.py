"""Which method reads which kind of line: said beside the method, and bound to its object when a log is read."""

import re
from collections.abc import Callable
from types import MethodType
from typing import Generic, TypeVar

from sim.vocabulary.lines import Kind

Said = re.Match[bytes]
"""A line of the log: its fields by name, as the templates call them; a field that its version has not is empty."""
Reader = Callable[[Said, int, int], None]
Owner = TypeVar("Owner")
Method = Callable[[Owner, Said, int, int], None]


class Reads(Generic[Owner]):
    """`@reads(Kind.ADD)` above a method that takes (said, time, thread); `bound(owner)` has them all by kind."""

    def __init__(self) -> None:
        self._methods: dict[Kind, Method[Owner]] = {}

    def __call__(self, *kinds: Kind) -> Callable[[Method[Owner]], Method[Owner]]:
        def register(method: Method[Owner]) -> Method[Owner]:
            for kind in kinds:
                self._methods[kind] = method
            return method

        return register

    def bound(self, owner: Owner) -> dict[Kind, Reader]:
        """The methods of `owner` by the kind of line that they read."""
        return {kind: MethodType(method, owner) for kind, method in self._methods.items()}


def words_of(said: Said, field: str) -> str:
    """The fixed words of a line before its first field `field`."""
    return said.string[said.start() : said.start(field)].rstrip(b" <[").decode("ascii", "replace")
