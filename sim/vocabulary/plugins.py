"""MRCP resources, a row for each: its methods and states, and the demo engine (a plugin) that serves it.

And what the server asks of an engine channel, whatever its resource.
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Resource = Literal["speechsynth", "speechrecog", "recorder", "speakverify"]
RESOURCES: Final[tuple[Resource, ...]] = get_args(Resource)
"""The MRCP resources, by the names that SDP and configurations have for them."""

MAX_CHANNELS: Final = len(RESOURCES)
"""Control channels of one session: at most one of each resource."""

MAX_PLUGINS: Final = 8


@dataclass(frozen=True, slots=True)
class MrcpResource:
    """What is special about one MRCP resource."""

    what: str
    plugin: str  # the same of a plugin
    task: str  # name of the demo engine's task
    id: str  # the demo engine's in the server's configuration
    request: str  # what callers ask for
    complete: str  # the event that ends it
    busy: str  # states of the channel's state machine
    done: str
    at_once: tuple[str, ...] = ()  # methods whose response is their end, beside those of every resource


MRCP_RESOURCES: Final[dict[str, MrcpResource]] = {
    "speechsynth": MrcpResource(
        "Speech synthesiser", "Synthesiser", "Demo Synth Engine", "Demo-Synth-1",
        "SPEAK", "SPEAK-COMPLETE", "SPEAKING", "IDLE", ("DEFINE-LEXICON", "PAUSE", "RESUME", "CONTROL"),
    ),
    "speechrecog": MrcpResource(
        "Speech recogniser", "Recogniser", "Demo Recog Engine", "Demo-Recog-1",
        "RECOGNIZE", "RECOGNITION-COMPLETE", "RECOGNIZING", "RECOGNIZED",
        ("DEFINE-GRAMMAR", "START-INPUT-TIMERS", "GET-RESULT"),
    ),
    "recorder": MrcpResource(
        "Recorder", "Recorder", "Recorder Engine", "Recorder-1",
        "RECORD", "RECORD-COMPLETE", "RECORDING", "IDLE", ("START-INPUT-TIMERS",),
    ),
    "speakverify": MrcpResource(
        "Speaker verifier", "Verifier", "Demo Verifier Engine", "Demo-Verifier-1",
        "VERIFY", "VERIFICATION-COMPLETE", "VERIFYING", "VERIFIED",
        ("START-INPUT-TIMERS", "START-SESSION", "END-SESSION", "QUERY-VOICEPRINT"),
    ),
}  # fmt: skip

MAIN_METHODS: Final[dict[str, Resource]] = {MRCP_RESOURCES[name].request: name for name in RESOURCES}
"""Methods whose request stays in progress, and the resource of each."""

AT_ONCE: Final[dict[str, tuple[Resource, ...]]] = {"SET-PARAMS": RESOURCES, "GET-PARAMS": RESOURCES} | {
    method: tuple(name for name in RESOURCES if method in MRCP_RESOURCES[name].at_once)
    for row in MRCP_RESOURCES.values()
    for method in row.at_once
}
"""Methods whose response is their end, and the resources that have them."""

USUAL_ENGINES: Final = {row.task: resource for resource, row in MRCP_RESOURCES.items()}
"""Which resource the engine of a task serves, where it has a demo engine's name."""

# what the server asks of an engine channel
OPEN: Final = 0
CLOSE: Final = 1
REQUEST: Final = 2
STOP: Final = 3
OPERATIONS: Final = ("open", "close", "request", "stop")

# what an MRCP message is about: a resource's main method, one that ends it, or one that is done at once
START: Final = 0
STOPS: Final = 1
BARGE_IN: Final = 2
FAILED: Final = 31
"""Of a response: 407, the method failed."""

ASKED: Final = ("", "STOP", "BARGE-IN-OCCURRED", *AT_ONCE)
"""Method names by these numbers; the first is the resource's own."""

MAX_CLASSES: Final = 8
"""Mixes of resources whose calls may have a hold of their own: the first ones."""

MAX_STEPS: Final = 32
"""Steps of all dialogues of a scenario together."""
