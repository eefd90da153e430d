"""A number of a configuration file, and where it was said."""

from dataclasses import dataclass

from sim.xmlconfig.versions import Version


@dataclass(frozen=True, slots=True)
class Value:
    """A number as the server reads it; `line` 0: not in the file, the server's default."""

    number: int
    line: int
    setting: str
    text: str = ""
    since: Version | None = None  # the version that it came with, when this server is older

    @property
    def replaced(self) -> bool:
        """Whether the file says a number below 0, in whose place the server's default stands here."""
        return self.text.lstrip().startswith("-")

    @property
    def given(self) -> bool:
        """Whether the file says it."""
        return self.line > 0
