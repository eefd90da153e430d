"""Where a server breaks, for the validation report: predicted against measured over the rate, table and picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sim.report.text import DASH

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sim.validation.breaking import Breaking, Point, Prediction

TASKS: Final = ("NUA", "media", "server", "SIP agent")
QUANTILES: Final = ("p50", "p95", "p99")
PANELS: Final = (
    ("p50 of INVITE→200, ms", "latency", "p50", 1e3),
    ("p99 of INVITE→200, ms", "latency", "p99", 1e3),
    ("processors used", "use", "all", 1.0),
    ("sessions stuck for ever", "stuck", "", 1.0),
)
"""Title, field of a point, its key, and by what to multiply."""


def breaking_lines(found: "Breaking", picture: str) -> list[str]:
    """The section, with the picture at this path."""
    lines = [
        "## Where it breaks",
        "",
        f"Calibrated on `{found.calibrated_on}` with its recording of the threads, and on nothing else: calls of 1 s",
        "at other rates, evenly spaced for 7 s, on one processor or on two. Each cell is measured → predicted: the",
        "median of five seeds, with the least and the most of them. On two processors all that the recording",
        "shows of other programs is the other load. Figures quoted from issue 10 are of runs whose logs are not here.",
        "",
        f"![where it breaks]({picture})",
        "",
        "| measured in | calls/s | processors | INVITE→200 p50, ms | p95 | p99 | processors used | stuck for ever |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for point, predicted in found.points:
        cells = [_cell(point.latency.get(q), predicted.latency[q], 1e3, ".1f") for q in QUANTILES]
        cells.append(_cell(point.use.get("all"), predicted.use["all"], 1.0, ".2f"))
        cells.append(_cell(point.stuck, predicted.stuck, 1.0, ".0f"))
        lines.append(f"| {point.source} | {point.rate:.0f} | {point.processors} | {' | '.join(cells)} |")
    lines += [
        "",
        "Of a processor, by thread, while calls came:",
        "",
        f"| measured in | calls/s | processors | {' | '.join(TASKS)} |",
        "|---|---|---|---|---|---|---|",
    ]
    for point, predicted in found.points:
        if len(point.use) > 1:
            cells = [_cell(point.use.get(task), predicted.use[task], 1.0, ".3f") for task in TASKS]
            lines.append(f"| {point.source} | {point.rate:.0f} | {point.processors} | {' | '.join(cells)} |")
    return [*lines, ""]


def _cell(measured: float | None, predicted: Sequence[float], scale: float, form: str) -> str:
    values = sorted(value * scale for value in predicted)
    said = DASH if measured is None else f"{measured * scale:{form}}"
    middle, least, most = (f"{value:{form}}" for value in (values[len(values) // 2], values[0], values[-1]))
    return f"{said} → {middle}" + (f" ({least} to {most})" if least != most else "")


def draw_breaking(found: "Breaking", path: Path) -> None:
    """Four panels over the rate: p50, p99, processors used, sessions stuck; a predicted curve and measured points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 7.0), layout="constrained")
    for i, panel in enumerate(PANELS):
        _panel(figure.add_subplot(2, 2, i + 1), found, *panel)
    figure.savefig(path, dpi=80, metadata={"Software": None})


def _panel(axes: "Axes", found: "Breaking", title: str, field: str, key: str, scale: float) -> None:
    from sim.report.style import COLOURS, INK

    rates = [at.rate for at in found.curve]
    every = [sorted(scale * value for value in _figure(at, field, key)) for at in found.curve]
    axes.fill_between(rates, [v[0] for v in every], [v[-1] for v in every], color=COLOURS[0], alpha=0.2, lw=0)
    axes.plot(rates, [v[len(v) // 2] for v in every], color=COLOURS[0], label="predicted, one processor")
    for quoted, fill, label in ((False, "full", "measured"), (True, "none", "measured, quoted from issue 10")):
        points = [
            (point.rate, scale * value) for point, _ in found.points
            if point.processors == 1 and point.source.startswith("issue") == quoted
            and (value := _figure(point, field, key)) is not None
        ]  # fmt: skip
        axes.plot([x for x, _ in points], [y for _, y in points], "o", color=INK, fillstyle=fill, ls="", label=label)
    axes.set_title(title, color=INK, fontsize=10)
    axes.set_xlabel("calls/s")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, frameon=False)


def _figure(at: "Point | Prediction", field: str, key: str) -> Any:
    """One figure of a point, or its values in every seed."""
    found = getattr(at, field)
    return found.get(key) if key else found
