"""One style for every picture, and its SVG for a page: colours that anyone can tell apart, light or dark."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which people with any colour vision can tell apart
COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
INK: Final = "#333333"
FAINT: Final = "#6f6f6f"
GRID: Final = "#e6e6e6"

PAGE_WIDTH: Final = 6.4
"""Inches that a picture of a page is drawn wide, at most."""

VARIABLES: Final = {
    INK: "--ink", FAINT: "--faint", GRID: "--grid", "#000000": "--ink", "#0072b2": "--c0", "#d55e00": "--c1",
    "#009e73": "--c2", "#cc79a7": "--c3", "#e69f00": "--c4", "#56b4e9": "--c5",
}  # fmt: skip
"""What stands for each colour in a page, which has a light and a dark value for it."""

_TAG = re.compile(r"<[^>]*>")
_NUMBER = re.compile(r"(?<![\w#.])-?\d+\.\d{3,}")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}\b")
_FONT = re.compile(r"font-family: [^;\"]*")
_SHORTHAND = re.compile(r"font: ([^;\"]*?[0-9.]+px) [^;\"]*")
_FLAT = re.compile(r' transform="rotate\(-?0 [^"]*"')
_ALONE = re.compile(r"<g>\s*(<(?:use|path)\b[^>]*/>|<text\b[^>]*>[^<]*</text>)\s*</g>")
_EMPTY = re.compile(r"<g>\s*</g>\s*")
_USED = re.compile(r"(?:url\(#|href=\"#)([^)\"]+)")
_UNUSED = re.compile(r' id="([^"]+)"')
_PATH = re.compile(r' d="([^"]*)"')
_ID = re.compile(r'(\bid="|url\(#|href="#)')


def axes_for(title: str, ax: Axes | None = None, size: tuple[float, float] = (9.0, 4.8)) -> Axes:
    """Axes in the house style, new ones in a figure of their own unless given; the title says what is to be seen."""
    if ax is None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, layout="constrained")  # no pyplot: no global state, no display needed
        FigureCanvasAgg(figure)
        ax = figure.add_subplot()
    ax.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, parse_math=False, wrap=True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color=GRID, linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def figure_of(axes: Axes) -> Figure:
    """The figure that axes stand in."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def legend_below(axes: Axes, columns: int = 3, size: float = 9.0) -> None:
    """The legend under the picture, where it hides nothing."""
    if not axes.get_legend_handles_labels()[0]:
        return
    figure = figure_of(axes)
    if len(figure.axes) == 1:
        figure.legend(frameon=False, loc="outside lower left", ncols=columns, fontsize=size)
    else:
        axes.legend(frameon=False, loc="best", fontsize=size)


def _fit_legend(axes: Axes) -> None:
    """Give a legend below fewer columns until it is no wider than its figure."""
    figure = figure_of(axes)
    for columns in (2, 1):
        for legend in figure.legends:
            if legend.get_window_extent().width > figure.bbox.width:
                size = float(legend.get_texts()[0].get_fontsize())
                legend.remove()
                legend_below(axes, columns, size)


def svg_of(axes: Axes, name: str, description: str) -> str:
    """The picture as an SVG element for a page: its text is text, its colours are the page's, `description` is for
    readers who do not see it. The bytes depend on the picture only."""
    import matplotlib as mpl

    figure = figure_of(axes)
    width, height = figure.get_size_inches()
    if width > PAGE_WIDTH:  # narrow enough to be read on a telephone; a page's style enlarges it elsewhere
        figure.set_size_inches(PAGE_WIDTH, height)
        _fit_legend(axes)
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "mrcpsim", "path.simplify_threshold": 0.5}):
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    drawn = buffer.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.S)
    drawn = re.sub(r"<!--.*?-->", "", drawn, flags=re.S)
    drawn = _TAG.sub(lambda tag: _NUMBER.sub(_rounded, tag[0]), drawn)
    drawn = _COLOUR.sub(_variable, drawn)
    drawn = _FONT.sub("font-family: var(--font)", drawn)
    drawn = _SHORTHAND.sub(lambda match: f"font: {match[1]} var(--font)", drawn)
    drawn = _FLAT.sub("", drawn).replace("xlink:href", "href")
    used = set(_USED.findall(drawn))
    drawn = _UNUSED.sub(lambda match: match[0] if match[1] in used else "", drawn)
    for _ in range(4):
        drawn = _EMPTY.sub("", _ALONE.sub(lambda match: match[1], drawn))
    drawn = _PATH.sub(lambda match: f' d="{_shorter(match[1])}"', drawn)
    drawn = _ID.sub(lambda match: f"{match[1]}{name}-", drawn)
    head = drawn[: drawn.index(">")]
    box = re.search(r'viewBox="[^"]*"', head)
    opened = f'<svg {box[0] if box else ""} role="img" aria-labelledby="{name}-title" class="picture">'
    told = f'<title id="{name}-title">{_escaped(description)}</title>'
    return opened + told + re.sub(r"\s*\n\s*", "\n", drawn[drawn.index(">") + 1 :]).strip()


def _shorter(path: str) -> str:
    """The same path in fewer characters: lines along an axis by their one coordinate, no line breaks."""
    words = path.split()
    out: list[str] = []
    at = ("", "")
    i = 0
    while i < len(words):
        kind = words[i]
        if kind not in ("M", "L") or i + 2 >= len(words):
            return " ".join(words)  # curves and what is closed are short anyway
        to = (words[i + 1], words[i + 2])
        if kind == "M":
            out.append(f"M{to[0]} {to[1]}")
        elif to[1] == at[1]:
            out.append(f"H{to[0]}")
        elif to[0] == at[0]:
            out.append(f"V{to[1]}")
        else:
            out.append(f"L{to[0]} {to[1]}")
        at, i = to, i + 3
        if i < len(words) and words[i] in ("z", "Z"):
            out.append("z")
            i += 1
    return "".join(out)


def _rounded(match: re.Match[str]) -> str:
    """A place in a picture to a tenth of a point; what is said in its texts keeps its digits."""
    return f"{float(match[0]):.1f}".removesuffix(".0")


def _variable(match: re.Match[str]) -> str:
    name = VARIABLES.get(match[0].lower()) or VARIABLES.get(match[0])
    return f"var({name})" if name else match[0]


def _escaped(text: str) -> str:
    from html import escape

    return escape(text, quote=True)
