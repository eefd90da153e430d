"""Tables as Markdown, and a report file whose sections are each replaced by the command that measures them."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.measure import ROOT, Measured
from benchmarks.rows import CPP, IDIOMATIC

REPORT = ROOT / "reports" / "benchmarks.md"
SECTIONS = ("flow", "start", "scaling", "memory")
HEADER = "# Benchmarks\n\nEach section is written by the command that it names.\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, the others to the right."""
    lines = ["| " + " | ".join(columns) + " |", "|---|" + "---:|" * (len(columns) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def figure(value: float | None) -> str:
    """Three significant digits, thousands separated; a dash for nothing."""
    if value is None:
        return "–"
    if value >= 1000:
        digits = len(str(round(value))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value * 1e3:.2f}"


def flow_table(measured: Sequence[Measured], clock: str) -> str:
    """The table of rows: speed, ratios within the same rounds, quantiles that show that the flow is the same."""
    by_name = {one.row.name: one for one in measured}
    bases = [by_name.get(IDIOMATIC), by_name.get(CPP)]
    lines = []
    for one in measured:
        if not one.rounds:
            lines.append([one.row.label, one.missing or "not run", *["–"] * 6])
            continue
        rates = one.rates(clock)
        last = one.rounds[max(one.rounds)]
        lines.append(
            [
                one.row.label,
                figure(median(rates)),
                figure(max(rates)),
                *(figure(one.ratio_to(base, clock) if base else None) for base in bases),
                f"{last['calls']:,}",
                _ms(last["p50_s"]),
                _ms(last["p95_s"]),
            ]
        )
    columns = ("row", "calls/s, median", "best", "÷ idiomatic SimPy", "÷ C++", "calls", "p50 ms", "p95 ms")
    return table(columns, lines)


def write_section(name: str, text: str, path: Path = REPORT) -> None:
    """Replaces one section of the report, leaves the others; they stand in the order of `SECTIONS`."""
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    bodies = {}
    for section in SECTIONS:
        start, end = f"<!-- begin {section} -->\n", f"<!-- end {section} -->"
        if start in old and end in old:
            bodies[section] = old.split(start, 1)[1].split(end, 1)[0]
    bodies[name] = text.rstrip("\n") + "\n"
    parts = [HEADER]
    parts += [f"<!-- begin {s} -->\n{bodies[s]}<!-- end {s} -->\n" for s in SECTIONS if s in bodies]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(parts), encoding="utf-8")
