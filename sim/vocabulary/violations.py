"""What the modelled server may do that it must not."""

from typing import Final

USE_AFTER_FREE: Final = 0
DOUBLE_CLOSE: Final = 1
RELEASE_NOT_HELD: Final = 2
DOUBLE_ANSWER: Final = 3
LATE_ANSWER: Final = 4
RELEASED_UNCLOSED: Final = 5
VIOLATION_NAMES: Final = (
    "use-after-free", "double-close", "release-not-held", "double-answer", "late-answer", "released-unclosed",
)  # fmt: skip
