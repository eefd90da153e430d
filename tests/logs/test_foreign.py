"""A file that is no server's log is refused with what it seems to be; nothing is concluded, and no condition passes."""

import lzma
from pathlib import Path

import pytest
from logs.lines import example
from typer.testing import CliRunner

from sim.cli.main import build
from sim.vocabulary.client_lines import CLIENT_ONLY
from sim.vocabulary.other_lines import SHARED

FIELD = Path(__file__).parent.parent / "data" / "field"
STAMP = "2024-02-02 10:00:00:000000 140000000000011 [INFO]   "
FOREIGN = {
    "FreeSWITCH": lzma.decompress((FIELD / "11a-freeswitch.log.xz").read_bytes()).decode(),
    "FreeSWITCH with its load": "2024-02-02 10:00:00.609633 99.07% [DEBUG] mod_unimrcp.c:1862 (ASR-1) ready\n",
    "Asterisk": "[Feb  2 10:00:00] VERBOSE[1234][C-00000001] app_unimrcp.c: (ASR-1) Recognition started\n",
    "UniMRCP client": lzma.decompress((FIELD / "11d-client.log.xz").read_bytes()).decode(),
    "log of another program": "2024-02-02 10:00:00,123 INFO  [main] com.example.Dialog - started\n"
    "2024-02-02 10:00:01,123 WARN  [main] com.example.Dialog - slow\n",
    "trace of SIP": "INVITE sip:mrcp@10.0.0.1:8060 SIP/2.0\nVia: SIP/2.0/UDP 10.0.0.9\n",
    "XML": '<?xml version="1.0"?>\n<unimrcpserver version="1.0"></unimrcpserver>\n',
}
NAMED = {"FreeSWITCH with its load": "FreeSWITCH"}


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(build(), arguments)
    return result.exit_code, result.output


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_log_is_refused_with_what_it_seems_to_be(what: str, tmp_path: Path) -> None:
    path = tmp_path / "some.log"
    path.write_text(FOREIGN[what])
    for command in (
        ("audit", str(path)), ("audit", str(path), "--fail-on", "sessions.leaked > 0"), ("leaks", str(path)),
        ("calibrate", str(path), "-o", str(tmp_path / "out.yaml")),
    ):  # fmt: skip
        code, output = run(*command)
        said = " ".join(output.split())
        assert code == 2, output
        assert f"{path}" in output.replace("\n", "")
        assert "it seems to be" in said
        assert NAMED.get(what, what) in said
    assert not (tmp_path / "out.yaml").exists()


def test_a_clients_log_is_a_clients_whatever_of_its_library_it_has(tmp_path: Path) -> None:
    path = tmp_path / "client.log"
    tables = (*CLIENT_ONLY, *SHARED)
    texts = [example(text).decode() for *_, many in tables for text in many]
    path.write_text("".join(f"{STAMP}{text}\n" for text in texts))
    code, output = run("audit", str(path))
    assert code == 2
    assert "a UniMRCP client" in " ".join(output.split())


def test_a_task_of_a_client_tells_whose_log_it_is(tmp_path: Path) -> None:
    path = tmp_path / "client.log"
    path.write_text("2014-06-10 12:03:33:922077 [DEBUG]  Wait for Messages [MRCP Client]\nsoa_clone: entering\n")
    code, output = run("audit", str(path))
    assert code == 2
    assert "a UniMRCP client" in " ".join(output.split())


def test_a_clients_lines_in_a_servers_output_are_none_of_the_servers(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    text = lzma.decompress((FIELD / "06-client-line-in-output.log.xz").read_bytes()).decode()
    handle = "0x7e0000000100"
    more = [
        f"Create MRCP Handle {handle} [uni2]", f"Add Control Channel {handle} <00000000005e0099@speechrecog>",
        f"Control Channel Removed {handle} <00000000005e0099@speechrecog>",
        f"Terminate Session {handle} <00000000005e0099>", f"Session Terminated {handle} <00000000005e0099>",
    ]  # fmt: skip
    stamp = "2024-02-02 10:00:50:000000 140000000000011 [INFO]   "
    path.write_text(text + "".join(f"{stamp}{line}\n" for line in more))
    code, output = run("audit", str(path), "--json", "--quiet")
    assert code == 0
    assert '"created": 10' in output
    assert '"live": 0' in output
    assert '"crashed_at_s": null' in output


def test_no_condition_passes_on_a_log_without_a_line(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("")
    assert run("audit", str(path))[0] == 0
    code, output = run("audit", str(path), "--fail-on", "sessions.leaked > 0")
    assert code == 2
    assert "--fail-on" in output
