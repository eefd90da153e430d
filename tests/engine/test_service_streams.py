"""Which service time a message has, where its kind alone does not say."""

import pytest

from sim.server import streams as s
from sim.server.records import HAS_CONTROL, HAS_ENGINE, IN_PROGRESS, Session
from sim.server.shape import blank
from sim.vocabulary.messages import (
    M_CONTAINER,
    P_CLOSE,
    P_OPEN,
    S_CLOSED,
    S_MEDIA,
    S_OPENED,
    S_TERMINATE,
    STEP_ADD,
    STEP_SUBTRACT,
)
from sim.vocabulary.tasks import PLUGIN, SERVER


def session(*channels: int) -> Session:
    made: Session = blank(Session)
    made.channels = len(channels)
    for i, flags in enumerate(channels):
        made.channel[i] = flags
    return made


ADD, SUBTRACT = STEP_ADD * 256 + 5, STEP_SUBTRACT * 256 + 3
ENGINE = HAS_CONTROL | HAS_ENGINE


@pytest.mark.parametrize(
    ("channels", "kind", "arg", "expected"),
    [
        ((ENGINE,), S_MEDIA, ADD, s.SERVICE + S_MEDIA),
        ((HAS_CONTROL,), S_MEDIA, ADD, s.SERVICE + S_OPENED),  # 406: answered at once
        ((), S_MEDIA, ADD, s.SERVICE + S_OPENED),  # 404
        ((), S_MEDIA, SUBTRACT, s.SUBTRACTED),
        ((ENGINE,), M_CONTAINER, ADD, s.SERVICE + M_CONTAINER),
        ((ENGINE,), M_CONTAINER, SUBTRACT, s.SUBTRACT),
        ((ENGINE,), S_TERMINATE, 0, s.SERVICE + S_TERMINATE),
        ((ENGINE, ENGINE | IN_PROGRESS), S_TERMINATE, 0, s.STOPS_FIRST),
        ((ENGINE,), S_CLOSED, 0, s.SERVICE + S_CLOSED),
    ],
)
def test_the_stream_follows_what_there_is_to_do(channels: tuple[int, ...], kind: int, arg: int, expected: int) -> None:
    assert s.service_stream(session(*channels), SERVER, kind, arg) == expected


def test_a_plugins_operations_have_streams_of_their_own() -> None:
    second = s.service_stream(session(ENGINE), PLUGIN + 1, P_CLOSE, 0)
    assert second == s.OPERATION + (4 + P_CLOSE - P_OPEN) * 4 + s.BLOCK
