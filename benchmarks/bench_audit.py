"""How fast a server's log is audited, beside `grep -c` on the same file, and how much memory a long one takes.

    python benchmarks/bench_audit.py                 # speed on 250 MB, then 2 GB for the memory
    python benchmarks/bench_audit.py --bytes 300MB   # a shorter long log

The long log is one real trace again and again, with times, session ids and connections moved on. Each audit runs in a
process of its own, on one core; the figures are of that process.
"""

import argparse
import itertools
import json
import lzma
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TRACE = ROOT / "tests/data/traces/burst100.log.xz"
TARGET_MB_S, TARGET_MB = 40.0, 300.0
UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}


def repeated(trace: bytes, wanted: int) -> Iterator[bytes]:
    """The trace's start, then its calls as often as `wanted` bytes need, later each time and with ids of their own."""
    first_call = trace.rindex(b"\n", 0, trace.index(b"nua_i_invite")) + 1
    yield trace[:first_call]
    body = np.frombuffer(trace[first_call:], dtype=np.uint8)
    text = body.tobytes()
    clocks = np.array([m.start(1) for m in re.finditer(rb"^\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d):\d{6} ", text, re.M)])
    ids = np.array([m.start(1) for m in re.finditer(rb"[<\-:]([0-9a-f]{16})[>@.]", text)])
    hms = np.array([0, 1, 3, 4, 6, 7])
    weights = np.array([36000, 3600, 600, 60, 10, 1])
    seconds = (body[clocks[:, None] + hms] - 48).astype(np.int64) @ weights
    period = int(seconds[-1] - seconds[0]) + 1
    first_day = int(text[8:10])
    for turn in itertools.count():
        copy = body.copy()
        now = seconds + turn * period
        of_day = now % 86400
        hours, minutes, second = of_day // 3600, of_day // 60 % 60, of_day % 60
        digits = (hours // 10, hours % 10, minutes // 10, minutes % 10, second // 10, second % 10)
        for place, digit in zip(hms, digits, strict=True):
            copy[clocks + place] = 48 + digit
        days = first_day + now // 86400
        copy[clocks - 3], copy[clocks - 2] = 48 + days // 10, 48 + days % 10
        for place, letter in enumerate(f"{turn:04x}".encode()):
            copy[ids + place] = letter
        chunk = copy.tobytes()
        yield chunk
        wanted -= len(chunk)
        if wanted <= 0:
            return


def write(path: Path, size: int) -> int:
    """Write the long log; the size it has."""
    with path.open("wb") as file:
        for chunk in repeated(lzma.decompress(TRACE.read_bytes()), size):
            file.write(chunk)
    return path.stat().st_size


def audit_here(path: Path) -> None:
    """In the child: audit with streamed tables; one line of JSON."""
    from sim.audit.audit import audit_logs
    from sim.ledger.sink import ParquetSink

    with tempfile.TemporaryDirectory() as folder:
        begin, cpu = time.perf_counter(), time.process_time()
        summary = audit_logs([path], sink=ParquetSink(folder)).summary
        wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "peak_mb": peak, "sessions": summary.sessions.released}))


def measure(path: Path, size: int) -> dict[str, float]:
    """grep, then the audit, on the same file."""
    begin = time.perf_counter()
    grep_it = ["grep", "-c", "Destroy Session", str(path)]
    subprocess.run(grep_it, check=True, stdout=subprocess.PIPE)  # with /dev/null it would stop at the first
    grep = time.perf_counter() - begin
    child = [sys.executable, __file__, "--audit", str(path)]
    figures = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    speed = size / 1e6 / figures["wall_s"]
    print(
        f"{size / 1e6:8.0f} MB  audit {figures['wall_s']:6.2f} s = {speed:6.1f} MB/s ({figures['cpu_s']:.2f} s CPU)  "
        f"grep -c {grep:6.2f} s  ratio {figures['wall_s'] / grep:5.1f}  "
        f"peak {figures['peak_mb']:5.0f} MB  {figures['sessions']} sessions"
    )
    return {**figures, "mb_s": speed, "grep_s": grep}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", default="2GB", help="size of the long log, such as 300MB (default 2GB)")
    parser.add_argument("--audit", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.audit:
        audit_here(arguments.audit)
        return 0
    size = int(float(arguments.bytes[:-2]) * UNITS[arguments.bytes[-2:].upper()])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "server.log"
        speeds = [measure(path, write(path, min(size, 250 * 10**6)))["mb_s"]]
        figures = measure(path, write(path, size))
    speeds.append(figures["mb_s"])
    fast, small = max(speeds) >= TARGET_MB_S, figures["peak_mb"] <= TARGET_MB
    print(f"at least {TARGET_MB_S:.0f} MB/s: {'yes' if fast else 'NO'}")
    print(f"under {TARGET_MB:.0f} MB of memory: {'yes' if small else 'NO'}")
    return 0 if fast and small else 1


if __name__ == "__main__":
    sys.exit(main())
