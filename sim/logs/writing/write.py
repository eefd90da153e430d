"""A simulated run becomes a log in the server's own format, of which an audit gives the run's own counts again.

Messages are read in the order in which they were handled, together with the ledger rows that each of them wrote, in
batches: memory holds the calls that are up, and the lines of the longest wait, not the run.
"""

import gzip
import lzma
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from sim.errors import ScenarioError
from sim.files import refuse_existing, whole
from sim.ledger.result import RunResult
from sim.logs.writing.agents import AgentLines, PluginLines, SipLines
from sim.logs.writing.banner import beginning
from sim.logs.writing.calls import LoggedRow, Setting
from sim.logs.writing.lines import LEVELS, Lines
from sim.logs.writing.media_lines import MediaLines
from sim.logs.writing.server import ServerLines
from sim.logs.writing.story import AGENT, MEDIA, SERVER, SIP, LogStory
from sim.vocabulary.lines import Kind
from sim.vocabulary.messages import C_PROCESS_ENDED, MESSAGE_NAMES, N_SEND_BYE, SERVER_ROWS
from sim.vocabulary.tasks import NUA, PLUGIN, TASK_NAMES

START: Final = datetime(2026, 1, 1)
BATCH: Final = 4096
STACK_TASKS: Final = (TASK_NAMES[NUA], SIP)
_EARLY: Final = [row.name for row in SERVER_ROWS if row.sender == PLUGIN] + [MESSAGE_NAMES[N_SEND_BYE]]
"""Messages whose sending is told only when they are handled: their sender is a thread without messages of its own."""

_MESSAGES: Final = ["session", "task", "message", "sent_s", "started_s", "finished_s", "state", "subrequests"]
_LEDGER: Final = ["time_s", "session", "resource", "delta", "task", "cause"]
_LOST: Final = ("message-lost", "mpf-queue-dropped")
_REFUSED: Final = (400, 488, 503)
_SHARED: Final = ("tcp_connection", "connection_pool")


def write_log(
    result: RunResult,
    output: str | os.PathLike[str],
    *,
    level: str = "DEBUG",
    start: datetime = START,
    force: bool = False,
    progress: Callable[[float], None] | None = None,
) -> int:
    """Write `result` as a server log to a file (plain, `.gz` or `.xz`) or, for "-", to standard output; the number of
    entries. ScenarioError when the result has no messages, or the file exists (unless `force`) or can not be written.
    """
    if level not in LEVELS:
        raise ScenarioError(f"level must be one of {', '.join(LEVELS)} (got {level!r})")
    entries = log_lines(result, level=level, start=start, progress=progress)
    first = next(entries)  # whatever is wrong with the result shows here
    if os.fspath(output) == "-":
        return _pour(first, entries, sys.stdout)
    path = Path(output)
    refuse_existing(path, force, "-o")
    try:
        with whole(path) as part, _opened(part, path.suffix) as stream:
            return _pour(first, entries, stream)
    except OSError as error:
        raise ScenarioError(f"{path}: can not be written ({error.strerror or error}); choose another with -o") from None


def _opened(path: Path, suffix: str) -> TextIO:
    if suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", compresslevel=4)
    if suffix == ".xz":
        return lzma.open(path, "wt", encoding="utf-8", preset=1)
    return open(path, "w", encoding="utf-8", newline="\n")


def _pour(first: str, entries: Iterator[str], stream: TextIO) -> int:
    stream.write(first)
    count, piece = 1, []
    for entry in entries:
        piece.append(entry)
        if len(piece) >= BATCH:
            stream.write("".join(piece))
            count += len(piece)
            piece.clear()
    stream.write("".join(piece))
    return count + len(piece)


def log_lines(
    result: RunResult,
    *,
    level: str = "DEBUG",
    start: datetime = START,
    progress: Callable[[float], None] | None = None,
) -> Iterator[str]:
    """The entries of the log in order of time, each with its line end (and its body)."""
    tables = _Tables(result)
    setting = Setting.of(_scenario(result), result.summary.seed)
    lines = Lines(start, level)
    lost, dropped, refused, unknown = tables.special()
    story = LogStory(setting, lines, lost, dropped, refused, unknown)
    for kind, fields in beginning(setting):
        story.put(0.0, "main", kind, **fields)
    yield from lines.until(0.0)
    writer = _Writer(story)
    starts = tables.starts(setting.restart_after)
    earliest = tables.earliest()
    last = 0.0
    for number, rows in enumerate(tables.rows()):
        for row in rows:
            writer.handle(row)
            last = row.finished
        if progress is not None and len(earliest) > 1:
            progress(min(1.0, (number + 1) / (len(earliest) - 1)))
        until = earliest[min(number + 1, len(earliest) - 1)]
        writer.start_again([at for at in starts if at <= until])
        starts = [at for at in starts if at > until]
        yield from lines.until(until)
    writer.start_again(starts)
    end = max(last, result.summary.horizon_s)
    crashed = result.summary.sessions.crashed_at_s
    died = crashed is not None and crashed >= result.summary.horizon_s - 1e-6
    if not died:
        writer.shut_down(end)
        ended = story.shutting_down and not story.open_sessions
        if ended:
            story.put(end, "main", Kind.SERVER_TERMINATED)
        else:
            story.put(end, "main", Kind.SIMULATION_ENDED, horizon=f"{result.summary.horizon_s:.6f}")
    yield from lines.until(float("inf"))
    if died:
        yield "Segmentation fault (core dumped)\n"


class _Writer:
    """Hands each message to whoever writes the lines of its task."""

    def __init__(self, story: LogStory) -> None:
        self.story = story
        self.server = ServerLines(story)
        self.sip = SipLines(story)
        self.agent = AgentLines(story)
        self.media = MediaLines(story)
        self.plugin = PluginLines(story)

    def handle(self, row: LoggedRow) -> None:
        """All lines of one message."""
        self.shut_down(row.finished)
        call = self.story.call(row.session)
        if row.task == SERVER:
            self.server.handle(call, row)
        elif row.task in STACK_TASKS:
            self.sip.handle(call, row)
        elif row.task == AGENT:
            self.agent.handle(call, row)
        elif row.task == MEDIA:
            self.media.handle(call, row)
        else:
            self.plugin.handle(call, row)

    def start_again(self, times: Iterable[float]) -> None:
        """The lines of a start after a crash, which itself writes nothing."""
        for at in times:
            self.story.open_sessions = 0
            for kind, fields in beginning(self.story.setting):
                self.story.put(at, "main", kind, **fields)

    def shut_down(self, now: float) -> None:
        """The lines of a graceful shutdown, once its time has come."""
        at, story = self.story.setting.shutdown, self.story
        if at is None or story.shutting_down or now < at:
            return
        story.shutting_down = True
        story.put(at, SERVER, Kind.SHUTDOWN)
        if story.open_sessions:
            story.put(at, SERVER, Kind.SHUTDOWN_BEGUN, count=story.open_sessions)


def _scenario(result: RunResult) -> dict[str, Any]:
    try:
        found = yaml.safe_load(result.scenario_yaml)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{result.directory or 'result'}: its scenario.yaml can not be read ({error})") from None
    return found if isinstance(found, dict) else {}


class _Tables:
    """The tables of a result in batches, from its folder or from memory."""

    def __init__(self, result: RunResult) -> None:
        self.result = result
        name = str(result.directory) if result.directory is not None else "result"
        if result.summary.engine == "log":
            raise ScenarioError(f"{name}: must be a simulated run (got the audit of a log, which is a log already)")
        full = result.provenance.get("ledger") == "full"  # then a table that is not there had no row
        for table in ("messages", "ledger", "sessions"):
            if not (self.has(table) or full):
                raise ScenarioError(f"{name}: has no {table} table; run it again with --ledger full")

    def has(self, table: str) -> bool:
        folder = self.result.directory
        if folder is not None and (folder / f"{table}.parquet").exists():
            return True
        return self.result._tables[table] is not None

    def batches(self, table: str, columns: list[str], size: int = BATCH) -> Iterator[pa.RecordBatch]:
        """Batches of rows in the table's order; the cuts are the same in every pass."""
        folder = self.result.directory
        path = folder / f"{table}.parquet" if folder is not None else None
        if path is not None and path.exists():
            try:
                with pq.ParquetFile(path, pre_buffer=False) as file:  # which would keep all that was read
                    have = [name for name in columns if name in file.schema_arrow.names]
                    yield from file.iter_batches(batch_size=size, columns=have)
            except (pa.ArrowException, OSError) as error:
                raise ScenarioError(f"{path}: is not a readable Parquet table ({error}); run it again") from None
            return
        frame = self.result.table(table)
        if frame is None:
            return
        have = [name for name in columns if name in frame.columns]
        yield from pa.Table.from_pandas(frame[have], preserve_index=False).to_batches(max_chunksize=size)

    def special(self) -> tuple[dict[int, dict[str, int]], set[int], dict[int, int], set[int]]:
        """Sessions that lost a message (with how many of each did arrive), those that lost it to the media engine's
        full queue, those that the SIP agent refused itself, and those that offered an unknown resource."""
        lost: dict[int, dict[str, int]] = {}
        dropped: set[int] = set()
        refused: dict[int, int] = {}
        unknown: set[int] = set()
        for batch in self.batches("sessions", ["session", "answer_status", "cause", "offer_s"], 65_536):
            columns = [batch.column(name).to_pylist() for name in ("session", "answer_status", "cause", "offer_s")]
            for session, status, cause, offered in zip(*columns, strict=True):
                if cause in _LOST:
                    lost[session] = {}
                    if cause == "mpf-queue-dropped":
                        dropped.add(session)
                if status in _REFUSED and (offered is None or offered != offered):
                    refused[session] = int(status)
                elif status == 404:
                    unknown.add(session)
        if lost:
            wanted = pa.array(list(lost), pa.int64())
            counts: Counter[tuple[int, str]] = Counter()
            for batch in self.batches("messages", ["session", "task", "message"], 65_536):
                few = batch.filter(pc.is_in(batch.column("session"), wanted))
                tasks, names = few.column("task").to_pylist(), few.column("message").to_pylist()
                keys = [f"{task}/{message}" for task, message in zip(tasks, names, strict=True)]
                counts.update(zip(few.column("session").to_pylist(), keys, strict=True))
            for (session, key), count in counts.items():
                lost[session][key] = count
        return lost, dropped, refused, unknown

    def earliest(self) -> list[float]:
        """For each batch of messages, the earliest time that a line of it or of any later one may have."""
        found = []
        for batch in self.batches("messages", ["message", "sent_s", "started_s"]):
            message = batch.column("message")
            if pa.types.is_dictionary(message.type):
                message = message.cast(pa.string())
            early = np.asarray(pc.is_in(message, pa.array(_EARLY)).to_numpy(zero_copy_only=False), dtype=bool)
            sent, started = (batch.column(name).to_numpy(zero_copy_only=False) for name in ("sent_s", "started_s"))
            found.append(float(np.where(early, np.fmin(sent, started), started).min(initial=np.inf)))
        found.append(float("inf"))
        from_here: list[float] = np.minimum.accumulate(np.array(found)[::-1])[::-1].tolist()
        return from_here

    def starts(self, after: float | None) -> list[float]:
        """When the process was started again after a crash in which sessions ended with it."""
        if after is None or not self.result.summary.sessions.restarts:
            return []
        ends: set[float] = set()
        for batch in self.batches("ledger", ["time_s", "cause"], 65_536):
            cause = batch.column("cause")
            name = cause.cast(pa.string()) if pa.types.is_dictionary(cause.type) else cause
            ended = batch.filter(pc.equal(name, MESSAGE_NAMES[C_PROCESS_ENDED]))
            ends.update(ended.column("time_s").to_pylist())
        horizon_s = self.result.summary.horizon_s
        return [at + after for at in sorted(ends) if at + after < horizon_s]

    def ledger(self) -> Iterator[tuple[float, int, str, int, str | None, str | None]]:
        for batch in self.batches("ledger", _LEDGER, 16_384):
            yield from zip(*(batch.column(name).to_pylist() for name in _LEDGER), strict=True)

    def rows(self) -> Iterator[list[LoggedRow]]:
        """Batches of messages with the ledger rows that each wrote: those of its time, task and name."""
        ledger = self.ledger()
        entry = next(ledger, None)
        for batch in self.batches("messages", [*_MESSAGES, "argument"]):
            names = [name for name in batch.schema.names if name in _MESSAGES]
            columns = [batch.column(name).to_pylist() for name in names]
            told = "argument" in batch.schema.names
            arguments = batch.column("argument").to_pylist() if told else [None] * batch.num_rows
            rows = []
            for (session, task, message, sent, started, finished, state, subrequests), argument in zip(
                zip(*columns, strict=True), arguments, strict=True
            ):
                mine: list[tuple[str, int]] = []
                while entry is not None and entry[0] <= finished:
                    at, whose, resource, delta, by, cause = entry
                    if at == finished:
                        # a connection that others share may be another session's
                        same = whose == session or resource in _SHARED
                        if not same or by != task or cause != message:
                            break
                        mine.append((resource, delta))
                    entry = next(ledger, None)  # what is earlier is of no message: nobody's lines
                rows.append(
                    LoggedRow(session, task, message, sent, started, finished, state, subrequests, argument, mine)
                )  # fmt: skip
            yield rows
