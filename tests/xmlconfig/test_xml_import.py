"""The configuration becomes a scenario that loads, says where each value came from, and keeps every value."""

import json
import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner
from xmlconfig.xml_sample import Write

from sim.cli import import_ as cli_import
from sim.scenario import load_scenario

runner = CliRunner()
app = typer.Typer()
app.callback()(lambda: None)
cli_import.register(app)


def imported(path: Path, tmp_path: Path, *options: str):
    out = tmp_path / "made.yaml"
    result = runner.invoke(app, ["import", str(path), "-o", str(out), *options])
    assert result.exit_code == 0, result.output
    return load_scenario(out), out.read_text(encoding="utf-8"), result


def test_every_limit_and_timer_arrives_in_the_scenario(config: Write, tmp_path: Path) -> None:
    path = config(
        (
            "<sip-port>8060</sip-port>",
            "<sip-port>8060</sip-port><sip-t1>250</sip-t1><sip-t2>2000</sip-t2><sip-t4>4000</sip-t4>",
        ),
        ("<max-connection-count>100", "<max-connection-count>250"),
        ("<inactivity-timeout>600", "<inactivity-timeout>0"),
        ("<termination-timeout>3", "<termination-timeout>7"),
        ("<mrcp-port>1544</mrcp-port>", "<mrcp-port>1544</mrcp-port><force-new-connection>true</force-new-connection>"),
        ("<rtp-port-min>5000", "<rtp-port-min>20000"),
        ("<rtp-port-max>6000", "<rtp-port-max>20060"),
        ("<realtime-rate>1<", "<realtime-rate>2<"),
        ("<sip-session-expires>600", "<sip-session-expires>1800"),
    )
    scenario, _, _ = imported(path, tmp_path)
    server = scenario.server
    assert (server.sip.t1, server.sip.t2, server.sip.t4) == (0.25, 2.0, 4.0)
    assert (server.sip.session_expires, server.sip.min_se) == (1800.0, 120.0)
    assert server.sip.bye_response == "immediate"
    assert (server.limits.max_connection_count, server.limits.max_shared_use_count) == (250, 50)
    assert str(server.limits.rtp_ports) == "20000-20060"
    assert server.connection.inactivity_timeout is None
    assert server.connection.termination_timeout == 7.0
    assert server.connection.force_new_connection is True
    assert server.media.tick == 0.005
    assert scenario.plugins["speechrecog"].max_channel_count == 80
    assert scenario.plugins["speechrecog"].id == "Recog-1"
    assert scenario.plugins["speechsynth"].max_channel_count == 40


def test_every_imported_value_has_a_comment_with_its_line(config: Write, tmp_path: Path) -> None:
    path = config()
    _, text, _ = imported(path, tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines()
    values = [line for line in text.splitlines() if not line.startswith("#") and not line.rstrip().endswith(":")]
    assert all("  # " in line for line in values)
    named = re.findall(r"# line (\d+): <([\w-]+)>", text)
    assert len(named) >= 10
    for number, element in named:
        assert f"<{element}" in lines[int(number) - 1]


def test_defaults_are_those_of_the_server_when_elements_are_missing(config: Write, tmp_path: Path) -> None:
    path = config(
        ("<max-connection-count>100</max-connection-count>", ""),
        ("<rtp-port-min>5000</rtp-port-min>", ""),
        ("<rtp-port-max>6000</rtp-port-max>", ""),
    )
    scenario, text, _ = imported(path, tmp_path)
    assert scenario.server.limits.max_connection_count == 100
    assert str(scenario.server.limits.rtp_ports) == "5000-6000"
    assert "<max-connection-count> not set: the server's default" in text


def test_the_profiles_own_map_decides_which_engine_serves_a_resource(config: Write, tmp_path: Path) -> None:
    mapping = (
        '<resource-engine-map> <resource id="speechrecog" engine="Mine"><attrib name="model" value="big"/></resource>'
        "</resource-engine-map></mrcpv2-profile>"
    )
    count, param = "<max-channel-count>7</max-channel-count>", '<param name="key" value="v"/>'
    extra = f'<engine id="Mine" name="ourengine">{count}{param}</engine>'
    path = config(("</mrcpv2-profile>", mapping), ("</plugin-factory>", f"{extra}</plugin-factory>"))
    scenario, text, _ = imported(path, tmp_path)
    assert scenario.plugins["speechrecog"].id == "Mine"
    assert scenario.plugins["speechrecog"].max_channel_count == 7
    assert "key=v" in text
    assert "model=big" in text


def test_one_engine_for_two_resources_gets_two_task_names(config: Write, tmp_path: Path) -> None:
    mapping = (
        '<resource-engine-map> <param name="speechrecog" value="Both"/><param name="speechsynth" value="Both"/>'
        "</resource-engine-map></mrcpv2-profile>"
    )
    path = config(("</mrcpv2-profile>", mapping), ('id="Recog-1" name="demorecog"', 'id="Both" name="vendor"'))
    scenario, _, result = imported(path, tmp_path)
    assert {plugin.id for plugin in scenario.plugins.values()} == {"Both"}
    assert "serves speechsynth and speechrecog" in result.stderr


def test_a_profile_is_chosen_by_name_and_a_wrong_name_is_told(config: Write, tmp_path: Path) -> None:
    second = '</mrcpv2-profile><mrcpv2-profile id="other"><sip-uas>SIP-1</sip-uas></mrcpv2-profile>'
    path = config(("</mrcpv2-profile>", second))
    _, text, _ = imported(path, tmp_path, "--profile", "other")
    assert "profile: other" in text
    wrong = runner.invoke(app, ["import", str(path), "--profile", "othr"])
    assert wrong.exit_code == 2
    assert "did you mean other?" in wrong.stderr


def test_a_disabled_agent_makes_the_scenario_offline(config: Write, tmp_path: Path) -> None:
    scenario, _, result = imported(config(('id="SIP-1" type', 'id="SIP-1" enable="false" type')), tmp_path)
    assert scenario.server.sip.offline is True
    assert "0 calls" in result.stderr


def test_an_expected_load_becomes_the_scenarios_load(config: Write, tmp_path: Path) -> None:
    scenario, _, _ = imported(config(), tmp_path, "--rate", "2/s", "--hold", "3min")
    assert scenario.arrivals.rate == 2.0
    assert scenario.calls.hold.mean == pytest.approx(180.0)


def test_without_output_the_scenario_is_the_only_thing_on_standard_output(config: Write, tmp_path: Path) -> None:
    result = runner.invoke(app, ["import", str(config())])
    assert result.exit_code == 0
    (tmp_path / "s.yaml").write_text(result.stdout, encoding="utf-8")
    assert load_scenario(tmp_path / "s.yaml").server.limits.max_connection_count == 100


def test_json_has_findings_and_sources(config: Write, tmp_path: Path) -> None:
    out = tmp_path / "made.yaml"
    result = runner.invoke(app, ["import", str(config()), "-o", str(out), "--json", "--expect-calls", "500"])
    told = json.loads(result.stdout)
    assert told["scenario"] == str(out)
    assert {"connection-limit", "channel-limit", "rtp-range-small"} <= {f["code"] for f in told["findings"]}
    sources = {entry["path"]: entry["from"] for entry in told["imported"]}
    assert sources["server.limits.max_connection_count"] == "line 16: <max-connection-count>"


def test_an_existing_file_is_kept_without_force(config: Write, tmp_path: Path) -> None:
    out = tmp_path / "mine.yaml"
    out.write_text("mine", encoding="utf-8")
    refused = runner.invoke(app, ["import", str(config()), "-o", str(out)])
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert out.read_text(encoding="utf-8") == "mine"
    assert runner.invoke(app, ["import", str(config()), "-o", str(out), "--force"]).exit_code == 0
    assert "mine\n" not in out.read_text(encoding="utf-8").splitlines(keepends=True)


def test_strict_exits_1_when_something_will_hurt(config: Write) -> None:
    assert runner.invoke(app, ["import", str(config()), "--strict", "--expect-calls", "500"]).exit_code == 1
    assert runner.invoke(app, ["import", str(config()), "--strict", "--expect-calls", "5"]).exit_code == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--rate", "fast", "--hold", "3s"], "--rate must be a rate > 0"),
        (["--rate", "3/s"], "--rate needs --hold"),
        (["--hold", "3s"], "--hold needs --rate"),
        (["--expect-calls", "-1"], "--expect-calls must be a number > 0"),
        (["--expect-calls", "nan"], "--expect-calls must be a number > 0"),
        (["--rate", "1/s", "--hold", "1s", "--expect-calls", "5"], "--expect-calls must not stand beside"),
    ],
)
def test_a_load_that_is_none_is_refused(config: Write, options: list[str], says: str) -> None:
    result = runner.invoke(app, ["import", str(config()), *options])
    assert result.exit_code == 2
    assert says in result.stderr
