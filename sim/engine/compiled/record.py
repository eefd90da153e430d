"""What is recorded of a run: rows in buffers, or counts in histograms where rows would be too many."""

from __future__ import annotations

from typing import Any, Final

from sim.engine.compiled.layout import MAX_TASKS, time_word
from sim.engine.compiled.memory import float_bits
from sim.engine.compiled.store import (
    MESSAGE_ROW_BYTES,
    SESSION_BYTES,
    SESSION_ROW_BYTES,
    WAIT_ROW_BYTES,
    WINDOW_ROW_BYTES,
    append,
    counts_at,
    floats_at,
    message_rows_at,
    numbers_at,
    session_rows_at,
    wait_rows_at,
    window_rows_at,
)
from sim.engine.sharing import window_used
from sim.ledger.histogram import BUCKETS, LOWEST_BITS
from sim.ledger.spans import SPANS
from sim.server.ledger import SLIVER

HISTOGRAM_WORDS: Final = BUCKETS + 2
"""Counts, then the total and the maximum."""

STARTS: Final = tuple(time_word(span.start) for span in SPANS.values())
ENDS: Final = tuple(time_word(span.end) for span in SPANS.values())
"""Where a session has the two times of each latency, in words of 64 bits."""

WAITS: Final = len(SPANS)
SERVICES: Final = WAITS + MAX_TASKS
PROCESSOR_WAITS: Final = SERVICES + MAX_TASKS
HISTOGRAMS: Final = PROCESSOR_WAITS + MAX_TASKS
"""The latencies, then the wait of each task, then the service of each, then what each waited for processors."""


LOG: Final = 64
"""Durations of one kind that wait to be counted: counting many in one go is faster, for compiler and memory alike."""

LOG_WORDS: Final = 1 + LOG
"""How many wait, and they."""


def tally(w: Any, histogram: int, x: float) -> None:
    """Note one duration, to be counted soon."""
    start = w.e.log + histogram * (LOG_WORDS * 8)
    logged = numbers_at(start)
    i = logged[0] + 1
    floats_at(start)[i] = x
    logged[0] = i
    if i == LOG:
        count_logged(w, histogram)


def tally_message(w: Any, task: int, waited: float, took: float) -> None:
    """Note how long a message waited and how long the work on it took; the two logs of a task are always as long."""
    wait = w.e.log + (WAITS + task) * (LOG_WORDS * 8)
    service = wait + MAX_TASKS * (LOG_WORDS * 8)
    logged = numbers_at(wait)
    i = logged[0] + 1
    floats_at(wait)[i] = waited
    floats_at(service)[i] = took
    logged[0] = i
    if i == LOG:
        count_message_logs(w, task)


def count_message_logs(w: Any, task: int) -> None:
    """Count what waits of a task."""
    wait = WAITS + task
    service = wait + MAX_TASKS
    numbers_at(w.e.log + service * (LOG_WORDS * 8))[0] = numbers_at(w.e.log + wait * (LOG_WORDS * 8))[0]
    count_logged(w, wait)
    count_logged(w, service)


def count_logged(w: Any, histogram: int) -> None:
    """Count what waits, in the buckets of `sim.ledger.histogram.bucket`, read off the bits of the float."""
    start = w.e.log + histogram * (LOG_WORDS * 8)
    logged, seconds = numbers_at(start), floats_at(start)
    counts = counts_at(w.e.histograms + histogram * (HISTOGRAM_WORDS * 8))
    totals = floats_at(w.e.histograms + (histogram * HISTOGRAM_WORDS + BUCKETS) * 8)
    total, maximum = totals[0], totals[1]
    for i in range(1, logged[0] + 1):
        x = seconds[i]
        at = (float_bits(x) >> 46) - (LOWEST_BITS - 1)
        if at < 1 or x <= 0.0:
            at = 0
        elif at > BUCKETS - 1:
            at = BUCKETS - 1
        counts[at] += 1
        total += x
        if x > maximum:
            maximum = x
    totals[0] = total
    totals[1] = maximum
    logged[0] = 0


def count_all_logged(w: Any) -> None:
    """Count everything that waits."""
    for span in range(WAITS):
        count_logged(w, span)
    for task in range(MAX_TASKS):
        count_message_logs(w, task)
        count_logged(w, PROCESSOR_WAITS + task)


def tally_span(w: Any, histogram: int, start: float, end: float) -> None:
    """Count a latency, if both ends were reached."""
    x = end - start
    if x == x:
        tally(w, histogram, x)


def message_done(w: Any, task: Any, session: Any, started: float) -> None:
    """A message was done with."""
    e = w.e
    if e.record_messages:
        i = append(e.message_rows, MESSAGE_ROW_BYTES)
        if i >= e.chunk:
            e.attention = 1
        row = message_rows_at(e.message_rows.address)[i]
        row.session = session.call
        row.task = task.index
        row.message = task.kind
        row.sent_s = task.sent_s
        row.started_s = started
        row.finished_s = e.now_s
        row.state = session.state
        row.subrequests = session.subrequests
        row.argument = task.arg
    else:
        tally_message(w, task.index, started - task.sent_s, e.now_s - started)


def wait_noted(w: Any, task: int, waited: float) -> None:
    """A task waited so long for a processor."""
    e = w.e
    if e.record_messages:
        i = append(e.wait_rows, WAIT_ROW_BYTES)
        if i >= e.chunk:
            e.attention = 1
        row = wait_rows_at(e.wait_rows.address)[i]
        row.task = task
        row.waited_s = waited
    else:
        tally(w, PROCESSOR_WAITS + task, waited)


def session_finished(w: Any, session: Any) -> None:
    """A session's slot is free again."""
    e = w.e
    if e.record_sessions:
        i = append(e.session_rows, SESSION_ROW_BYTES)
        if i >= e.chunk:
            e.attention = 1
        row = session_rows_at(e.session_rows.address)[i]
        row.arrived_s = session.arrived_s
        row.created_s = session.created_s
        row.offer_s = session.offer_s
        row.answer_s = session.answer_s
        row.bye_s = session.bye_s
        row.bye_ok_s = session.bye_ok_s
        row.deactivate_s = session.deactivate_s
        row.terminate_s = session.terminate_s
        row.close_answered_s = session.close_answered_s
        row.released_s = session.released_s
        row.media_s = session.media_s
        row.open_s = session.open_s
        row.call = session.call
        row.number = session.number
        row.attempt = session.attempt
        row.answer_status = session.answer_status
        row.state = session.state
        row.pool_bytes = session.pool_bytes
        row.requests = session.requests
        row.cancelled = session.cancelled
        row.crashed = session.crashed
    else:
        times = floats_at(e.session_records + session.slot * SESSION_BYTES)
        for span in range(len(STARTS)):
            tally_span(w, span, times[STARTS[span]], times[ENDS[span]])


def window_over(w: Any) -> None:
    """One interval of the level grid is over."""
    e = w.e
    end_window(w, e.now_s - e.window_s, e.now_s, e.window_s)


def last_window(w: Any, now: float) -> None:
    """The run has ended within an interval: it is over, too, and shorter than the others."""
    e = w.e
    width = now - e.window_began_s
    if width > SLIVER * e.window_s:
        end_window(w, e.window_began_s, now, width)


def end_window(w: Any, start: float, now: float, width: float) -> None:
    """Rows for one interval."""
    e, ledger = w.e, w.ledger
    e.window_began_s = now
    for r in range(e.resources):
        held = ledger.held[r]
        area = ledger.window_area[r] + held * (now - ledger.window_since_s[r])
        if ledger.window_max[r] or held:
            i = append(e.window_rows, WINDOW_ROW_BYTES)
            row = window_rows_at(e.window_rows.address)[i]
            row.time_s = start
            row.resource = r
            row.held = held
            row.min = ledger.window_min[r]
            row.mean = area / width
            row.max = ledger.window_max[r]
        ledger.window_area[r] = 0.0
        ledger.window_since_s[r] = now
        ledger.window_min[r] = held
        ledger.window_max[r] = held
    m = w.machine
    if m.count > 0:
        i = append(e.window_rows, WINDOW_ROW_BYTES)
        row = window_rows_at(e.window_rows.address)[i]
        row.time_s = start
        row.resource = e.resources
        row.held = m.count - m.idle
        row.min = m.window_min
        row.max = m.window_max
        row.mean = window_used(w, now) / width
