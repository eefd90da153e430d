"""The scenarios that come with the package, wherever it is installed."""

from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from sim.scenario.problems import InvalidScenario

_HOME = Path(__file__).resolve().parent.parent

STUDIES = "studies"
"""The folder of the shipped studies, below that of the scenarios."""


@dataclass(frozen=True, slots=True)
class Shipped:
    """One shipped scenario."""

    name: str
    """Path below the folder, without `.yaml`, such as `faults/close-never`."""
    title: str
    """What it shows, in one line."""
    path: Path


def shipped_folder() -> Path:
    """The folder of the shipped scenarios: beside the package in a checkout, inside it when installed."""
    beside = _HOME.parent / "scenarios"
    if beside.is_dir() and (_HOME.parent / "pyproject.toml").is_file():
        return beside
    inside = _HOME / "shipped"
    if inside.is_dir():
        return inside
    raise InvalidScenario([f"{inside}: the shipped scenarios are missing; install mrcpsim again"])


def shipped_scenarios(folder: Path | None = None) -> tuple[Shipped, ...]:
    """Every shipped scenario, by name; files of another kind beside them are left out."""
    home = folder or shipped_folder()
    found = []
    for path in sorted(home.rglob("*.yaml")):
        name = path.relative_to(home).with_suffix("").as_posix()
        if name.startswith(f"{STUDIES}/"):
            continue
        found.append(Shipped(name, title_of(path), path))
    return tuple(sorted(found, key=lambda item: (item.name.count("/"), item.name)))


def find_shipped(name: str) -> Path | None:
    """The path of the shipped scenario of this name, with or without `.yaml`; None when there is none."""
    wanted = _bare_name(name)
    for item in shipped_scenarios():
        if item.name == wanted:
            return item.path
    return None


def shipped_like(name: str) -> str | None:
    """The shipped scenario whose name is closest to this one; None when none comes near."""
    names = {key: item.name for item in shipped_scenarios() for key in (item.name.rsplit("/")[-1], item.name)}
    near = get_close_matches(_bare_name(name), names, n=1, cutoff=0.75)
    return names[near[0]] if near else None


def _bare_name(name: str) -> str:
    return name.removesuffix(".yaml").removeprefix("scenarios/")


def title_of(path: Path) -> str:
    """The first line of the leading comment that speaks to people, else of the description, else nothing."""
    with path.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream):
            text = line.strip()
            if text.startswith("#"):
                comment = text.lstrip("#").strip()
                if comment and not comment.startswith("yaml-language-server"):
                    return comment
            elif text.startswith("description:"):
                return text.removeprefix("description:").strip().strip("'\"|>").strip()
            if number > 200:
                break
    return ""
