"""Damaged logs calibrate, or are refused as bad input: never a traceback, never half a file."""

import lzma
import random
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sim.cli.main import build

TRACES = Path(__file__).parents[1] / "data" / "traces"
Lines = list[bytes]


def piece(name: str, begin: int = 0, end: int = 6000) -> Lines:
    return lzma.decompress((TRACES / f"{name}.log.xz").read_bytes()).splitlines(keepends=True)[begin:end]


def mrcpsim(*args: object) -> Result:
    return CliRunner().invoke(build(), [str(arg) for arg in args])


def some(lines: Lines, change: Callable[[bytes, random.Random], bytes], share: float = 0.05) -> Lines:
    rng = random.Random(7)
    return [change(line, rng) if rng.random() < share else line for line in lines]


def cut(line: bytes, rng: random.Random) -> bytes:
    return line[: rng.randrange(len(line))] + b"\n"


def invalid(line: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(line))
    return line[:at] + b"\xff\x00\xc3" + line[at:]


def digits(line: bytes, rng: random.Random) -> bytes:
    return re.sub(rb"\d", lambda match: rng.choice([b"0", b"9", match[0]]), line)


def years(line: bytes, rng: random.Random) -> bytes:
    return rng.choice([b"9999", b"0001", b"0000", b"2027"]) + line[4:]


def swapped(lines: Lines) -> Lines:
    rng, lines = random.Random(7), list(lines)
    for _ in range(len(lines) // 20):
        a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
    return lines


DAMAGE: dict[str, Callable[[Lines], Lines]] = {
    "cut lines": lambda lines: some(lines, cut),
    "invalid UTF-8 and NUL": lambda lines: some(lines, invalid),
    "digits": lambda lines: some(lines, digits),
    "years": lambda lines: some(lines, years),
    "swapped": swapped,
    "twice": lambda lines: some(lines, lambda line, _: line + line),
    "mixed line ends": lambda lines: some(lines, lambda line, _: line.replace(b"\n", b"\r\n"), 0.5),
    "one clock for all": lambda lines: [re.sub(rb" \d\d:\d\d:\d\d:\d{6} ", b" 10:00:00:000000 ", x) for x in lines],
    "no INVITE": lambda lines: [x for x in lines if b"nua_i_invite" not in x and b"Create Session" not in x],
    "other resources": lambda lines: [line.replace(b"[speechrecog]", b"[\x1b[31mown]") for line in lines],
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", ["noack", "recogdrop"])
def test_damage_is_calibrated_or_refused(name: str, damage: str, tmp_path: Path) -> None:
    log, made = tmp_path / "damaged.log", tmp_path / "made.yaml"
    log.write_bytes(b"".join(DAMAGE[damage](piece(name))))
    results = [mrcpsim("calibrate", log, "-o", made)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sim.validation.validate._MOST", 1)
        patch.setattr("sim.validation.validate._LEAST", 1)
        results.append(mrcpsim("validate", made if made.exists() else "baseline", log, "--engine", "simpy"))
    for result, codes in zip(results, ((0, 2), (0, 1, 2)), strict=True):
        assert result.exit_code in codes, result.output
        assert "Traceback" not in result.output
        assert "Warning" not in result.output
        assert "\x1b[31m" not in result.output
    assert made.exists() == (results[0].exit_code == 0)
    assert not [path for path in tmp_path.iterdir() if "unfinished" in path.name]


def test_resources_that_are_not_simulated_are_left_out_and_said(tmp_path: Path) -> None:
    log, made = tmp_path / "own.log", tmp_path / "made.yaml"
    lines = [line.replace(b"[speechrecog]", b"[own]") if i % 2 else line for i, line in enumerate(piece("recogdrop"))]
    log.write_bytes(b"".join(lines))
    result = mrcpsim("calibrate", log, "-o", made)
    assert result.exit_code == 0, result.output
    assert "resources that are not simulated, and which are left out: own" in result.output
    assert mrcpsim("check", made).exit_code == 0


def test_what_makes_no_scenario_is_bad_input_and_leaves_nothing(tmp_path: Path) -> None:
    lines = piece("noack", end=9000)
    start = date(2026, 11, 23)
    later = [
        line.replace(b"2026-11-23", (start + timedelta(days=30 * (i // 20))).isoformat().encode())
        for i, line in enumerate(lines)
    ]
    log, made = tmp_path / "years.log", tmp_path / "made.yaml"
    log.write_bytes(b"".join(later))
    result = mrcpsim("calibrate", log, "-o", made)
    assert result.exit_code == 2
    assert "makes no valid scenario; nothing was written. Are lines of the log damaged?" in result.stderr
    assert "made.yaml:" in result.stderr
    assert ".unfinished" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["years.log"]
