"""The calls of a log are replayed with other limits: those that the real server refused last as long as the others."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sim.calibration.evidence import watch_logs
from sim.calibration.recorded import write_calls
from sim.cli.main import build
from sim.engine.run import run
from sim.ledger.summary import SessionCounts
from sim.logs.writing.write import write_log
from sim.scenario import load_scenario, read_calls
from sim.scenario.problems import InvalidScenario

LOAD: dict[str, Any] = {
    "duration": "60s", "drain": "60s", "arrivals": {"rate": "20/s", "calls": 800},
    "calls": {"hold": {"dist": "exponential", "mean": "1.6s"}},
}  # fmt: skip


def limited(channels: int, **more: Any) -> dict[str, Any]:
    return {**LOAD, "plugins": {"speechrecog": {"max_channel_count": channels}}, **more}


def counts(mapping: dict[str, Any], seed: int) -> SessionCounts:
    return run(load_scenario(mapping), seed=seed, engine="simpy", ledger="summary").summary.sessions


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """800 calls of a server with 36 channels, of which it refused 51, as calibration writes them."""
    folder = tmp_path_factory.mktemp("recorded")
    ours = run(load_scenario(limited(36)), seed=4, engine="simpy", ledger="full")
    write_log(ours, folder / "server.log")
    evidence = watch_logs([folder / "server.log"])
    assert sum(call.status == 406 for call in evidence.calls) == ours.summary.sessions.rejected["406"] == 51
    write_calls(evidence, folder / "calls.csv")
    return folder / "calls.csv"


@pytest.mark.parametrize(("channels", "chance"), [(36, 6), (40, 12), (1000, 0)])
def test_another_limit_refuses_as_many_as_it_would_have_and_no_call_never_ends(
    channels: int, chance: int, recorded: Path
) -> None:
    """The truth is the run with the same calls, whose refused ones have holds of their own. Between one draw of these
    and another the number differs by chance, at 40 channels with a standard deviation of 3.9 (14 such logs; there the
    means were 17.0 and 16.7)."""
    truth = counts(limited(channels), 4).rejected.get("406", 0)
    replayed = limited(channels, calls={}, arrivals={"kind": "replay", "file": str(recorded)})
    for seed in range(3):
        found = counts(replayed, seed)
        assert abs(found.rejected.get("406", 0) - truth) <= chance, seed
        assert (found.arrived, found.live, found.leaked) == (800, 0, 0)


@pytest.mark.parametrize(
    ("calls", "said"), [({}, "drawn from the 749 that were answered"), ({"hold": "3s"}, "drawn from calls.hold")]
)
def test_a_run_says_once_where_the_holds_of_refused_calls_come_from(
    calls: dict[str, Any], said: str, recorded: Path, tmp_path: Path
) -> None:
    mapping = limited(40, calls=calls, arrivals={"kind": "replay", "file": str(recorded)}, name="replayed")
    path = tmp_path / "replayed.yaml"
    path.write_text(json.dumps(mapping), encoding="utf-8")  # which is YAML
    done = CliRunner().invoke(
        build(), ["run", str(path), "--out", str(tmp_path / "out"), "--json", "--ledger", "summary"]
    )
    assert done.exit_code == 0, done.output
    assert done.stderr.count("of 800 replayed calls were refused by the server that they were recorded on") == 1
    assert said in done.stderr
    assert json.loads(done.stdout)["sessions"]["arrived"] == 800


CLASSES = [
    {"weight": 1, "resources": ["speechrecog"], "dialogue": [{"method": "RECOGNIZE"}]},
    {"weight": 1, "resources": ["speechsynth", "speechrecog"], "dialogue": [{"method": "SPEAK"}]},
]


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_a_replayed_call_asks_for_what_it_asked_for(engine: str, tmp_path: Path) -> None:
    asked = ["speechrecog" if n % 3 else "speechsynth+speechrecog" for n in range(60)]
    rows = [f"{n / 10},0.5,{names}" for n, names in enumerate(asked)]
    (tmp_path / "calls.csv").write_text("\n".join(["invite,hold,resources", *rows]) + "\n", encoding="utf-8")
    mapping = {"drain": "30s", "arrivals": {"kind": "replay", "file": str(tmp_path / "calls.csv")},
               "calls": {"resources": CLASSES}}  # fmt: skip
    result = run(load_scenario(mapping), seed=5, engine=engine, ledger="full")
    assert result.ledger is not None
    synth = result.ledger[(result.ledger["resource"] == "engine_channel:speechsynth") & (result.ledger["delta"] == 1)]
    assert sorted(synth["session"]) == [n for n in range(60) if n % 3 == 0]
    methods = result.messages[(result.messages["message"] == "request")]  # type: ignore[index]
    assert set(methods["session"]) == set(range(60))


def test_a_log_is_replayed_with_the_class_of_each_call_and_refused_calls_ask_too(recorded: Path) -> None:
    lines = recorded.read_text(encoding="utf-8").splitlines()
    assert lines[0].endswith(",resources")
    assert all(line.endswith(",speechrecog") for line in lines[1:])
    refused = [line for line in lines if ",refused," in line]
    assert len(refused) == 51
    assert all(line.split(",")[1:3] == ["", ""] for line in refused)  # neither hold nor requests are known


def test_a_resource_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text("invite,hold,resources\n1,2,speechrecog\n2,2,speachrecog\n", encoding="utf-8")
    with pytest.raises(InvalidScenario, match=r"calls.csv:3: resources must be speechsynth, .*got 'speachrecog'"):
        read_calls(str(tmp_path / "calls.csv"))
