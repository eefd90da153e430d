"""The report is one small page: the verdict first, its data within, every name escaped, the network forbidden."""

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import sim
from sim.cli.main import build
from sim.ledger.parquet import read_table
from sim.ledger.result import ResultFolder, RunResult, load_result
from sim.ledger.summary import SessionCounts, Summary
from sim.report.html import page_text
from sim.report.page.render import UPLOT, _asset
from sim.scenario import load_scenario
from sim.vocabulary.resources import resource_words

LEAKY = {
    "name": "leaky", "duration": "20s", "drain": "20s", "arrivals": {"rate": "10/s"},
    "calls": {"hold": "2s", "requests": 1}, "plugins": {"speechrecog": {"close": {"never": 0.05}}},
    "expect": ["leaked.session_pool == 0"],
}  # fmt: skip


@pytest.fixture(scope="module")
def leaky() -> RunResult:
    return sim.run(load_scenario(LEAKY), seed=3, ledger="full", engine="simpy")


class Words(HTMLParser):
    """The text of a page as a reader without scripts has it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.hidden = 0
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.hidden += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.text.append(data)


def words(page: str) -> str:
    return " ".join(" ".join(Words(page).text).split())


def data_of(page: str) -> dict[str, object]:
    packed = re.search(r'id="columns">(.*?)</script>', page, re.S)
    assert packed is not None
    return json.loads(gzip.decompress(base64.b64decode(packed[1])))


def test_the_verdict_with_its_cause_stands_first_and_needs_no_scripts(leaky: RunResult) -> None:
    told = words(page_text(leaky))
    count = leaky.summary.sessions.leaked
    assert f"{count} sessions leaked: nothing can release them." in told[:600]
    assert f"Why: close never answered by speechrecog ({count})." in told[:600]
    assert "mrcp_engine_channel_close_respond" in told
    assert "leaked.session_pool == 0" in told
    assert "never handled" not in told[:600]


def test_resources_are_told_in_words_beside_their_names(leaky: RunResult) -> None:
    page = page_text(leaky)
    table = page[page.index("Resources of the ledger") :].partition("</table>")[0]
    for name in leaky.summary.resources:
        assert f'<td class="text">{resource_words(name)}</td>' in table
        assert f'<td class="text file quiet">{name}</td>' in table


def test_each_cause_leads_to_the_story_of_an_example(leaky: RunResult) -> None:
    page = page_text(leaky)
    example = leaky.summary.leak_groups[0].example
    assert f'href="#story-{example}"' in page
    assert f'id="story-{example}"' in page
    assert "mrcp_server_session_offer_process" in words(page)


def test_the_example_of_the_first_cause_is_drawn_as_a_sequence_chart(leaky: RunResult) -> None:
    page = page_text(leaky)
    drawn = data_of(page)["chart"]
    assert isinstance(drawn, str)
    assert "never came" in drawn
    assert f"Session {leaky.summary.leak_groups[0].example} as a sequence chart" in page


def test_an_ordinary_report_is_below_200_kilobytes(leaky: RunResult) -> None:
    assert len(page_text(leaky).encode()) < 200_000


def test_nothing_is_fetched_and_only_the_pages_own_scripts_run(leaky: RunResult) -> None:
    page = page_text(leaky)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src &#39;none&#39;" in policy[1]
    for script in re.findall(r"<script>(.*?)</script>", page, re.S):
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"sha256-{digest}" in policy[1]
    outside = [url for url in re.findall(r"""(?:src|href)=["']([^"']*)""", page) if not url.startswith("#")]
    assert outside == []


def test_every_name_from_outside_is_text(leaky: RunResult) -> None:
    evil = "<script>alert(1)</script>"
    made = Summary(evil, 1, evil, 1.0, sessions=SessionCounts(arrived=1, created=1))
    page = page_text(RunResult(made, scenario_yaml=f"name: {evil}", provenance={evil: evil}))
    assert evil not in page
    assert evil in words(page)
    scenario = load_scenario({**LEAKY, "name": "quoted", "description": evil})
    assert evil not in page_text(sim.run(scenario, seed=1, ledger="sessions", engine="simpy"))


def test_the_same_result_gives_the_same_page(leaky: RunResult) -> None:
    assert page_text(leaky) == page_text(leaky)


def test_the_pages_data_are_the_levels_and_the_sessions(leaky: RunResult) -> None:
    data = data_of(page_text(leaky))
    names = [series["name"] for series in data["levels"]["series"]]
    assert [series["words"] for series in data["levels"]["series"]] == [resource_words(name) for name in names]
    assert "session_pool" in names
    assert data["levels"]["series"][0]["held"][-1] == leaky.summary.resources["session_pool"].held
    rows = data["sessions"]["rows"]
    assert len(rows) == leaky.summary.sessions.arrived
    outcomes = [column["name"] for column in data["sessions"]["columns"]].index("outcome")
    first = rows[: leaky.summary.sessions.leaked]
    assert {row[outcomes] for row in first} == {"leaked"}  # what went wrong stands first


def test_of_many_sessions_the_page_has_a_sample_and_says_so() -> None:
    result = sim.run(
        load_scenario({**LEAKY, "arrivals": {"rate": "400/s"}, "plugins": {"speechrecog": {}}}), ledger="sessions"
    )
    page = page_text(result)
    assert len(data_of(page)["sessions"]["rows"]) <= 800
    assert f"of {result.summary.sessions.arrived:,}".replace(",", " ") in words(page)
    assert len(page.encode()) < 240_000


def test_a_result_without_tables_still_has_a_page() -> None:
    page = page_text(RunResult(Summary("bare", 1, "simpy", 0.0)))
    assert "There was no session at all" in words(page)


def test_uplot_is_what_was_published() -> None:
    for name, digest in UPLOT.items():
        assert hashlib.sha256(_asset(name).encode()).hexdigest() == digest


def test_a_run_writes_its_report_and_the_command_writes_it_again(tmp_path: Path) -> None:
    runner = CliRunner()
    path = tmp_path / "s.yaml"
    path.write_text("duration: 5s\ndrain: 10s\narrivals: {rate: 2/s}\ncalls: {hold: 1s}\n", encoding="utf-8")
    out = tmp_path / "out"
    assert runner.invoke(build(), ["run", str(path), "--out", str(out), "-q"]).exit_code == 0
    first = (out / "report.html").read_text(encoding="utf-8")
    (out / "report.html").unlink()
    again = runner.invoke(build(), ["report", str(out)])
    assert again.exit_code == 0
    assert again.stdout.strip() == str(out / "report.html")
    assert words((out / "report.html").read_text(encoding="utf-8")) == words(first)
    assert words(page_text(load_result(out))) == words(first)
    assert runner.invoke(build(), ["report", str(tmp_path)]).exit_code == 2


def test_the_page_of_a_folder_never_holds_its_sessions_whole_and_is_that_of_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = {"name": "quick", "duration": "100s", "drain": "10s", "arrivals": {"rate": "20/s"}, "calls": {"hold": "1s"},
             "plugins": {"speechrecog": {"close": {"never": 0.01}}}}  # fmt: skip
    made = sim.run(sim.load_scenario(quick), seed=4, ledger="sessions", engine="simpy")
    with ResultFolder(tmp_path / "made") as folder:
        folder.commit(made)
    kept = load_result(tmp_path / "made")
    kept.provenance = made.provenance

    def refuse(folder: Path, name: str) -> Any:
        assert name != "sessions", "read whole"
        return read_table(folder, name)

    monkeypatch.setattr("sim.ledger.result.read_table", refuse)
    page = page_text(kept)
    assert page == page_text(RunResult(made.summary, made.sessions, made.levels, scenario_yaml=made.scenario_yaml,
                                       provenance=made.provenance))  # fmt: skip
    assert made.summary.sessions.arrived > 800
    assert len(data_of(page)["sessions"]["rows"]) == 800


def test_an_audit_writes_its_page_alone_when_asked(tmp_path: Path) -> None:
    log = Path(__file__).parent.parent / "data" / "traces" / "leak2.log.xz"
    page = tmp_path / "leak.html"
    run = CliRunner().invoke
    assert run(build(), ["audit", str(log), "--html", str(page), "--quiet"]).exit_code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["leak.html"]
    told = page.read_text(encoding="utf-8")
    assert "24 sessions leaked: nothing can release them" in told
    assert len(data_of(told)["sessions"]["rows"]) == 800
    told = run(build(), ["audit", str(log), "--html", str(page), "--force"])
    assert f"report  {page}" in told.stdout
    refused = run(build(), ["audit", str(log), "--html", str(page)])
    assert refused.exit_code == 2
    assert "choose another with --html" in refused.output
    nowhere = run(build(), ["audit", str(log), "--html", str(tmp_path / "none" / "x.html"), "--quiet"])
    assert nowhere.exit_code == 2
    assert "can not be written" in nowhere.output
