"""A run or a log without any call is not called healthy: each command says that nobody called."""

from pathlib import Path

import pytest
from audit.serverlog import Log
from typer.testing import CliRunner

from sim.cli.main import build

SCENARIO = "name: empty\nduration: 2s\ndrain: 1s\narrivals: {rate: 0.0001/s}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("empty")
    (made / "start.log").write_bytes(Log().begin().bytes)
    (made / "empty.yaml").write_text(SCENARIO)
    done = CliRunner().invoke(build(), ["run", str(made / "empty.yaml"), "--out", str(made / "run")])
    assert done.exit_code == 0, done.output
    return made


@pytest.mark.parametrize("source", ["start.log", "run"])
def test_leaks_gives_no_verdict(folder: Path, source: str) -> None:
    done = CliRunner().invoke(build(), ["leaks", str(folder / source)])
    assert done.exit_code == 0
    assert "No verdict: there was no call." in done.output
    assert "A leak of any size would not have shown." in done.output
    for false in ("Healthy", "every pool came back", "before the log begins", "0 sessions of 0"):
        assert false not in done.output


def test_the_screen_does_not_say_that_nothing_is_unusual(folder: Path) -> None:
    again = ["run", str(folder / "empty.yaml"), "--out", str(folder / "run"), "--force"]
    for arguments in (["audit", str(folder / "start.log")], again):
        shown = CliRunner().invoke(build(), arguments).output
        assert "There was no session at all" in shown
        assert "Nothing to judge: nobody called." in shown
        assert "Nothing unusual" not in shown


def test_the_page_does_not_say_that_no_session_leaked(folder: Path) -> None:
    page = (folder / "run" / "report.html").read_text(encoding="utf-8")
    assert "There was no session that could have leaked." in page
    assert "No session leaked." not in page


def test_a_comparison_says_in_which_result_nobody_called(folder: Path) -> None:
    done = CliRunner().invoke(build(), ["compare", str(folder / "run"), str(folder / "start.log")])
    assert "Nothing to compare: there was no call in run and audit of start." in done.output
    assert "corrected for all 0" not in done.output
    assert "within chance" not in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["timeline", "start.log"], "expected a session to tell of (got none: nobody called)"),
        (["trace", "start.log", "-o", "t.pftrace"], "nothing to draw: nobody called"),
        (["audit", "start.log", "--fail-on", "leaked.session_pool > 0"], "no resource was ever taken, for nobody"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_commands_that_need_a_call_say_that_there_was_none(
    folder: Path, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = CliRunner().invoke(build(), arguments)
    assert done.exit_code == 2
    assert said in done.output
