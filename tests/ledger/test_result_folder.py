import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sim.errors import ScenarioError
from sim.ledger.result import ResultFolder, RunResult, load_result, mark_partial, provenance
from sim.ledger.sink import ROW_GROUP, MemorySink
from sim.ledger.summary import SessionCounts, Summary

LEVELS = {"time_s": [0.0, 1.5], "resource": ["session_pool", "session_pool"], "held": [1, 0]}


def made(seed: int = 1) -> RunResult:
    sink = MemorySink()
    sink.write("levels", LEVELS)
    messages = {"session": [1], "task": ["NUA"], "message": ["BYE"], "sent_s": [1.0], "started_s": [np.nan]}
    sink.write("messages", {**messages, "finished_s": [np.nan]})
    summary = Summary("x", seed, "simpy", 2.0, sessions=SessionCounts(arrived=1))
    origin = provenance("simpy", seed, 0.25)
    text = "name: x\nseed: 1\n"
    return RunResult(summary, None, sink.frame("levels"), None, sink.frame("messages"), text, origin)


def test_a_saved_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    saved = made()
    assert saved.save(tmp_path / "r") == tmp_path / "r"
    found = load_result(tmp_path / "r")
    assert found.summary.to_dict() == saved.summary.to_dict()
    assert found.scenario_yaml == saved.scenario_yaml
    assert found.provenance == saved.provenance
    for table in ("levels", "messages"):
        pd.testing.assert_frame_equal(found.table(table), saved.table(table))
    assert found.sessions is None
    assert found.ledger is None


def test_two_saves_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        made().save(tmp_path / name)
    files = [{p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1]
    assert sorted(files[0]) == ["levels.parquet", "messages.parquet", "scenario.yaml", "summary.json"]


def test_provenance_names_what_made_it() -> None:
    origin = provenance("simpy", 7, 1.5, ledger="full")
    assert (origin["engine"], origin["seed"], origin["wall_s"], origin["ledger"]) == ("simpy", 7, 1.5, "full")
    assert {"python", "mrcpsim", "numpy"} <= set(origin["versions"])


def test_streamed_tables_become_part_of_the_result(tmp_path: Path) -> None:
    seen: list[list[str]] = []
    with ResultFolder(tmp_path / "r") as folder:
        folder.sink(("levels",)).write("levels", LEVELS)
        result = RunResult(Summary("x", 1, "simpy", 2.0))
        folder.commit(result, lambda r, path: seen.append(sorted(p.name for p in path.iterdir())))
    assert seen == [["levels.parquet", "scenario.yaml"]]  # pictures are drawn from finished tables
    assert result.directory == tmp_path / "r"
    assert result.levels is not None
    assert result.levels["held"].tolist() == [1, 0]


def test_an_existing_result_is_kept_without_force(tmp_path: Path) -> None:
    made(1).save(tmp_path / "r")
    with pytest.raises(ScenarioError) as caught:
        made(2).save(tmp_path / "r")
    remedy = "exists already; replace it with --force, or choose another with --out"
    assert str(caught.value) == f"{tmp_path / 'r'}: {remedy}"
    assert load_result(tmp_path / "r").summary.seed == 1


def test_force_replaces_a_result_whole_but_not_what_the_user_put_there(tmp_path: Path) -> None:
    made(1).save(tmp_path / "r")
    (tmp_path / "r" / "notes.txt").write_text("mine")
    (tmp_path / "r" / "ledger.parquet").write_text("of the old run")
    made(2).save(tmp_path / "r", force=True)
    assert load_result(tmp_path / "r").summary.seed == 2
    assert (tmp_path / "r" / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "r" / "ledger.parquet").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["r"]


def test_a_folder_with_other_things_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(
        ScenarioError, match=r"holds files but no result \(such as thesis.tex\); choose another with --out"
    ):
        made().save(tmp_path, force=True)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_empty_folder_is_fine(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir()
    made().save(tmp_path / "r")
    assert load_result(tmp_path / "r").summary.seed == 1


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("")
    with pytest.raises(ScenarioError, match=r"r: must be a folder for the result \(got a file\)"):
        made().save(tmp_path / "r")
    with pytest.raises(ScenarioError, match="a result can not be written here"):
        made().save(tmp_path / "r" / "below")


def test_an_unwritable_place_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ScenarioError) as caught:
        made().save(tmp_path / "r")
    remedy = "a result can not be written here (Permission denied); choose another folder with --out"
    assert str(caught.value) == f"{tmp_path / 'r'}: {remedy}"


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def run() -> None:
        with ResultFolder(tmp_path / "r") as folder:
            folder.sink().write("levels", LEVELS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_and_is_said(tmp_path: Path) -> None:
    def full(result: RunResult, path: Path) -> None:
        raise OSError(28, "No space left on device")

    def run() -> None:
        with ResultFolder(tmp_path / "r") as folder:
            folder.commit(made(), full)

    with pytest.raises(ScenarioError, match=r"can not be written here \(No space left on device\)"):
        run()
    assert not list(tmp_path.iterdir())


KILLED = """
import sys, time
from sim.ledger.result import ResultFolder, RunResult
from sim.ledger.summary import Summary
def slow(result, path):
    print("half way", flush=True)
    time.sleep(60)
with ResultFolder(sys.argv[1]) as folder:
    folder.sink().write("levels", {"time_s": [0.0], "resource": ["a"], "held": [1]})
    folder.commit(RunResult(Summary("x", 1, "simpy", 2.0)), slow)
"""


def test_a_run_killed_half_way_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "r")], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "half way\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "r").exists()
    (left,) = tmp_path.iterdir()
    with pytest.raises(ScenarioError, match=r"is not a result folder, it has no summary.json"):
        load_result(left)
    made().save(tmp_path / "r")  # and it is not in the way
    assert load_result(tmp_path / "r").summary.seed == 1
    assert [path.name for path in tmp_path.iterdir()] == ["r"]  # what the killed one left is gone


def test_an_unfinished_folder_in_which_somebody_works_stays(tmp_path: Path) -> None:
    with ResultFolder(tmp_path / "r") as one, ResultFolder(tmp_path / "r") as other:
        assert one.path != other.path
        assert one.path.is_dir()
        one.commit(made())
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == [
        "levels.parquet",
        "messages.parquet",
        "scenario.yaml",
        "summary.json",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["r"]


def test_an_interrupted_run_is_marked() -> None:
    assert mark_partial(made()).summary.to_dict()["partial"] is True


def _broken(path: Path, what: str) -> None:
    path.mkdir()
    texts = {"no json": "{", "no object": "[]", "other keys": '{"a": 1}', "binary": None}
    if texts[what] is None:
        (path / "summary.json").write_bytes(b"\xff\xfe\x00")
    else:
        (path / "summary.json").write_text(str(texts[what]))


@pytest.mark.parametrize("what", ["no json", "no object", "other keys", "binary"])
def test_a_broken_summary_is_said_in_one_line(tmp_path: Path, what: str) -> None:
    _broken(tmp_path / "r", what)
    with pytest.raises(ScenarioError, match=r"summary.json: is not the summary of a result") as caught:
        load_result(tmp_path / "r")
    assert "\n" not in str(caught.value)


def test_a_broken_table_is_said_in_one_line(tmp_path: Path) -> None:
    made().save(tmp_path / "r")
    (tmp_path / "r" / "levels.parquet").write_text("not parquet")
    with pytest.raises(ScenarioError, match=r"levels.parquet: is not a readable Parquet table") as caught:
        _ = load_result(tmp_path / "r").levels
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing", "file", "empty"])
def test_what_is_no_result_folder_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    expected = {
        "missing": "no such result folder",
        "file": "must be a result folder",
        "empty": "is not a result folder",
    }
    with pytest.raises(ScenarioError, match=f"{name}: {expected[name]}"):
        load_result(tmp_path / name)


def test_a_scenario_without_provenance_is_read_too(tmp_path: Path) -> None:
    result = made()
    result.provenance = {}
    result.save(tmp_path / "r")
    found = load_result(tmp_path / "r")
    assert (found.scenario_yaml, found.provenance) == ("name: x\nseed: 1\n", {})


def test_the_summary_on_disk_is_plain_json(tmp_path: Path) -> None:
    made().save(tmp_path / "r")
    assert json.loads((tmp_path / "r" / "summary.json").read_text()) == made().summary.to_dict()


def test_a_long_table_is_read_without_being_kept(tmp_path: Path) -> None:
    groups, rng = 24, np.random.default_rng(1)
    columns = {"arrived_s": rng.random(groups * ROW_GROUP), "answer_s": rng.random(groups * ROW_GROUP)}
    table = pa.table(columns)
    pq.write_table(table, tmp_path / "sessions.parquet", row_group_size=ROW_GROUP)
    size, before = table.nbytes, pa.total_allocated_bytes()
    held = []
    for rows in RunResult(Summary("x", 1, "compiled", 1.0), directory=tmp_path).batches("sessions", tuple(columns)):
        assert len(rows["answer_s"]) == ROW_GROUP
        held.append(pa.total_allocated_bytes() - before)
    assert len(held) == groups
    assert max(held) < size / 3
