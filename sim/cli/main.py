"""The `mrcpsim` command: arguments in, exit codes out; what it does is in the library.

Exit codes: 0 done and every `expect` holds · 1 an `expect` or `--fail-on` condition failed · 2 bad usage or bad input ·
3 the run failed · 130 interrupted.
"""

import codecs
import sys
from importlib import import_module

import typer

from sim.quiet import quiet_collector
from sim.version import VERSION

# each has `register(app)`; they load the library only when a command runs, so that --help stays fast
COMMANDS = (
    "sim.cli.run",
    "sim.cli.scenarios",
    "sim.cli.timeline",
    "sim.cli.audit",
    "sim.cli.report",
    "sim.cli.trace",
    "sim.cli.leaks",
    "sim.cli.catalogue",
    "sim.cli.log",
    "sim.cli.import_",
    "sim.cli.calibrate",
    "sim.cli.validate",
    "sim.cli.compare",
    "sim.cli.study",
    "sim.cli.capacity",
    "sim.cli.size",
    "sim.cli.sensitivity",
)

_HELP = "Simulate what happens to a call's resources inside a UniMRCP server: capacity, latency and session leaks."


def build() -> typer.Typer:
    """The command line with every command registered."""
    app = typer.Typer(
        name="mrcpsim",
        help=_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for module in COMMANDS:
        import_module(module).register(app)
    return app


PLAIN = str.maketrans("–—−…·×→µ✓✗─│█λ≤≥\u202f\u00a0", "---~-x>u+x-|#l<>  ")
"""What stands for a sign that a terminal can not show: one column each, so that tables stay straight."""


def plain(error: UnicodeError) -> tuple[str, int]:
    """The handler of signs that the encoding of a stream does not have; ? where there is nothing like it."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    near = error.object[error.start : error.end].translate(PLAIN)
    return near.encode("ascii", "replace").decode(), error.end


def main() -> None:
    """Run the command line and exit with its code; text that a terminal can not show never stops it."""
    codecs.register_error("plain", plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="plain")
    with quiet_collector():  # importing and drawing make few cycles: looking for them took a seventh of a short run
        build()()


def _version(value: bool) -> None:
    if value:
        typer.echo(f"mrcpsim {VERSION}")
        raise typer.Exit()


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


if __name__ == "__main__":
    main()
