"""The logs of a real server in tests/data/traces, and what was counted in them independently."""

import functools
import json
import lzma
from pathlib import Path
from typing import Any

TRACES = Path(__file__).parent.parent / "data" / "traces"
NAMES = sorted(path.name.removesuffix(".truth.json") for path in TRACES.glob("*.truth.json"))


def path_of(name: str) -> Path:
    return TRACES / f"{name}.log.xz"


@functools.lru_cache(maxsize=3)
def text_of(name: str) -> bytes:
    return lzma.decompress(path_of(name).read_bytes())


def truth_of(name: str) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((TRACES / f"{name}.truth.json").read_text())
    return truth
