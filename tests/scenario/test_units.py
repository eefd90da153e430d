"""Quantities are read exactly, in base units, and written so that they read the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.scenario import Fault, PortRange, load_scenario
from sim.scenario.units import read_quantity, write_rate, write_size, write_time


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3s", 3.0),
        ("500ms", 0.5),
        ("33us", 33e-6),
        ("33µs", 33e-6),
        ("7ns", 7e-9),
        ("2m", 120.0),
        ("2min", 120.0),
        ("1h", 3600.0),
        ("1d", 86400.0),
        ("1h30m", 5400.0),
        ("1h 30m 5s", 5405.0),
        ("1.5h", 5400.0),
        ("1e3s", 1000.0),
        (".5s", 0.5),
        (" 3 s ", 3.0),
        ("3", 3.0),
        (3, 3.0),
        (0.25, 0.25),
    ],
)
def test_times_become_seconds(text: Any, value: float) -> None:
    assert read_quantity("time", text) == value


@pytest.mark.parametrize(
    "text", ["", "s", "3 x", "3 S", "3ss", "3s4", "30m1h", "1s1s", "1:30", "12:30:00", "3s-1s", "²s", "1" * 100, True]
)
def test_what_is_no_time_is_refused(text: Any) -> None:
    assert read_quantity("time", text) is None


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("rate", "10/s", 10.0),
        ("rate", "600/min", 10.0),
        ("rate", "600/m", 10.0),
        ("rate", "36000/h", 10.0),
        ("rate", "1/ms", 1000.0),
        ("rate", "0.5 / s", 0.5),
        ("size", "145KiB", 145 * 1024),
        ("size", "4096B", 4096),
        ("size", "2MB", 2_000_000),
        ("size", "1kB", 1000),
        ("fraction", "2%", 0.02),
        ("fraction", "0.1%", 0.001),
    ],
)
def test_rates_sizes_and_percentages(kind: str, text: str, value: float) -> None:
    assert read_quantity(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [("rate", "10s"), ("size", "3s"), ("fraction", "2/s"), ("time", "3%"), ("number", "3s"), ("count", "3/s")],
)
def test_a_unit_of_another_kind_is_refused(kind: str, text: str) -> None:
    assert read_quantity(kind, text) is None


@given(st.floats(0, 1e9, allow_nan=False))
def test_a_written_time_or_rate_reads_as_the_same_float(value: float) -> None:
    assert read_quantity("time", write_time(value)) == value
    assert read_quantity("rate", write_rate(value)) == value


@given(st.integers(0, 2**50))
def test_a_written_size_reads_as_the_same_size(value: int) -> None:
    assert read_quantity("size", write_size(value)) == value


def test_written_forms_are_the_ones_people_use() -> None:
    assert [write_time(t) for t in (0, 3, 0.5, 33e-6, 5e-9, 600, 1e12)] == [
        "0s", "3s", "500ms", "33us", "5ns", "600s", 1e12,
    ]  # fmt: skip
    assert (write_rate(10.0), write_size(2048), write_size(2049)) == ("10/s", "2KiB", "2049B")


def test_whole_numbers_may_be_written_as_floats_that_are_whole() -> None:
    assert load_scenario({"arrivals": {"calls": 1e3}}).arrivals.calls == 1000


def test_a_port_range_is_every_second_port_below_its_end() -> None:
    ports = load_scenario({"server": {"limits": {"rtp_ports": "5000-5005"}}}).server.limits.rtp_ports
    assert ports == PortRange(5000, 5005)
    assert list(ports.ports) == [5000, 5002, 5004]
    assert str(ports) == "5000-5005"


def test_a_bare_number_is_a_fault_s_probability_and_a_mapping_is_certain_unless_it_says() -> None:
    close = (
        load_scenario({"plugins": {"recorder": {"close": {"never": "2%", "late": {"from": "10s", "calls": [17]}}}}})
        .plugins["recorder"]
        .close
    )
    assert close.never == Fault(probability=0.02)
    assert (close.late.probability, close.late.from_, close.late.calls) == (1.0, 10.0, (17,))
    assert close.twice.off
    assert not close.late.certain
