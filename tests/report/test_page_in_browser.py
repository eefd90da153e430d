"""The report in a real browser: no error, nothing fetched, used by keyboard, without scripts, in print, light and dark.

The browser is Debian's `chromium`, or what `playwright install chromium` brought; without one, or
without the development extras, these tests are skipped, and .ci/run says so.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import sim
from sim.comparison.compare import SideBySide, compare
from sim.ledger.result import RunResult
from sim.report.html import capacity_text, page_text, validation_text
from sim.report.page.of_comparison import page_of_comparison
from sim.report.page.of_study import study_page
from sim.report.page.render import html_of
from sim.scenario import load_scenario
from sim.study.capacity import Capacity
from sim.validation.validate import Validation

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")

TRACES = Path(__file__).parent.parent / "data" / "traces"
EVIL = "<script>alert(1)</script>"
LEAKY = {
    "name": "leaky", "duration": "20s", "drain": "20s", "arrivals": {"rate": "10/s"}, "calls": {"hold": "2s"},
    "plugins": {"speechrecog": {"close": {"never": 0.05}}}, "expect": ["leaked.session_pool == 0"],
}  # fmt: skip
A4_WIDTH = 718  # in CSS pixels, within margins of a centimetre


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # once for the module, not the session: while it runs, this thread has an event loop, which other tests begin anew
    with playwright.sync_playwright() as started:
        try:
            launched = started.chromium.launch(
                executable_path=shutil.which("chromium") or shutil.which("google-chrome")
            )
        except playwright.Error as error:
            pytest.skip(f"no browser: apt-get install chromium, or playwright install chromium ({error.message[:80]})")
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def pages(
    tmp_path_factory: pytest.TempPathFactory,
    study_found: dict[str, object],
    validation: Validation,
    capacity_found: Capacity,
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    run = sim.run(load_scenario(LEAKY), seed=3, ledger="full", engine="simpy")
    run.summary = replace(run.summary, scenario=EVIL)  # no scenario file may have this name; a result folder might
    made = {
        "run": page_text(run),
        "audit": page_text(sim.audit_log(TRACES / "leak2.log.xz")),
        "study": html_of(study_page(study_found, f"description: {EVIL}")),
        "validation": validation_text(validation),
        "capacity": capacity_text(capacity_found),
        "comparison": html_of(page_of_comparison(compared(run))),
    }
    for name, text in made.items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


def compared(run: RunResult) -> SideBySide:
    """A leaking run beside two that do not leak: several tables of one kind on one page."""
    healthy = {**LEAKY, "plugins": {}}
    others = [sim.run(load_scenario(healthy), seed=seed, ledger="sessions", engine="simpy") for seed in (3, 4)]
    return compare(run, *others, names=[EVIL, "mended", "mended, another day"])


KINDS = ("run", "audit", "study", "validation", "capacity", "comparison")
LEAKING = KINDS[:2]


class Opened:
    """A page that is open and drawn, with what its reader does not see: what it asked for, and its complaints."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", self.answer)

    def answer(self, dialog: Any) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def opened(browser: Any, path: Path, width: int = 1280, scripts: bool = True, **settings: Any) -> Iterator[Opened]:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, java_script_enabled=scripts, offline=True, **settings
    )
    found = Opened(context.new_page())
    found.page.goto(path.as_uri())
    if scripts:
        found.page.locator("html[data-drawn]").wait_for(state="attached")
    yield found
    context.close()


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_fetched_and_nothing_is_complained_of(browser: Any, pages: dict[str, Path], kind: str) -> None:
    with opened(browser, pages[kind]) as found:
        assert found.asked == [pages[kind].as_uri()]
        assert found.said == []


def test_the_policy_of_the_page_forbids_the_network(browser: Any, pages: dict[str, Path]) -> None:
    with opened(browser, pages["run"]) as found:
        why = found.page.evaluate(
            "new Promise((done) => {"
            " document.addEventListener('securitypolicyviolation', (e) => done(e.effectiveDirective));"
            " fetch('http://127.0.0.1:9/').catch(() => 0); })"
        )
        assert why == "connect-src"
        assert found.asked == [pages["run"].as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_no_violation(browser: Any, pages: dict[str, Path], kind: str, scheme: str) -> None:
    for width in (1280, 390):
        with opened(browser, pages[kind], width, color_scheme=scheme) as found:
            violations = axe.Axe().run(found.page).response["violations"]
            told = [(one["id"], one["help"], [node["html"][:200] for node in one["nodes"][:2]]) for one in violations]
            assert told == [], width


def test_the_sessions_are_sorted_and_filtered_by_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    with opened(browser, pages["run"]) as found:
        page = found.page
        filtered = page.locator("#sessions-filter")
        filtered.focus()
        page.keyboard.type("leaked speechrecog")
        leaked = page.locator("#sessions-table tbody tr")
        assert leaked.count() > 0
        assert all("leaked" in row for row in leaked.all_inner_texts())
        assert page.locator("#sessions-status").inner_text().startswith(f"{leaked.count()} of ")
        for _ in range(3):  # over the two buttons beside it, and the frame that scrolls, to the first head
            page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        head = page.locator("#sessions-table thead th").first
        assert page.evaluate("document.activeElement.textContent") == head.inner_text().strip()
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "ascending"
        numbers = [int(text) for text in leaked.locator("td:first-child").all_inner_texts()]
        assert numbers == sorted(numbers)
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        assert [int(text) for text in leaked.locator("td:first-child").all_inner_texts()] == numbers[::-1]
        filtered.focus()
        page.keyboard.press("Control+A")
        page.keyboard.type("no such session")
        assert leaked.count() == 0


def test_a_table_is_sorted_by_numbers_not_by_their_text(browser: Any, pages: dict[str, Path]) -> None:
    with opened(browser, pages["run"]) as found:
        head = found.page.get_by_role("region", name="table: Tasks").get_by_role("button", name="messages")
        head.focus()
        found.page.keyboard.press("Enter")
        cells = found.page.get_by_role("region", name="table: Tasks").locator("tbody td:nth-child(2)")
        values = [float(text.replace("\u202f", "").replace(" ", "")) for text in cells.all_inner_texts()]
        assert len(values) > 3
        assert values == sorted(values)


def test_the_example_of_a_leak_is_drawn(browser: Any, pages: dict[str, Path]) -> None:
    with opened(browser, pages["run"]) as found:
        image = found.page.locator("#chart img")
        assert "as a sequence chart" in image.get_attribute("alt")
        assert image.evaluate("async (e) => { await e.decode(); return e.naturalWidth }") > 500
        assert found.said == []


def test_what_is_drawn_over_time_is_chosen_by_keyboard(browser: Any, pages: dict[str, Path]) -> None:
    with opened(browser, pages["run"]) as found:
        box = found.page.get_by_role("checkbox", name="session pools")
        before = found.page.locator("#zoom canvas").screenshot()
        box.focus()
        found.page.keyboard.press("Space")
        assert not box.is_checked()
        assert found.page.locator("#zoom canvas").screenshot() != before


def test_no_level_over_time_hides_another_that_is_equal(browser: Any, tmp_path: Path) -> None:
    healthy = sim.run(load_scenario({**LEAKY, "plugins": {}}), seed=3, ledger="sessions", engine="simpy")
    assert healthy.levels is not None
    pools = healthy.levels[healthy.levels["resource"] == "session_pool"]
    levels = pd.concat([pools, pools.assign(resource="rtp_port")], ignore_index=True)
    page = page_text(RunResult(healthy.summary, healthy.sessions, levels))
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    with opened(browser, tmp_path / "page.html") as found:
        shown = found.page.evaluate(
            "() => { const e = document.querySelector('#zoom canvas'), found = [0, 0];"
            " const { data } = e.getContext('2d').getImageData(0, 0, e.width, e.height);"
            " for (let i = 0; i < data.length; i += 4) {"
            "  if (data[i + 3] < 128) continue;"
            "  if (data[i + 2] > data[i] + 90) found[0] += 1;"  # blue, the session pools
            "  if (data[i] > data[i + 2] + 90) found[1] += 1; }"  # orange, the RTP ports
            " return found; }"
        )
        assert min(shown) > 200, shown


def test_rows_of_sessions_are_a_line_each_on_a_telephone(browser: Any, pages: dict[str, Path]) -> None:
    for kind in LEAKING:
        with opened(browser, pages[kind], 390) as found:
            rows = found.page.locator("#sessions-table tbody tr")
            heights = rows.evaluate_all("(all) => all.map((row) => row.getBoundingClientRect().height)")
            assert max(heights) < 32, kind


def test_resources_and_the_figures_fit_a_wide_page(browser: Any, pages: dict[str, Path]) -> None:
    for kind in LEAKING:
        with opened(browser, pages[kind]) as found:
            table = found.page.locator("section[aria-labelledby=resources] .scroll")
            assert table.evaluate("(e) => e.scrollWidth - e.clientWidth") == 0
            tops = found.page.locator("dl.figures > div").evaluate_all(
                "(all) => all.map((one) => one.getBoundingClientRect().top)"
            )
            assert len(set(tops)) == 1, kind


@pytest.mark.parametrize("kind", LEAKING)
def test_the_verdict_and_the_tables_are_there_without_scripts(browser: Any, pages: dict[str, Path], kind: str) -> None:
    with opened(browser, pages[kind], scripts=False) as found:
        verdict = found.page.locator("#verdict")
        assert "leaked: nothing can release" in verdict.inner_text()
        assert verdict.bounding_box()["y"] < 300
        assert found.page.locator("#sessions-table tbody tr").count() > 10
        assert found.page.locator("#sessions-tools").is_hidden()
        assert found.page.locator("svg.picture").count() >= 3


@pytest.mark.parametrize("kind", KINDS)
def test_in_print_no_table_and_no_picture_is_cut(browser: Any, pages: dict[str, Path], kind: str) -> None:
    with opened(browser, pages[kind], A4_WIDTH) as found:
        found.page.emulate_media(media="print")
        wide = found.page.evaluate(
            "[...document.querySelectorAll('table, td, th, figure, pre, svg.picture')]"
            ".filter((e) => e.getBoundingClientRect().right > innerWidth || e.scrollWidth > e.clientWidth + 1)"
            ".map((e) => e.outerHTML.slice(0, 120))"
        )
        assert wide == []
        scenario = found.page.locator("details pre")
        assert scenario.count() == 0 or scenario.bounding_box()["height"] > 20  # what is folded is printed too
        assert found.page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_shows_the_page_without_scrolling_sideways(browser: Any, pages: dict[str, Path], kind: str) -> None:
    with opened(browser, pages[kind], 390) as found:
        assert found.page.evaluate("document.documentElement.scrollWidth") == 390
        assert found.page.locator("#verdict").bounding_box()["y"] < 300


@pytest.mark.parametrize(
    ("kind", "table", "columns"),
    [
        ("capacity", "Mean over runs", 4),
        ("capacity", "Each target", 4),
        ("validation", "Percentiles of each time", 5),
        ("run", "Latencies", 5),
    ],
)
def test_a_phone_shows_the_columns_that_decide(
    browser: Any, pages: dict[str, Path], kind: str, table: str, columns: int
) -> None:
    """They once began beyond the right edge: intervals stood in one line, and the verdict of a row came last."""
    with opened(browser, pages[kind], 420) as found:
        shown = found.page.locator(f".scroll[aria-label^='table: {table}'] tbody tr").first
        ends = [cell.bounding_box() for cell in shown.locator("td").all()[:columns]]
        assert len(ends) == columns
        assert max(box["x"] + box["width"] for box in ends) <= 420


@pytest.mark.parametrize("kind", KINDS)
def test_a_phone_shows_every_picture_whole(browser: Any, pages: dict[str, Path], kind: str) -> None:
    """The marks of a comparison once stood beyond the right edge, as did the end of a capacity's curve."""
    with opened(browser, pages[kind], 420) as found:
        boxes = found.page.evaluate(
            "[...document.querySelectorAll('svg.picture')].map((svg) => [svg.getBoundingClientRect().right,"
            " ...[...svg.querySelectorAll('text')].map((text) => text.getBoundingClientRect().right)])"
        )
        assert boxes
        assert max(max(box) for box in boxes) <= 420


@pytest.mark.parametrize("kind", KINDS)
def test_the_verdict_of_every_page_is_there_without_scripts(browser: Any, pages: dict[str, Path], kind: str) -> None:
    with opened(browser, pages[kind], scripts=False) as found:
        verdict = found.page.locator("#verdict")
        assert len(verdict.inner_text()) > 20
        assert verdict.bounding_box()["y"] < 300
        assert found.page.locator("tbody tr").count() > 1
        assert found.page.locator("svg.picture").count() >= 1


@pytest.mark.parametrize("kind", ["run", "study", "validation", "capacity", "comparison"])
def test_a_name_that_is_a_script_is_text(browser: Any, pages: dict[str, Path], kind: str) -> None:
    with opened(browser, pages[kind]) as found:
        assert EVIL in found.page.locator("h1").inner_text()
        assert EVIL in found.page.title()
        assert found.said == []


def test_a_name_that_is_a_script_is_text_in_pictures_too(browser: Any, pages: dict[str, Path]) -> None:
    with opened(browser, pages["run"]) as found:
        assert EVIL in found.page.locator("svg.picture").first.text_content()
