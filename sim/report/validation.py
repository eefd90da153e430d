"""A validation for a terminal, and as pictures: quantile against quantile, with what a planner would have said."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from sim.ledger.spans import label as latency_label
from sim.report.style import COLOURS, FAINT, INK, axes_for
from sim.report.terminal import BAD, GOOD, QUIET
from sim.report.text import DASH, duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sim.validation.validate import Comparison, Validation

QQ_PNG = "qq.png"
DRAWN = 200  # points of one quantile-quantile curve


def print_validation(found: "Validation", console: Console) -> None:
    """Counts, latencies, waits, the planner's prediction, and last the verdict."""
    console.print(f"[bold]{found.scenario}[/] against {found.log}, {found.runs} simulated runs\n")
    console.print(_counts(found.counts))
    console.print(_table("latency", {latency_label(k): c for k, c in found.latency.items()}, theory=True))
    if found.tasks:
        console.print(_table("queue wait of", found.tasks, theory=False))
    for line in about(found):
        console.print(Text(line, style=QUIET))
    console.print(Text(found.verdict, style=GOOD if found.ok else BAD))


def _counts(counts: Mapping[str, tuple[float, float]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("sessions")
    for name in counts:
        table.add_column(name, justify="right")
    table.add_row("measured", *(f"{m:.0f}" for m, _ in counts.values()))
    table.add_row("predicted", *(f"{p:.4g}" for _, p in counts.values()))
    return table


def _table(title: str, rows: "Mapping[str, Comparison]", theory: bool) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(title)
    for name in ("", "measured", "95 % interval", "predicted", "error"):
        table.add_column(name, justify="right" if name else "left")
    table.add_column("KS", justify="right")
    if theory:
        table.add_column("M/M/1 says", justify="right")
    for name, compared in rows.items():
        for i, (q, value) in enumerate(compared.quantiles.items()):
            said = compared.theory.get(q) if compared.theory else None
            cells: list[RenderableType] = [
                name if i == 0 else "", q, duration(value.measured),
                f"{duration(value.low)} to {duration(value.high)}", duration(value.predicted),
                Text(f"{value.error:+.1%}", style=GOOD if value.agrees else BAD),
                f"{compared.ks:.3f}" if i == 0 else "",
            ]  # fmt: skip
            if theory:
                cells.append(duration(said) if said is not None else DASH)
            table.add_row(*cells)
    return table


def about(found: "Validation") -> Sequence[str]:
    """What was read from the log, and what Erlang's formula says of the RTP ports, a line each."""
    read = found.read_from_log
    lines = []
    borrowed = []
    if read["phase"] == "log" and read.get("tick_s"):
        borrowed.append(f"the phase of its {duration(read['tick_s'])} tick")
    if read["interference"] == "log":
        borrowed.append(f"how often other processes took the processor{_stalls(read['stalls'])}")
    if borrowed:
        lines.append(f"Read from the log: {' and '.join(borrowed)}".removesuffix(".") + ".")
    erlang = found.theory.get("erlang", {})
    ports = erlang.get("rtp_ports")
    if ports:
        lines.append(
            f"Erlang: {erlang['offered']:.1f} calls at a time on {ports['ports']} RTP ports, "
            f"{ports['erlang_b']:.1%} without a port (measured {ports['measured']:.1%})."
        )
    return lines


def _stalls(stalls: Mapping[str, Mapping[str, float | None]]) -> str:
    said = ", ".join(f"{name} {part(v['log'])} (scenario {part(v['scenario'])})" for name, v in stalls.items())
    unknown = any(value["log"] is None for value in stalls.values())
    return f": {said}." + (f" {DASH}: the log does not show it, so it is that of the scenario." if unknown else "")


def part(value: float | None) -> str:
    """A probability as a percentage; a dash for one that is not known."""
    return DASH if value is None else f"{value:.1%}"


def write_qq(found: "Validation", path: Path) -> None:
    """Write `qq_figure` as a PNG."""
    qq_figure(found).savefig(path, dpi=80, metadata={"Software": None})


def qq_figure(found: "Validation") -> "Figure":
    """Quantile-quantile plots of the latencies, measured across and predicted up, with the M/M/1 prediction."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = drawn_latencies(found)
    columns = min(3, max(1, len(names)))
    lines = max(1, -(-len(names) // columns))
    figure = Figure(figsize=(4.2 * columns, 4.0 * lines + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    for i, name in enumerate(names):
        draw_quantiles(figure.add_subplot(lines, columns, i + 1), name, found.latency[name])
    figure.suptitle(f"{found.scenario} against {found.log}", color=INK, fontsize=11, parse_math=False)
    return figure


def drawn_latencies(found: "Validation") -> list[str]:
    """The latencies that pictures show: a pool's lifetime is mostly the caller's."""
    return [name for name in found.latency if name != "pool_lifetime"][:6]


def quantile_axes(found: "Validation", drawn: int) -> "dict[str, Axes]":
    """Each in a figure of its own, for a page that puts as many beside each other as there is room."""
    axes = {name: axes_for("", size=(4.2, 4.0)) for name in drawn_latencies(found)}
    for name, ax in axes.items():
        draw_quantiles(ax, name, found.latency[name], drawn)
    return axes


def draw_quantiles(axes: "Axes", name: str, compared: "Comparison", drawn: int = DRAWN) -> None:
    """Quantile against quantile of one latency, measured across and predicted up, with the M/M/1 prediction."""
    import numpy as np

    p = (np.arange(drawn) + 0.5) / drawn
    measured = np.quantile(compared.measured, p) * 1e3
    predicted = np.quantile(compared.predicted, p) * 1e3
    top = float(max(measured[-1], predicted[-1])) * 1.05
    axes.plot([0, top], [0, top], color=FAINT, linewidth=1)
    axes.fill_between([0, top], [0, 0.9 * top], [0, 1.1 * top], color=FAINT, alpha=0.15, linewidth=0)
    axes.plot(measured, predicted, ".", markersize=4, color=COLOURS[0], label="simulated")
    for q, value in compared.quantiles.items():
        axes.errorbar(
            value.measured * 1e3, value.predicted * 1e3, fmt="o", markersize=5, color=COLOURS[1], linewidth=1,
            xerr=[[max(0.0, value.measured - value.low) * 1e3], [max(0.0, value.high - value.measured) * 1e3]],
        )  # fmt: skip
        axes.annotate(q, (value.measured * 1e3, value.predicted * 1e3), (5, -9), textcoords="offset points", fontsize=8)
    theory = {q: v for q, v in compared.theory.items() if v is not None}
    if theory:
        across = [compared.quantiles[q].measured * 1e3 for q in theory]
        axes.plot(across, [v * 1e3 for v in theory.values()], "x", color=COLOURS[3], label="M/M/1")
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.set_aspect("equal")
    axes.set_title(f"{latency_label(name)}  (KS {compared.ks:.3f})", fontsize=9, color=INK)
    axes.set_xlabel("measured, ms", fontsize=8)
    axes.set_ylabel("predicted, ms", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7, loc="upper left", frameon=False)
