"""Steps without a message of their own: named for every sofia task, shown in the timeline, told in the docs."""

from pathlib import Path

import sim
from sim.report.text import number
from sim.report.timeline import story
from sim.scenario.server import Memory
from sim.vocabulary.messages import MESSAGES
from sim.vocabulary.steps import CREATION, CREATION_BYTES, LOOP, loop_around
from sim.vocabulary.tasks import NUA, SIP_AGENT

PAGE = (Path(__file__).parents[2] / "docs" / "model.md").read_text(encoding="utf-8")


def test_every_message_of_a_sofia_loop_is_run_by_one_of_its_steps() -> None:
    steps = " ".join(step.function for step in LOOP)
    for row in MESSAGES:
        first, last = loop_around(row.name)
        assert (first != "") == (row.task in (NUA, SIP_AGENT)), row.name
        assert first in steps
        assert (last == "su_msg_delivery_report") == (first == "su_base_port_execute_msgs")


def test_the_timeline_says_what_creates_a_session_and_what_it_takes() -> None:
    result = sim.run(sim.load_scenario("one-call"), engine="simpy", ledger="full")
    told = story(result)
    created = [step for step in told.steps if step.inside]
    assert [step.message for step in created] == ["nua_i_state [received]"]
    assert len(created[0].inside) == len(CREATION) + 1
    pool = next(change for change in created[0].changes if change.resource == "session_pool")
    assert number(pool.bytes - CREATION_BYTES) in created[0].inside[-1]
    assert told.to_dict()["steps"][2]["inside"] == created[0].inside


def test_the_split_of_the_measured_sum_has_room_for_what_the_sources_say() -> None:
    assert 0 < CREATION_BYTES < Memory().session_create
    assert f"together {CREATION_BYTES} bytes" in PAGE


def test_the_page_about_the_model_has_every_step() -> None:
    for step in LOOP:
        assert f"| `{step.function}` | {step.what} | {step.model} |" in PAGE
    for made in CREATION:
        assert f"| `{made.function}` | {made.what} | {made.bytes or '–'} |" in PAGE
