"""Hypothesis strategies for whole scenarios: every knob is turned, and each scenario stays small enough to run fast.

`scenarios()` gives at most 15 calls within a few seconds of simulated time. Costs are often constant and wake-ups often
0, so that many things happen at the same instant: that is where two engines would disagree first.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sim.scenario import RESOURCES, Fault, Scenario

MOST_CALLS = 15
TASKS = ("nua", "sip-agent", "server", "connection-agent", "media")
COSTS = {
    "nua": ("invite", "ack", "bye", "cancel", "respond", "other"),
    "sip_agent": ("i_invite", "i_state", "i_terminated", "i_other"),
    "server": (
        "offer",
        "control",
        "terminate",
        "deactivate",
        "channel_added",
        "channel_removed",
        "mpf_response",
        "mpf_subtracted",
        "stopped",
        "opened",
        "closed",
        "response",
        "event",
        "disconnect",
        "other",
    ),
    "connection_agent": ("add", "remove", "modify", "send", "accept", "receive", "disconnect"),
    "media": ("add", "subtract"),
}
Mapping = dict[str, Any]


def times(most: float, least: float = 0.0) -> st.SearchStrategy[float]:
    """Seconds: mostly values of a coarse grid, which make equal timestamps likely, sometimes any value."""
    grid = [t for t in (0.0, 0.00005, 0.001, 0.005, 0.01, 0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0) if least <= t <= most]
    anything = st.floats(least, most, allow_nan=False, allow_subnormal=False)
    return st.one_of(st.sampled_from(grid), anything) if grid else anything


def saved() -> st.SearchStrategy[Any]:
    """What is saved of some costs in quick succession."""
    pair = st.sampled_from([[0.0, 0.0], [0.3, 0.0], [0.0, 0.6], [0.25, 0.5]])
    some = {
        "nua": ("invite", "respond"), "sip_agent": ("i_state", "i_other"), "server": ("offer", "opened", "deactivate"),
        "connection_agent": ("add",), "media": ("add", "subtract"),
    }  # fmt: skip
    return st.fixed_dictionaries(
        {},
        optional={task: st.fixed_dictionaries({}, optional=dict.fromkeys(keys, pair)) for task, keys in some.items()},
    )


def families(most: float) -> st.SearchStrategy[Any]:
    """Every distribution family, with values of the order of `most` seconds at the highest."""
    above = times(most, most / 1000)
    weights = st.sampled_from([0.1, 1.0, 3.0])
    single = st.one_of(
        times(most),
        st.fixed_dictionaries({"dist": st.just("constant"), "value": times(most)}, optional={"shift": times(most)}),
        above.map(lambda high: {"dist": "uniform", "low": high / 4, "high": high}),
        st.fixed_dictionaries({"dist": st.just("exponential"), "mean": above}, optional={"shift": times(most)}),
        st.fixed_dictionaries({"dist": st.just("erlang"), "k": st.integers(1, 5), "mean": above}),
        st.fixed_dictionaries({"dist": st.just("gamma"), "shape": st.floats(0.3, 5.0), "mean": above}),
        st.tuples(above, st.floats(1.0, 3.0)).map(
            lambda pair: {"dist": "lognormal", "median": pair[0], "mean": pair[0] * pair[1]}
        ),
        st.fixed_dictionaries({"dist": st.just("lognormal"), "median": above, "sigma": st.floats(0.0, 1.5)}),
        st.fixed_dictionaries({"dist": st.just("lognormal"), "mean": above, "cv": st.floats(0.0, 2.0)}),
        st.fixed_dictionaries({"dist": st.just("weibull"), "shape": st.floats(0.5, 4.0), "mean": above}),
        st.fixed_dictionaries({"dist": st.just("weibull"), "shape": st.floats(0.5, 4.0), "scale": above}),
        st.lists(st.tuples(above, weights), min_size=1, max_size=3).map(
            lambda pairs: {
                "dist": "hyperexponential",
                "means": [mean for mean, _ in pairs],
                "weights": [weight for _, weight in pairs],
            }
        ),
        st.lists(times(most), min_size=1, max_size=4).map(lambda values: {"dist": "empirical", "values": values}),
    )
    parts = st.lists(st.tuples(weights, single.filter(lambda part: isinstance(part, dict))), min_size=1, max_size=3)
    mixture = parts.map(
        lambda pairs: {"dist": "mixture", "parts": [{"weight": weight, **part} for weight, part in pairs]}
    )
    return st.one_of(single, mixture)


def faults(usual: bool = True) -> st.SearchStrategy[Any]:
    """Never, always, sometimes, within a window, or for certain calls."""
    window = st.fixed_dictionaries(
        {},
        optional={
            "probability": st.sampled_from([0.0, 0.5, 1.0]),
            "from": times(2.0),
            "until": st.floats(2.5, 10.0),
            "calls": st.lists(st.integers(1, MOST_CALLS), max_size=3),
        },
    )
    return st.one_of(st.sampled_from([0.0, 0.1, 0.5, 1.0]), window) if usual else st.just(0.0)


def _certain(knob: Any) -> bool:
    return Fault.model_validate(knob).certain


def costs() -> st.SearchStrategy[Mapping]:
    """All costs measured (empty), all constant and equal, or some set one by one."""

    def all_equal(value: float) -> Mapping:
        return {task: dict.fromkeys(messages, value) for task, messages in COSTS.items()}

    single = {
        task: st.fixed_dictionaries({}, optional={message: families(0.002) for message in messages})
        for task, messages in COSTS.items()
    }
    return st.one_of(
        st.sampled_from([0.0, 0.0001, 0.001]).map(all_equal),
        st.just({}),
        st.fixed_dictionaries({}, optional=single),
    )


def arrivals() -> st.SearchStrategy[Mapping]:
    """Every kind of arrivals, at most MOST_CALLS calls."""
    calls = st.integers(1, MOST_CALLS)
    rates = st.sampled_from([1.0, 5.0, 20.0, 100.0])
    points = st.lists(st.tuples(times(3.0), rates), min_size=2, max_size=4, unique_by=lambda point: point[0]).map(
        lambda pairs: [{"at": at, "rate": rate} for at, rate in sorted(pairs)]
    )
    burst = st.fixed_dictionaries(
        {"size": st.integers(1, 6), "every": times(1.0, 0.01)}, optional={"spacing": times(0.01)}
    )
    return st.one_of(
        st.fixed_dictionaries({"kind": st.sampled_from(["poisson", "even"]), "rate": rates, "calls": calls}),
        st.fixed_dictionaries(
            {
                "kind": st.just("profile"),
                "profile": points,
                "interpolation": st.sampled_from(["step", "linear"]),
                "repeat": st.booleans(),
                "calls": calls,
            }
        ),
        st.fixed_dictionaries({"kind": st.just("burst"), "burst": burst, "calls": calls}),
        st.fixed_dictionaries({"kind": st.just("replay"), "file": recorded_calls()}, optional={"calls": calls}),
    )


def recorded_calls() -> st.SearchStrategy[str]:
    """A CSV file of recorded calls, written to the temporary folder under a name made of its content."""
    row = st.tuples(times(2.0), st.one_of(st.none(), times(1.0)), st.integers(0, 2), st.booleans())

    def write(rows: list[tuple[float, float | None, int, bool]]) -> str:
        lines = ["invite,hold,requests,outcome"]
        for invite, hold, requests, vanished in rows:
            held = "" if hold is None else repr(hold)
            lines.append(f"{1000 + invite!r},{held},{requests},{'vanished' if vanished else 'ok'}")
        text = "\n".join(lines) + "\n"
        folder = Path(tempfile.gettempdir()) / "mrcpsim-strategies"
        folder.mkdir(exist_ok=True)
        path = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.csv"
        if not path.exists():
            path.write_text(text)
        return str(path)

    return st.lists(row, min_size=1, max_size=MOST_CALLS).map(write)


def calls() -> st.SearchStrategy[Mapping]:
    """What callers want: resources and mixes, requests, re-INVITEs, bad offers."""
    names = st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=3, unique=True)
    mixes = st.lists(
        st.fixed_dictionaries({"weight": st.sampled_from([1.0, 2.5]), "resources": names}), min_size=1, max_size=3
    )
    offer = st.fixed_dictionaries(
        {}, optional={name: faults() for name in ("missing_sdp", "malformed_sdp", "unknown_resource")}
    )
    requests = st.one_of(st.integers(0, 3), st.just({"dist": "uniform", "low": 0, "high": 3}))
    return st.fixed_dictionaries(
        {"hold": families(1.0), "requests": requests},
        optional={
            "resources": st.one_of(names, mixes),
            "recognition": st.one_of(st.none(), families(0.3)),
            "pause": families(0.2),
            "connection": st.sampled_from(["new", "shared"]),
            "identical_reinvite": st.booleans(),
            "reinvite_every": st.one_of(st.none(), times(1.0, 0.05)),
            "on_hold": st.fixed_dictionaries(
                {"probability": st.sampled_from([0.0, 0.5, 1.0])},
                optional={
                    "calls": st.lists(st.integers(1, MOST_CALLS), max_size=2),
                    "after": st.one_of(st.none(), families(0.3)),
                    "for": st.one_of(st.none(), families(0.3)),
                },
            ),
            "offer": offer,
            "profile_missing": faults(),
        },
    )


def dialogues() -> st.SearchStrategy[list[Mapping]]:
    """A few steps for a synthesiser and a recogniser: every way to end, repeated, left out, overlapping."""
    common: dict[str, st.SearchStrategy[Any]] = {
        "pause": families(0.2),
        "repeat": st.one_of(st.integers(0, 3), st.just({"dist": "uniform", "low": 0, "high": 3})),
        "probability": st.sampled_from([0.0, 0.5, 1.0]),
        "overlap": st.booleans(),
    }

    def step(method: str, ends: str) -> st.SearchStrategy[Mapping]:
        lasting = {} if ends in ("until-bye", "at-once") else {"after": families(0.5)}
        fixed = {"method": st.just(method), "ends": st.just(ends), **lasting}
        resource = {"resource": st.just("speechrecog")} if ends == "at-once" else {}
        return st.fixed_dictionaries({**fixed, **resource}, optional=common)

    speak = [("SPEAK", ends) for ends in ("completes", "until-bye", "stopped", "barged-in")]
    recognize = [("RECOGNIZE", ends) for ends in ("completes", "no-input", "until-bye", "stopped")]
    asks = [("GET-PARAMS", "at-once"), ("DEFINE-GRAMMAR", "at-once")]
    one = st.one_of([step(*kind) for kind in (*speak, *recognize, *asks)])
    return st.lists(one, min_size=1, max_size=5)


def with_dialogues(asked: Mapping) -> st.SearchStrategy[Mapping]:
    """The same calls, some with dialogues of their own or in common; they then ask for both resources."""
    both = ["speechsynth", "speechrecog"]
    own = st.lists(
        st.fixed_dictionaries({"resources": st.just(both)}, optional={"dialogue": dialogues(), "hold": families(2.0)}),
        min_size=1,
        max_size=2,
    )
    rounds = st.one_of(st.integers(0, 2), st.just({"dist": "uniform", "low": 0, "high": 3}))
    dialogue = st.fixed_dictionaries({"dialogue": dialogues(), "resources": own}, optional={"dialogue_rounds": rounds})
    return st.one_of(st.just(asked), dialogue.map(lambda more: {**asked, **more}))


def clients() -> st.SearchStrategy[Mapping]:
    """How callers behave and disappear."""
    retry = st.fixed_dictionaries(
        {
            "probability": st.sampled_from([0.0, 0.5, 1.0]),
            "attempts": st.integers(0, 3),
            "after": families(0.5),
            "on": st.sampled_from(["refused", "no-answer", "both"]),
        }
    )
    vanish = st.fixed_dictionaries(
        {"probability": st.sampled_from([0.0, 0.3, 1.0])},
        optional={
            "from": times(1.0),
            "until": st.floats(2.0, 5.0),
            "calls": st.lists(st.integers(1, MOST_CALLS), max_size=2),
            "after": st.one_of(st.none(), families(0.5)),
            "tcp": st.sampled_from(["closed", "open", "never-opened"]),
            "sip": st.sampled_from(["silent", "closed"]),
        },
    )
    return st.fixed_dictionaries(
        {},
        optional={
            "network_delay": families(0.02),
            "clock": st.sampled_from([0.0, 0.004]),
            "patience": st.one_of(st.none(), families(0.5)),
            "retry": retry,
            "tcp": st.booleans(),
            "connect_delay": families(0.05),
            "ack_delay": families(0.05),
            "delayed_ack": families(0.05),
            "no_ack": faults(),
            "refresh": st.booleans(),
            "retransmit": st.booleans(),
            "vanish": vanish,
        },
    )


def processors() -> st.SearchStrategy[Mapping]:
    """Few processors or many, other programs or none, slices that end within a message and such that never end."""
    load = st.one_of(st.sampled_from([0.0, 0.3, 1.5]), st.just({"dist": "uniform", "low": 0.0, "high": 1.0}))
    scheduler = st.fixed_dictionaries(
        {},
        optional={
            "slice": st.sampled_from([0.00005, 0.0014, 0.02]),
            "wakeup_preemption": st.booleans(),
            "switch_cost": times(0.00005),
        },
    )
    return st.fixed_dictionaries(
        {"count": st.sampled_from([1, 1, 2, 3, 40])},
        optional={
            "other_load": load,
            "other_burst": st.one_of(times(0.001, 0.00001), st.just({"dist": "exponential", "mean": 0.0002})),
            "scheduler": scheduler,
        },
    )


def servers(resources: tuple[str, ...] = ()) -> st.SearchStrategy[Mapping]:
    """Limits, timers, queues, costs and frozen tasks; `resources` are those whose plugin task may freeze."""
    queue = st.fixed_dictionaries(
        {}, optional={"slots": st.sampled_from([1, 2, 8, 100]), "when_full": st.sampled_from(["grow", "drop"])}
    )
    limit = st.one_of(st.none(), st.integers(1, 5))
    parts = st.sampled_from([0.0, 0.4, 1.0])
    sip = st.fixed_dictionaries(
        {},
        optional={
            "t1": st.sampled_from([0.02, 0.1, 0.5]),
            "t2": st.sampled_from([0.5, 4.0]),
            "t4": st.sampled_from([0.5, 5.0]),
            "bye_response": st.sampled_from(["on-release", "immediate"]),
            "session_expires": st.sampled_from([0.8, 4.0, 600.0]),
            "min_se": st.sampled_from([0.1, 0.8]),
            "extract_call_id": st.booleans(),
            "receive_buffer": st.sampled_from([None, 1, 2, 200]),
            "offline": st.booleans(),
        },
    ).map(lambda knobs: {"min_se": 0.8, **knobs})
    freeze = st.fixed_dictionaries(
        {"task": st.sampled_from((*TASKS, *resources)), "at": times(2.0)},
        optional={"for": st.one_of(st.none(), times(1.0, 0.01))},
    )
    wakes = {name.replace("-", "_"): st.one_of(st.none(), families(0.0005)) for name in (*TASKS, *RESOURCES)}
    sizes = {
        name: st.integers(0, 10_000)
        for name in ("session_create", "per_channel", "per_rtp", "per_request", "connection", "resident_per_call")
    }
    return st.fixed_dictionaries(
        {"wake": st.one_of(st.just(0.0), families(0.0005)), "costs": costs()},
        optional={
            "profile": st.sampled_from(["uni2", "other"]),
            "sip": sip,
            "limits": st.fixed_dictionaries(
                {},
                optional={
                    "rtp_ports": st.sampled_from(["5000-5002", "5000-5007", "5000-6000"]),
                    "max_connection_count": limit,
                    "max_shared_use_count": limit,
                },
            ),
            "media": st.fixed_dictionaries(
                {},
                optional={
                    "tick": st.sampled_from([0.01, 0.02]),
                    "phase": st.one_of(st.none(), times(0.01)),
                    "cost_per_context": families(0.002),
                    "cost_per_tick": times(0.0005),
                    "oversleep": families(0.003),
                    "held_answers": parts,
                    "queue": queue,
                },
            ),
            "connection": st.fixed_dictionaries(
                {},
                optional={
                    "inactivity_timeout": st.one_of(st.none(), times(4.0, 0.1)),
                    "termination_timeout": times(3.0, 0.05),
                    "queue": queue,
                    "force_new_connection": st.booleans(),
                },
            ),
            "queues": st.fixed_dictionaries({"slots": st.sampled_from([1, 2, 5, 1024])}),
            "pool": st.fixed_dictionaries(
                {},
                optional={
                    "fails": faults(),
                    "checked": st.booleans(),
                    "on_crash": st.sampled_from(["stop", "continue"]),
                },
            ),
            "on_use_after_free": st.sampled_from(["stop", "continue"]),
            "memory": st.fixed_dictionaries({}, optional=sizes),
            "warm": st.fixed_dictionaries(
                {"within": times(0.01)},
                optional=dict.fromkeys(("server", "connection_agent", "media"), parts)
                | {"cooling": times(0.002), "task_cooling": times(0.001, 1e-5), "costs": saved()},
            ),
            "processors": processors(),
            "interference": st.fixed_dictionaries(
                {"length": families(0.02)}, optional=dict.fromkeys(("wake", "tick", "service"), parts)
            ),
            "wakes": st.fixed_dictionaries({}, optional=wakes),
            "freeze": st.lists(freeze, max_size=2, unique_by=lambda frozen: frozen["task"].replace("_", "-")),
            "shutdown": st.one_of(st.none(), times(4.0)),
            "crash": st.lists(times(4.0), max_size=2),
            "restart_after": st.one_of(st.none(), times(1.0, 0.01)),
        },
    ).map(_not_both)


def _not_both(server: Mapping) -> Mapping:
    """Without a restart where processors are shared."""
    if "processors" not in server:
        return server
    return {key: value for key, value in server.items() if key != "restart_after"}


def plugins() -> st.SearchStrategy[Mapping]:
    """Plugins with every operation's delays and faults."""
    common: dict[str, st.SearchStrategy[Any]] = {
        "delay": families(0.2),
        "block": families(0.01),
        "never": faults(),
        "twice": faults(),
        "gap": families(0.2),
        "late": faults(),
        "late_by": families(1.0),
    }

    def operation(**more: st.SearchStrategy[Any]) -> st.SearchStrategy[Mapping]:
        return st.fixed_dictionaries({}, optional={**common, **more}).filter(
            lambda knobs: not (_certain(knobs.get("never", 0.0)) and _certain(knobs.get("twice", 0.0)))
        )

    crash = st.fixed_dictionaries(
        {"probability": st.sampled_from([0.0, 0.05, 0.3])},
        optional={"on": st.sampled_from(["any", "open", "close", "request", "stop"])},
    )
    plugin = st.fixed_dictionaries(
        {},
        optional={
            "max_channel_count": st.one_of(st.none(), st.integers(1, 4)),
            "licences": st.one_of(st.none(), st.integers(1, 4)),
            "stop_answered_at": st.sampled_from(["tick", "task"]),
            "no_input_accumulates": st.booleans(),
            "without_licence": st.sampled_from(["refuse", "wait"]),
            "audio_block": families(0.02),
            "crash": crash,
            "open": operation(reopen_never=faults()),
            "close": operation(),
            "request": operation(wrong_order=faults()),
            "stop": operation(),
        },
    )
    named = st.fixed_dictionaries({"engine": st.just("My Engine"), "id": st.just("My-1")})
    return st.fixed_dictionaries(
        {}, optional={"speechrecog": plugin, "speechsynth": plugin, "recorder": plugin, "speakverify": named}
    )


@st.composite
def scenario_mappings(draw: st.DrawFn) -> Mapping:
    """The mapping of a small scenario, as it would stand in a file."""
    asked = draw(calls().flatmap(with_dialogues))
    described = draw(plugins())
    server = draw(servers(tuple(described)))
    mapping: Mapping = {
        "duration": draw(times(3.0, 0.1)),
        "drain": draw(st.sampled_from([0.0, 2.0, 10.0, 35.0])),
        "seed": draw(st.integers(0, 2**32)),
        "arrivals": draw(arrivals()),
        "calls": asked,
        "client": draw(clients()),
        "server": server,
        "plugins": described,
    }
    if draw(st.booleans()):
        mapping["name"] = draw(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,12}", fullmatch=True))
        mapping["description"] = draw(
            st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=40)
        )
        mapping["expect"] = draw(st.lists(st.sampled_from(["leaked.session_pool == 0", "a in [1, 2]"]), max_size=2))
    return mapping


def scenarios() -> st.SearchStrategy[Scenario]:
    """A small valid scenario in which any knob may be turned."""
    return scenario_mappings().map(Scenario.model_validate)
