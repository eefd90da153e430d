"""`report.html`: a result as one page that can be attached to a ticket."""

from pathlib import Path

from sim.ledger.result import RunResult

NAME = "report.html"


def page_text(result: RunResult) -> str:
    """The page of a result; the bytes depend on the result only."""
    from sim.report.page.of_result import page_of
    from sim.report.page.render import html_of

    return html_of(page_of(result))


def write_extras(result: RunResult, folder: Path) -> None:
    """What a result folder has for people: the two pictures and the report."""
    from sim.report.plots import write_pictures

    write_pictures(result, folder)
    (folder / NAME).write_text(page_text(result), encoding="utf-8")
