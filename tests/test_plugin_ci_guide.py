"""The worked example of the guide for plugin authors does what the guide says."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.cli.main import build
from sim.ledger.conditions import parse

HOME = Path(__file__).resolve().parents[1]
GUIDE = (HOME / "docs" / "plugin-ci.md").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("plugin")
    (home / "stop-race.yaml").write_text(re.search(r"```yaml\n(# yaml-language-server.*?)```", GUIDE, re.S)[1])
    return home


def mrcpsim(*arguments):
    return CliRunner().invoke(build(), [str(argument) for argument in arguments])


def test_the_bug_fails_the_build(folder):
    done = mrcpsim("run", folder / "stop-race.yaml", "--out", folder / "bug", "--seed", 1)
    assert done.exit_code == 1
    assert "stop-never-answered" in done.output
    assert "DEACTIVATING" in done.output


def test_its_minimal_scenario_is_one_call(folder):
    target = folder / "stop-race-minimal.yaml"
    done = mrcpsim("leaks", folder / "bug", "--minimal", "-o", target)
    assert "1 of " in done.output
    assert mrcpsim("run", target, "--out", folder / "small").exit_code == 0


def test_the_fix_passes_and_shows_what_it_costs(folder):
    fix = re.search(r"```sh\n(mrcpsim run.*?)```", GUIDE, re.S)[1]
    arguments = shlex.split(fix.replace("\\\n", " "))[3:]
    done = mrcpsim("run", folder / "stop-race.yaml", *arguments, "--out", folder / "fix")
    assert done.exit_code == 0, done.output
    slow = mrcpsim("run", folder / "stop-race.yaml", *arguments[:-1], "latency.terminate_to_release.p99 > 100ms",
                   "--out", folder / "slow")  # fmt: skip
    assert slow.exit_code == 1


@pytest.mark.parametrize("text", re.findall(r"^\| `([^`]* > [^`]*)` \|", GUIDE, re.M))
def test_every_condition_of_the_table_is_one(text):
    parse(text)
