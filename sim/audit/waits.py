"""What a session waits for, and what its log tells about how long such waits take."""

import math
from array import array
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sim.audit.timers import SECOND, Timers
from sim.leaks.diagnosis import Outstanding, release_chain

SLACK: Final = 5 * SECOND
_ENOUGH: Final = 20  # answers seen before their delays are taken for what is normal
_UNSEEN: Final = 2 * SECOND  # how long to believe in an answer of a kind that this log shows too rarely


PATIENCE_KINDS: Final = ("open", "close", "stop", "request", "release", "answer", "offer")


@dataclass(slots=True)
class Patience:
    """How long answers of one kind took in this log, in microseconds."""

    samples: "array[int]" = field(default_factory=lambda: array("q"))
    _limits: tuple[int, tuple[int, int]] | None = None

    def limits(self) -> tuple[int, int]:
        """(strict, sure): later than `sure` no answer comes; later than `strict` hardly one, for use when
        answers of this kind are known to be missing."""
        if self._limits is None or self._limits[0] != len(self.samples):
            self._limits = (len(self.samples), self._judge(np.sort(np.array(self.samples, dtype=np.int64))))
        return self._limits[1]

    @property
    def longest(self) -> int:
        """The longest of them; 0 without any."""
        return max(self.samples, default=0)

    @staticmethod
    def _judge(values: NDArray[np.int64]) -> tuple[int, int]:
        longest = int(values[-1]) if values.size else 0
        if values.size < _ENOUGH:
            return (max(_UNSEEN, 3 * longest),) * 2
        rare = int(values.mean() * math.log(1000 * values.size))  # one in 1000 times as many, were they exponential
        return max(int(values[int(values.size * 0.99)]), 5_000), max(2 * longest, rare, 50_000)


@dataclass(slots=True)
class EndEvidence:
    """What the whole log tells about answers, tasks, timers and dropped messages."""

    end: int
    debug: bool
    timed: bool
    patience: Mapping[str, Patience]
    answers: Mapping[tuple[str, str], list[int]]
    blocked: Mapping[str, int]  # task → working on one message since
    lost_unknown: Iterable[tuple[int, str, str]] = ()
    queued: Mapping[int, tuple[str, int]] = field(default_factory=dict)  # session → blocked task that has its message
    roles: Mapping[str, str] = field(default_factory=dict)  # of the tasks by name
    timers: Timers = field(default_factory=Timers)
    silence: int = 0  # the longest of a call that went on, or ended, after it
    sharing: Collection[int] = ()  # sessions on a connection that others use too
    picked: Collection[str] | None = None  # where lines were picked: the kinds of waits whose end it shows of others
    lossy: bool = False  # whether lines are missing here and there


@dataclass(frozen=True, slots=True)
class Verdict:
    """`outcome` is live or leaked; `cause` one of the leak causes when leaked, and what it would be when live."""

    outcome: str
    cause: str
    waiting_for: str
    plugin: str
    since: int
    text: str
    chain: str = ""  # the server's functions that would release it


@dataclass(slots=True)
class Wait:
    """What a session waits for: since when, by whom, and how its delay is judged."""

    cause: str
    what: str
    since: int
    kind: str  # key of Evidence.patience; "" when nothing can be late
    engine: str = ""
    proof: bool = False  # it can not come any more, however short the wait
    hurry: bool = True  # whether a wait longer than almost all others is enough where such answers go missing
    text: str = ""
    late: str = ""  # what is said besides when it is too late for it to come
    chain: str = ""  # key of RELEASE_CHAINS
    step: str = ""  # the function of the chain that never came, where it is not the usual one

    def released_by(self, state: str) -> str:
        """The server's functions that would release the session, with the missing one in brackets."""
        if not self.chain:
            return ""
        chain, usual = release_chain(Outstanding(self.chain, None, None), state)
        missing = chain.index(self.step) if self.step in chain else usual
        steps = " → ".join(f"[{step}]" if place == missing else step for place, step in enumerate(chain))
        return f"it would be released by {steps}; step {missing + 1} of {len(chain)}, {chain[missing]}, never came"


def span(micros: int) -> str:
    """A duration for a sentence: 0.1 ms, 29.000 s, 2 h 55 min."""
    seconds = micros / SECOND
    if seconds < 1:
        return f"{micros / 1000:g} ms"
    if seconds < 600:
        return f"{seconds:.3f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
