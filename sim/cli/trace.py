"""`mrcpsim trace`: a result, or a log, as a trace for Perfetto's viewer."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.common import Detail, ForceOption, QuietOption, command

if TYPE_CHECKING:
    from sim.ledger.result import RunResult


def register(app: typer.Typer) -> None:
    app.command("trace")(trace)


@command
def trace(
    source: Annotated[list[str], typer.Argument(metavar="RESULT_DIR|LOG…", help="A result folder, or a server's log.")],
    output: Annotated[Path, typer.Option("-o", "--output", "--out", metavar="FILE", help="The trace.")] = Path(
        "run.pftrace"
    ),
    start: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this time on, such as 10s.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to this time.")] = None,
    sessions: Annotated[
        str | None, typer.Option("--sessions", metavar="N,M-K", help="These sessions only, by number.")
    ] = None,
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a trace of a result or a log for Perfetto's viewer: threads, sessions, pools, queues (drag it in)."""
    from sim.errors import ScenarioError
    from sim.files import refuse_existing, whole
    from sim.report.perfetto.trace import Excerpt, write_trace
    from sim.report.text import number

    cut = Excerpt(_time("--from", start, 0.0), _time("--until", until, float("inf")), _chosen(sessions))
    if cut.from_s >= cut.until_s:
        raise ScenarioError(f"--until must be after --from (got {until} and {start or '0s'})")
    refuse_existing(output, force, "-o")
    result = _read(source, progress=not quiet)
    try:
        with whole(output) as part:
            made = write_trace(result, part, cut)
    except OSError as error:
        raise ScenarioError(
            f"{output}: can not be written ({error.strerror or error}); choose another with -o"
        ) from None
    if not quiet:
        typer.echo(f"{output}: {number(made.messages)} messages, {number(made.sessions)} sessions")
        if made.left_out:
            typer.echo(f"{number(made.left_out)} messages left out; choose a part with --from, --until or --sessions")


def _read(source: list[str], progress: bool) -> "RunResult":
    from sim.cli.results import read_calls
    from sim.ledger.result import load_result

    if len(source) == 1 and Path(source[0]).is_dir():
        return load_result(source[0])
    return read_calls(source, Detail.FULL, progress)


def _time(option: str, text: str | None, default: float) -> float:
    from sim.errors import ScenarioError
    from sim.scenario.units import read_quantity

    if text is None:
        return default
    seconds = read_quantity("time", text)
    if seconds is None or seconds < 0.0:
        raise ScenarioError(f"{option} must be a time, such as 10s (got {text!r})")
    return seconds


def _chosen(text: str | None) -> frozenset[int] | None:
    from sim.errors import ScenarioError

    if text is None:
        return None
    chosen: set[int] = set()
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()) or len(part) > 24:
            raise ScenarioError(f"--sessions must be numbers and ranges, such as 3,10-20 (got {text!r})")
        last = int(high) if dash else int(low)
        if last < int(low) or last - int(low) > 1_000_000:
            raise ScenarioError(f"--sessions must have ranges of up to a million, the lower end first (got {part!r})")
        chosen.update(range(int(low), last + 1))
    return frozenset(chosen)
