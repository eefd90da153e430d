"""How long a user waits for a new process: the interpreter, `import sim`, `mrcpsim --help`, a whole `mrcpsim run`."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.measure import ROOT
from benchmarks.own import BASELINE
from benchmarks.report import table


def command() -> list[str] | None:
    """The installed `mrcpsim` of this interpreter, or None where there is none that could work."""
    installed = Path(sys.executable).with_name("mrcpsim")
    if find_spec("sim") is None or find_spec("sim.cli.main") is None or not installed.exists():
        return None
    return [str(installed)]


def run_command(out: Path, *more: str) -> list[str]:
    """`mrcpsim run scenarios/baseline.yaml` into a folder that may exist."""
    found = command()
    assert found is not None
    return [*found, "run", str(BASELINE), "--out", str(out), "--force", "--quiet", "--no-progress", *more]


def seconds(program: Sequence[str], times: int) -> list[float] | str:
    """Wall times of so many runs after one that does not count (compilation, disk cache), or why it failed."""
    walls = []
    for number in range(times + 1):
        start = perf_counter()
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = (done.stderr or done.stdout).strip().splitlines()
            return f"failed: exit code {done.returncode}: {lines[-1] if lines else 'no output'}"
        if number:
            walls.append(perf_counter() - start)
    return walls


def section(times: int, progress: Callable[[str], None]) -> str:
    """The start-up section of the report."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        programs: list[tuple[str, str, list[str] | str]] = [
            ("`python -c pass` (the interpreter alone)", "–", [sys.executable, "-c", "pass"]),
            ("`import sim`", "–", [sys.executable, "-c", "import sim"]),
        ]
        found = command()
        no_command = "not available: the command mrcpsim does not exist yet"
        programs.append(("`mrcpsim --help`", "< 0.4", [*found, "--help"] if found else no_command))
        baseline: list[str] | str = no_command
        if found:
            baseline = run_command(Path(folder) / "result")
            if not BASELINE.is_file():
                baseline = "not available: scenarios/baseline.yaml does not exist yet"
        programs.append(("`mrcpsim run scenarios/baseline.yaml`, after the first compile", "< 2.5", baseline))
        for label, aim, program in programs:
            walls = program if isinstance(program, str) else seconds(program, times)
            if isinstance(walls, str):
                rows.append([label, walls, "–", aim])
            else:
                rows.append([label, f"{median(walls):.2f}", f"{min(walls):.2f}", aim])
            progress(f"start  {label}: {rows[-1][1]}")
    lines = [
        "## Start-up",
        "",
        f"`python -m benchmarks`: wall seconds of a new process, {times} times, the disk cache warm.",
        "",
        table(("command", "median s", "best s", "aim s"), rows),
    ]
    return "\n".join(lines)
