"""Which service time a message has, where its kind alone does not say."""

import pytest

from sim.server import streams as s
from sim.server.records import HAS_CONTROL, HAS_ENGINE, IN_PROGRESS, Session, blank
from sim.vocabulary import names as n


def session(*channels: int) -> Session:
    made: Session = blank(Session)
    made.channels = len(channels)
    for i, flags in enumerate(channels):
        made.channel[i] = flags
    return made


ADD, SUBTRACT = n.STEP_ADD * 256 + 5, n.STEP_SUBTRACT * 256 + 3
ENGINE = HAS_CONTROL | HAS_ENGINE


@pytest.mark.parametrize(
    ("channels", "kind", "arg", "expected"),
    [
        ((ENGINE,), n.S_MEDIA, ADD, s.SERVICE + n.S_MEDIA),
        ((HAS_CONTROL,), n.S_MEDIA, ADD, s.SERVICE + n.S_OPENED),  # 406: answered at once
        ((), n.S_MEDIA, ADD, s.SERVICE + n.S_OPENED),  # 404
        ((), n.S_MEDIA, SUBTRACT, s.SUBTRACTED),
        ((ENGINE,), n.M_CONTAINER, ADD, s.SERVICE + n.M_CONTAINER),
        ((ENGINE,), n.M_CONTAINER, SUBTRACT, s.SUBTRACT),
        ((ENGINE,), n.S_TERMINATE, 0, s.SERVICE + n.S_TERMINATE),
        ((ENGINE, ENGINE | IN_PROGRESS), n.S_TERMINATE, 0, s.STOPS_FIRST),
        ((ENGINE,), n.S_CLOSED, 0, s.SERVICE + n.S_CLOSED),
    ],
)
def test_the_stream_follows_what_there_is_to_do(channels: tuple[int, ...], kind: int, arg: int, expected: int) -> None:
    assert s.service_stream(session(*channels), n.SERVER, kind, arg) == expected


def test_a_plugins_operations_have_streams_of_their_own() -> None:
    second = s.service_stream(session(ENGINE), n.PLUGIN + 1, n.P_CLOSE, 0)
    assert second == s.OPERATION + (4 + n.P_CLOSE - n.P_OPEN) * 4 + s.BLOCK
