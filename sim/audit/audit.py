"""One log, or the parts of one, becomes the same ledger, summary and tables as a simulated run."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sim.audit.auditor import Auditor, Ledger
from sim.audit.feeding import read_into
from sim.audit.notes import notes
from sim.audit.timers import SECOND, Timers
from sim.ledger.result import RunResult
from sim.ledger.sink import MemorySink, Sink
from sim.ledger.summary import Summary
from sim.logs.reading.reader import Source, StrPath, open_sources


def audit_logs(
    paths: Sequence[StrPath], *, ledger: Ledger = "sessions", sink: Sink | None = None, name: str | None = None,
    progress: Callable[[int], None] | None = None, timers: Timers | None = None,
) -> RunResult:  # fmt: skip
    """The RunResult of one server's log, given as one or several files in any order ("-": standard input).

    `ledger`: "summary" keeps no tables, "sessions" sessions and levels, "full" also every acquisition and message.
    With `sink` the tables go there and not into the result; `timers` are those of the server's configuration, where it
    is known. LogError when a file can not be read or is no such log.
    """
    memory = MemorySink() if sink is None else None
    target: Sink | None = sink or memory
    auditor = Auditor(target if ledger != "summary" else None, ledger, timers=timers)
    sources = open_sources(paths)
    read_into(auditor, sources, progress)
    summary = auditor.finish(name or _scenario_name(sources))
    kept = memory if ledger != "summary" else None
    return result_of(auditor, summary, kept, ledger, [source.name for source in sources])


def audit_log(path: StrPath, *, ledger: Ledger = "sessions") -> RunResult:
    """`audit_logs` of a single file."""
    return audit_logs([path], ledger=ledger)


def _scenario_name(sources: Sequence[Source]) -> str:
    first = "stdin" if sources[0].name == "-" else Path(sources[0].name).name
    for ending in (".gz", ".xz", ".log"):
        first = first.removesuffix(ending)
    return f"audit of {first}" + (f" and {len(sources) - 1} more" if len(sources) > 1 else "")


def result_of(
    auditor: Auditor, summary: Summary, memory: MemorySink | None, ledger: Ledger, names: Sequence[str]
) -> RunResult:
    """The result of a finished audit of the files `names`, with the tables in `memory`."""
    provenance = {
        "source": [Path(name).name for name in names],
        "headers": auditor.layouts,
        "level": None if not auditor.counts.entries else "DEBUG" if auditor.debug_level() else "INFO",
        "begins": auditor.begins(),
        "lines": auditor.counts.lines,
        "not_understood": auditor.counts.not_understood,
        "not_understood_first": list(auditor.counts.shown),
        "session_timer_s": auditor.session_timer().length / SECOND,
        "unread": auditor.unread.kinds.total(),
        "open_before_the_log": auditor.account.partial,
        "messages_dropped": auditor.belongings.lost_messages,
        "notes": notes(auditor),
    }
    yaml = f"# Not a scenario: audited from a server's log.\nname: {summary.scenario}\n"
    if memory is None:
        return RunResult(summary, scenario_yaml=yaml, provenance=provenance)
    sessions = memory.frame("sessions").sort_values("session", kind="stable", ignore_index=True)
    full = ledger == "full"
    return RunResult(
        summary,
        sessions,
        memory.frame("levels"),
        memory.frame("ledger") if full else None,
        memory.frame("messages") if full else None,
        scenario_yaml=yaml,
        provenance=provenance,
    )
