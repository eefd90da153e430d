"""The fault table, row for row, from the results of the shipped scenarios, beside what the real server did."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sim.ledger.result import RunResult
from sim.ledger.summary import ResourceUse
from sim.report.overload import order_of_events

if TYPE_CHECKING:
    import pandas as pd

    from sim.study.shipped_faults import Row

LATE = 5.0
"""A pool is freed late so many seconds after the BYE; where there is none, later than the median one."""


def catalogue(rows: tuple[Row, ...], results: Mapping[str, RunResult]) -> str:
    """The whole report in Markdown."""
    from sim.study.shipped_faults import BELOW_OVERLOAD, OVERLOAD

    lines = [
        "# What a fault does",
        "",
        "Made by `mrcpsim catalogue` from the scenarios in `scenarios/faults/`: every cell is what the model did. A *",
        "marks what was checked on a real UniMRCP 1.8.0; the last column compares with the documented row. Counts are",
        "sessions.",
        "",
        "| fault | client sees | session ends up | pool | plugin slot | RTP port | as documented |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = cells_of(results[row.scenario])
        wrong = disagreements(row, cells)
        verdict = "yes" if not wrong else "**no**: " + "; ".join(wrong)
        mark = " *" if row.checked else ""
        lines.append(f"| [{row.fault}](../scenarios/{row.scenario}.yaml){mark} | {' | '.join(cells)} | {verdict} |")
    below = f"{OVERLOAD} at {BELOW_OVERLOAD:.0%}"
    lines += ["", *_overload(results[OVERLOAD], results[below])]
    lines += ["", *_violations(rows, results)]
    lines += ["", *_causes(rows, results)]
    return "\n".join(lines) + "\n"


def cells_of(result: RunResult) -> tuple[str, str, str, str, str]:
    """What the client sees, where the session ends up, pool, plugin slot and RTP port, each in a few words."""
    slots = [use for name, use in result.summary.resources.items() if name.startswith("engine_channel")]
    resources = result.summary.resources
    pool = _pool(result)
    slot = "; ".join(dict.fromkeys(_resource(result, use, "never had one") for use in slots))
    return _client(result), _session(result), pool, slot, _resource(result, resources["rtp_port"], "none")


def disagreements(row: Row, cells: tuple[str, ...]) -> list[str]:
    """What a documented cell says that the model's cell does not."""
    return [f"{want!r} expected" for want, got in zip(row.cells, cells, strict=True) if not _agrees(want, got)]


def _agrees(want: str, got: str) -> bool:
    if not want or want in got:
        return True
    if want == "–":  # not a matter of this row: nothing may be left over
        return "leaked" not in got and "held" not in got
    about = re.fullmatch(r"(.* p95) about (\d+) ms", want)
    if about is not None:
        found = re.search(re.escape(about[1]) + r" (\d+) ms", got)
        return found is not None and 0.75 <= int(found[1]) / int(about[2]) <= 1.25
    return False


def _affected(result: RunResult) -> pd.DataFrame:
    """The sessions that the fault hit: stuck ones, else refused, else those in violations, else late, else all."""
    sessions = result.sessions
    assert sessions is not None
    stuck = sessions[sessions["outcome"].isin(["leaked", "live"])]
    refused = sessions[sessions["answer_status"].fillna(0) >= 300]
    named = sessions[sessions["session"].isin([v.session for v in result.summary.violations])]
    late = sessions[_late(sessions)]
    return next((part for part in (stuck, refused, named, late) if len(part)), sessions)


def _late(sessions: pd.DataFrame) -> pd.Series[bool]:
    """Released long after the BYE; without a BYE, long after the others."""
    life = sessions["released_s"] - sessions["created_s"]
    after_bye = sessions["released_s"] - sessions["bye_s"]
    return after_bye.where(sessions["bye_s"].notna(), life - life.median()) > LATE


def _client(result: RunResult) -> str:
    summary = result.summary
    if summary.sessions.crashed_at_s is not None and not summary.violations:
        return "crash: every call ends"
    hit = _affected(result)
    parts = [f"{status} ({count})" for status, count in sorted(summary.sessions.rejected.items())]
    unanswered = int((hit["answer_s"].isna() & hit["answer_status"].isna()).sum())
    if unanswered:
        parts.append(f"no final answer ({unanswered})")
    ended = int((hit["bye_ok_s"].notna() & hit["bye_s"].notna()).sum())
    silent = int((hit["bye_s"].isna() & hit["released_s"].notna() & (hit["answer_status"] == 200)).sum())
    if ended:
        parts.append(f"BYE 200 ({ended})")
    if silent:
        parts.append(f"gone; server BYE ({silent})")
    latency = summary.latency["invite_to_answer"]
    if latency.p95 is not None and latency.p95 > 0.03:
        late = "answers late: " if latency.p95 > 0.1 else ""
        parts.append(f"{late}INVITE→200 p95 {latency.p95 * 1e3:.0f} ms")
    if summary.resources["rtp_port"].refused:
        parts.append(f"200 OK, no audio ({summary.resources['rtp_port'].refused})")
    return "; ".join(parts) or "200 OK"


def _session(result: RunResult) -> str:
    summary = result.summary
    if summary.sessions.crashed_at_s is not None and not summary.violations:
        return f"process gone at {summary.sessions.crashed_at_s:.1f} s"
    leaked = [leak for leak in summary.leaks if leak.cause]
    parts = [f"{_stuck(state)} ({count})" for state, count in Counter(leak.state for leak in leaked).most_common()]
    if any(leak.cause == "request-never-answered" for leak in leaked):
        parts = [f"TERMINATE queued for ever behind the request ({len(leaked)})"]
    if any(leak.cause == "mpf-queue-dropped" for leak in leaked):
        parts.insert(0, "waits for ever")
    if summary.sessions.live:
        parts.append(f"held until the session timer ({summary.sessions.live})")
    unclosed = sum(v.kind == "released-unclosed" for v in summary.violations)
    if unclosed:
        parts.append(f"released although one plugin never closed ({unclosed})")
    if leaked and summary.sessions.rejected.get("503"):
        parts.append(f"process kept for ever by {_some(len(leaked))} leaked session")
    return "; ".join(parts) or "released"


def _stuck(state: str) -> str:
    return {"ACTIVE": "stuck, TERMINATE lost or queued", "NONE": "stuck without an offer"}.get(state, f"stuck {state}")


def _some(count: int) -> str:
    return "one" if count == 1 else str(count)


def _pool(result: RunResult) -> str:
    freed_after_use = sum(v.kind == "use-after-free" for v in result.summary.violations)
    if freed_after_use:
        return f"use after free ({freed_after_use})"
    use = result.summary.resources["session_pool"]
    text = _resource(result, use, "–")
    sessions = result.sessions
    assert sessions is not None
    late = _late(sessions)
    if text == "freed" and late.any():
        longest = float((sessions["released_s"] - sessions["created_s"]).max())
        return f"freed late ({int(late.sum())}, after up to {longest:.0f} s)"
    return text


def _resource(result: RunResult, use: ResourceUse, refused: str) -> str:
    if result.summary.sessions.crashed_at_s is not None and not result.summary.violations:
        return "–"
    parts = []
    if use.refused:
        parts.append(f"{refused} ({use.refused})")
    if use.leaked:
        parts.append(f"leaked ({use.leaked})")
    if use.held - use.leaked:
        parts.append(f"held ({use.held - use.leaked})")
    return "; ".join(parts) or ("freed" if use.acquired else "–")


def _overload(over: RunResult, below: RunResult) -> list[str]:
    s = below.summary
    lines = [
        "## The order of events in `server-overload`",
        "",
        "Measured on the real server: latency grows, queues fill to 1024, producers block, the media tick stalls,",
        "messages are lost, sessions leak in three states: 28 without an offer, 67 without an answer, 154 terminating.",
        "",
        "| first at | what |",
        "|---|---|",
    ]
    lines += [f"| {event.time_s:.3f} s | {event.what} |" for event in order_of_events(over)]
    states = Counter(leak.state for leak in over.summary.leaks if leak.cause)
    terminating = states["ACTIVE"] + states["DEACTIVATING"] + states["TERMINATING"]
    latency = over.summary.latency["invite_to_answer"]
    p99 = s.latency["invite_to_answer"].p99
    lines += [
        "",
        f"In the end {sum(states.values())} sessions stay for ever: {states['NONE']} without an offer, "
        f"{states['GENERATING_ANSWER'] + states['INITIALIZING']} without an answer, {terminating} terminating. "
        f"INVITE→answer reached {(latency.max or 0) * 1e3:.0f} ms.",
        "",
        f"At 40 % of that load: {s.sessions.leaked} sessions leaked, queue of the server task at most "
        f"{s.tasks['MRCP Server'].queue_peak} messages, INVITE→answer p99 {(p99 or 0) * 1e3:.1f} ms.",
    ]
    return lines


def _violations(rows: tuple[Row, ...], results: Mapping[str, RunResult]) -> list[str]:
    lines = [
        "## Lifetime violations",
        "",
        "The first of each kind: what the ledger says about the two messages that raced.",
        "",
        "| scenario | time, s | session | kind | resource, messages |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        seen = set()
        for v in results[row.scenario].summary.violations:
            if v.kind not in seen:
                seen.add(v.kind)
                name = row.scenario.partition("/")[2]
                lines.append(f"| {name} | {v.time_s:.6f} | {v.session} | {v.kind} | {v.message} |")
    return lines


def _causes(rows: tuple[Row, ...], results: Mapping[str, RunResult]) -> list[str]:
    lines = ["## Why is this pool alive?", "", "One diagnosis of each cause, as `mrcpsim leaks` prints it.", ""]
    seen = set()
    for row in rows:
        for leak in results[row.scenario].summary.leaks:
            if (leak.cause, leak.state) not in seen and leak.cause:
                seen.add((leak.cause, leak.state))
                since = f" since {leak.since_s:.3f} s" if leak.since_s is not None else ""
                lines.append(f"- **{leak.cause}** ({row.scenario.partition('/')[2]}, session {leak.session}): holds")
                lines.append(f"  {', '.join(leak.holds)}{since}. {leak.explanation}.")
    return lines
