"""Each setting that hurts is found, with its line and what it costs in calls; a good configuration has no warning."""

from pathlib import Path

import pytest
from xmlconfig.xml_sample import Write

from sim.theory.queues import erlang_b, needed
from sim.xmlconfig.finding import Expected, LintFinding
from sim.xmlconfig.lint import lint
from sim.xmlconfig.read import read_config

SYNTH_MAP = '<resource-engine-map> <resource id="speechsynth" engine="Synth-1"/></resource-engine-map></mrcpv2-profile>'
CASES: dict[str, tuple[list[tuple[str, str]], str]] = {
    "rtp-port-odd": ([("<rtp-port-min>5000", "<rtp-port-min>5001")], "RTCP"),
    "rtp-range-odd": ([("<rtp-port-max>6000", "<rtp-port-max>6001")], "carries 501 calls, as 5000-6002 would"),
    "rtp-range-empty": ([("<rtp-port-max>6000", "<rtp-port-max>5000")], "without audio"),
    "rtp-range-small": ([("<rtp-port-max>6000", "<rtp-port-max>5060")], "at 30 calls"),
    "rtp-port-too-large": ([("<rtp-port-max>6000", "<rtp-port-max>70000")], "16 bits"),
    "rtp-port-privileged": ([("<rtp-port-min>5000", "<rtp-port-min>1000")], "12 of 2500 ports"),
    "rtp-ephemeral": ([("<rtp-port-max>6000", "<rtp-port-max>40000")], "failed bind"),
    "port-in-rtp-range": ([("<sip-port>8060", "<sip-port>5060")], "one call"),
    "connection-limit": ([("<max-connection-count>100", "<max-connection-count>20")], "at 20 calls"),
    "connection-limit-zero": ([("<max-connection-count>100", "<max-connection-count>0")], "0 calls"),
    "no-sharing": ([("<max-shared-use-count>50", "<max-shared-use-count>1")], "100 calls"),
    "endless-sharing": ([("<max-shared-use-count>50", "<max-shared-use-count>0")], "grows"),
    "session-timer-off": ([("<sip-session-expires>600", "<sip-session-expires>0")], "for ever"),
    "session-timer-below-minimum": ([("<sip-session-expires>600", "<sip-session-expires>60")], "larger one"),
    "dead-session-timer": ([("<sip-session-expires>600", "<sip-session-expires>3600")], "360 calls' worth"),
    "dead-connection-timer": ([("<inactivity-timeout>600", "<inactivity-timeout>1800")], "180 calls' worth"),
    "inactivity-off": ([("<inactivity-timeout>600", "<inactivity-timeout>0")], "for ever"),
    "inactivity-short": ([("<inactivity-timeout>600", "<inactivity-timeout>10")], "cut"),
    "termination-off": ([("<termination-timeout>3", "<termination-timeout>0")], "session timer"),
    "termination-long": ([("<termination-timeout>3", "<termination-timeout>120")], "12 calls' worth"),
    "sip-t1-odd": ([("<sip-port>", "<sip-t1>5</sip-t1><sip-port>")], "0.32 s"),
    "sip-t2-below-t1": ([("<sip-port>", "<sip-t2>4</sip-t2><sip-port>")], "T2 = T1"),
    "sip-t1x64-apart": ([("<sip-port>", "<sip-t1x64>90000</sip-t1x64><sip-port>")], "90 s"),
    "realtime-rate": ([("<realtime-rate>1", "<realtime-rate>4")], "1/4 of the calls"),
    "realtime-rate-ignored": ([("<realtime-rate>1", "<realtime-rate>40")], "takes it for 1"),
    "channel-limit-unset": ([("<max-channel-count>80</max-channel-count>", "")], "406"),
    "resource-without-engine": ([('name="demorecog"', 'name="demorecog" enable="false"')], "404"),
    "engine-unused": ([('name="demorecog"', 'name="demosynth"'), ("</mrcpv2-profile>", SYNTH_MAP)], "no call"),
    "engine-unknown": ([('id="Recog-1" name="demorecog"', 'id="X" name="ours"')], "may give calls to it"),
    "offline": ([("<mrcpv2-uas>MRCP-1<", "<mrcpv2-uas>MRCP-2<")], "0 calls"),
    "loopback": ([('<ip type="auto"/>', "<ip>127.0.0.1</ip>")], "0 calls"),
    "unknown-element": ([("<mrcp-port>", "<max-conection-count>500</max-conection-count><mrcp-port>")], "default"),
    "not-a-number": ([("<max-connection-count>100", "<max-connection-count>100 calls")], "as 100"),
    "negative": ([("<max-connection-count>100", "<max-connection-count>-5")], "unsigned"),
    "no-version": ([(' version="1.0">\n  <prop', ">\n  <prop")], "0 calls"),
    "unknown-resource": ([('id="speechrecog"', 'id="speechrecg"')], "404"),
    "port-too-large": ([("<sip-port>8060", "<sip-port>70000")], "listens on 4464"),
    "port-zero": ([("<mrcp-port>1544", "<mrcp-port>0")], "port 0, which is none"),
    "port-privileged": ([("<sip-port>8060", "<sip-port>80")], "without root"),
    "port-shared": ([("<mrcp-port>1544", "<mrcp-port>8060")], "can not listen"),
    "rtp-ranges-overlap": (
        [("<plugin-factory>", '<rtp-factory id="R2"><rtp-port-min>5500</rtp-port-min></rtp-factory><plugin-factory>')],
        "250 ports count for both",
    ),
    "no-address": ([('<ip type="auto"/>', "<ip>300.1.1.1</ip>")], "can not listen"),
    "plugin-ending": ([('name="demorecog"', 'name="demorecog.so"')], "demorecog.so.so"),
    "engine-guessed": ([('name="demorecog"', 'name="ours"')], "its id suggests"),
    "engine-incomplete": ([('name="demorecog"', "")], "does not load"),
}  # fmt: skip


def findings(path: Path, expected: Expected | None = None) -> dict[str, LintFinding]:
    return {finding.code: finding for finding in lint(read_config(path), expected)}


@pytest.mark.parametrize("code", CASES)
def test_a_setting_that_hurts_is_found_with_its_line_and_its_effect(code: str, config: Write) -> None:
    changes, effect = CASES[code]
    path = config(*changes)
    found = findings(path)
    assert code in found, list(found)
    assert effect in found[code].effect
    lines = path.read_text(encoding="utf-8").splitlines()
    assert 1 <= found[code].line <= len(lines)
    assert any(new.strip("\n").split("\n")[0] in lines[found[code].line - 1] for _, new in changes if new) or code in (
        "channel-limit-unset", "offline", "port-in-rtp-range", "resource-without-engine", "rtp-port-privileged",
        "rtp-ephemeral", "engine-incomplete",
    )  # fmt: skip


def test_an_engine_that_no_name_and_no_map_tells_of_may_take_calls_unless_a_map_has_them_all(config: Write) -> None:
    ours = '<engine id="X" name="ours"/></plugin-factory>'
    assert "offers speechsynth or speechrecog" in findings(config(("</plugin-factory>", ours)))["engine-unknown"].effect
    mapped = (
        '<resource-engine-map> <resource id="speechsynth" engine="Synth-1"/> '
        '<resource id="speechrecog" engine="Recog-1"/></resource-engine-map></mrcpv2-profile>'
    )
    found = findings(config(("</plugin-factory>", ours), ("</mrcpv2-profile>", mapped)))
    assert "engine-unknown" not in found
    assert "each resource is mapped to another engine" in found["engine-unused"].message


@pytest.mark.parametrize(
    ("file", "resource"),
    [("mrcpcepstral", "speechsynth"), ("mrcpflite", "speechsynth"), ("mrcppocketsphinx", "speechrecog"),
     ("voskasr", "speechrecog"), ("kaldi1", "speechrecog")],
)  # fmt: skip
def test_the_names_of_engines_that_many_have_tell_what_they_offer(config: Write, file: str, resource: str) -> None:
    other = f'<engine id="Voice" name="{file}"/></plugin-factory>'
    assert f"offer {resource}" in findings(config(("</plugin-factory>", other)))["open-engine"].message


def test_a_caller_that_never_opened_its_connection_holds_none(config: Write) -> None:
    found = findings(config())
    assert "connection" not in found["dead-session-timer"].effect
    assert "RTP port and connection" in found["dead-connection-timer"].effect


def test_the_sample_has_no_warning_at_a_load_it_carries(config: Write) -> None:
    found = lint(read_config(config()), Expected(20.0, 1.0))
    assert [str(finding) for finding in found if finding.severity != "note"] == []


def test_a_limit_is_judged_by_erlang_b_at_the_expected_load(config: Write) -> None:
    found = findings(config(), Expected(95.0))
    assert "connection-limit" in found  # 95 at once on average need more than 100 places
    assert f"{erlang_b(95.0, 100):.2%}" in found["connection-limit"].effect
    assert str(needed(95.0)) in found["connection-limit"].effect
    assert "connection-limit" not in findings(config(), Expected(70.0))


def test_erlang_b_agrees_with_its_closed_form() -> None:
    # B(2, 1) = (1/2) / (1 + 1 + 1/2)
    assert erlang_b(1.0, 2) == pytest.approx(0.2, abs=1e-15)
    assert erlang_b(3.0, 1) == pytest.approx(0.75, abs=1e-15)
    assert erlang_b(300.0, needed(300.0)) <= 0.001 < erlang_b(300.0, needed(300.0) - 1)


def test_a_finding_reads_as_one_line_with_file_and_line(config: Write) -> None:
    path = config(("<rtp-port-min>5000", "<rtp-port-min>5001"))
    text = str(findings(path)["rtp-port-odd"])
    assert text.split(": ")[0].endswith("unimrcpserver.xml:23")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("port", "told"),
    [
        ("70000", "SIP-1 must be 1 to 65535 (got 70000)"), ("65536", "(got 65536)"), ("0", "(got 0)"),
        ("-1", "must not be negative (got -1)"), ("abc", "must be a whole number (got 'abc')"),
        ("8060x", "must be a whole number (got '8060x')"), ("1023", "is below 1024 (got 1023)"),
    ],
)  # fmt: skip
def test_a_port_that_is_none_is_told_with_its_line_and_what_came(port: str, told: str, config: Write) -> None:
    """Ports beyond 65535, and 0, were passed without a word."""
    path = config(("<sip-port>8060", f"<sip-port>{port}"))
    found = [str(finding) for finding in lint(read_config(path)) if finding.setting == "sip-port"]
    assert any(line.startswith(f"{path}:10: ") and told in line for line in found), found


@pytest.mark.parametrize("port", ["1", "65535", "1024"])
def test_a_port_that_may_be_is_no_port_too_large(port: str, config: Write) -> None:
    assert not findings(config(("<sip-port>8060", f"<sip-port>{port}"))).keys() & {"port-too-large", "port-zero"}


def test_agents_share_a_port_number_where_the_transport_or_the_address_differs(config: Write) -> None:
    assert "port-shared" not in findings(
        config(("<mrcp-port>1544", "<mrcp-port>8060"), ("<sip-port>", "<sip-transport>udp</sip-transport><sip-port>"))
    )
    apart = (
        ("<mrcp-port>1544", "<mrcp-ip>10.0.0.2</mrcp-ip><mrcp-port>8060"),
        ("<sip-port>", "<sip-ip>10.0.0.1</sip-ip><sip-port>"),
    )
    assert "port-shared" not in findings(config(*apart))


def test_agents_that_no_profile_names_listen_too(config: Write) -> None:
    other = '<sip-uas id="SIP-2" type="SofiaSIP"><sip-port>8060</sip-port></sip-uas><mrcpv2-uas id="MRCP-1">'
    found = findings(config(('<mrcpv2-uas id="MRCP-1">', other)))["port-shared"]
    assert "SIP agent SIP-1 and the SIP agent SIP-2" in found.message
    assert "got TCP and UDP port 8060 for both" in found.message
    assert found.line == 14


def test_of_two_profiles_with_one_id_the_last_counts(config: Write) -> None:
    """Two profiles of one name were said to share the calls."""
    text = config().read_text(encoding="utf-8")
    profile = text[text.index("<mrcpv2-profile") : text.index("</mrcpv2-profile>")] + "</mrcpv2-profile>"
    second = profile.replace("Media-1", "Media-2")
    path = config(
        ("</mrcpv2-profile>", "</mrcpv2-profile>" + second),
        (
            "<rtp-factory id=",
            '<media-engine id="Media-2"><realtime-rate>2</realtime-rate></media-engine><rtp-factory id=',
        ),
    )
    found = findings(path)
    assert "mrcpv2-profile> uni2 stands twice, first in line 33" in found["duplicate-id"].message
    assert "open-profile" not in found
    assert read_config(path).numbers["realtime-rate"].number == 2


@pytest.mark.parametrize("count", ["0", "100000000"])
def test_a_connection_that_is_hardly_ever_left_alone_is_shared_without_end(count: str, config: Write) -> None:
    path = config(("<max-shared-use-count>50", f"<max-shared-use-count>{count}"))
    assert f"is {count}: one connection is shared without end" in findings(path)["endless-sharing"].message


def test_nothing_is_concluded_from_a_default_that_stands_for_a_negative_number(config: Write) -> None:
    """A limit of -5 was said to be 100 and "below the 500 calls that the RTP range carries"."""
    found = findings(config(("<max-connection-count>100", "<max-connection-count>-5")))
    assert "negative" in found
    assert "connection-limit" not in found


@pytest.mark.parametrize("code", CASES)
def test_each_finding_stands_in_the_guide(code: str) -> None:
    guide = Path(__file__).parent.parent.parent / "docs" / "import.md"
    assert f"`{code}`" in guide.read_text()
