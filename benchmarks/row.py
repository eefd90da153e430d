"""One row in this process: `python -m benchmarks.row NAME --calls N` prints its figures as one line of JSON.

Exit code 0 when it ran or is not available here (`{"not_available": why}`); a row that fails ends with its traceback.
"""

import argparse
import json
import sys
from collections.abc import Sequence

from benchmarks.flow import HOLD_S
from benchmarks.rows import BY_NAME, NotAvailable


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one row and prints its figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.row", description=__doc__)
    parser.add_argument("name", choices=sorted(BY_NAME))
    parser.add_argument("--calls", type=int, default=None, help="how many calls (default: the row's own size)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hold", type=float, default=HOLD_S, metavar="SECONDS", help="mean hold (default %(default)s)")
    options = parser.parse_args(arguments)
    row = BY_NAME[options.name]
    calls = row.calls if options.calls is None else options.calls
    if calls < 1:
        parser.error(f"--calls must be at least 1 (got {calls})")
    try:
        figures = row.measure(calls, options.seed, options.hold)
    except NotAvailable as why:
        figures = {"not_available": str(why)}
    print(json.dumps(dict(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
