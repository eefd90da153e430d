"""The page of a study says what it found in a sentence, with the intervals, and can be made again from study.json."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.cli.main import build
from sim.report.curves import response_curve
from sim.report.html import validation_text
from sim.report.page.of_study import finding, study_page
from sim.report.page.of_validation import validation_page
from sim.report.page.render import html_of
from sim.report.responses import responses, varied
from sim.report.study import shown
from sim.validation.validate import Validation, compare

LOG = Path(__file__).parent.parent / "data" / "traces" / "base20.log.xz"


def test_the_verdict_is_the_best_variant_and_the_change_over_the_knob(study_found: dict[str, Any]) -> None:
    page = study_page(study_found, "")
    assert page.verdict == (
        "Best by calls refused for want of a resource: fast; not yet sure, more replications are needed. "
        "From arrivals.rate 5/s to 20/s, calls refused for want of a resource: from 0 % to 47 % [45 %, 49 %] (slow)."
    )
    assert page.mood == "warn"


def test_a_metric_is_a_line_for_each_variant_over_the_path_that_varies(study_found: dict[str, Any]) -> None:
    assert varied(study_found) == ["arrivals.rate"]
    curve = responses(study_found, "sessions.blocking")
    assert curve.knob == "arrivals.rate_per_s"
    assert [line.label for line in curve.lines] == ["slow", "fast"]
    assert curve.lines[0].x == (5.0, 10.0, 20.0)
    assert [at.value for at in curve.lines[1].estimates] == [0.0, 0.001, 0.33]


def test_what_may_be_chance_is_called_so(study_found: dict[str, Any]) -> None:
    points = [
        {**point, "mean": point["mean"] * (1.01 if point["settings"]["arrivals.rate"] == "5/s" else 1.0)}
        for point in study_found["points"]
    ]
    moved = responses({**study_found, "points": points}, "latency.invite_to_answer.p99")
    assert finding(moved).endswith("so this may be chance.")


def test_what_stays_where_it_is_goes_nowhere_and_no_axis_is_below_zero(study_found: dict[str, Any]) -> None:
    points = [{**point, "mean": 0.0, "low": 0.0, "high": 0.0} for point in study_found["points"]]
    curve = responses({**study_found, "points": points}, "sessions.blocking")
    assert finding(curve).startswith(
        "From arrivals.rate 5/s to 20/s, calls refused for want of a resource unchanged: 0 % [0 %, 0 %]"
    )
    low, high = response_curve(curve, "").get_ylim()
    assert low == 0.0
    assert 0.0 < high < 0.1, "a share that is zero everywhere has no axis up to 100 %"
    assert response_curve(responses(study_found, "sessions.blocking"), "").get_ylim()[0] == 0.0


def test_a_share_too_small_to_matter_has_no_exponent() -> None:
    told = [shown(value, "sessions.blocking") for value in (0.0, 1.84e-129, -3e-9, 2e-5, 0.0122)]
    assert told == ["0 %", "<0.001 %", ">-0.001 %", "0.002 %", "1.22 %"]


def test_a_knob_without_numbers_and_no_knob_at_all_have_names(study_found: dict[str, Any]) -> None:
    names = {"5/s": "none", "10/s": "some", "20/s": "all"}
    points = [
        {**point, "settings": {"faults": names[point["settings"]["arrivals.rate"]]}} for point in study_found["points"]
    ]
    curve = responses({**study_found, "points": points}, "sessions.blocking")
    assert curve.names == ("none", "some", "all")
    assert (
        finding(curve) == "calls refused for want of a resource: 0 % [0 %, 0 %] with none, 47 % [45 %, 49 %] with all."
    )
    alone = [point for point in points if point["point"] == 2]
    curve = responses({**study_found, "points": alone}, "sessions.blocking")
    assert curve.names == ("slow", "fast")
    assert html_of(study_page({**study_found, "points": alone, "compared": [], "best": []}, ""))


def test_failed_runs_and_points_without_a_value_are_told(study_found: dict[str, Any]) -> None:
    points = [{**point, "mean": None, "low": None, "high": None} for point in study_found["points"]]
    page = study_page({**study_found, "points": points, "failed": 3, "best": []}, "")
    assert page.verdict == "3 runs failed. calls refused for want of a resource: no value at any point."
    assert page.mood == "bad"
    assert html_of(page)


def test_report_makes_the_page_again_and_refuses_what_is_no_study(study_found: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text(json.dumps(study_found), encoding="utf-8")
    (tmp_path / "study.yaml").write_text("scenario: baseline\n", encoding="utf-8")
    runner = CliRunner()
    assert runner.invoke(build(), ["report", str(tmp_path)]).exit_code == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "not yet sure" in page
    assert len(page.encode()) < 100_000
    for broken in ("{}", "[1]", '{"study": 1, "points": 3}', "not json"):
        (tmp_path / "study.json").write_text(broken, encoding="utf-8")
        found = runner.invoke(build(), ["report", str(tmp_path)])
        assert found.exit_code == 2, broken
        assert "study.json: must be what `mrcpsim study` writes" in found.output.replace("\n", " ")


def test_numbers_in_the_texts_of_a_picture_keep_their_digits() -> None:
    from sim.report.style import axes_for, svg_of

    drawn = svg_of(axes_for("KS 0.0478"), "one", "0.0478 of them")
    assert drawn.count("0.0478") == 2


@pytest.mark.parametrize("kind", ["study", "validation"])
def test_a_name_is_text_on_every_page(kind: str, study_found: dict[str, Any], validation: Any) -> None:
    page = validation_text(validation) if kind == "validation" else html_of(study_page(study_found, ""))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_study_writes_its_page(tmp_path: Path) -> None:
    path = tmp_path / "loads.yaml"
    path.write_text(
        "scenario: baseline\nset: {duration: 4s, drain: 8s, calls.hold: 1s}\nreplications: 2\n"
        "vary: {grid: {arrivals.rate: [2/s, 8/s]}}\nmetrics: [peak.session_pool]\n",
        encoding="utf-8",
    )
    given = ["study", str(path), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache"), "-j", "1", "-q"]
    assert CliRunner().invoke(build(), given).exit_code == 0
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "From arrivals.rate 2/s to 8/s, session pools, most held at once: from" in page


def test_a_validation_is_kept_and_its_page_made_again(validation: Validation, tmp_path: Path) -> None:
    from sim.cli.validate import write_files
    from sim.validation.kept import ValidationFolder

    out = tmp_path / "v"
    with ValidationFolder(out) as folder:
        folder.put(lambda path: write_files(validation, path))
    first = (out / "report.html").read_text(encoding="utf-8")
    (out / "report.html").unlink()
    assert CliRunner().invoke(build(), ["report", str(out)]).exit_code == 0
    assert (out / "report.html").read_text(encoding="utf-8") == first
    assert words_of(first) == words_of(validation_text(validation))
    assert (out / "qq.png").stat().st_size > 1000


def words_of(page: str) -> str:
    """The tables and texts of a page, without its pictures."""
    return re.sub(r"<svg.*?</svg>", "", page, flags=re.S)


@pytest.mark.parametrize("kept", ["{}", "[]", "no JSON", '{"samples": {}, "latency": {"x": {}}}'])
def test_a_damaged_validation_is_told_in_a_line(tmp_path: Path, kept: str) -> None:
    (tmp_path / "validation.json").write_text(kept, encoding="utf-8")
    found = CliRunner().invoke(build(), ["report", str(tmp_path)])
    assert found.exit_code == 2
    assert "must be what `mrcpsim validate --out` writes" in found.output


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_validation_replaces_no_other_page(tmp_path: Path, force: list[str]) -> None:
    for name in ("summary.json", "report.html"):
        (tmp_path / name).write_text("of a run", encoding="utf-8")
    given = ["validate", "baseline", str(LOG), "--out", str(tmp_path), "-q", *force]
    found = CliRunner().invoke(build(), given)
    assert found.exit_code == 2
    assert "holds files but no validation (such as report.html)" in found.output
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == "of a run"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["report.html", "summary.json"]


def test_the_verdict_of_a_validation_is_a_sentence_and_says_what_speaks_against_the_model(
    validation: Validation,
) -> None:
    page = validation_page(validation)
    assert page.verdict == (
        "The model predicts this log's calls: INVITE → final answer agrees in all 3 percentiles, and so do the counts."
    )
    assert page.sections[0].parts[0].text == (
        "The verdict rests on INVITE → final answer, and on the counts of sessions. Shown, but without a say in it: "
        "close delay, queue waits. Not in the log, or of too few calls: BYE → 200, terminate → release, pool lifetime, "
        "OFFER → media, media → open."
    )
    rng = np.random.default_rng(5)
    slow = compare(rng.uniform(0.001, 0.011, 600), [rng.uniform(0.002, 0.022, 600) for _ in range(3)])
    assert slow is not None
    taken = {**validation.read_from_log, "phase": "log", "interference": "log"}
    wrong = replace(validation, ok=False, latency={**validation.latency, "invite_to_answer": slow},
                    counts={"arrived": (600.0, 600.0), "leaked": (3.0, 0.0)}, read_from_log=taken)  # fmt: skip
    assert re.fullmatch(
        r"The model does not predict this log's calls: 3 of 3 percentiles of INVITE → final answer are off: INVITE → "
        r"final answer p50 \+\d+%, INVITE → final answer p95 \+\d+%, INVITE → final answer p99 \+\d+%; leaked 3 in the "
        r"log, 0 predicted. Taken from the log, not predicted: the phase of the media tick and how often other "
        r"processes took the processor\.",
        validation_page(wrong).verdict,
    )
    few = replace(validation, latency={}, ok=False)
    assert validation_page(few).verdict == "The log has too few calls to compare any time."
