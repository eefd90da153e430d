"""Every mistake in a scenario file gets one clear line with its place, and all mistakes of a file come at once."""

import os
from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.scenario import InvalidScenario, load_scenario

FAMILIES = "constant, uniform, exponential, erlang, gamma, lognormal, weibull, hyperexponential, empirical, mixture"
CASES = {
    "other programs whose bursts take no time": (
        "server:\n  processors:\n    count: 1\n    other_load: 0.5\n    other_burst: 0s\n",
        ["x.yaml:5: server.processors.other_burst must take 1us or more on average (got 0s)"],
    ),
    "a rate that is a word": (
        "arrivals:\n  rate: fast\n",
        ["x.yaml:2: arrivals.rate must be a rate > 0, such as 10/s (got 'fast')"],
    ),
    "a rate of zero": (
        "arrivals: {rate: 0/s}\n",
        ["x.yaml:1: arrivals.rate must be a rate > 0, such as 10/s (got '0/s')"],
    ),
    "a rate beyond reason": (
        "arrivals: {rate: 1e9/s}\n",
        ["x.yaml:1: arrivals.rate must be at most 1000000/s (got '1e9/s')"],
    ),
    "a time beyond reason": (
        "duration: 1e12s\n",
        ["x.yaml:1: duration must be at most 1000000000s (got '1e12s')"],
    ),
    "a number beyond reason": (
        "arrivals: {calls: 1e12}\n",
        ["x.yaml:1: arrivals.calls must be at most 1000000000 (got 1000000000000.0)"],
    ),
    "a time with a rate's unit": (
        "duration: 10/s\n",
        ["x.yaml:1: duration must be a time > 0, such as 3s or 500ms (got '10/s')"],
    ),
    "a negative time": (
        "\ndrain: -3s\n",
        ["x.yaml:2: drain must be a time >= 0, such as 3s or 500ms (got '-3s')"],
    ),
    "an endless duration": (
        "duration: .inf\n",
        ["x.yaml:1: duration must be a time > 0, such as 3s or 500ms (got inf)"],
    ),
    "not a number": (
        "duration: .nan\n",
        ["x.yaml:1: duration must be a time > 0, such as 3s or 500ms (got nan)"],
    ),
    "a value left empty": (
        "duration:\nseed: 1\n",
        ["x.yaml:1: duration must be a time > 0, such as 3s or 500ms (got nothing)"],
    ),
    "a boolean for a number": (
        "seed: true\n",
        ["x.yaml:1: seed must be a whole number >= 0 (got true)"],
    ),
    "an unknown key near a known one": (
        "arrivals:\n  kind: even\n  rte: 10/s\n",
        ["x.yaml:3: arrivals.rte is not a known key; did you mean rate?"],
    ),
    "a colon without a blank": (
        "client:\n  retry: {attempts:2}\n",
        [
            "x.yaml:2: client.retry.attempts:2 is not a known key; a blank is missing after the colon: "
            "write 'attempts: 2'"
        ],
    ),
    "an unknown key like no other": (
        "arrivals:\n  xyzzy: 10/s\n",
        [
            "x.yaml:2: arrivals.xyzzy is not a known key; known here: kind, rate, calls, file, profile, interpolation, "
            "repeat, burst"
        ],
    ),
    "an unknown key in a distribution": (
        "calls:\n  hold:\n    dist: exponential\n    mean: 3s\n    meen: 4s\n",
        ["x.yaml:5: calls.hold.meen is not a known key; did you mean mean?"],
    ),
    "an unknown resource": (
        "calls:\n  resources: [speechsynth,\n    speechrecg]\n",
        [
            "x.yaml:3: calls.resources.1 must be speechsynth, speechrecog, recorder or speakverify "
            "(got 'speechrecg'; did you mean speechrecog?)"
        ],
    ),
    "an unknown choice": (
        "server: {sip: {bye_response: imediate}}\n",
        ["x.yaml:1: server.sip.bye_response must be on-release or immediate (got 'imediate'; did you mean immediate?)"],
    ),
    "an unknown distribution": (
        "calls: {hold: {dist: exponental, mean: 3s}}\n",
        [
            f"x.yaml:1: calls.hold.dist must be one of {FAMILIES} (did you mean exponential?) (got 'exponental')",
        ],
    ),
    "a distribution without its name": (
        "calls: {hold: {mean: 3s}}\n",
        [
            "x.yaml:1: calls.hold must name its distribution, such as {dist: exponential, mean: 3s} (got a mapping)",
        ],
    ),
    "a distribution without a parameter": (
        "calls:\n  hold:\n    {dist: gamma, mean: 3s}\n",
        ["x.yaml:2: calls.hold.shape must be given (got nothing)"],
    ),
    "a lognormal with too many parameters": (
        "calls: {hold: {dist: lognormal, median: 1s, mean: 2s, sigma: 1}}\n",
        [
            "x.yaml:1: calls.hold must have median and mean, median and sigma, or mean and cv (got a mapping)",
        ],
    ),
    "a lognormal whose mean is below its median": (
        "calls: {hold: {dist: lognormal, median: 2s, mean: 1s}}\n",
        ["x.yaml:1: calls.hold.mean must not be below the median (got '1s')"],
    ),
    "bounds in the wrong order": (
        "calls: {hold: {dist: uniform, low: 2s, high: 1s}}\n",
        ["x.yaml:1: calls.hold.high must not be below low (got '1s')"],
    ),
    "weights that do not match": (
        "calls: {hold: {dist: hyperexponential, means: [1s, 2s], weights: [1]}}\n",
        ["x.yaml:1: calls.hold.weights must be a list of 2 weights, one for each mean (got a list)"],
    ),
    "a mixture without weights": (
        "calls: {hold: {dist: mixture, parts: [{dist: exponential, mean: 1s}]}}\n",
        [
            "x.yaml:1: calls.hold.parts.0.weight must be given: each part of a mixture has a weight (got nothing)",
        ],
    ),
    "a count with a unit": (
        "calls: {requests: 3s}\n",
        ["x.yaml:1: calls.requests must be a number without unit, or a distribution of numbers (got '3s')"],
    ),
    "a probability above 1": (
        "plugins: {speechrecog: {close: {never: 2}}}\n",
        ["x.yaml:1: plugins.speechrecog.close.never must be a probability from 0 to 1, such as 0.02 or 2% (got 2)"],
    ),
    "a probability that is a word": (
        "plugins: {speechrecog: {close: {never: often}}}\n",
        [
            "x.yaml:1: plugins.speechrecog.close.never must be a probability from 0 to 1, such as 0.02 or 2%, "
            "or a mapping with probability (got 'often')",
        ],
    ),
    "never and twice, both always": (
        "plugins:\n  speechrecog:\n    close:\n      never: 1\n      twice: 100%\n",
        [
            "x.yaml:5: plugins.speechrecog.close.twice must be below 1 where never is 1: what is never answered is not "
            "answered twice (got '100%')",
        ],
    ),
    "a fault window that ends before it begins": (
        "client:\n  no_ack: {from: 5s, until: 2s}\n",
        ["x.yaml:2: client.no_ack.until must be later than from (got '2s')"],
    ),
    "a fault that is an option of another operation": (
        "plugins: {speechrecog: {close: {wrong_order: 1}}}\n",
        [
            "x.yaml:1: plugins.speechrecog.close.wrong_order is not a known key; known here: delay, block, never, "
            "twice, gap, late, late_by",
        ],
    ),
    "a misspelt plugin": (
        "plugins:\n  speechrecg: {}\n",
        ["x.yaml:2: plugins.speechrecg is not a known key; did you mean speechrecog?"],
    ),
    "ports in the wrong order": (
        "server: {limits: {rtp_ports: 6000-5000}}\n",
        [
            "x.yaml:1: server.limits.rtp_ports must be a port range within 1-65535 whose end lies above its start, "
            "such as 5000-6000 (got '6000-5000')",
        ],
    ),
    "one port for a range": (
        "server: {limits: {rtp_ports: 5000}}\n",
        ["x.yaml:1: server.limits.rtp_ports must be a port range, such as 5000-6000 (got 5000)"],
    ),
    "a session timer below its least value": (
        "server:\n  sip:\n    min_se: 100s\n    session_expires: 90s\n",
        ["x.yaml:4: server.sip.session_expires must be at least min_se, 100s (got '90s')"],
    ),
    "a session timer below the default least value": (
        "server: {sip: {session_expires: 90s}}\n",
        ["x.yaml:1: server.sip.session_expires must be at least min_se, 120s (got '90s')"],
    ),
    "a media phase beyond the tick": (
        "server: {media: {phase: 20ms}}\n",
        ["x.yaml:1: server.media.phase must be at most one tick, 10ms (got '20ms')"],
    ),
    "replay without a file": (
        "arrivals: {kind: replay}\n",
        ["x.yaml:1: arrivals.file must name a CSV file of recorded calls where kind is replay (got nothing)"],
    ),
    "replay of a missing file": (
        "arrivals: {kind: replay, file: none.csv}\n",
        ["x.yaml:1: arrivals.file must name a readable file (got 'none.csv': no such file)"],
    ),
    "replay of a folder": (
        "arrivals: {kind: replay, file: .}\n",
        ["x.yaml:1: arrivals.file must name a readable file (got '.': is a folder, not a CSV file)"],
    ),
    "a burst that is not described": (
        "arrivals: {kind: burst}\n",
        ["x.yaml:1: arrivals.burst must say size and every where kind is burst (got nothing)"],
    ),
    "a profile that runs backwards": (
        "arrivals:\n  kind: profile\n  profile:\n  - {at: 2s, rate: 1/s}\n  - {at: 1s, rate: 1/s}\n",
        ["x.yaml:5: arrivals.profile.1.at must be later than the point before (got '1s')"],
    ),
    "a profile whose kind is not said": (
        "arrivals:\n  profile: [{at: 0s, rate: 1/s}]\n",
        ["x.yaml:1: arrivals.kind must be profile where profile is given (got poisson, the default)"],
    ),
    "a frozen plugin that nobody asks for": (
        "server:\n  freeze:\n  - {task: recorder, at: 3s}\n",
        [
            "x.yaml:3: server.freeze.0.task must be the task of a plugin that calls.resources asks for "
            "(got 'recorder')",
        ],
    ),
    "two plugins in one task": (
        "plugins:\n  speechsynth: {engine: A}\n  recorder: {engine: A}\n",
        ["x.yaml:3: plugins.recorder.engine must differ from that of speechsynth (got 'A')"],
    ),
    "a plugin named after a task of the server": (
        "plugins: {recorder: {engine: MRCP Server}}\n",
        ["x.yaml:1: plugins.recorder.engine must not be the name of a task of the server (got 'MRCP Server')"],
    ),
    "yes for true": (
        "client: {tcp: yes}\n",
        ["x.yaml:1: client.tcp must be true or false (got 'yes')"],
    ),
    "a number for a text": (
        "name: 12\n",
        ["x.yaml:1: name must be text (put a number that is meant as text in quotes) (got 12)"],
    ),
    "a name that is no folder name": (
        "name: ../etc\n",
        [
            "x.yaml:1: name must be 1 to 100 letters, digits, '.', '_' or '-', for it names the result folder "
            "(got '../etc')",
        ],
    ),
    "a text for a list": (
        "expect: leaked.session_pool == 0\n",
        ["x.yaml:1: expect must be a list (got 'leaked.session_pool == 0')"],
    ),
    "a text for a mapping": (
        "server: fast\n",
        ["x.yaml:1: server must be a mapping of keys (got 'fast')"],
    ),
    "Python's spelling of from": (
        "client: {no_ack: {from_: 3s}}\n",
        ["x.yaml:1: client.no_ack.from_ is not a known key; did you mean from?"],
    ),
    "many at once, in order": (
        "duration: soon\narrivals:\n  rate: fast\n  kind: evn\nseed: 1.5\n",
        [
            "x.yaml:1: duration must be a time > 0, such as 3s or 500ms (got 'soon')",
            "x.yaml:3: arrivals.rate must be a rate > 0, such as 10/s (got 'fast')",
            "x.yaml:4: arrivals.kind must be poisson, even, profile, burst or replay (got 'evn'; did you mean even?)",
            "x.yaml:5: seed must be a whole number >= 0 (got 1.5)",
        ],
    ),
}


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def problems_of(text: str) -> list[str]:
    Path("x.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidScenario) as caught:
        load_scenario("x.yaml")
    assert str(caught.value) == "\n".join(caught.value.problems)
    return list(caught.value.problems)


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_answered_with_place_expectation_and_what_came(name: str) -> None:
    text, expected = CASES[name]
    assert problems_of(text) == expected


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n"])
def test_an_empty_file_is_no_scenario(text: str) -> None:
    assert problems_of(text) == ["x.yaml: is empty; a scenario has keys, such as duration: 60s"]


def test_a_list_is_no_scenario() -> None:
    assert problems_of("\n- a\n") == [
        "x.yaml:2: a scenario must be a mapping of keys, such as duration: 60s (got a list)"
    ]


def test_files_that_can_not_be_read_give_one_clear_line(tmp_path: Path) -> None:
    Path("binary.yaml").write_bytes(b"\x7fELF\0\1")
    Path("latin.yaml").write_bytes(b"name: x\ndescription: caf\xe9\n")
    Path("big.yaml").write_bytes(b"#" * (2**20 + 1))
    os.mkfifo("pipe.yaml")
    for path, text in {
        "none.yaml": "none.yaml: no such file",
        ".": ".: is a folder, not a scenario file",
        "binary.yaml": "binary.yaml: is a binary file, not a scenario file",
        "latin.yaml": "latin.yaml:2: is not UTF-8 text",
        "big.yaml": "big.yaml: is larger than 1 MiB, which no scenario file should be",
        "pipe.yaml": "pipe.yaml: is not an ordinary file",
        "a\0b": "a\0b: embedded null byte",
    }.items():
        with pytest.raises(ScenarioError) as caught:
            load_scenario(path)
        assert str(caught.value) == text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_permission_gives_one_clear_line() -> None:
    Path("x.yaml").write_text("seed: 1\n")
    Path("x.yaml").chmod(0)
    with pytest.raises(ScenarioError, match=r"^x.yaml: may not be read \(permission denied\)$"):
        load_scenario("x.yaml")


def test_more_problems_than_a_screen_holds_are_counted() -> None:
    text = "".join(f"key{n}x: 1\n" for n in range(60))
    Path("x.yaml").write_text(text)
    with pytest.raises(InvalidScenario) as caught:
        load_scenario("x.yaml")
    assert len(caught.value.problems) == 60
    assert str(caught.value).endswith("… and 10 more problems")


def test_freezes_of_one_task_must_not_overlap() -> None:
    from sim.scenario import InvalidScenario, load_scenario

    freezes = [
        {"task": "server", "at": "1s"},
        {"task": "media", "at": "2s"},
        {"task": "server", "at": "3s", "for": "1s"},
    ]
    with pytest.raises(InvalidScenario) as raised:
        load_scenario({"server": {"freeze": freezes}})
    (problem,) = raised.value.problems
    assert "server.freeze.2.at must be after the task's freeze before it, which never ends" in problem.replace(
        "[2]", ".2"
    )
