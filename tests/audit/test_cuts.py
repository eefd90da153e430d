"""Wherever a log stops, no session is called leaked that the rest of it releases."""

import random

import pytest
from audit.traces import text_of, truth_of

from sim.audit.auditor import Auditor
from sim.logs.reading.header import detect

CUTS = 5


@pytest.mark.parametrize("name", ["burst100", "close500", "dbl", "info20", "leak2", "noack", "recogdrop", "vanish"])
def test_no_session_is_leaked_that_is_released_later(name: str) -> None:
    text, never = text_of(name), set(truth_of(name)["not_destroyed"])
    rng = random.Random(name)
    for _ in range(CUTS):
        cut = text.rfind(b"\n", 0, rng.randrange(len(text) // 20, len(text))) + 1
        auditor = Auditor()
        auditor.begin(detect(text[:60_000].splitlines()))
        auditor.feed(text[:cut])
        names = {number: session.label for number, session in auditor.account.open.items()}
        summary = auditor.finish(name)
        assert {names[leak.session] for leak in summary.leaks if leak.cause} <= never
        assert sum(1 for leak in summary.leaks if not leak.cause) == summary.sessions.live
        assert summary.sessions.crashed_at_s is None
        assert summary.sessions.live + summary.sessions.leaked == summary.sessions.created - summary.sessions.released
