"""Whatever the file is, the answer is one clear line with file:line, quickly and without the network."""

import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from xmlconfig.xml_sample import SAMPLE

from sim.errors import ScenarioError
from sim.xmlconfig.imported import imported, scenario_text
from sim.xmlconfig.lint import lint
from sim.xmlconfig.read import read_config
from sim.xmlconfig.tree import DEEPEST, LARGEST_FILE, parse_xml

HEAD = '<?xml version="1.0"?>\n'
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">\n' for n in range(1, 10))
FILES = {
    "malformed": (
        HEAD + "<unimrcpserver>\n<components>\n</unimrcpserver>",
        ":4: must be well-formed XML: mismatched tag",
    ),
    "cut short": (HEAD + "<unimrcpserver>\n<components>", ": must be well-formed XML: no element found"),
    "wrong root": (HEAD + "<configuration/>", ":2: must be a <unimrcpserver> document (got <configuration>)"),
    "client": (HEAD + "<unimrcpclient/>", "this is the client's configuration"),
    "client of FreeSWITCH": (
        HEAD + '<include><profile name="p"/></include>',
        "FreeSWITCH's mod_unimrcp, which is a client",
    ),
    "text": ("server:\n  port: 8060\n", ":1: must be well-formed XML"),
    "empty": ("", ":1: must be an XML file (got an empty file)"),
    "blank": (" \n\n", ":1: must be an XML file (got an empty file)"),
    "bomb": (
        HEAD + f'<!DOCTYPE b [\n<!ENTITY l0 "lol">\n{LAUGHS}]>\n<unimrcpserver>&l9;</unimrcpserver>',
        ":2: must have no DOCTYPE",
    ),
    "external": (
        HEAD + '<!DOCTYPE u SYSTEM "http://192.0.2.1/x.dtd">\n<unimrcpserver/>',
        ":2: must have no DOCTYPE",
    ),
    "file entity": (
        HEAD + '<!DOCTYPE u [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<unimrcpserver>&x;</unimrcpserver>',
        ":2: must have no DOCTYPE",
    ),
    "unknown entity": (HEAD + "<unimrcpserver>&x;</unimrcpserver>", ":2: must be well-formed XML: undefined entity"),
    "deep": (
        HEAD + "\n".join(["<a>"] * (DEEPEST + 1)),
        f":{DEEPEST + 2}: must have elements nested at most {DEEPEST} deep",
    ),
    "wide": (HEAD + "<unimrcpserver>" + "<a/>" * 20_001 + "</unimrcpserver>", ":2: must have at most 20000 elements"),
    "encoding": ('<?xml version="1.0" encoding="klingon"?>\n<unimrcpserver/>', ":1: must be"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_configuration_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    text, says = FILES[name]
    path = tmp_path / "unimrcpserver.xml"
    path.write_text(text, encoding="utf-8")
    began = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        read_config(path)
    assert time.process_time() - began < 2.0
    message = str(caught.value)
    assert says in message
    assert "unimrcpserver.xml:" in message
    assert "\n" not in message


def test_binary_huge_and_missing_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "server.xml"
    path.write_bytes(b"\x7fELF\x00\x00\x01")
    with pytest.raises(ScenarioError, match=r"server\.xml:1: must be an XML file \(got binary data\)"):
        read_config(path)
    path.write_bytes(b"<a>" + b" " * LARGEST_FILE)
    with pytest.raises(ScenarioError, match="larger than 1 MiB"):
        read_config(path)
    with pytest.raises(ScenarioError, match="no such file"):
        read_config(tmp_path / "none.xml")
    with pytest.raises(ScenarioError, match="is a folder"):
        read_config(tmp_path)


def test_other_encodings_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="{}"?>\n<unimrcpserver version="1.0"><!-- é --></unimrcpserver>'
    for encoding, data in {
        "utf-8": text.format("utf-8").encode("utf-8-sig"),
        "iso-8859-1": text.format("ISO-8859-1").encode("latin-1"),
        "utf-16": text.format("UTF-16").encode("utf-16"),
    }.items():
        assert parse_xml(data, encoding).name == "unimrcpserver"


@given(st.binary(max_size=400))
def test_no_bytes_make_anything_but_a_tree_or_a_scenario_error(data: bytes) -> None:
    problem = ""
    try:
        parse_xml(data, "x.xml")
    except ScenarioError as error:
        problem = str(error)
    assert not problem or problem.startswith("x.xml:")


NUMBER = st.one_of(st.integers(-(10**20), 10**20).map(str), st.text("0123456789abc .-&lt;", max_size=6))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NUMBER.map(lambda t: t.replace("&", "").replace("<", "")), min_size=10, max_size=10))
def test_whatever_numbers_stand_there_the_scenario_loads_or_the_file_is_refused(
    tmp_path: Path, numbers: list[str]
) -> None:
    names = (
        "sip-session-expires", "sip-min-session-expires", "max-connection-count", "max-shared-use-count",
        "inactivity-timeout", "termination-timeout", "rtp-port-min", "rtp-port-max", "realtime-rate",
        "max-channel-count",
    )  # fmt: skip
    text = SAMPLE
    for name, number in zip(names, numbers, strict=True):
        text = re.sub(rf"<{name}>[^<]*<", f"<{name}>{number}<", text)
    path = tmp_path / "unimrcpserver.xml"
    path.write_text(text, encoding="utf-8")
    config = read_config(path)
    lint(config)
    scenario_text(imported(config), config)
