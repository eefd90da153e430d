"""Files as strangers have them: other encodings, old line ends, holes, one endless line, a packed file that is cut."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from audit.serverlog import Call, Log, healthy

from sim.audit.audit import audit_log
from sim.errors import LogError


def _log() -> bytes:
    log = healthy(Log().begin(), calls=20)
    Call(log).up()
    return log.bytes


LOG = _log()

ODD: dict[str, Callable[[bytes], bytes]] = {
    "UTF-16, great end first": lambda text: b"\xfe\xff" + text.decode().encode("utf-16-be"),
    "line ends of an old Macintosh": lambda text: text.replace(b"\n", b"\r"),
    "a hole that a crash of the machine left": lambda text: text[:5000] + bytes(100_000) + text[5000:],
    "one line of 5 MB": lambda text: text + b"A" * 5_000_000 + b"\n",
    "the last line cut": lambda text: text[:-10],
    "a name that says packed, and is not": lambda text: text,
}


@pytest.mark.parametrize("form", ODD)
def test_an_odd_file_tells_what_a_plain_one_tells(form: str, tmp_path: Path) -> None:
    path = tmp_path / ("server.log.gz" if "packed" in form else "server.log")
    path.write_bytes(ODD[form](LOG))
    found = audit_log(path).summary.sessions
    assert (found.created, found.released, found.live, found.leaked, found.crashed) == (21, 20, 1, 0, 0)


def test_a_packed_file_that_is_cut_is_read_as_far_as_it_goes_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "server.log.gz"
    path.write_bytes(gzip.compress(LOG)[:-200])
    result = audit_log(path)
    assert result.summary.sessions.released == 20
    assert result.summary.sessions.leaked == 0
    assert any("ends early: the archive was cut short" in note for note in result.provenance["notes"])


@pytest.mark.parametrize("encode", [lambda t: t.decode().encode("utf-32"), lambda t: gzip.compress(gzip.compress(t))])
def test_what_can_not_be_read_is_refused_and_never_an_empty_log(
    encode: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "server.log.gz"
    path.write_bytes(encode(LOG))
    with pytest.raises(LogError, match=r"server\.log\.gz:1: expected a line of a UniMRCP server log"):
        audit_log(path)
