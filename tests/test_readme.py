"""What the README tells people to type works, in its order, and what it links to is there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import sim
from sim.scenario import load_scenario

ROOT = Path(__file__).parent.parent
READMES = ("README.md", "README.zh.md")
GUIDES = (*READMES, *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
SET_UP = (
    "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/mrcpsim run scenarios/baseline.yaml",
    ".venv/bin/python -m pytest -n auto",
)


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a document that are marked with this language, in order."""
    every = re.findall(r"^```(\w*)\n(.*?)^```$", (ROOT / name).read_text(encoding="utf-8"), re.M | re.S)
    return [text for marked, text in every if marked == language]


def commands(name: str) -> list[tuple[list[str], int]]:
    """Every command after the set-up, with the exit code that its comment announces."""
    lines = [line for block in blocks(name, "sh")[1:] for line in block.splitlines()]
    found = []
    for line in lines:
        code = re.search(r"# exits (\d)", line)
        found.append((shlex.split(line, comments=True), int(code[1]) if code else 0))
    return found


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder in which commands find what a clone has, and leave their results."""
    for name in ("scenarios", "tests"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def python(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "COLUMNS": "132"},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def shape(line: str) -> str:
    """A line without its numbers, and with single spaces: what stays when a cost changes."""
    return " ".join(re.sub(r"[+-]?[\d.]+ ?(µs|ms|s\b|KiB)?", "#", line).split())


@pytest.mark.parametrize("name", READMES)
def test_two_commands_are_all_the_set_up(name: str) -> None:
    """`.ci/run` does the same two steps in a fresh environment; this holds both to one text."""
    assert tuple(blocks(name, "sh")[0].splitlines()) == SET_UP
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert SET_UP[1].removeprefix(".venv/bin/") in script
    assert "pip\" install -qq -e '.[dev]'" in script


@pytest.mark.slow
def test_every_command_does_what_is_said(clone: Path) -> None:
    given = commands("README.md")
    assert len(given) >= 8
    told: dict[str, set[str]] = {}
    for words, code in given:
        assert words[0] == "mrcpsim"
        less = ["--ledger", "sessions"] if words[1] == "run" and "one-call" not in words[2] else []  # for speed
        done = python(["-m", "sim.cli.main", *words[1:], *less], clone)
        told[words[1]] = {shape(line) for line in done.stdout.splitlines()}
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        assert len(done.stdout.splitlines()) > (2 if words[1] == "calibrate" else 5)
    shown = [shape(line) for line in blocks("README.md", "")[0].splitlines() if line != "…"]
    assert [line for line in shown if line not in told["timeline"]] == []


def test_the_chinese_readme_has_all_of_the_english_one() -> None:
    """The same commands in the same order, pictures, Python, sections, and links."""
    assert commands("README.zh.md") == commands("README.md")
    assert blocks("README.zh.md", "")[-1] == blocks("README.md", "")[-1]
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in READMES)
    assert len(re.findall(r"^## ", chinese, re.M)) == len(re.findall(r"^## ", english, re.M))
    linked = [set(re.findall(r"\]\(([^)]+)\)", text)) - set(READMES) for text in (english, chinese)]
    assert linked[0] == linked[1]
    named = [set(re.findall(r"(?:--[a-z-]+|mrcpsim [a-z]+)", text)) for text in (english, chinese)]
    assert named[0] - {"mrcpsim is"} - named[1] - {"mrcpsim simulates", "mrcpsim contains"} == set()


def test_nobody_is_told_to_install_what_is_in_no_package_index() -> None:
    """Until a release is published, only a checkout can be installed."""
    places = [ROOT / name for name in GUIDES]
    places += [path for room in ("sim", "benchmarks", "notebooks") for path in (ROOT / room).rglob("*.py")]
    told = [path.name for path in places if re.search(r"pip install ['\"]?mrcpsim", path.read_text(encoding="utf-8"))]
    assert told == []


def test_the_planner_is_told_the_truth_about_twice_the_load() -> None:
    twice = load_scenario(ROOT / "scenarios/baseline.yaml", {"arrivals.rate": "40/s"})
    summary = sim.run(twice, ledger="summary").summary
    assert round(summary.sessions.arrived, -3) == 12_000
    assert 2_000 < summary.resources["tcp_connection"].refused < 2_500
    assert max(task.utilisation or 0.0 for task in summary.tasks.values()) < 0.05
    for name in READMES:
        assert "2 000" in (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [guide for guide in GUIDES if blocks(guide, "python")])
def test_every_piece_of_python_runs(name: str, clone: Path) -> None:
    for block in blocks(name, "python"):
        done = python(["-c", block], clone)
        assert done.returncode == 0, done.stderr
        assert done.stdout or "def test_" in block


def test_the_scenario_of_the_guide_reads(tmp_path: Path) -> None:
    whole, fault = blocks("docs/howto.md", "yaml")[:2]
    for name, text in (
        ("whole.yaml", whole.replace("extends: ", f"extends: {ROOT / 'scenarios'}/")),
        ("f.yaml", fault),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        load_scenario(tmp_path / name)


@pytest.mark.parametrize("name", GUIDES)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert ((ROOT / name).parent / target).exists(), f"{name}: {target}"


@pytest.mark.parametrize("name", GUIDES)
def test_scenarios_that_are_named_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for path in set(re.findall(r"scenarios/[\w/-]+\.yaml", text)):
        assert (ROOT / path).is_file(), f"{name}: {path}"
