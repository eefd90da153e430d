"""What the figures were measured on, without any path or host name."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from benchmarks import cpp

PACKAGES = ("simpy", "numpy", "numba", "salabim", "ciw")


def cpu_model() -> str:
    """The processor's own name for itself, or its architecture."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gib() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB memory"
    except (ValueError, OSError):
        return "memory unknown"


def _versions() -> str:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            found.append(f"{package} not installed")
    return ", ".join(found)


def _compiler() -> str:
    program = cpp.compiler()
    if program is None:
        return "no C++ compiler"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return f"{done.stdout.partition(chr(10))[0].strip()} with {' '.join(cpp.FLAGS)}"


def description() -> list[str]:
    """The lines of the machine's description."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        f"{cpu_model()}, {os.cpu_count()} cores, {_memory_gib()}, {platform.system()} {platform.machine()}",
        f"{platform.python_implementation()} {platform.python_version()}; {_versions()}",
        f"{_compiler()}",
        f"load average at the start (1, 5, 15 min): {load}",
    ]
