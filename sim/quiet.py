"""The collector of cycles looks seldom where millions of short-lived objects make none: it would find nothing."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Let it wait for 200 000 new objects instead of 700; afterwards as before, whatever happens."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
