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
