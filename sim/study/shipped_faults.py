"""The fault table: which shipped scenario stands for which row, and what the real server did there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.ledger.result import RunResult
from sim.study.unbroken import run_whole

OVERLOAD = "faults/server-overload"
BELOW_OVERLOAD = 0.4
"""The share of the overload at which nothing is lost."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the fault table as documented; an empty cell says nothing about the model."""

    fault: str
    scenario: str
    checked: bool  # on the real server
    client: str = ""
    session: str = ""
    pool: str = ""
    slot: str = ""
    rtp: str = ""

    @property
    def cells(self) -> tuple[str, str, str, str, str]:
        """The documented cells, in the order of the table's columns."""
        return self.client, self.session, self.pool, self.slot, self.rtp


ROWS = (
    Row("close never answered", "faults/close-never", True, "BYE 200", "stuck TERMINATING", "leaked", "leaked",
        "freed"),
    Row("open never answered", "faults/open-never", True, "no final answer", "stuck INITIALIZING", "leaked", "leaked",
        "leaked"),
    Row("response to RECOGNIZE never sent", "faults/recognize-unanswered", True, "BYE 200", "TERMINATE queued for ever",
        "leaked", "leaked", "leaked"),
    Row("STOP never answered", "faults/stop-unanswered", False, "BYE 200", "stuck DEACTIVATING", "leaked", "leaked",
        "leaked"),
    Row("close answered twice", "faults/close-twice", True, "BYE 200", "released", "use after free"),
    Row("close answered after destroy", "faults/close-after-destroy", False, pool="use after free"),
    Row("close answered twice on one channel, never on another", "faults/close-masked", False, "BYE 200",
        "released although one plugin never closed", "freed", "freed"),
    Row("plugin task blocks in close", "faults/plugin-blocks-in-close", True, "INVITE→200 p95 about 70 ms", "released",
        "freed"),
    Row("client vanishes, TCP closed", "faults/vanish-tcp-closed", True, "server BYE", "released", "freed late"),
    Row("client vanishes, TCP open", "faults/vanish-tcp-open", False, "", "until the session timer", "held", "held",
        "held"),
    Row("client vanishes, TCP never opened", "faults/vanish-tcp-never-opened", False, "server BYE", "released",
        "freed late", "freed", "freed"),
    Row("client never sends ACK", "faults/no-ack", True, "server BYE", "released", "freed late"),
    Row("unknown resource", "faults/unknown-resource", True, "404", "released", "freed", "–", "–"),
    Row("MPF queue overflow (old)", "faults/mpf-queue-full", False, "", "waits for ever", "leaked", "leaked", "leaked"),
    Row("pool creation fails", "faults/pool-creation-fails", False, "crash"),
    Row("pool creation fails, checked", "faults/pool-creation-checked", False, "488", "", "–", "–", "–"),
    Row("shutdown with open sessions", "faults/shutdown-pending", True, "503", "kept for ever by one leaked session"),
    Row("channel limit reached", "faults/channel-limit", True, "406", "released", "freed", "never had one", "–"),
    Row("RTP range used up", "faults/rtp-exhausted", True, "200 OK, no audio", "released", "freed", "freed", "none"),
    Row("re-INVITE races TERMINATE", "faults/reinvite-race", False, "BYE 200", "stuck INITIALIZING", "leaked", "leaked",
        "leaked"),
    Row("server task overloaded", OVERLOAD, True, "answers late", "stuck", "leaked", "leaked"),
)  # fmt: skip


def run_rows(progress: Callable[[str], None] | None = None, seed: int | None = None) -> Mapping[str, RunResult]:
    """Every scenario of the table and the overload below its limit, run once; results by scenario name."""
    from sim.scenario import find_shipped, load_scenario

    results = {}
    for row in ROWS:
        path = find_shipped(row.scenario)
        assert path is not None, row.scenario
        if progress is not None:
            progress(row.scenario)
        results[row.scenario] = run_whole(load_scenario(path), seed=seed, ledger="full")
    path = find_shipped(OVERLOAD)
    assert path is not None
    scenario = load_scenario(path)
    below = load_scenario(path, {"arrivals.rate": scenario.arrivals.rate * BELOW_OVERLOAD, "expect": "[]"})
    results[f"{OVERLOAD} at {BELOW_OVERLOAD:.0%}"] = run_whole(below, seed=seed, ledger="full")
    return results
