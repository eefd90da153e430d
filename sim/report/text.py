"""Numbers as a person reads them: three significant digits and the unit that fits."""

import math

DASH = "–"


def duration(seconds: float | None) -> str:
    """0.0059 → "5.90 ms", 75 → "1 min 15 s"; a dash for None."""
    if seconds is None or math.isnan(seconds):
        return DASH
    if seconds == 0:
        return "0 s"
    size = abs(seconds)
    if size >= 86_400:
        return f"{seconds / 86_400:.3g} d"
    if size >= 3_600:
        return f"{int(seconds // 3_600)} h {int(seconds % 3_600 // 60):02d} min"
    if size >= 60:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if float(f"{size * factor:.3g}") >= 1:
            return f"{_three(seconds * factor)} {unit}"
    return f"{_three(seconds * 1e9)} ns"


def moment(seconds: float | None) -> str:
    """A time on the axis of a run or log, never split like a duration: 620 → "620.0 s"; a dash for None."""
    return DASH if seconds is None or math.isnan(seconds) else f"{seconds:.1f} s"


def size(count: float | None) -> str:
    """4096 → "4.00 KiB"; a dash for None."""
    if count is None:
        return DASH
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if abs(count) >= factor:
            return f"{_three(count / factor)} {unit}"
    return f"{count:.0f} B"


def number(value: float | None) -> str:
    """12345 → "12 345", 3.14159 → "3.14"; a dash for None."""
    if value is None:
        return DASH
    if float(value).is_integer() or abs(value) >= 1_000:
        return f"{value:,.0f}".replace(",", " ")
    return _three(value)


def share(value: float | None) -> str:
    """0.0123 → "1.23 %"; a dash for None."""
    if value is None:
        return DASH
    if value == 0:
        return "0 %"
    return f"{_three(100 * value)} %" if value >= 1e-5 else "<0.001 %"


def plural(count: int, noun: str) -> str:
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def _three(value: float) -> str:
    """Three significant digits without an exponent."""
    rounded = float(f"{value:.3g}")
    if rounded == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(rounded))))
    return f"{rounded:.{digits}f}"
