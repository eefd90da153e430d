"""MRCP resources, their methods and demo engines, and what the server asks of an engine (a plugin)."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Resource = Literal["speechsynth", "speechrecog", "recorder", "speakverify"]
RESOURCES: Final[tuple[Resource, ...]] = get_args(Resource)
"""The standard MRCP resources."""

# what the server asks of an engine channel

OPEN: Final = 0
CLOSE: Final = 1
REQUEST: Final = 2
STOP: Final = 3
OPERATIONS: Final = ("open", "close", "request", "stop")


@dataclass(frozen=True, slots=True)
class Method:
    """How a resource's request, its completion and its state machine are called."""

    request: str
    complete: str
    busy: str
    done: str


METHODS: Final = {
    "speechsynth": Method("SPEAK", "SPEAK-COMPLETE", "SPEAKING", "IDLE"),
    "speechrecog": Method("RECOGNIZE", "RECOGNITION-COMPLETE", "RECOGNIZING", "RECOGNIZED"),
    "recorder": Method("RECORD", "RECORD-COMPLETE", "RECORDING", "IDLE"),
    "speakverify": Method("VERIFY", "VERIFICATION-COMPLETE", "VERIFYING", "VERIFIED"),
}

MAIN_METHODS: Final[dict[str, Resource]] = {METHODS[name].request: name for name in RESOURCES}
"""Methods whose request stays in progress, and the resource of each."""

AT_ONCE: Final[dict[str, tuple[Resource, ...]]] = {
    "SET-PARAMS": RESOURCES,
    "GET-PARAMS": RESOURCES,
    "DEFINE-GRAMMAR": ("speechrecog",),
    "START-INPUT-TIMERS": ("speechrecog", "recorder", "speakverify"),
    "GET-RESULT": ("speechrecog",),
    "DEFINE-LEXICON": ("speechsynth",),
    "PAUSE": ("speechsynth",),
    "RESUME": ("speechsynth",),
    "CONTROL": ("speechsynth",),
    "START-SESSION": ("speakverify",),
    "END-SESSION": ("speakverify",),
    "QUERY-VOICEPRINT": ("speakverify",),
}
"""Methods whose response is their end, and the resources that have them."""

# what an MRCP message is about: a resource's main method, one that ends it, or one of AT_ONCE
START: Final = 0
STOPS: Final = 1
BARGE_IN: Final = 2
FIRST_AT_ONCE: Final = 3
FAILED: Final = 31
"""Of a response: 407, the method failed."""
ASKED: Final = ("", "STOP", "BARGE-IN-OCCURRED", *AT_ONCE)
"""Method names by these numbers; the first is the resource's own."""

MAX_STEPS: Final = 32
"""Steps of all dialogues of a scenario together."""


def packed(channel: int, what: int) -> int:
    """The argument of an MRCP message: its channel and what it is about."""
    return channel + 32 * what


def channel_of(arg: int) -> int:
    """The channel of an MRCP message."""
    return arg % 16


def what_of(arg: int) -> int:
    """What an MRCP message is about."""
    return arg // 32


EVENT: Final = 16
"""Added to the argument of a message to the caller that is an event, not a response."""

DEMO_ENGINES: dict[str, tuple[str, str]] = {
    "speechsynth": ("Demo Synth Engine", "Demo-Synth-1"),
    "speechrecog": ("Demo Recog Engine", "Demo-Recog-1"),
    "recorder": ("Recorder Engine", "Recorder-1"),
    "speakverify": ("Demo Verifier Engine", "Demo-Verifier-1"),
}

USUAL_ENGINES: Final = {
    "Demo Synth Engine": "speechsynth", "Demo Recog Engine": "speechrecog", "Demo Verifier Engine": "speakverify",
    "Recorder Engine": "recorder",
}  # fmt: skip
