"""A channel limit is Erlang's loss system: what is blocked depends on the mean hold time and on nothing else.

10 channels, 8 erlang, 15 000 calls. Standard errors from 200 replications of the same loss system in plain Python:
4.0 % of the blocking probability for exponential, 2.8 % for constant hold times. Tolerances are three of them.
"""

from typing import Any

import pytest
from theory.bare import bare, instant_plugin
from theory.closed_forms import erlang_b

import sim

CHANNELS, CALLS = 10, 15_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hold", "tolerance"), [({"dist": "exponential", "mean": "160ms"}, 0.12), ("160ms", 0.084)], ids=["M", "D"]
)
def test_blocking_is_erlang_b(hold: Any, tolerance: float) -> None:
    scenario = bare(
        "loss",
        duration="1h",
        drain="5s",
        arrivals={"kind": "poisson", "rate": "50/s", "calls": CALLS},
        calls={"hold": hold},
        plugins={"speechrecog": instant_plugin(max_channel_count=CHANNELS)},
    )
    summary = sim.run(scenario, seed=1, ledger="summary").summary
    sessions, channels = summary.sessions, summary.resources["engine_channel:speechrecog"]
    assert sessions.blocking == pytest.approx(erlang_b(50.0 * 0.16, CHANNELS), rel=tolerance)
    assert channels.peak == channels.limit == CHANNELS
    # a blocked call is a session like any other: answered 406, released through the ordinary path
    assert channels.refused == sessions.rejected["406"] == CALLS - sessions.answered
    assert channels.acquired == sessions.answered
    assert sessions.created == sessions.released == CALLS
    # carried load = offered load · (1 - blocking), Little's law for the channels that were granted
    carried = sessions.answered / CALLS * 8.0
    assert channels.mean == pytest.approx(carried, rel=3.0 * (2.0 / CALLS) ** 0.5)
