"""Leaks keep their books: every resource is conserved at every instant, and every leaked session has a named cause."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sim
from sim.ledger.summary import LEAK_CAUSES

never = st.sampled_from([0.0, 0.05, 0.3, 1.0])
rarely = st.sampled_from([0.0, 0.0, 0.1, 0.5])
delay = st.sampled_from(["0s", "2ms", "300ms", {"dist": "exponential", "mean": "50ms"}])


@st.composite
def unanswered_requests(draw):
    """A small scenario in which some RECOGNIZE is never answered, with every other fault turned at random."""
    operation = {
        name: {"delay": draw(delay), "never": draw(rarely), "twice": draw(rarely), "gap": draw(delay),
               "late": draw(rarely), "late_by": "700ms"}
        for name in ("open", "close", "stop")
    }  # fmt: skip
    request = {"never": draw(never.filter(bool)), "delay": draw(delay), "late": draw(rarely), "late_by": "1s",
               "wrong_order": draw(rarely)}  # fmt: skip
    freezes = [], [{"task": "server", "at": "2s", "for": "500ms"}], [{"task": "media", "at": "2s"}]
    queue = {"slots": draw(st.integers(1, 100)), "when_full": draw(st.sampled_from(["grow", "drop"]))}
    return {
        "name": "unanswered",
        "duration": "4s",
        "drain": "45s",
        "arrivals": {"kind": draw(st.sampled_from(["poisson", "even"])), "rate": draw(st.integers(2, 12))},
        "calls": {
            "hold": draw(st.sampled_from(["300ms", {"dist": "exponential", "mean": "1s"}])),
            "requests": draw(st.integers(1, 3)),
            "recognition": draw(st.sampled_from([None, "200ms"])),
            "resources": draw(st.sampled_from([["speechrecog"], ["speechsynth", "speechrecog"]])),
            "reinvite_every": draw(st.sampled_from([None, "400ms"])),
            "identical_reinvite": draw(st.booleans()),
        },
        "client": {
            "patience": draw(st.sampled_from([None, "1s"])),
            "no_ack": draw(rarely),
            "vanish": {"probability": draw(rarely), "tcp": draw(st.sampled_from(["closed", "open", "never-opened"]))},
        },
        "server": {
            "sip": {"bye_response": "immediate"},
            "media": {"queue": queue},
            "freeze": draw(st.sampled_from(freezes)),
        },
        "plugins": {"speechrecog": {**operation, "request": request}},
    }


@given(mapping=unanswered_requests(), seed=st.integers(0, 1000))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_conservation_holds_and_no_cause_is_unknown(mapping, seed):
    result = sim.run(sim.load_scenario(mapping), seed=seed, ledger="full")
    counts = result.summary.sessions
    assert counts.created == counts.released + counts.live + counts.leaked
    for leak in result.leaks:
        if leak.cause:
            assert leak.cause in LEAK_CAUSES, leak
            assert "never came" in leak.explanation
        else:
            assert "still to come: " in leak.explanation
    moves = result.ledger.groupby("resource", observed=True)["delta"]
    for resource, delta in moves:
        level = np.cumsum(delta.to_numpy())
        use = result.summary.resources[resource]
        assert level.min() >= 0, resource
        assert level[-1] == use.held == use.acquired - use.released, resource


def test_recognize_never_answered_leaks_although_the_bye_was_answered_200():
    scenario = sim.load_scenario(
        {
            "name": "one",
            "arrivals": {"kind": "even", "rate": 1, "calls": 1},
            "calls": {"hold": "1s"},
            "server": {"sip": {"bye_response": "immediate"}},
            "plugins": {"speechrecog": {"request": {"never": 1}}},
        }
    )
    result = sim.run(scenario, seed=1)
    (session,) = result.sessions.to_dict("records")
    assert session["outcome"] == "leaked"
    assert session["bye_ok_s"] - session["bye_s"] < 0.005
    (leak,) = result.leaks
    assert leak.cause == "request-never-answered"
    assert leak.plugin == "speechrecog"
    assert leak.since_s < session["bye_s"]  # since the request, not since the BYE
    assert "behind it in its request_queue: TERMINATE (BYE at " in leak.explanation
    assert "BYE answered 200" in leak.explanation
    assert "[mrcp_engine_channel_message_send]" in leak.explanation
    assert "rtp_port" in leak.holds
