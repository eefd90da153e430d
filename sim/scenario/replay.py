"""Recorded calls, as a client or a log saw them, become arrivals with their own hold times.

The file is a CSV with a header. Understood columns: `invite` or `arrived_s` (when the call arrived, seconds from any
start, Unix time included), `hold` or `hold_s` (from the answer to the BYE; empty: the caller never hung up), and, where
they are there, `recog` (time of a RECOGNIZE; empty: none), `requests` (their number), `cancelled` (time of the CANCEL),
`outcome` (`vanished`: the caller disappeared without BYE; `refused`, `busy`, `406` and the like: the server would not
have it, and had it been answered it would have lasted as long as one of those that were), `answer` (empty: refused,
too), `hangup_s` (the instant of the BYE on the axis of the arrivals; it goes before the hold), `on_hold_s` (from the
answer to the re-INVITE that put the call on hold; empty: none did), `resources` (what it asked for, with `+` between
several; empty: one of the scenario's mixes is drawn). Other columns are not read. Rows may come in any
order.
"""

import itertools
import math
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from sim.scenario.csvfiles import Table, cached_by_content, open_table
from sim.scenario.problems import InvalidScenario, shorten
from sim.scenario.units import read_quantity
from sim.vocabulary.plugins import RESOURCES

_NOT_SERVED: Final = re.compile(
    r"(sip\W*)?[456]\d\d\b|refus|reject|fail|busy|error|declin|unavail|unanswered|no.?answer|time.?out"
)


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One recorded call; times in seconds."""

    arrived_s: float
    """From the start of the run."""
    hold_s: float | None
    """From the answer to the BYE; None: the caller never hung up."""
    requests: int | None
    """MRCP requests; None where the file does not say."""
    cancel_after_s: float | None
    """From the arrival to the caller's CANCEL; None: no CANCEL."""
    vanished: bool
    """The caller disappeared without BYE, at the end of its hold."""
    on_hold_after_s: float | None = None
    """From the answer to the re-INVITE that put the call on hold; infinite: none did; None: the file does not say."""
    refused: bool = False
    """The server refused it, so that nobody knows how long it would have lasted."""
    resources: tuple[str, ...] | None = None
    """What the call asked for, which tells its mix of `calls.resources`; None where the file does not say."""
    hangup_after_s: float | None = None
    """From the arrival to the BYE, where the file has its instant; it then goes before `hold_s`."""

    @property
    def cancelled(self) -> bool:
        """The caller gave up before the answer."""
        return self.cancel_after_s is not None


_NUMBERS = itertools.count(1)
_GIVEN: dict[str, tuple[RecordedCall, ...]] = {}
"""Calls that are in memory, by the name that stands for their file."""


@contextmanager
def calls_given(calls: Sequence[RecordedCall]) -> Iterator[str]:
    """A name for `arrivals.file` under which this process finds these calls, by arrival from 0 s on, as if a file had
    them; until the block ends."""
    name = os.path.abspath(f"calls-in-memory-{next(_NUMBERS)}.csv")
    _GIVEN[name] = tuple(calls)
    try:
        yield name
    finally:
        del _GIVEN[name]


def read_calls(path: str, offset: float = 0.0) -> tuple[RecordedCall, ...]:
    """The recorded calls of a CSV file, by arrival, the first at `offset`; ScenarioError with file and line."""
    calls = _GIVEN[path] if path in _GIVEN else _read(path)
    if offset == 0:
        return calls
    return tuple(replace(call, arrived_s=call.arrived_s + offset) for call in calls)


@cached_by_content
def _read(path: str) -> tuple[RecordedCall, ...]:
    table = open_table(path)
    arrival = hold = ""
    found: list[RecordedCall] = []
    for line, row in table.rows():
        if not arrival:
            arrival, hold = table.need("invite", "arrived_s"), table.need("hold", "hold_s")
        found.append(_call(table, line, row, arrival, hold))
    table.finish()
    if not found:
        raise InvalidScenario([f"{table.name}: must have at least one call below its header"])
    start = min(call.arrived_s for call in found)
    found.sort(key=lambda call: call.arrived_s)
    return tuple(replace(call, arrived_s=call.arrived_s - start) for call in found)


def _call(table: Table, line: int, row: dict[str, str], arrival: str, hold: str) -> RecordedCall:
    arrived = table.number(line, row, arrival, most=1e12)
    held = table.number(line, row, hold) if row[hold] else None
    cancel = None
    if row.get("cancelled"):
        cancel = table.number(line, row, "cancelled", most=1e12) - arrived
        if cancel < 0:
            table.fail(line, f"cancelled must not be before {arrival} (got {row['cancelled']!r})")
    vanished = row.get("outcome") == "vanished"
    hangup = None
    if row.get("hangup_s"):
        hangup = table.number(line, row, "hangup_s", most=1e12) - arrived
        if hangup <= 0:
            table.fail(line, f"hangup_s must be after {arrival} (got {row['hangup_s']!r})")
    refused = held is None and hangup is None and cancel is None and _was_refused(row)
    on_hold = None
    if "on_hold_s" in row:
        on_hold = table.number(line, row, "on_hold_s") if row["on_hold_s"] else math.inf
    requests, resources = _requests(table, line, row), _resources(table, line, row)
    return RecordedCall(arrived, held, requests, cancel, vanished, on_hold, refused, resources, hangup)


def _resources(table: Table, line: int, row: dict[str, str]) -> tuple[str, ...] | None:
    if not row.get("resources"):
        return None
    names = tuple(name.strip() for name in row["resources"].split("+"))
    strange = next((name for name in names if name not in RESOURCES), None)
    if strange is not None:
        table.fail(line, f"resources must be {', '.join(RESOURCES)}, with + between several (got {shorten(strange)})")
    return names


def _was_refused(row: dict[str, str]) -> bool:
    """Whether the server refused a call: its outcome says so, or the file has answers and this call has none."""
    outcome = row.get("outcome", "").lower()
    if outcome == "vanished":
        return False
    return _NOT_SERVED.match(outcome) is not None or ("answer" in row and not row["answer"])


def _requests(table: Table, line: int, row: dict[str, str]) -> int | None:
    text = row.get("requests")
    if text:
        number = read_quantity("count", text)
        if number is None or not 0 <= number <= 10_000 or number != int(number):
            table.fail(line, f"requests must be a whole number from 0 to 10000 (got {shorten(text)})")
            return None
        return int(number)
    if "recog" in row:
        return 1 if row["recog"] else 0
    return None
