"""Every shipped fault and every reported case shows its signature, and each of its leaks has a named cause."""

import pytest
from leaks.fault_runs import FAULTS, HOME, REPORTED, run_shipped

from sim.ledger.summary import LEAK_CAUSES, VIOLATION_KINDS

ALL = FAULTS + REPORTED

SECTION_6 = {
    "close-never", "open-never", "recognize-unanswered", "stop-unanswered", "close-twice", "close-after-destroy",
    "close-masked", "plugin-blocks-in-close", "vanish-tcp-closed", "vanish-tcp-open", "vanish-tcp-never-opened",
    "unknown-resource", "mpf-queue-full", "pool-creation-fails", "pool-creation-checked", "shutdown-pending",
    "channel-limit", "rtp-exhausted", "server-overload", "no-ack", "reinvite-race",
}  # fmt: skip

ISSUES = (
    "#211", "#280", "#282", "#277", "#250", "#321", "#315", "#343", "#164", "#166", "#26", "#341", "#95", "#294",
    "#68", "#20", "#210", "#165", "#323", "#70", "#72", "#180", "#458", "#2874",
)  # fmt: skip


def test_every_row_of_the_fault_table_is_a_shipped_scenario():
    assert {f"faults/{name}" for name in SECTION_6} <= set(FAULTS)


def test_every_reported_case_is_named_by_a_shipped_scenario():
    text = "".join((HOME / f"{name}.yaml").read_text() for name in REPORTED)
    assert [issue for issue in ISSUES if issue not in text] == []


@pytest.mark.parametrize("name", ALL)
def test_it_says_what_is_seen_why_and_what_to_look_at(name):
    comment = [line for line in (HOME / f"{name}.yaml").read_text().splitlines() if line.startswith("#")]
    for part in ("# Seen in the field:", "# Mechanism:", "# Look at:"):
        assert any(line.startswith(part) for line in comment), part


@pytest.mark.parametrize("name", ALL)
def test_it_shows_its_signature(name):
    summary = run_shipped(name).summary
    assert len(summary.expect) >= 4
    assert [(e.condition, e.value) for e in summary.expect if not e.ok] == []


@pytest.mark.parametrize("name", ALL)
def test_every_leak_has_a_named_cause_and_every_session_an_end(name):
    result = run_shipped(name)
    counts = result.summary.sessions
    leaked = [leak for leak in result.leaks if leak.cause]
    ended = [leak for leak in leaked if leak.cause == "crash"]  # with the process: nothing of them is left
    assert (len(leaked) - len(ended), len(ended)) == (counts.leaked, counts.crashed)
    assert {leak.cause for leak in leaked} <= set(LEAK_CAUSES)
    assert len(result.leaks) - len(leaked) == counts.live
    assert counts.created == counts.released + counts.live + counts.leaked + counts.crashed


@pytest.mark.parametrize("name", ALL)
def test_what_was_acquired_is_released_or_held(name):
    summary = run_shipped(name).summary
    for resource, use in summary.resources.items():
        assert use.acquired == use.released + use.held, resource
        ended_with_the_process = use.released if summary.sessions.restarts else 0  # what had leaked is free again, then
        assert 0 <= use.leaked <= use.held + ended_with_the_process, resource


@pytest.mark.parametrize("name", ALL)
def test_violations_are_of_a_known_kind_and_name_a_resource_and_a_message(name):
    result = run_shipped(name)
    for violation in result.summary.violations:
        assert violation.kind in VIOLATION_KINDS
        resource = violation.message.partition(": ")[0]
        assert resource in result.summary.resources, violation.message
        assert " on " in violation.message
