"""The tree over the RTP ports finds the port that a search from one to the next would find."""

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sim.server.media import all_free, free_port, next_free_port, take_port


@given(st.integers(1, 40), st.lists(st.integers(0, 39), max_size=80), st.integers(0, 39))
def test_the_next_free_port_is_the_one_that_a_search_one_by_one_finds(
    ports: int, turned: list[int], start: int
) -> None:
    leaves = 1 << max(0, ports - 1).bit_length()
    w: Any = SimpleNamespace(ports=all_free(ports, leaves), p=SimpleNamespace(port_leaves=leaves))
    taken: set[int] = set()
    for i in (i % ports for i in turned):
        if i in taken:
            taken.remove(i)
            free_port(w, i)
        elif len(taken) < ports - 1:
            taken.add(i)
            take_port(w, i)
        i = first = start % ports
        while i in taken:
            i = (i + 1) % ports
        assert next_free_port(w, first) == i
