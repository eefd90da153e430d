"""A session as a sequence chart: well-formed, escaped, its arrows between the right lanes, the missing one red."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.ledger.result import RunResult
from sim.ledger.summary import Leak
from sim.report.sequence import MOST_STEPS, OUTSIDE, sequence_svg
from sim.report.timeline import StoryStep, story

LEAK2 = Path(__file__).parents[1] / "data" / "traces" / "leak2.log.xz"
SVG = "{http://www.w3.org/2000/svg}"


def texts(root: ET.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{SVG}text")]


def lanes(root: ET.Element) -> dict[str, int]:
    heads = [node for node in root.iter(f"{SVG}text") if node.get("class") == "head" and node.get("text-anchor")]
    return {node.text or "": int(node.get("x", "")) for node in heads}


def starts(root: ET.Element, name: str) -> list[int]:
    """The x that each arrow of a class begins at."""
    drawn = [node.get("d", "") for node in root.iter(f"{SVG}path") if node.get("class") == name]
    return [int(d[1:].split()[0]) for d in drawn if "H" in d]


@pytest.fixture(scope="module")
def audited() -> RunResult:
    return sim.audit_log(LEAK2, ledger="full")


def test_the_answer_that_never_came_is_an_open_arrow_from_the_plugin(audited: RunResult) -> None:
    leak = audited.summary.leaks[0]
    root = ET.fromstring(sequence_svg(story(audited, leak.session), leak))
    assert starts(root, "missing") == [lanes(root)["Demo Recog Engine"]]
    assert "never came" in texts(root)
    kept = [node for node in root.iter(f"{SVG}rect") if node.get("class") == "kept"]
    assert len(kept) == len(leak.holds)
    assert any("3476791faef74488" in text for text in texts(root))


def test_a_call_that_ends_well_has_nothing_in_red(audited: RunResult) -> None:
    released = audited.sessions[audited.sessions["outcome"] == "released"]["session"].iloc[0]
    root = ET.fromstring(sequence_svg(story(audited, int(released))))
    classes = {node.get("class") for node in root.iter()}
    assert not classes & {"missing", "kept", "never"}
    assert "held" in classes


def test_arrows_begin_at_the_task_that_was_at_work_when_the_message_was_sent(result: RunResult) -> None:
    told = story(result, 1)
    root = ET.fromstring(sequence_svg(told))
    x = lanes(root)
    sent = sorted(starts(root, "message"))
    expected = sorted(
        [x[OUTSIDE]] * 2 + [x["NUA"]] * 3 + [x["SIP-Agent-1"]] * 2 + [x["MRCP Server"]] * 6
        + [x["MRCPv2-Agent-1"]] * 2 + [x["Media-Engine-1"]] * 2 + [x["Demo Recog Engine"]] * 2
    )  # fmt: skip
    assert sent == expected
    assert [text for text in texts(root) if text.startswith("waited 5.75 ms")]


def test_names_from_outside_are_text_and_the_file_stays_xml(result: RunResult) -> None:
    evil = "<script>alert('1')</script>&\x00\x1b"
    step = StoryStep(evil, evil, "f", 1.0, None, None, evil, None)
    leak = Leak(1, evil, evil, evil, None, (evil,), evil, evil, evil)
    svg = sequence_svg(replace(story(result, 1), steps=[step], end=evil, session_id=evil), leak)
    root = ET.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert "never handled" in texts(root)
    assert any("<script>" in text for text in texts(root))


def test_it_tells_readers_who_do_not_see_it_what_it_shows(audited: RunResult) -> None:
    leak = audited.summary.leaks[0]
    root = ET.fromstring(sequence_svg(story(audited, leak.session), leak))
    assert root.get("role") == "img"
    ids = {node.get("id"): node.text for node in root.iter() if node.get("id")}
    told = " ".join(ids[name] or "" for name in (root.get("aria-labelledby") or "").split())
    assert "waits for the answer to close" in told


def test_of_a_long_story_the_middle_is_left_out_and_told(result: RunResult) -> None:
    told = story(result, 1)
    long = replace(told, steps=[told.steps[0]] * (MOST_STEPS + 50))
    found = texts(ET.fromstring(sequence_svg(long)))
    assert "50 steps in the middle are left out" in found


def test_the_command_draws_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    path = tmp_path / "call.svg"
    command = ["timeline", str(LEAK2), "--session", "3476791faef74488", "--svg", str(path)]
    assert CliRunner().invoke(build(), command).exit_code == 0
    assert "mrcp_engine_channel_close_respond" in path.read_text(encoding="utf-8")
    path.write_text("mine", encoding="utf-8")
    refused = CliRunner().invoke(build(), command)
    assert refused.exit_code == 2
    assert path.read_text(encoding="utf-8") == "mine"
