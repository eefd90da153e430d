"""What the modelled server may do that it must not, and what each does to the session that it befalls.

One kind may have several rows, for the same mistake does not do the same at every moment: a close that is answered
twice takes the counter down too early while the session counts, and names a pool that is gone when it comes later.
"""

from typing import Final

USE_AFTER_FREE: Final = 0
DOUBLE_CLOSE: Final = 1
RELEASE_NOT_HELD: Final = 2
DOUBLE_ANSWER: Final = 3
LATE_ANSWER: Final = 4
RELEASED_UNCLOSED: Final = 5
DOUBLE_CLOSE_GONE: Final = 6
DOUBLE_CLOSE_UNCOUNTED: Final = 7
DOUBLE_ANSWER_UNCOUNTED: Final = 8
DOUBLE_RESPONSE: Final = 9

_CLOSE: Final = "a close is answered a second time"
_ANSWER: Final = "an answer comes a second time"
_EARLY: Final = "and the subrequest counter falls early"
_UNCOUNTED: Final = "while the session waits for nothing, so that its counter stays"

VIOLATIONS: Final = (
    ("use-after-free", "a destroyed pool is used"),
    ("double-close", f"{_CLOSE}, {_EARLY}"),
    ("release-not-held", "what is not held is released"),
    ("double-answer", f"{_ANSWER}, {_EARLY}"),
    ("late-answer", "a plugin answers for a session that is gone"),
    (
        "released-unclosed",
        "the session is destroyed although this plugin never answered its close: another answer that came twice hid it",
    ),
    ("double-close", f"{_CLOSE}, when its session is already gone"),
    ("double-close", f"{_CLOSE}, {_UNCOUNTED}"),
    ("double-answer", f"{_ANSWER}, {_UNCOUNTED}"),
    ("double-answer", "a request is answered a second time, and the next one in the queue starts early"),
)
"""By number: the kind's name, and what happened, in the words of `sim.leaks.races`."""
