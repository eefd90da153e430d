"""Whatever a user gets wrong: exit code 2 and one clear line on standard error, never a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sim.cli.main import build

GOOD = "name: good\nduration: 1s\ndrain: 1s\narrivals:\n  rate: 5/s\n"


def mrcpsim(*args: str) -> Result:
    return CliRunner().invoke(build(), list(args))


def one_line(result: Result) -> str:
    """The one line on standard error; fails when there is more, or anything on standard output."""
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    (line,) = result.stderr.splitlines()
    return str(line)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "a_folder").mkdir()
    (tmp_path / "result").mkdir()
    (tmp_path / "result" / "summary.json").write_text("{}")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["run", "missing.yaml"], "error: missing.yaml: no such file"),
        (
            ["run", "close-nver"],
            "error: close-nver: no such file (did you mean the shipped scenario faults/close-never?)",
        ),
        (
            ["run", "good.yaml", "--set", "calls.requests=-1"],
            "error: --set calls.requests=-1: calls.requests must be a number >= 0, or a distribution of numbers",
        ),
        (["run", "a_folder"], "error: a_folder: is a folder, not a scenario file"),
        (["run", "binary.yaml"], "error: binary.yaml: is a binary file, not a scenario file"),
        (["check", "missing.yaml"], "error: missing.yaml: no such file"),
        (["check", "a_folder"], "error: a_folder: is a folder, not a scenario file"),
        (["run", "good.yaml", "--set", "nonsense"], "error: --set nonsense: must be path.to.field=value"),
        (
            ["run", "good.yaml", "--out", "result"],
            "error: result: exists already; replace it with --force, or choose another with --out",
        ),
        (["run", "good.yaml", "--out", "other"], "error: other: holds files but no result (such as notes.txt)"),
        (["run", "good.yaml", "--out", "other", "--force"], "error: other: holds files but no result"),
        (["run", "good.yaml", "--out", "good.yaml"], "error: good.yaml: must be a folder for the result (got a file)"),
        (["run", "good.yaml", "--out", "good.yaml/x"], "error: good.yaml/x: a result can not be written here"),
        (["run", "good.yaml", "--out", "/proc/x/y"], "error: /proc/x/y: a result can not be written here"),
        (["run", "good.yaml", "--fail-on", "leaked"], "error: condition 'leaked': must be 'value < bound'"),
        (
            ["run", "good.yaml", "--fail-on", "leaked.sesion_pool > 0"],
            "error: condition 'leaked.sesion_pool > 0': there is no value 'resources.sesion_pool.leaked'; "
            "nearest: resources.session_pool.leaked",
        ),
        (["timeline", "missing"], "error: missing: expected a result folder, or a server's log (there is neither)"),
        (["timeline", "good.yaml"], "error: good.yaml:1: expected a line of a UniMRCP server log"),
        (["timeline", "a_folder"], "error: a_folder: is not a result folder, it has no summary.json"),
        (["timeline", "result"], "error: result/summary.json: is not the summary of a result"),
        (["leaks", "a_folder"], "error: a_folder: is not a result folder"),
        (["leaks", "missing"], "error: missing: expected a readable log file"),
        (["audit", "missing.log"], "error: missing.log: expected a readable log file"),
        (["audit", "a_folder"], "error: a_folder: expected a readable log file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_one_clear_line_and_exit_code_2(folder: Path, args: list[str], expected: str) -> None:
    before = sorted(folder.rglob("*"))
    result = mrcpsim(*args)
    assert one_line(result).startswith(expected)
    assert result.exit_code == 2
    assert sorted(folder.rglob("*")) == before  # and nothing was written


@pytest.mark.parametrize(
    "args",
    [
        [], ["run"], ["run", "good.yaml", "--seed", "x"], ["run", "good.yaml", "--engine", "steam"],
        ["run", "good.yaml", "--ledger", "everything"], ["frobnicate"], ["run", "good.yaml", "--no-such-option"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_bad_usage_is_exit_code_2_without_a_traceback(folder: Path, args: list[str]) -> None:
    result = mrcpsim(*args)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.output.strip()


def test_all_problems_of_a_file_are_told_at_once_with_their_lines(folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: bad\nduraton: 3s\narrivals:\n  rate: fast\n")
    result = mrcpsim("check", "bad.yaml")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    assert "bad.yaml:2:" in result.stderr
    assert "bad.yaml:4:" in result.stderr


def test_an_unwritable_folder_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.mkdir

    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        if "unfinished" in self.name:
            raise PermissionError(13, "Permission denied", str(self))
        real(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", refuse)
    result = mrcpsim("run", "good.yaml", "--out", "locked")
    remedy = "a result can not be written here (Permission denied); choose another folder with --out"
    assert one_line(result) == f"error: locked: {remedy}"
    assert result.exit_code == 2


def run_python(code: str, cwd: Path, check: Callable[[subprocess.CompletedProcess[str]], bool]) -> str:
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, env={**os.environ})
    assert check(done), done
    return done.stderr


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["run", "binary.yaml"], "error: binary.yaml: is a binary file, not a scenario file\n"),
        (["audit", "good.yaml"], "error: good.yaml:1: expected a line of a UniMRCP server log"),
    ],
)
def test_the_installed_command_prints_no_traceback(folder: Path, args: list[str], expected: str) -> None:
    code = f"import sys; sys.argv = ['mrcpsim', *{args}]; from sim.cli.main import main; main()"
    stderr = run_python(code, folder, lambda done: done.returncode == 2)
    assert stderr.startswith(expected)
    assert len(stderr.splitlines()) == 1


def test_help_loads_nothing_heavy(folder: Path) -> None:
    code = """
import sys
sys.argv = ["mrcpsim", "--help"]
from sim.cli.main import main
try:
    main()
finally:
    heavy = {"numpy", "pandas", "pyarrow", "matplotlib", "numba", "scipy", "pydantic", "simpy", "yaml"}
    print(sorted(heavy & set(sys.modules)), file=sys.stderr)
"""
    assert run_python(code, folder, lambda done: done.returncode == 0) == "[]\n"


@pytest.mark.parametrize("args", [["audit"], ["calibrate", "-o", "made.yaml"], ["validate", "good.yaml"]])
def test_a_folder_in_place_of_a_log_is_told_what_it_is(folder: Path, args: list[str]) -> None:
    made = one_line(mrcpsim(*_with(args, "result")))
    assert made.startswith("error: result: expected a readable log file (got a result folder: `mrcpsim report`")
    plain = one_line(mrcpsim(*_with(args, "a_folder")))
    assert plain.startswith("error: a_folder: expected a readable log file (got a folder: name the files in it")
    assert not (folder / "made.yaml").exists()


def _with(args: list[str], log: str) -> list[str]:
    return [args[0], log, *args[1:]] if args[0] != "validate" else [*args, log]


@pytest.mark.parametrize("option", ["--out", "--output", "-o"])
def test_what_a_command_writes_is_named_in_any_of_three_ways(folder: Path, option: str) -> None:
    for command in ("run", "audit", "study", "validate", "capacity"):
        assert option in mrcpsim(command, "--help").stdout
    done = mrcpsim("run", "good.yaml", option, "made", "--quiet", "--no-progress")
    assert done.exit_code == 0
    assert (folder / "made" / "summary.json").exists()
    assert mrcpsim("log", "made", option, "made.log").exit_code == 0
    assert (folder / "made.log").exists()


def test_a_page_of_a_comparison_that_can_not_be_written_says_which_and_how_to_go_on(folder: Path) -> None:
    assert mrcpsim("run", "good.yaml", "--out", "a", "-q").exit_code == 0
    found = mrcpsim("compare", "a", "a", "-o", "nowhere/page.html", "-q")
    assert found.exit_code == 2
    assert one_line(found) == (
        "error: nowhere/page.html: can not be written (No such file or directory); choose another with -o"
    )


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder in which nobody can make one")
def test_a_folder_where_none_can_be_made_is_not_said_to_be_full_of_unfinished_results(folder: Path) -> None:
    found = mrcpsim("run", "good.yaml", "--out", "/proc/result", "-q")
    assert found.exit_code == 2
    assert one_line(found).startswith("error: /proc/result: a result can not be written here")


def test_validating_a_fleet_says_that_a_log_is_of_one_server(folder: Path) -> None:
    (folder / "fleet.yaml").write_text(GOOD + "fleet: {servers: 2}\n")
    found = mrcpsim("validate", "fleet.yaml", "server.log")
    assert found.exit_code == 2
    assert one_line(found) == "error: good: a log is of one server (got a fleet); leave it out with --set fleet=null"
