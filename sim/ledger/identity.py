"""The server's own id of every session of a run: what its log would call it, in every table that has sessions."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sim.ledger.sink import Sink

IDENTIFIED = ("sessions", "ledger", "messages")
"""The tables whose rows belong to sessions."""
DIGITS = 16
_HEX = np.array([f"{byte:02x}".encode() for byte in range(256)])
_STEP, _FIRST = 0x9E3779B97F4A7C15, 0x243F6A8885A308D3


def session_id(seed: int, call: int) -> str:
    """Sixteen hexadecimal digits, different for every call of a run (SplitMix64, a bijection of the call number)."""
    return str(session_ids(seed, np.array([call]))[0], "ascii")


def session_ids(seed: int, calls: "NDArray[np.int64]") -> "NDArray[np.bytes_]":
    """The ids of `calls` as an array of 16 bytes each; empty for a negative number, which is no session."""
    first = np.uint64((seed * _STEP + _FIRST) & 0xFFFF_FFFF_FFFF_FFFF)
    with np.errstate(over="ignore"):
        z = first + (calls.astype(np.uint64) + np.uint64(1)) * np.uint64(_STEP)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    ids: NDArray[np.bytes_] = _HEX[z.byteswap().view(np.uint8)].view(f"S{DIGITS}")
    ids[calls < 0] = b""
    return ids


class IdentifyingSink:
    """Hands all rows on to `sink`, those of sessions with their ids."""

    def __init__(self, sink: "Sink", seed: int) -> None:
        self._sink = sink
        self._seed = seed

    def write(self, table: str, columns: Mapping[str, Any]) -> None:
        """Append rows to `table`."""
        if table in IDENTIFIED:
            ids = session_ids(self._seed, np.asarray(columns["session"], dtype=np.int64))
            columns = {**columns, "session_id": ids}
        self._sink.write(table, columns)

    def close(self, ok: bool) -> None:
        """No more rows come."""
        self._sink.close(ok)
