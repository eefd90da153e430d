"""A page as one HTML file: every name escaped, styles and scripts within, and a policy that forbids the network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from functools import cache
from importlib.resources import files
from typing import Any, Final

from sim.report.page.blocks import Page
from sim.version import VERSION

UPLOT: Final = {
    "uplot.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "uplot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
}
"""uPlot 1.6.32 (MIT, its licence is beside it): the files as published, by their SHA-256."""

_INTERVAL: Final = re.compile(r"\[.*[,;] .*\]|\d.* to .*\d")
_BREAKS: Final = re.compile("\u00a0(?=\\[)|(?<=[,;])\u00a0|(?<=\u00a0to)\u00a0")


def html_of(page: Page) -> str:
    """The page. The same page gives the same bytes."""
    from markupsafe import Markup

    scripts = [_asset("page.js")]
    css = _asset("page.css")
    if "levels" in page.data:
        scripts.insert(0, _asset("uplot.min.js"))
        css += _asset("uplot.min.css")
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts)
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes or chr(39) + 'none' + chr(39)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return str(
        _template().render(
            title=page.title, subtitle=page.subtitle, verdict=page.verdict, mood=page.mood, figures=page.figures,
            sections=page.sections, version=VERSION, policy=policy, css=Markup(css),
            scripts=[Markup(script) for script in scripts], data=_packed(page.data) if page.data else "",
            footer=f"Made by mrcpsim {VERSION}. One file, nothing is fetched.",
        )
    )  # fmt: skip


@cache
def _template() -> Any:
    from jinja2 import Environment
    from markupsafe import Markup

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.policies["compiler.ascii_str"] = False
    environment.filters["markup"] = Markup
    environment.filters["two_ends"] = _two_ends
    return environment.from_string(_asset("report.html"))


def _two_ends(shown: str) -> str:
    """An interval that a narrow column may break between its ends, not between a number and its unit; "" of others."""
    if not _INTERVAL.search(shown):
        return ""
    return _BREAKS.sub(" ", shown.replace(" ", "\u00a0"))


@cache
def _asset(name: str) -> str:
    return (files("sim.report.page") / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _packed(data: dict[str, object]) -> str:
    plain = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
    return base64.b64encode(gzip.compress(plain, mtime=0)).decode()
