"""The validation report: predicted against measured for every log, as Markdown with plots beside it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.calibration.highlights import highlights
from sim.report.breaking import breaking_lines, draw_breaking
from sim.report.validation import part, write_qq
from sim.validation.validate import JUDGED

if TYPE_CHECKING:
    from sim.validation.every_log import LogTrials, Trial
    from sim.validation.validate import Validation

QUANTILES = ("p50", "p95", "p99")
FIGURES = "figures"
BREAKING_PNG = "validation-where-it-breaks.png"


def write_report(found: "LogTrials", path: Path) -> None:
    """Write the report to `path` and its plots to `figures/` beside it."""
    figures = path.parent / FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    lines = _head(found)
    lines += _judged(found)
    lines += _borrowing(found)
    lines += _phase(found)
    lines += _found(found)
    lines += _tasks(found)
    if found.breaking is not None:
        draw_breaking(found.breaking, figures / BREAKING_PNG)
        lines += breaking_lines(found.breaking, f"{FIGURES}/{BREAKING_PNG}")
    lines += ["## Quantile against quantile", ""]
    for trial in found.trials:
        name = f"validation-{_stem(trial.log)}.png"
        shown = trial.foreign if _comparable(trial) else trial.own
        write_qq(shown, figures / name)
        by = f"calibrated on {found.calibrated_on}" if shown is trial.foreign else "calibrated on itself"
        lines += [f"### {trial.log} ({by})", "", f"![{trial.log}]({FIGURES}/{name})", ""]
    path.write_text("\n".join(lines), encoding="utf-8")


def _stem(name: str) -> str:
    for ending in (".gz", ".xz", ".log"):
        name = name.removesuffix(ending)
    return name


def _comparable(trial: "Trial") -> bool:
    """Whether the log's plugin does what that of the calibration did: delays and faults are the plugin's own."""
    return not plugin_differs(trial.calibration)


def plugin_differs(calibration: Any) -> bool:
    """Whether a calibration found the plugin delaying, blocking, or at fault."""
    return any(line.startswith("plugin") for line in highlights(calibration))


def _head(found: "LogTrials") -> list[str]:
    return [
        "# Validation against a real server",
        "",
        f"Calibrated on `{found.calibrated_on}` alone; every other log is predicted from that scenario. Its calls",
        "(arrivals, BYEs, requests, connections) are replayed. Nothing else is taken from the predicted log but the",
        "phase of its 10 ms tick (`validate --phase log`), which a run has for itself and which says nothing about the",
        "server. How often other processes took the processor is the calibrated run's; the second table takes it from",
        "the predicted log as well (`--interference log`).",
        "",
        "Made by `mrcpsim validation-report LOG… --on LOG -o reports/validation.md`. ✓ means within 10 % of the",
        "measured value, or within its 95 % bootstrap interval where that is wider.",
        "",
    ]


def _ms(value: float) -> str:
    return f"{value * 1e3:.2f}" if value < 1 else f"{value * 1e3:.0f}"


def _row(trial: "Trial", validation: "Validation", name: str) -> str:
    compared = validation.latency.get(name)
    if compared is None:
        return f"| {trial.log} | {name} | – | – | – | – | – |"
    cells = []
    for q in QUANTILES:
        value = compared.quantiles[q]
        mark = "✓" if value.agrees else "✗"
        cells.append(
            f"{_ms(value.measured)} [{_ms(value.low)}, {_ms(value.high)}] → {_ms(value.predicted)} "
            f"({value.error:+.0%}) {mark}"
        )
    said = compared.theory.get("p50"), compared.theory.get("p99")
    planner = " / ".join(_ms(v) if v is not None else "–" for v in said)
    return f"| {trial.log} | {name} | {' | '.join(cells)} | {compared.ks:.3f} | {planner} |"


def _judged(found: "LogTrials") -> list[str]:
    lines = [
        "## Predicted from one calibration",
        "",
        "Milliseconds: measured [95 % interval] → predicted (error). The last column is what a planner would have",
        "used: M/M/1 with the log's own mean service times on the server task, p50 / p99.",
        "",
        "| log | latency | p50 | p95 | p99 | KS | M/M/1 p50 / p99 |",
        "|---|---|---|---|---|---|---|",
    ]
    for trial in found.trials:
        for name in JUDGED:
            if name == "terminate_to_release" and not _comparable(trial):
                continue
            lines.append(_row(trial, trial.foreign, name))
    lines += [
        "",
        "A plugin that delays or drops answers is not in the calibrated scenario, so those releases are predicted from",
        "the log's own calibration:",
        "",
        "| log | latency | p50 | p95 | p99 | KS | M/M/1 p50 / p99 |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(trial, trial.own, "terminate_to_release") for trial in found.trials if not _comparable(trial)]
    return [*lines, ""]


def _borrowing(found: "LogTrials") -> list[str]:
    lines = [
        "## The same with the interference of each log",
        "",
        "With the stalls of the predicted run in place of the calibration's. Where the two differ, p99 differs.",
        "",
        "| log | stalls of ticks: log, calibration | latency | p50 | p95 | p99 | KS | M/M/1 p50 / p99 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for trial in found.trials:
        stalls = trial.borrowing.read_from_log["stalls"]["tick"]
        for name in JUDGED:
            if name == "terminate_to_release" and not _comparable(trial):
                continue
            row = _row(trial, trial.borrowing, name).split(" | ", 1)
            lines.append(f"{row[0]} | {part(stalls['log'])}, {part(stalls['scenario'])} | {row[1]}")
    return [*lines, ""]


def _phase(found: "LogTrials") -> list[str]:
    lines = [
        "## Arrivals, ticks and phases",
        "",
        "The verdicts ask for counts as well: a scenario whose plugin never fails disagrees with a log of leaks.",
        "",
        f"| log | calls | arrivals | tick | phase after the first call | {found.calibrated_on} | its own calibration |",
        "|---|---|---|---|---|---|---|",
    ]
    for trial in found.trials:
        read, seen = trial.foreign.read_from_log, trial.calibration.arrivals
        phase = f"{read['phase_s'] * 1e3:.2f} ms" if read["phase_s"] is not None else "–"
        tick = f"{read['tick_s'] * 1e3:.3f} ms" if read["tick_s"] else "–"
        lines.append(
            f"| {trial.log} | {trial.calls} | {seen.kind} {seen.rate:.4g}/s "
            f"| {tick} | {phase} | {trial.foreign.verdict.partition(':')[0]} "
            f"| {trial.own.verdict.partition(':')[0]} |"
        )
    lines.append("")
    for trial in found.trials:
        ports = trial.foreign.theory.get("erlang", {}).get("rtp_ports")
        if ports and ports["measured"] > 0:
            lines += [
                f"RTP range used up in {trial.log}: {ports['measured']:.1%} of the calls found none of "
                f"{ports['ports']} ports; Erlang B says {ports['erlang_b']:.1%}, the simulation of its own calibration "
                f"{_refused(trial):.1%}.",
                "",
            ]
    return lines


def _refused(trial: "Trial") -> float:
    """Part of the simulated calls that found no RTP port, with the log's own limits."""
    counts = trial.own.counts
    return float(counts["rtp refused"][1] / max(counts["arrived"][1], 1.0)) if "rtp refused" in counts else 0.0


def _found(found: "LogTrials") -> list[str]:
    lines = ["## What calibration found in each log", ""]
    for trial in found.trials:
        lines.append(f"- **{trial.log}**")
        lines += [f"  - {line}" for line in highlights(trial.calibration) if not line.startswith("note")]
    return [*lines, ""]


def _tasks(found: "LogTrials") -> list[str]:
    lines = [
        "## Queue waits",
        "",
        "Microseconds, measured → predicted, from the end of the sender's work to the start of the receiver's. In the",
        "real server these also depend on who wakes whom; the scenario has one distribution for each task.",
        "",
        "| log | task | p50 | p95 | p99 | KS |",
        "|---|---|---|---|---|---|",
    ]
    for trial in found.trials:
        for task, compared in trial.foreign.tasks.items():
            cells = [
                f"{compared.quantiles[q].measured * 1e6:.0f} → {compared.quantiles[q].predicted * 1e6:.0f}"
                for q in QUANTILES
            ]
            lines.append(f"| {trial.log} | {task} | {' | '.join(cells)} | {compared.ks:.3f} |")
    return [*lines, ""]
