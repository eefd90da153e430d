"""Where the server reads a configuration otherwise than a person would, the import does as the server does."""

from pathlib import Path

import pytest
from xmlconfig.xml_sample import Write

from sim.errors import ScenarioError
from sim.scenario import load_scenario
from sim.xmlconfig.config import ServerConfig
from sim.xmlconfig.finding import LintFinding
from sim.xmlconfig.imported import imported, scenario_text
from sim.xmlconfig.lint import lint
from sim.xmlconfig.read import read_config
from sim.xmlconfig.versions import read_version

FIELD = Path(__file__).parents[1] / "data" / "field"
MAP = '<resource-engine-map> <resource id="speechrecog" engine="Recog-1"/></resource-engine-map></mrcpv2-profile>'


def found(config: ServerConfig) -> dict[str, LintFinding]:
    return {finding.code: finding for finding in lint(config)}


def scenario(config: ServerConfig, tmp_path: Path):
    (tmp_path / "made.yaml").write_text(scenario_text(imported(config), config), encoding="utf-8")
    return load_scenario(tmp_path / "made.yaml")


# --- which engine, which profile ----------------------------------------------------------------------------------


def test_of_two_engines_without_a_map_the_choice_is_open(tmp_path: Path) -> None:
    config = read_config(FIELD / "12-two-engines.xml")
    finding = found(config)["open-engine"]
    assert "Plain-Recog and My-Recog" in finding.message
    assert "open at every start" in finding.effect
    assert "engine-unused" not in found(config)
    text = scenario_text(imported(config), config)
    assert "or Plain-Recog: open at every start" in text
    assert scenario(config, tmp_path).plugins["speechrecog"].max_channel_count == 20  # the tightest limit


def test_a_map_closes_the_choice(config: Write) -> None:
    second = '<engine id="Other" name="otherrecog"/></plugin-factory>'
    read = read_config(config(("</plugin-factory>", second), ("</mrcpv2-profile>", MAP)))
    assert "open-engine" not in found(read)
    assert found(read)["engine-unused"].message == "engine Other serves no resource: speechrecog is mapped to Recog-1"


def test_of_two_profiles_on_one_agent_the_choice_is_open(config: Write) -> None:
    path = config()
    text = path.read_text(encoding="utf-8")
    profile = text[text.index("<mrcpv2-profile") : text.index("</profiles>")]
    path.write_text(text.replace("</profiles>", profile.replace("uni2", "other") + "</profiles>"), encoding="utf-8")
    assert "profiles uni2 and other name the same SIP agent" in found(read_config(path))["open-profile"].message
    apart = text.replace("</profiles>", profile.replace("uni2", "other").replace("SIP-1", "SIP-2") + "</profiles>")
    agent = '<sip-uas id="SIP-2" type="SofiaSIP"><sip-port>9060</sip-port></sip-uas><mrcpv2-uas'
    path.write_text(apart.replace("<mrcpv2-uas", agent, 1), encoding="utf-8")
    assert "open-profile" not in found(read_config(path))


def test_a_profile_that_is_not_registered_leaves_the_calls_to_the_other(config: Write) -> None:
    broken = '<mrcpv2-profile id="broken"><sip-uas>SIP-1</sip-uas></mrcpv2-profile><mrcpv2-profile id="uni2">'
    read = read_config(config(('<mrcpv2-profile id="uni2">', broken)))
    assert read.profile == "uni2"
    assert read.unserved == ""


def test_an_engine_of_a_resource_that_is_not_registered_is_told_so(config: Write) -> None:
    read = read_config(config(('<resource id="speechsynth" enable="true"/>', "")))
    assert "speechsynth is not registered" in found(read)["engine-unused"].message


def test_a_map_without_a_blank_is_skipped(tmp_path: Path) -> None:
    config = read_config(FIELD / "15c-map-without-blanks.xml")
    assert "skips it" in found(config)["map-skipped"].effect
    assert "open-engine" in found(config)


def test_only_the_word_false_disables(tmp_path: Path) -> None:
    config = read_config(FIELD / "17-enable-0.xml")
    assert found(config)["not-disabled"].line == 10
    assert found(config)["open-engine"].message.startswith("engines Plain-Recog and My-Recog")


# --- profiles, order ----------------------------------------------------------------------------------------------


def test_without_rtp_settings_a_profile_is_registered_before_1_7_only(tmp_path: Path) -> None:
    path = FIELD / "13a-no-rtp-settings.xml"
    config = read_config(path)
    assert "names no <rtp-settings>" in found(config)["offline"].message
    made = scenario(config, tmp_path)
    assert made.calls.profile_missing.probability == 1.0
    assert made.server.sip.offline is False  # the agent is there, and answers 488
    assert "offline" not in found(read_config(path, version=(1, 6)))


def test_rtp_settings_that_do_not_exist_are_as_bad_as_none(config: Write) -> None:
    read = read_config(config(("<rtp-settings>RTP-Settings-1<", "<rtp-settings>RTP-Settings-2<")))
    assert "RTP-Settings-2 that profile uni2 names does not exist" in found(read)["offline"].message


def test_a_profile_before_its_components_finds_none_of_them(config: Write) -> None:
    path = config()
    text = path.read_text(encoding="utf-8")
    a, b = text.index("  <profiles>"), text.index("</unimrcpserver>")
    profiles = text[a:b]
    path.write_text(text.replace(profiles, "").replace("  <components>", profiles + "  <components>"), encoding="utf-8")
    read = read_config(path)
    assert read.listens is False
    assert "0 calls" in found(read)["offline"].effect


def test_a_blank_in_a_reference_breaks_it(config: Write) -> None:
    read = read_config(config(("<mrcpv2-uas>MRCP-1<", "<mrcpv2-uas> MRCP-1<")))
    assert "does not trim" in found(read)["blank-in-reference"].effect
    assert "offline" in found(read)


# --- numbers ------------------------------------------------------------------------------------------------------


def test_a_number_on_a_line_of_its_own_is_0() -> None:
    config = read_config(FIELD / "15a-value-on-its-own-line.xml")
    assert config.numbers["max-connection-count"].number == 0
    assert "line of its own" in found(config)["not-a-number"].message
    assert "0 calls" in found(config)["connection-limit-zero"].effect


@pytest.mark.parametrize(
    ("text", "number"),
    [(" 50", 50), ("50 ", 50), ("50\n", 50), ("\n50", 0), ("5&#48;", 5), ("<!-- 7 -->50", 50), ("+50", 50)],
)
def test_a_number_is_read_as_atol_reads_its_first_piece(text: str, number: int, config: Write) -> None:
    path = config(("<max-connection-count>100<", f"<max-connection-count>{text}<"))
    assert read_config(path).numbers["max-connection-count"].number == number


# --- addresses ----------------------------------------------------------------------------------------------------


def test_of_two_addresses_the_last_counts() -> None:
    config = read_config(FIELD / "14-ip-twice.xml")
    assert {address.text for address in config.addresses} == {"10.0.0.5"}
    assert "loopback" not in found(config)
    assert found(config)["twice"].line == 4


def test_without_an_address_the_server_listens_on_loopback() -> None:
    assert "the server's default is 127.0.0.1" in found(read_config(FIELD / "14-no-ip.xml"))["loopback"].message


@pytest.mark.parametrize(
    ("place", "setting", "agent"),
    [("<rtp-port-min>", "rtp-ip", "RTP factory"), ("<mrcp-port>", "mrcp-ip", "MRCPv2 connection agent")],
)
def test_loopback_of_one_agent_is_found(place: str, setting: str, agent: str, config: Write) -> None:
    finding = found(read_config(config((place, f"<{setting}>127.0.0.1</{setting}>{place}"))))["loopback"]
    assert f"<{setting}> is 127.0.0.1, used by the {agent}" in finding.message


def test_an_address_that_every_agent_overrides_is_no_alarm(config: Write) -> None:
    changes = [('<ip type="auto"/>', "<ip>127.0.0.1</ip>")]
    for place, setting in (("<sip-port>", "sip-ip"), ("<mrcp-port>", "mrcp-ip"), ("<rtp-port-min>", "rtp-ip")):
        changes.append((place, f"<{setting}>10.0.0.5</{setting}>{place}"))
    assert "loopback" not in found(read_config(config(*changes)))
    assert "loopback" in found(read_config(config(*changes[:-1])))


def test_no_address_at_all_is_told_to_callers_unless_there_is_an_external_one(config: Write) -> None:
    bound = [('<ip type="auto"/>', "<ip>0.0.0.0</ip>")]
    assert "tells callers 0.0.0.0" in found(read_config(config(*bound)))["unspecified"].effect
    outside = [('<ip type="auto"/>', "<ip>0.0.0.0</ip><ext-ip>203.0.113.5</ext-ip>")]
    assert "unspecified" not in found(read_config(config(*outside)))


def test_properties_after_the_components_come_too_late(config: Write) -> None:
    late = "</components>\n<properties><ip>10.0.0.5</ip></properties>"
    path = config(('  <properties><ip type="auto"/></properties>\n', ""), ("</components>", late))
    told = found(read_config(path))
    assert "late-properties" in told
    assert "loopback" in told


# --- versions -----------------------------------------------------------------------------------------------------


def test_a_server_before_1_5_waits_for_ever(tmp_path: Path) -> None:
    path = FIELD / "16-before-1.5.xml"
    old = read_config(path, version=read_version("1.4.0"))
    assert "for ever" in found(old)["timers-missing"].effect
    made = scenario(old, tmp_path).server
    assert made.sip.session_expires > 1e8
    assert made.connection.inactivity_timeout is None
    assert made.connection.termination_timeout > 1e8
    assert made.limits.max_shared_use_count is None


def test_an_assumed_version_is_said_and_what_it_decides() -> None:
    config = read_config(FIELD / "16-before-1.5.xml")
    finding = found(config)["version-assumed"]
    assert "nothing in the file tells the version" in finding.message
    assert "a server before 1.5 has no such timers and waits for ever" in finding.effect
    text = scenario_text(imported(config), config).replace("\n# ", " ")
    assert "read as UniMRCP 1.8 does, assumed" in text


def test_what_a_file_uses_tells_the_least_version(config: Write) -> None:
    read = read_config(config())
    assert "<sip-session-expires> in line" in read.server.said
    assert "is of 1.5 or newer" in read.server.said
    assert "version-assumed" not in found(read)


def test_an_old_server_ignores_what_came_later(config: Write) -> None:
    read = read_config(config(("</mrcpv2-profile>", MAP)), version=(1, 4))
    assert read.numbers["inactivity-timeout"].number == 0
    told = [finding for finding in lint(read) if finding.code in ("newer-element", "map-entry-ignored")]
    assert {finding.setting for finding in told} >= {"inactivity-timeout", "resource-engine-map"}


def test_the_format_before_1_0_is_old_not_read() -> None:
    with pytest.raises(
        ScenarioError, match=r"18-format-before-1\.0\.xml:2: is in the old format of UniMRCP before 1\.0"
    ):
        read_config(FIELD / "18-format-before-1.0.xml")


@pytest.mark.parametrize("text", ["", "0.9", "one", "1.5.x", "99", "1.5.0.0"])
def test_a_version_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ScenarioError, match="--server-version must be a version"):
        read_version(text)
