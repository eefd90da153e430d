"""A media engine whose ticks take longer than a tick does not sleep between them, so it keeps its processor."""

import pytest

import sim
from sim.engine.reference import stretches
from sim.vocabulary.tasks import MEDIA

LATE = {
    "duration": "3s", "drain": "2s", "arrivals": {"rate": "20/s", "kind": "even"}, "calls": {"hold": "1s"},
    "server": {"processors": {"count": 1}, "media": {"cost_per_context": "1ms"}},
}  # fmt: skip


@pytest.mark.parametrize(("cost", "most"), [("10us", 1.1), ("1ms", 0.6)])
def test_it_gives_its_processor_back_only_when_it_sleeps(
    cost: str, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests = []
    leave = stretches.leave

    def noted(w: object, runner: int, now: float) -> None:
        if runner == MEDIA and 1.5 < now < 3.0:  # some 20 contexts
            rests.append(now)
        leave(w, runner, now)

    monkeypatch.setattr(stretches, "leave", noted)
    sim.run(sim.load_scenario(LATE, {"server.media.cost_per_context": cost}), engine="simpy", ledger="summary")
    assert len(rests) <= most * 150
    assert (len(rests) < 10) == (cost == "1ms")
