"""CSV files are other people's: each is read whole and exactly, or refused with file and line."""

from pathlib import Path

import pytest

import sim
from sim.errors import ScenarioError
from sim.scenario import InvalidScenario, RecordedCall, calls_given, load_scenario, read_calls
from sim.scenario import csvfiles as module
from sim.scenario.csvfiles import read_column, read_profile

LONG = "n,invite,answer,hold,recog,recog_resp,cancelled,bye,bye_ok,outcome\n"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str | bytes) -> str:
    Path("x.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return "x.csv"


def test_recorded_calls_of_a_client_are_sorted_and_start_at_0() -> None:
    path = write(
        LONG
        + "4,1795404348.5,1795404348.51,0.25,1795404348.52,1795404348.53,,1795404348.8,1795404348.81,ok\n"
        + "2,1795404348.25,1795404348.3,,,,,,,ok\n"
        + "9,1795404350.25,1795404350.3,0.5,,,,,,vanished\n"
        + "7,1795404349.25,,,,,1795404349.5,,,cancelled\n"
    )
    assert read_calls(path) == (
        RecordedCall(0.0, None, 0, None, False),
        RecordedCall(0.25, 0.25, 1, None, False),
        RecordedCall(1.0, None, 0, 0.25, False),
        RecordedCall(2.0, 0.5, 0, None, True),
    )
    assert read_calls(path, offset=5.0)[0].arrived_s == 5.0


def test_recorded_calls_of_a_log_have_fewer_columns() -> None:
    path = write("n,invite,answer,hold,outcome\r\n0,11041.25,11041.5,1.5,ok\r\n\r\n1,11042.25,11042.5,,ok\r\n")
    assert read_calls(path) == (
        RecordedCall(0.0, 1.5, None, None, False),
        RecordedCall(1.0, None, None, None, False),
    )


def test_short_names_units_and_request_counts_are_understood() -> None:
    assert read_calls(write("arrived_s,hold_s,requests\n0,500ms,3\n")) == (RecordedCall(0.0, 0.5, 3, None, False),)


def test_a_changed_file_is_read_again() -> None:
    assert len(read_calls(write("invite,hold\n1,2\n"))) == 1
    assert len(read_calls(write("invite,hold\n1,2\n2,3\n"))) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["x.csv: is empty; a CSV file begins with a line of column names"]),
        ("invite,hold\n", ["x.csv: must have at least one call below its header"]),
        ("time,hold\n1,2\n", ["x.csv:1: must have a column invite or arrived_s (got time, hold)"]),
        ("invite\n1\n", ["x.csv:1: must have a column hold or hold_s (got invite)"]),
        ("invite;hold\n1;2\n", ["x.csv:1: columns must be separated by commas (got 'invite;hold')"]),
        ("invite,hold,hold\n1,2,3\n", ["x.csv:1: column 'hold' is given twice"]),
        ("invite,hold\n1,2\n3\n", ["x.csv:3: must have 2 columns as the header does (got 1)"]),
        ("invite,hold\nsoon,2\n,3\n", [
            "x.csv:2: invite must be seconds >= 0, such as 0.25 (got 'soon')",
            "x.csv:3: invite must be seconds >= 0, such as 0.25 (got nothing)",
        ]),
        ("invite,hold\n1,-2\n", ["x.csv:2: hold must be seconds >= 0, such as 0.25 (got '-2')"]),
        ("invite,hold\n1,nan\n", ["x.csv:2: hold must be seconds >= 0, such as 0.25 (got 'nan')"]),
        ("invite,hold\n1,1e999\n", ["x.csv:2: hold must be seconds >= 0, such as 0.25 (got '1e999')"]),
        ("invite,hold,requests\n1,2,1.5\n", ["x.csv:2: requests must be a whole number from 0 to 10000 (got '1.5')"]),
        ("invite,hold,cancelled\n10,2,9\n", ["x.csv:2: cancelled must not be before invite (got '9')"]),
        ('invite,hold\n1,"2\n', ["x.csv:2: is not valid CSV: unexpected end of data"]),
        ("invite,hold\n1," + "2" * 20_000 + "\n", ["x.csv:2: is longer than 10000 bytes"]),
        (b"invite,hold\n1,\xff\n", ["x.csv:2: is not UTF-8 text"]),
        (b"invite,hold\n1,\x00\n", ["x.csv:2: has control characters: it is not a CSV file"]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_replay_file_has_file_and_line(text: str | bytes, expected: list[str]) -> None:
    with pytest.raises(InvalidScenario) as caught:
        read_calls(write(text))
    assert list(caught.value.problems) == expected


def test_a_scenario_reports_its_csv_file_beside_its_own_mistakes() -> None:
    write("invite,hold\nsoon,2\n")
    Path("a.yaml").write_text("seed: -1\narrivals: {kind: replay, file: x.csv}\n")
    with pytest.raises(InvalidScenario) as caught:
        load_scenario("a.yaml")
    assert set(caught.value.problems) == {
        "a.yaml:1: seed must be a whole number >= 0 (got -1)",
        "x.csv:2: invite must be seconds >= 0, such as 0.25 (got 'soon')",
    }


def test_many_mistakes_end_the_reading() -> None:
    with pytest.raises(InvalidScenario) as caught:
        read_calls(write("invite,hold\n" + "x,1\n" * 1000))
    assert len(caught.value.problems) == 21
    assert caught.value.problems[-1] == "x.csv: more than 20 problems, reading no further"


def test_size_and_rows_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 3)
    with pytest.raises(InvalidScenario, match=r"^x.csv:5: has more than 3 rows$"):
        read_column(write("v\n1\n2\n3\n4\n"), None)
    monkeypatch.setattr(module, "LARGEST_FILE", 4)
    with pytest.raises(InvalidScenario, match="larger than"):
        read_column("x.csv", None)


def test_a_day_curve_is_a_profile() -> None:
    write("time_s,rate\n0,1\n3600,20/s\n2h,600/min\n")
    scenario = load_scenario({"arrivals": {"kind": "profile", "file": "x.csv", "interpolation": "linear"}})
    assert [(point.at, point.rate) for point in scenario.arrivals.profile] == [
        (0.0, 1.0),
        (3600.0, 20.0),
        (7200.0, 10.0),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("time_s,rate\n0,1\n0,2\n", "x.csv:3: time_s must be later than in the row before (got '0')"),
        ("time_s,rate\n0,-1\n", "x.csv:2: rate must be a rate >= 0, such as 10 (got '-1')"),
        ("hour,rate\n0,1\n", "x.csv:1: must have a column time_s or at (got hour, rate)"),
        ("time_s,rate\n", "x.csv: must have at least one row below its header"),
    ],
)
def test_a_mistake_in_a_day_curve_has_file_and_line(text: str, expected: str) -> None:
    with pytest.raises(InvalidScenario) as caught:
        read_profile(write(text))
    assert str(caught.value) == expected


def test_an_empirical_distribution_takes_a_column() -> None:
    write("a,b\n1,10\n3,30\n")
    hold = load_scenario({"calls": {"hold": {"dist": "empirical", "file": "x.csv", "column": "b"}}}).calls.hold
    assert hold.mean == 20.0
    with pytest.raises(InvalidScenario, match=r"x.csv:1: has several columns: say which as column \(a, b\)"):
        load_scenario({"calls": {"hold": {"dist": "empirical", "file": "x.csv"}}})
    with pytest.raises(InvalidScenario, match=r"x.csv:1: must have a column c \(got a, b\)"):
        load_scenario({"calls": {"hold": {"dist": "empirical", "file": "x.csv", "column": "c"}}})


def test_a_call_that_was_refused_lasts_as_long_as_one_that_was_answered(tmp_path: Path) -> None:
    rows = [f"{n},,,refused" if n % 2 else f"{n},{n + 0.01},2.5,ok" for n in range(20)]
    (tmp_path / "calls.csv").write_text("\n".join(["invite,answer,hold,outcome", *rows]) + "\n", encoding="utf-8")
    mapping = {"arrivals": {"kind": "replay", "file": str(tmp_path / "calls.csv")}, "drain": "60s"}
    summary = sim.run(sim.load_scenario(mapping), engine="simpy", ledger="summary").summary
    assert (summary.sessions.answered, summary.sessions.released) == (20, 20)
    assert summary.latency["pool_lifetime"].max < 2.6
    given = sim.load_scenario({**mapping, "calls": {"hold": "7s"}})
    assert sim.run(given, engine="simpy", ledger="summary").summary.latency["pool_lifetime"].max > 7.0


@pytest.mark.parametrize(
    "outcome", ["refused", "406", "406 Not Acceptable", "SIP/480", "Busy here", "timeout", "error"]
)
def test_calls_that_were_not_served_are_told_by_their_outcome_in_any_words(outcome: str, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text(f"invite,hold,outcome\n1,2.5,ok\n2,,{outcome}\n3,,vanished\n", encoding="utf-8")
    assert [call.refused for call in read_calls(str(path))] == [False, True, False]


def test_a_mix_may_have_a_hold_of_its_own() -> None:
    mixes = [{"resources": ["speechrecog"], "hold": "1s"}, {"resources": ["speechsynth"]}]
    scenario = {"duration": "20s", "arrivals": {"rate": "5/s"}, "calls": {"resources": mixes, "hold": "4s"}}
    result = sim.run(load_scenario(scenario), engine="simpy", ledger="full")
    rows = result.sessions
    lasted = (rows["bye_s"] - rows["answer_s"]).round(2)
    assert result.ledger is not None
    channels = result.ledger[result.ledger["resource"] == "engine_channel:speechsynth"]
    others = rows["session"].isin(channels["session"])
    assert set(lasted[others]) == {4.0}
    assert set(lasted[~others]) == {1.0}


def test_calls_in_memory_stand_for_a_file_until_they_are_done_with() -> None:
    calls = [RecordedCall(at, 2.0, requests=None, cancel_after_s=None, vanished=False) for at in (0.0, 0.5)]
    with calls_given(calls) as file, calls_given(calls[:1]) as other:
        assert load_scenario({"arrivals": {"kind": "replay", "file": file}}).arrivals.file == file
        assert (read_calls(file), read_calls(other)) == (tuple(calls), tuple(calls[:1]))
        assert read_calls(file, 3.0)[1].arrived_s == 3.5
    with pytest.raises(ScenarioError):
        read_calls(file)
