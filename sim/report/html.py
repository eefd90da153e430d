"""`report.html`: a result as one page that can be attached to a ticket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sim.ledger.result import RunResult, load_result
from sim.study.folder import FILE, STUDY, is_study

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.comparison.compare import SideBySide
    from sim.comparison.fail_on import ConditionHeld
    from sim.study.capacity import Capacity
    from sim.validation.validate import Validation

NAME = "report.html"


def text_of(folder: Path) -> str:
    """The page of whatever a folder holds. ScenarioError when that is nothing of ours."""
    from sim.comparison.comparison_folder import COMPARISON, load_comparison
    from sim.study.capacity_folder import CAPACITY, load_capacity
    from sim.validation.kept import VALIDATION, load_validation

    if is_study(folder):
        return study_text(folder)
    if (folder / COMPARISON).is_file():
        return comparison_text(*load_comparison(folder))
    if (folder / CAPACITY).is_file():
        return capacity_text(load_capacity(folder))
    if (folder / VALIDATION).is_file():
        return validation_text(load_validation(folder))
    return page_text(load_result(folder))


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


def study_text(folder: Path) -> str:
    """The page of the study in a folder. ScenarioError when study.json is not one's."""
    from sim.errors import ScenarioError
    from sim.report.page.of_study import study_page
    from sim.report.page.render import html_of

    path = folder / STUDY
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        file = (folder / FILE).read_text(encoding="utf-8")
        return html_of(study_page(found, file))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ScenarioError(
            f"{path}: must be what `mrcpsim study` writes (got something else); run the study again"
        ) from None


def capacity_text(found: Capacity) -> str:
    """The page of a capacity."""
    from sim.report.page.of_capacity import capacity_page
    from sim.report.page.render import html_of

    return html_of(capacity_page(found))


def comparison_text(found: SideBySide, held: Sequence[ConditionHeld] = (), command: str = "") -> str:
    """The page of a comparison."""
    from sim.report.page.of_comparison import page_of_comparison
    from sim.report.page.render import html_of

    return html_of(page_of_comparison(found, held, command))


def validation_text(found: Validation) -> str:
    """The page of a validation."""
    from sim.report.page.of_validation import validation_page
    from sim.report.page.render import html_of

    return html_of(validation_page(found))
