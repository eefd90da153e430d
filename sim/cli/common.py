"""What all commands share: options, consoles, exit codes, and errors told in one line instead of a traceback."""

import functools
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from sim.errors import LogError, RunFailed, ScenarioError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

P = ParamSpec("P")
R = TypeVar("R")

FAILED_CONDITION, BAD_INPUT, RUN_FAILED, INTERRUPTED = 1, 2, 3, 130
READER_LEFT = 141  # what a shell says of a program that SIGPIPE ended
PIPE_WIDTH = 132  # columns of what is written to a file or pipe
PROGRESS_AFTER_S = 1.0  # a run that is shorter needs no progress bar


class EngineName(StrEnum):
    AUTO = "auto"
    SIMPY = "simpy"
    COMPILED = "compiled"


class Detail(StrEnum):
    SUMMARY = "summary"
    SESSIONS = "sessions"
    FULL = "full"


EngineOption = Annotated[EngineName, typer.Option("--engine", help="Which engine runs it.")]
LedgerOption = Annotated[
    Detail | None, typer.Option("--ledger", help="How much is recorded: by default full for small runs, else sessions.")
]
LogArgument = Annotated[
    list[str],
    typer.Argument(metavar="LOG…", help="Log files: plain, .gz, .xz, rotated parts in any order; - is stdin."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Change a field of the scenario; VALUE is YAML. Repeatable."),
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed, instead of the scenario's.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", "--output", "-o", "--out", metavar="DIR", help="Folder for the result.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace an existing result.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else on standard output.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]
NoProgressOption = Annotated[bool, typer.Option("--no-progress", help="No progress bar.")]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="unimrcpserver.xml",
        help="The server's configuration: its session and inactivity timers, which no log shows.",
    ),
]  # fmt: skip
FullOption = Annotated[bool, typer.Option("--full", help="Print every table, not one screen.")]
FailOnOption = Annotated[
    list[str] | None,
    typer.Option("--fail-on", metavar="CONDITION", help="Exit 1 if this holds: 'leaked.session_pool > 0'. Repeatable."),
]


def command(body: Callable[P, R]) -> Callable[P, R]:
    """`body` with every expected error turned into one message on standard error and the exit code for it. A
    KeyboardInterrupt with a text says what was kept."""

    @functools.wraps(body)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        end_as_interrupted()
        try:
            return body(*args, **kwargs)
        except (ScenarioError, LogError) as error:
            raise stop(BAD_INPUT, str(error)) from None
        except RunFailed as error:
            raise stop(RUN_FAILED, with_command(str(error))) from None
        except KeyboardInterrupt as error:
            raise stop(INTERRUPTED, str(error) or "interrupted; nothing was written") from None
        except BrokenPipeError:
            # the reader has left (`| head -1`): not a failed condition, which 1 would say
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(READER_LEFT) from None
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise stop(BAD_INPUT, f"{place}{error.strerror or error}") from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except Exception as error:
            if os.environ.get("MRCPSIM_TRACEBACK"):
                raise
            what = f"{type(error).__name__}: {error}"
            hint = "this is a bug in mrcpsim; please report it, with the traceback that MRCPSIM_TRACEBACK=1 shows"
            raise stop(RUN_FAILED, with_command(f"{what}\n{hint}")) from None

    return guarded


def end_as_interrupted() -> None:
    """Let SIGTERM, and a terminal that goes away, end this process, not those that it starts, as Ctrl-C does: what was
    finished is kept."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has the one ignored
            signal.signal(number, signal.default_int_handler)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=functools.partial(signal.signal, number, signal.SIG_DFL))


def stop(code: int, message: str) -> typer.Exit:
    """Say what is wrong and give the exception that ends the command with `code`."""
    first, *rest = message.splitlines() or [""]
    typer.echo("\n".join([f"error: {first}", *(f"       {line}" for line in rest)]), err=True)
    return typer.Exit(code)


def with_command(message: str) -> str:
    """`message` with the command that reproduces the failure, unless it names one itself or says to go on."""
    if ("mrcpsim " in message and "reproduce" in message) or "the same command" in message:
        return message
    return f"{message}\nreproduce with: {this_command()}"


def this_command() -> str:
    return shlex.join(["mrcpsim", *sys.argv[1:]])


def overrides(settings: list[str] | None) -> Mapping[str, Any]:
    """The `--set` options as a mapping of paths to YAML text. ScenarioError when one is not PATH=VALUE."""
    from sim.scenario import split_override

    return dict(split_override(setting) for setting in settings or [])


def scenario_path(given: str) -> Path:
    """The file `given`, or the shipped scenario of that name when there is no such file."""
    from sim.scenario import find_shipped

    path = Path(given)
    return path if path.exists() else find_shipped(given) or path


def out_console(json: bool = False) -> "Console":
    """Where people read: standard output, or standard error when that belongs to the JSON."""
    from rich.console import Console

    class Told(Console):
        """A console that lets `command` deal with a reader that has left."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    terminal = (sys.stderr if json else sys.stdout).isatty()
    width = None if terminal or "COLUMNS" in os.environ else PIPE_WIDTH
    return Told(stderr=json, highlight=False, width=width)


def print_json(value: Mapping[str, Any]) -> None:
    import json

    typer.echo(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False))


class ProgressBar:
    """A bar on standard error, only on a terminal and only for what takes longer than a second.

    Called with a fraction and a text, as `sim.engine.run.run` does.
    """

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._since = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._read = 0

    def __call__(self, fraction: float, text: str = "") -> None:
        if not self._wanted:
            return
        if self._bar is None:
            if time.monotonic() - self._since < PROGRESS_AFTER_S:
                return
            self._start()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=fraction, description=text)

    def read(self, count: int) -> None:
        """So many more bytes of a file were read, of a size that nobody knows."""
        self._read += count
        self(0.0, f"{self._read / 1e6:.0f} MB read")

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=1.0)
        self._bar.start()
