"""The log looks like the server's: header, wording, order of time, addresses; and it is written safely."""

import gzip
import lzma
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from sim.audit.audit import audit_log
from sim.cli import log as cli_log
from sim.engine.run import run
from sim.errors import ScenarioError
from sim.ledger.identity import session_id
from sim.ledger.result import RunResult, load_result
from sim.logs.writing import write
from sim.logs.writing.bodies import mrcp_request, mrcp_response, octets
from sim.logs.writing.lines import Addresses, Lines
from sim.logs.writing.write import log_lines, write_log
from sim.scenario import load_scenario

DATA = Path(__file__).parents[1] / "data" / "traces"
HEADER = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d:\d{6}) (\d{15}) (\[(?:DEBUG|INFO|NOTICE|WARN|ERROR)\] {1,3})(?! )(.*)"
)
runner = CliRunner()
app = typer.Typer()
app.callback()(lambda: None)
cli_log.register(app)

SCENARIO: dict[str, Any] = {
    "duration": "5s",
    "arrivals": {"rate": "20/s"},
    "calls": {"hold": {"dist": "exponential", "mean": "1s"}, "offer": {"unknown_resource": 0.1}},
    "client": {"no_ack": 0.05, "vanish": {"probability": 0.1}},
    "server": {"sip": {"bye_response": "immediate"}, "limits": {"rtp_ports": "20000-20060"}},
    "plugins": {"speechrecog": {"request": {"never": 0.05}}},
}


@pytest.fixture(scope="module")
def result() -> RunResult:
    return run(load_scenario(SCENARIO), seed=1, engine="simpy", ledger="full")


@pytest.fixture(scope="module")
def folder(result: RunResult, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return result.save(tmp_path_factory.mktemp("runs") / "run")


def template(text: str) -> str:
    """A line without what differs from session to session."""
    text = re.sub(r"0x[0-9a-f]+", "0xP", text)
    text = re.sub(r"<[0-9a-f]{16}", "<ID", text)
    return re.sub(r"\d+", "N", text)


def real_templates() -> Iterator[str]:
    for name in ("pools", "unknown", "rtpfull", "noack", "vanish", "recogdrop"):
        with lzma.open(DATA / f"{name}.log.xz", "rt", encoding="utf-8") as log:
            for line in log:
                if match := HEADER.match(line.rstrip("\n")):
                    yield f"{match[3]}{template(match[4])}"


def test_every_line_has_the_servers_header_and_wording(result: RunResult) -> None:
    real = set(real_templates())
    ours = set()
    for entry in log_lines(result):
        match = HEADER.match(entry.split("\n", 1)[0])
        assert match is not None, entry
        ours.add(f"{match[3]}{template(match[4])}")
    own = {
        "[NOTICE] Simulated by mrcpsim [N.N.N] scenario [scenario] seed [N]",
        "[NOTICE] End of Simulation [N.N s]",
        # what a caller that answers BYE (or whose phone does) makes the stack log: none of the recorded ones did
        "[INFO]   Receive SIP Event [nua_r_bye] Status N OK [SIP-Agent-N]",
        "[INFO]   Receive SIP Event [nua_r_bye] Status N Request Timeout [SIP-Agent-N]",
    }
    assert sorted(ours - real - own) == []
    assert len(ours & real) > 70


def test_lines_are_in_order_of_time_and_each_thread_is_one_task(result: RunResult) -> None:
    stamps, threads = [], {}
    for entry in log_lines(result):
        match = HEADER.match(entry.split("\n", 1)[0])
        assert match is not None
        stamps.append(match[1])
        task = re.match(r"(?:Wait for Messages|Process Message) \[([^\]]+)\]", match[4])
        if task:
            assert threads.setdefault(match[2], task[1]) == task[1]
    assert all(one <= two for one, two in pairwise(stamps))
    assert set(threads.values()) == {"MRCP Server", "MRCPv2-Agent-1", "Media-Engine-1", "Demo Recog Engine"}


def test_a_message_is_signalled_processed_and_done_once_and_its_address_belongs_to_one_at_a_time(
    result: RunResult,
) -> None:
    waiting: set[str] = set()
    for entry in log_lines(result):
        text = entry.split("] ", 1)[1].strip()
        if text.startswith("Signal Message to "):
            assert text[18:] not in waiting
            waiting.add(text[18:])
        elif text.startswith("Process Message "):
            waiting.remove(text[16:])
    assert waiting == set()


def test_addresses_of_sessions_are_reused_only_after_their_release(result: RunResult) -> None:
    held: dict[str, str] = {}
    reused, seen = 0, set()
    for entry in log_lines(result):
        if match := re.search(r"Create Session (0x[0-9a-f]+) ", entry):
            assert match[1] not in held
            held[match[1]] = "?"
            reused += match[1] in seen
            seen.add(match[1])
        elif match := re.search(r"Session Terminated (0x[0-9a-f]+) ", entry):
            del held[match[1]]
    assert reused > 10


def test_a_result_folder_and_a_result_in_memory_give_the_same_log(result: RunResult, folder: Path) -> None:
    memory = run(load_scenario(SCENARIO), seed=1, engine="simpy", ledger="full")
    assert "".join(log_lines(load_result(folder))) == "".join(log_lines(memory))


@pytest.mark.parametrize("size", [1, 97])
def test_the_log_does_not_depend_on_how_the_tables_are_cut(
    folder: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = "".join(log_lines(load_result(folder)))
    batches = write._Tables.batches
    monkeypatch.setattr(write._Tables, "batches", lambda self, table, columns, _=0: batches(self, table, columns, size))
    assert "".join(log_lines(load_result(folder))) == whole


def test_lines_wait_in_memory_only_until_nothing_earlier_can_come(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most, until = [0], Lines.until

    def counted(self: Lines, time_s: float) -> Iterator[str]:
        most[0] = max(most[0], len(self.waiting))
        return until(self, time_s)

    monkeypatch.setattr(Lines, "until", counted)
    batches = write._Tables.batches
    monkeypatch.setattr(write._Tables, "batches", lambda self, table, columns, _=0: batches(self, table, columns, 64))
    count = sum(1 for _ in log_lines(load_result(folder)))
    assert count > 10_000
    assert most[0] < 700


def test_the_start_and_the_level_are_as_asked(result: RunResult) -> None:
    entries = list(log_lines(result, level="NOTICE", start=datetime(2024, 2, 29, 23, 59, 58)))
    assert entries[0].startswith("2024-02-29 23:59:58:000000 ")
    assert any(entry.startswith("2024-03-01 00:00:0") for entry in entries)
    assert all(" [NOTICE] " in entry or " [WARN] " in entry for entry in entries)


def test_compressed_logs_hold_the_same_and_audit_reads_them(folder: Path, tmp_path: Path) -> None:
    found = load_result(folder)
    plain = tmp_path / "a.log"
    count = write_log(found, plain)
    for name, opened in (("a.log.gz", gzip.open), ("a.log.xz", lzma.open)):
        assert write_log(found, tmp_path / name) == count
        with opened(tmp_path / name, "rb") as stream:
            assert stream.read() == plain.read_bytes()
        assert audit_log(tmp_path / name).summary.sessions.leaked == found.summary.sessions.leaked


def test_the_command_writes_a_file_or_standard_output(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    done = runner.invoke(app, ["log", str(folder), "-o", str(path), "--level", "info"])
    assert done.exit_code == 0
    assert "entries" in done.stderr
    assert "[DEBUG]" not in path.read_text(encoding="utf-8")
    shown = runner.invoke(app, ["log", str(folder), "-o", "-", "--level", "INFO", "--quiet"])
    assert shown.stdout == path.read_text(encoding="utf-8")


def test_an_existing_log_is_kept_without_force_and_no_half_log_is_left(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("mine", encoding="utf-8")
    refused = runner.invoke(app, ["log", str(folder), "-o", str(path)])
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert path.read_text(encoding="utf-8") == "mine"
    assert runner.invoke(app, ["log", str(folder), "-o", str(path), "--force"]).exit_code == 0
    missing = runner.invoke(app, ["log", str(folder), "-o", str(tmp_path / "no" / "where.log")])
    assert missing.exit_code == 2
    assert "can not be written" in missing.stderr
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["server.log"]


def test_what_is_no_full_simulated_result_is_refused_with_the_remedy(tmp_path: Path) -> None:
    sessions_only = run(load_scenario({**SCENARIO, "duration": "1s"}), seed=1, engine="simpy", ledger="sessions")
    folder = sessions_only.save(tmp_path / "run")
    told = runner.invoke(app, ["log", str(folder), "-o", str(tmp_path / "x.log")])
    assert told.exit_code == 2
    assert "--ledger full" in told.stderr
    assert runner.invoke(app, ["log", str(tmp_path / "none"), "-o", "x.log"]).exit_code == 2
    audited = audit_log(DATA / "unknown.log.xz", ledger="full")
    with pytest.raises(ScenarioError, match="is a log already"):
        write_log(audited, tmp_path / "x.log")
    (folder / "messages.parquet").write_bytes(b"not a table")
    (folder / "ledger.parquet").write_bytes(b"not a table")
    broken = runner.invoke(app, ["log", str(folder), "-o", str(tmp_path / "x.log")])
    assert broken.exit_code == 2
    assert "messages.parquet" in broken.stderr
    assert not (tmp_path / "x.log").exists()


def test_a_run_without_a_call_is_a_log_of_a_start_and_an_end() -> None:
    quiet = run(load_scenario({"duration": "1ms", "arrivals": {"rate": "1/d"}}), seed=1, engine="simpy", ledger="full")
    entries = list(log_lines(quiet))
    assert entries[0].endswith("UniMRCP Server [1.8.0]\n")
    assert "End of Simulation" in entries[-1]


@pytest.mark.parametrize("start", ["yesterday", "0001-01-01", "2026-13-01T00:00:00", ""])
def test_a_start_that_is_no_time_is_refused(folder: Path, start: str) -> None:
    told = runner.invoke(app, ["log", str(folder), "-o", "-", "--start", start])
    assert told.exit_code == 2
    assert "--start must be a date and time" in told.stderr


def test_session_ids_never_repeat_within_a_run() -> None:
    names = {session_id(7, call) for call in range(20_000)}
    assert len(names) == 20_000
    assert all(re.fullmatch(r"[0-9a-f]{16}", name) for name in names)


def test_an_address_is_not_given_before_it_is_free() -> None:
    addresses = Addresses(0x1000, 0x10)
    first = addresses.take(0.0)
    addresses.free(first, 5.0)
    assert addresses.take(4.0) != first
    assert addresses.take(5.5) == first


@pytest.mark.parametrize("number", [1, 10, 123456])
def test_an_mrcp_message_states_its_own_length(number: int) -> None:
    for message in (
        mrcp_request("0123456789abcdef", "speechrecog", "RECOGNIZE", number),
        mrcp_response("0123456789abcdef", "speechrecog", number),
    ):
        assert octets(message) == len(message.replace("\n", "\r\n").encode())
