"""The table of messages as code: the same answers as the tuples, for as many kinds as anybody may add."""

from itertools import pairwise
from typing import Any

import pytest

from sim.engine.compiled import columns, dispatch
from sim.server.handlers import HANDLERS
from sim.vocabulary.messages import KINDS, TASKS, TIMERS, timer_of
from sim.vocabulary.tasks import CLIENT

MANY = 300
COLUMN = [kind // 40 for kind in range(MANY)]


@pytest.mark.parametrize("original", columns.AS_CODE, ids=lambda f: f.__name__)
def test_code_says_what_the_column_says(original: Any) -> None:
    code = columns.AS_CODE[original]
    for kind in range(KINDS):
        if original is not timer_of or TIMERS[kind]:  # whose timer a kind is that is none, nobody asks
            assert code(kind) == original(kind), kind


def test_columns_may_have_any_length() -> None:
    flags = [kind % 7 == 3 or kind == MANY - 1 for kind in range(MANY)]
    rare = [kind if kind in (0, 62, 63, 127, 299) else -1 for kind in range(MANY)]
    bits, steps, few = columns.bits(flags), columns.steps(COLUMN), columns.few(rare, -1)
    assert [bits(kind) for kind in range(MANY)] == flags
    assert [steps(kind) for kind in range(MANY)] == COLUMN
    assert [few(kind) for kind in range(MANY)] == rare


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 9, MANY])
def test_each_kind_reaches_its_handler(count: int) -> None:
    called: list[tuple[int, int]] = []

    def handler(number: int) -> Any:
        return lambda w, session, arg, started, now: called.append((number, arg))

    branch = dispatch.tree([(10 * number + 9, handler(number)) for number in range(count)])
    for kind in range(10 * count):
        branch(None, None, kind, kind, 0.0, 0.0)
    assert called == [(kind // 10, kind) for kind in range(10 * count)]


def test_kinds_that_follow_each_other_with_one_handler_are_one_range() -> None:
    for client in (False, True):
        kinds = [kind for kind in range(KINDS) if (TASKS[kind] == CLIENT) == client]
        found = dispatch.ranges(kinds)
        for kind in kinds:
            assert next(handler for upto, handler in found if kind <= upto) is HANDLERS[kind]
        assert all(a[1] is not b[1] for a, b in pairwise(found))
