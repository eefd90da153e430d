"""What a dry run says of the time is what the study takes, and a study loads nothing that it does not need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sim.study.study import dry_run


def mrcpsim(*words: str) -> tuple[str, float]:
    """What the command prints, and the processor seconds that it and its workers took."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "sim.cli.main", *words], check=True, capture_output=True, text=True, timeout=300,
        env={name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"},
    )  # fmt: skip
    after = os.times()
    return done.stdout, after.children_user + after.children_system - before.children_user - before.children_system


@pytest.mark.slow
def test_a_dry_run_tells_the_processor_time_within_a_factor_of_two(tmp_path: Path) -> None:
    """In figures of one processor of 2024: how much slower this one is, a study shows of which every run is kept."""
    from sim.engine.compiled import kernel

    assert kernel.KERNEL  # compiled before either is asked
    mrcpsim("study", "plugin-designs", "--out", str(tmp_path / "first"), "--cache", str(tmp_path / "other"), "--quiet")
    kept = ["--cache", str(tmp_path / "kept")]
    found = []
    for finished in (0, 24):
        said = json.loads(mrcpsim("study", "plugin-designs", "--dry-run", "--json", *kept)[0])
        assert said["finished"] == finished
        assert said["cpu_s"][0] / said["workers"] <= said["estimate_s"][0] <= said["cpu_s"][0]
        _, taken = mrcpsim("study", "plugin-designs", "--out", str(tmp_path / "out"), "--quiet", *kept)
        found.append((said["cpu_s"][0], taken))
    (said_s, taken_s), (said_start_s, taken_start_s) = found
    assert said_start_s < said_s
    slower = taken_start_s / said_start_s
    assert taken_s / 2.0 < said_s * slower < taken_s * 2.0


def test_an_estimate_grows_with_what_there_is_to_do(tmp_path: Path) -> None:
    small = {"scenario": "baseline", "set": {"duration": "60s", "arrivals.rate": "10/s"}, "replications": 2}
    cache = str(tmp_path)
    base = dry_run(small, cache=cache, workers=2)
    assert base.cpu_s[0] == base.cpu_s[1] >= base.estimate_s[0] > 1.0  # starting up alone
    for more in (
        {"replications": 20},
        {"warmup": "30s"},
        {"engine": "simpy", "replications": 20},
        {"set": {"duration": "60s", "arrivals.rate": "10/s", "fleet": {"servers": 3}}},
        {"replications": {"precision": {"sessions.blocking": "5%"}, "least": 2, "most": 50}},
    ):
        found = dry_run({**small, **more}, cache=cache, workers=2)
        assert found.cpu_s[1] > base.cpu_s[1], more
    assert found.cpu_s[0] == base.cpu_s[0]  # the last: from 2 to 50 replications


def test_a_study_does_not_load_pandas(tmp_path: Path) -> None:
    """It took every worker 0.2 s, and the study itself too: an eighth of a study of 40 runs on two processors."""
    program = (
        "import sys\n"
        "from sim.study.study import study\n"
        "given = {'name': 'x', 'scenario': 'baseline', 'set': {'duration': '5s'}, 'warmup': '1s', 'replications': 2}\n"
        f"found = study(given, out={str(tmp_path / 'out')!r}, cache={str(tmp_path / 'cache')!r}, workers=1)\n"
        "assert found.progress.finished == 2\n"
        "print('pandas' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=300)
    assert done.stdout.strip() == "False"
