"""What a log costs: lines for each message as the table has them, the cost of one, and what another level changes."""

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sim.calibration.calibrate import calibrate_logs
from sim.calibration.costs import AGENT_KEYS, SERVER_KEYS, server_names
from sim.calibration.evidence import Evidence, watch_logs
from sim.engine.run import run
from sim.engine.start.logged import LEAST_LEFT
from sim.engine.start.sampling import lengthened
from sim.logs.reading.reader import blocks, open_sources
from sim.scenario import load_scenario
from sim.vocabulary.written import WRITTEN, lines_at

TRACES = Path(__file__).parents[1] / "data" / "traces"
LINE = re.compile(rb"(?m)^\S+ (\d\d):(\d\d):(\d\d):(\d{6}) (\d+) \[(\w+)\]")
KINDS = (
    "offer", "terminate", "channel_added", "channel_removed", "mpf_response", "mpf_subtracted", "opened", "closed",
)  # fmt: skip
ROLES = {"server": ("server", SERVER_KEYS), "connection": ("connection_agent", AGENT_KEYS)}


def counted(log: Path, evidence: Evidence) -> dict[tuple[str, str], tuple[int, int]]:
    """The usual number of DEBUG lines, and of INFO and NOTICE ones, that each kind of message writes in a real log."""
    text = b"".join(part for source in open_sources([log]) for block in blocks(source) for part in block)
    times, threads, debug = [], [], []
    for hour, minute, second, micros, thread, priority in LINE.findall(text):
        times.append(((int(hour) * 60 + int(minute)) * 60 + int(second)) + int(micros) / 1e6)
        threads.append(int(thread))
        debug.append(priority == b"DEBUG")
    at, who, low = np.array(times) - times[0], np.array(threads), np.array(debug)
    rows = evidence.messages
    names = server_names(evidence, rows)
    found: dict[tuple[str, str], Counter[tuple[int, int]]] = {}
    for thread in set(rows["thread"].tolist()):
        mine = np.flatnonzero(who == thread)
        for i in np.flatnonzero((rows["thread"] == thread).to_numpy() & rows["finished"].notna().to_numpy()):
            task, keys = ROLES.get(rows["role"][i], (rows["role"][i], {}))
            begin, end = np.searchsorted(at[mine], (rows["started"][i] - 1e-7, rows["finished"][i] + 1e-7))
            lines = low[mine[begin:end]]
            key = (task, keys.get(names[i], names[i]))
            found.setdefault(key, Counter())[int(lines.sum()), int((~lines).sum())] += 1
    return {key: seen.most_common(1)[0][0] for key, seen in found.items() if seen.total() >= 100}


def test_each_message_writes_as_many_lines_as_the_table_says() -> None:
    log = TRACES / "poisson10.log.xz"
    found = counted(log, watch_logs([log]))
    assert {("server", "offer"), ("media", "add"), ("connection_agent", "add"), ("plugin", "close")} <= set(found)
    differing = {key: (lines, WRITTEN.get(key)) for key, lines in found.items() if WRITTEN.get(key) != lines}
    assert differing == {}


@pytest.mark.parametrize(("trace", "low", "high"), [("poisson10", 2e-6, 5e-6), ("one400", 1e-6, 2e-6)])
def test_a_line_costs_what_lies_between_two_of_them(trace: str, low: float, high: float) -> None:
    found = calibrate_logs([TRACES / f"{trace}.log.xz"]).mapping["server"]["log"]
    assert found["level"] == "DEBUG"
    assert low < float(found["cost_per_line"].removesuffix("us")) * 1e-6 < high


def test_what_an_info_log_can_not_tell_is_said_once() -> None:
    found = calibrate_logs([TRACES / "info20.log.xz"])
    assert found.mapping["server"]["log"] == {"level": "INFO", "measured_at": "DEBUG"}
    assert " ".join(found.text.replace("#", " ").split()).count("what a line costs and how many processors") == 1


def test_fewer_lines_take_less_of_each_message(tmp_path: Path) -> None:
    """The server task's time falls by its DEBUG lines, and by nothing else."""
    calls = 300
    costs = dict.fromkeys(KINDS, "100us")
    mapping = {
        "name": "lines", "duration": "20s", "drain": "20s", "calls": {"hold": "1s", "requests": 0},
        "arrivals": {"kind": "even", "rate": "30/s", "calls": calls},
        "server": {"log": {"cost_per_line": "2us"}, "costs": {"server": costs}},
    }  # fmt: skip
    busy = {}
    for level in ("DEBUG", "INFO", "WARNING"):
        scenario = load_scenario(mapping, {"server.log.level": level})
        result = run(scenario, seed=1, engine="simpy", ledger="full")
        assert result.messages is not None
        mine = result.messages[result.messages["task"] == "MRCP Server"]
        busy[level] = float((mine["finished_s"] - mine["started_s"]).sum())
    fewer = sum(lines_at("server", kind, "DEBUG") - lines_at("server", kind, "INFO") for kind in KINDS)
    fewest = sum(lines_at("server", kind, "DEBUG") for kind in KINDS)
    assert busy["DEBUG"] - busy["INFO"] == pytest.approx(calls * fewer * 2e-6, rel=1e-6)
    assert busy["DEBUG"] - busy["WARNING"] == pytest.approx(calls * fewest * 2e-6, rel=1e-6)


def test_no_message_takes_less_than_a_tenth_of_its_time() -> None:
    shorter = lengthened(None, 10e-6, -30e-6, LEAST_LEFT)
    assert shorter(np.random.default_rng(1), 3).tolist() == pytest.approx([1e-6] * 3)
