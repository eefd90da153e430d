"""Limits and faults are found for the plugin that has them, and for no other one."""

from pathlib import Path
from typing import Any

import pytest
from calibration.simulated import logged

from sim.calibration.calibrate import calibrate_logs
from sim.calibration.found import Calibration
from sim.scenario import expected, load_scenario

MIXED = [{"weight": 1, "resources": ["speechrecog"]}, {"weight": 1, "resources": ["speechsynth", "speechrecog"]}]


def calibrated(folder: Path, plugins: dict[str, Any], **more: Any) -> Calibration:
    mapping = {
        "name": "two", "duration": "30s", "drain": "30s", "arrivals": {"rate": "15/s"},
        "calls": {
            "hold": {"dist": "exponential", "mean": "2s"}, "requests": 1, "resources": MIXED,
            "recognition": {"dist": "exponential", "mean": "500ms"},
        },
        "plugins": plugins,
    }  # fmt: skip
    return calibrate_logs([logged({**mapping, **more}, folder)])


def value(found: Calibration, resource: str, operation: str, key: str) -> Any:
    return found.mapping["plugins"][resource][operation][key]


@pytest.mark.parametrize("limit", [15, 30])
def test_the_limit_on_channels_is_what_others_held_at_each_refusal(limit: int, tmp_path: Path) -> None:
    burst = {"kind": "burst", "burst": {"size": 40, "every": "10s"}}
    plugins = {"speechrecog": {"max_channel_count": limit}}
    calls = {"hold": {"dist": "exponential", "mean": "2s"}, "requests": 0}
    found = calibrated(tmp_path, plugins, arrivals=burst, calls=calls)
    assert found.mapping["plugins"]["speechrecog"]["max_channel_count"] == limit


def test_each_leak_counts_for_the_plugin_that_never_answered(tmp_path: Path) -> None:
    found = calibrated(
        tmp_path, {"speechsynth": {"open": {"never": 0.05}}, "speechrecog": {"close": {"never": 0.08}}}
    )  # fmt: skip
    assert value(found, "speechsynth", "open", "never") == pytest.approx(0.05, abs=0.04)
    assert value(found, "speechsynth", "open", "never") > 0
    assert value(found, "speechrecog", "close", "never") == pytest.approx(0.08, abs=0.04)
    assert value(found, "speechrecog", "open", "never") == value(found, "speechsynth", "close", "never") == 0


def test_a_plugin_whose_channels_were_never_refused_gets_no_limit_and_refused_calls_keep_their_resources(
    tmp_path: Path,
) -> None:
    found = calibrated(tmp_path, {"speechsynth": {"max_channel_count": 8}})
    assert sum(call.status == 406 for call in found.evidence.calls) > 30
    assert found.mapping["plugins"]["speechsynth"]["max_channel_count"] == 8
    assert "max_channel_count" not in found.mapping["plugins"]["speechrecog"]
    weights = {tuple(row["resources"]): row["weight"] for row in found.mapping["calls"]["resources"]}
    both = weights["speechsynth", "speechrecog"] / sum(weights.values())
    assert both == pytest.approx(0.5, abs=0.08)


def test_the_plugin_that_answers_twice_is_found_and_taken_for_no_delay(tmp_path: Path) -> None:
    found = calibrated(tmp_path, {"speechrecog": {"close": {"twice": 0.1}}})
    assert value(found, "speechrecog", "close", "twice") == pytest.approx(0.1, abs=0.04)
    assert value(found, "speechsynth", "close", "twice") == 0
    for resource in ("speechrecog", "speechsynth"):
        assert value(found, resource, "close", "delay") == "0s"


def test_a_server_that_stood_still_makes_no_plugin_slow(tmp_path: Path) -> None:
    found = calibrated(
        tmp_path, {"speechsynth": {}}, duration="10s", arrivals={"rate": "60/s"},
        server={"limits": {"max_connection_count": 1000}, "freeze": [{"task": "server", "at": "5s", "for": "2s"}]},
    )  # fmt: skip
    for resource in ("speechrecog", "speechsynth"):
        for operation in ("open", "request", "close"):
            assert value(found, resource, operation, "delay") == "0s"


def test_what_is_found_of_two_plugins_is_a_scenario(tmp_path: Path) -> None:
    found = calibrated(tmp_path, {"speechsynth": {"open": {"delay": "2ms"}}})
    path = tmp_path / "found.yaml"
    found.save(path)
    assert expected(load_scenario(path).plugins["speechsynth"].open.delay) == pytest.approx(2e-3)
    assert value(found, "speechsynth", "open", "delay") == "2ms"
    assert value(found, "speechrecog", "open", "delay") == "0s"
