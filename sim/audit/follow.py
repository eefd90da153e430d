"""Audits a log while the server writes it: a live table of pools and resources, and the whole audit at the end."""

import os
import stat
import time
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, Final

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sim.audit.audit import result_of
from sim.audit.auditor import Auditor, Ledger
from sim.audit.timers import Timers
from sim.errors import LogError
from sim.ledger.result import RunResult
from sim.ledger.sink import MemorySink
from sim.logs.reading.decode import Decoder
from sim.logs.reading.header import detect
from sim.logs.reading.reader import LONGEST, StrPath

_CHUNK: Final = 1 << 22
_OLDEST: Final = 5
_COMPARED: Final = 256  # bytes: a few lines with times to a microsecond, so they do not come again


class Follower:
    """Reads what a growing file has more of; goes on with the next one when the server has rotated its log."""

    def __init__(self, path: StrPath, auditor: Auditor) -> None:
        """LogError when `path` can not be opened."""
        self.path = os.fspath(path)
        self.auditor = auditor
        self._rest = b""
        self._begun = False
        self._decoder: Decoder | None = None
        self._latest = b""  # the last bytes that were read
        self.piped = False
        self._file = self._open()

    def _open(self) -> BinaryIO:
        if not self.path:
            raise LogError("expected the name of a log file to follow (got an empty one)")
        try:
            self.piped = stat.S_ISFIFO(os.stat(self.path).st_mode)
            if self.piped:  # opened at once, also where nothing writes into it yet
                return open(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0)
            return open(self.path, "rb")
        except OSError as error:
            raise LogError(f"{self.path}: expected a readable log file to follow ({error.strerror})") from error

    def poll(self) -> int:
        """Feed the bytes that have come since; how many there were."""
        if self.piped:
            return self._drain()
        if self._overwritten():
            self.feed_rest()  # its end is lost
            self._again()
        total = self._drain()
        if self._renamed():
            total += self._drain()  # what came between the last look and the rotation
            self._again()
            total += self._drain()
        return total

    @property
    def waits(self) -> str | None:
        """What is waited for before there is anything to tell of; None once there is."""
        if self._latest:
            return None
        empty = "a pipe that nothing was written into yet" if self.piped else "nothing in it yet"
        return f"{self.path}: {empty}; waiting for the server's lines, Ctrl-C ends it"

    def _again(self) -> None:
        self._file.close()
        self._file = self._open()
        self._begun = False
        self._decoder = None
        self._latest = b""

    def _drain(self) -> int:
        total = 0
        while chunk := self._file.read(_CHUNK):
            total += len(chunk)
            self._latest = (self._latest + chunk[-_COMPARED:])[-_COMPARED:]
            data = self._rest + chunk
            if self._decoder is None and b"\n" in data:
                self._begin(data[: data.rfind(b"\n") + 1])
            cut = self._decoder.cut(data) if self._decoder is not None else 0
            self._rest = data[cut:][:LONGEST]
            if self._decoder is not None and cut:
                self.auditor.feed(self._decoder(data[:cut]))
        return total

    def _begin(self, head: bytes) -> None:
        self._decoder = Decoder(head)
        if not self._begun:
            self.auditor.begin(detect(self._decoder(head).splitlines()[:2000]), self.path)
            self._begun = True

    def _overwritten(self) -> bool:
        """Whether the file was emptied and is written anew (logrotate's copytruncate): what was read is not there."""
        at = self._file.tell()
        self._file.seek(at - len(self._latest))
        same = self._file.read(len(self._latest)) == self._latest
        self._file.seek(at)
        return not same

    def _renamed(self) -> bool:
        try:
            now = os.stat(self.path)
        except OSError:
            return False  # being renamed just now
        mine = os.fstat(self._file.fileno())
        return (now.st_ino, now.st_dev) != (mine.st_ino, mine.st_dev)

    def feed_rest(self) -> None:
        """Feed a last line without its end."""
        if self._rest:
            rest, self._rest = self._rest + b"\n", b""
            self.auditor.feed(self._decoder(rest) if self._decoder is not None else rest)

    def close(self) -> None:
        """Nothing more comes."""
        self.feed_rest()
        self._file.close()


def standing(auditor: Auditor) -> Group:
    """The resources as they are now, and of the leaked sessions the first few with what they wait for."""
    account, clock = auditor.account, auditor.clock
    now = clock.last if clock is not None else 0
    verdicts = auditor.verdicts(now)
    leaked = [number for number, verdict in verdicts.items() if verdict.outcome == "leaked"]
    table = Table(
        title=f"{account.created} created, {account.destroyed} destroyed, {len(account.open)} open, "
        f"{len(leaked)} leaked, {len(account.told())} violations"
    )
    table.add_column("resource")
    for column in ("held", "by leaked", "peak", "acquired", "released", "limit"):
        table.add_column(column, justify="right")
    for name, use in sorted(auditor.holdings.uses.items()):
        lost = sum(account.open[number].held.get(name, 0) for number in leaked)
        limit = auditor.holdings.limits.get(name)
        numbers = (use.held, lost, use.peak, use.acquired, use.released, "" if limit is None else limit)
        table.add_row(name, *map(str, numbers), style="red" if lost else None)
    return Group(table, *(Text(verdicts[number].text) for number in sorted(leaked)[:_OLDEST]))


def follow_log(
    path: StrPath, *, console: Console | None = None, interval_s: float = 1.0, ledger: Ledger = "sessions",
    stop: Callable[[], bool] | None = None, timers: Timers | None = None,
) -> RunResult:  # fmt: skip
    """Audit `path` as it grows and show `standing` until `stop()` or Ctrl-C; then the audit of what was read, marked
    partial. Before there is anything in it, it is said once that it is waited for; a pipe is followed beyond the end of
    what writes into it. `timers` are those of the server's configuration. LogError when the file can not be opened."""
    memory = MemorySink()
    auditor = Auditor(memory if ledger != "summary" else None, ledger, timers=timers)
    follower = Follower(path, auditor)
    live = Live(standing(auditor), console=console, auto_refresh=False)
    try:
        with live:
            told = False
            while True:
                last = stop is not None and stop()
                if follower.poll() or last:
                    live.update(standing(auditor), refresh=True)
                if not told and (waits := follower.waits) is not None:
                    live.console.print(waits, soft_wrap=True)
                told = True
                if last:
                    break
                time.sleep(interval_s)
    except KeyboardInterrupt:
        pass
    if not live.console.is_terminal:
        live.console.line()  # which the table has of itself on a terminal
    follower.close()
    summary = replace(auditor.finish(f"audit of {os.path.basename(follower.path)}"), partial=True)
    return result_of(auditor, summary, memory if ledger != "summary" else None, ledger, [follower.path])
