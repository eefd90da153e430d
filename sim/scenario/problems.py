"""All problems of the user's input are reported together, each with its place."""

from collections.abc import Iterable

from sim.errors import ScenarioError

SHOWN = 50


class InvalidScenario(ScenarioError):
    """Input that can not be used; `problems` has one line for each thing that is wrong with it."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        more = len(self.problems) - SHOWN
        super().__init__("\n".join([*self.problems[:SHOWN], *([f"… and {more} more problems"] if more > 0 else [])]))

    def __reduce__(self) -> tuple[type["InvalidScenario"], tuple[tuple[str, ...]]]:
        return (InvalidScenario, (self.problems,))


class UnreadableFile(InvalidScenario):
    """A file that can not be read at all; `reason` says why."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__([f"{path}: {reason}"])

    def __reduce__(self) -> tuple[type["UnreadableFile"], tuple[str, str]]:  # type: ignore[override]  # its own arguments
        return (UnreadableFile, (self.path, self.reason))


def shorten(value: object, most: int = 60) -> str:
    """What came, as it stands after "got" in a message: never long, never more than one line."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= most else text[: most - 1] + "…"
