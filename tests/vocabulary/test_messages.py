"""The messages table: what a row says is what everybody else finds, however many rows there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sim.errors import InternalError
from sim.scenario import Costs
from sim.server.handlers import TABLE
from sim.server.handling import handles
from sim.vocabulary import messages as m
from sim.vocabulary.chains import RELEASE_CHAINS
from sim.vocabulary.plugins import OPERATIONS
from sim.vocabulary.tasks import CLIENT, PLUGIN, SERVER


def test_every_kind_has_a_name_of_its_own_and_a_handler() -> None:
    assert len(set(m.MESSAGE_NAMES)) == m.KINDS
    assert sorted(TABLE) == list(range(m.KINDS))


def test_a_second_handler_of_a_kind_is_refused() -> None:
    with pytest.raises(InternalError, match=r"OFFER: must have one handler \(got s_offer and another\)"):

        @handles(m.S_OFFER)
        def another(*_: object) -> None: ...


def test_a_handler_stays_the_function_that_it_is() -> None:
    handler = TABLE[m.S_OFFER]
    assert (handler.__name__, handler.__module__) == ("s_offer", "sim.server.session")


def test_every_cost_key_is_one_of_the_scenarios() -> None:
    costs = Costs()
    for task, key in m.COST_KEYS.values():
        assert getattr(costs, task).__class__.model_fields.keys() >= {key}
    for row in m.MESSAGES:
        assert row.cost or row.task in (PLUGIN, CLIENT) or row.name in ("STOP at tick", "audio callback")


def test_what_a_message_carries_is_something_that_a_session_can_wait_for() -> None:
    assert {row.carries for row in m.MESSAGES if row.carries} <= set(RELEASE_CHAINS)
    assert list(m.ANSWER_ROWS) == list(OPERATIONS)
    for what, kinds in m.CARRIERS.items():
        assert kinds, what
        assert m.MESSAGES[kinds[0]].task == SERVER  # the nearest one


def test_the_plugins_operations_are_asked_for_in_their_order() -> None:
    assert [row.name for row in m.MESSAGES[m.P_OPEN : m.P_OPEN + len(OPERATIONS)]] == list(OPERATIONS)


def test_a_log_types_every_message_of_the_server_task_and_reads_it_back() -> None:
    for row in m.SERVER_ROWS:
        seen = m.SERVER_MESSAGES[row.log.encode()]
        assert seen == (row.seen or row.cost) or row.log == "3;4"  # answers, told apart by what was asked


def test_timers_have_an_owner_and_no_argument_that_means_something_to_others() -> None:
    for row in m.MESSAGES:
        assert not (row.timer and row.argument), row.name


@given(some.integers(0, 2), some.integers(0, 15), some.integers(1, 15))
def test_commands_come_out_as_they_went_in(step: int, first: int, count: int) -> None:
    argument = m.commands(step, first, count)
    assert (m.step_of(argument), m.first_of(argument), m.count_of(argument)) == (step, first, count)


@given(some.integers(0, 15))
def test_a_marked_channel_is_still_that_channel(channel: int) -> None:
    assert not m.is_marked(channel)
    assert m.is_marked(m.marked(channel))
    assert m.channel_of(m.marked(channel)) == m.channel_of(channel) == channel


@pytest.mark.parametrize(
    ("name", "argument", "text"),
    [
        ("ADD channel", 1, "channel 1"),
        ("OPEN response", m.marked(2), "channel 2, not opened"),
        ("send", m.marked(0), "channel 0, an event"),
        ("MPF container", m.commands(m.STEP_SUBTRACT, 5, 2), "subtract, commands 5 to 6"),
        ("nua_respond", 404, "404"),
        ("OFFER", 0, ""),
        ("OFFER", 1, "again"),
        ("OFFER", None, ""),
        ("something new", 7, "7"),
    ],
)
def test_arguments_in_words(name: str, argument: int | None, text: str) -> None:
    assert m.argument_text(name, argument) == text
