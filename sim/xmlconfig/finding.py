"""What the lint of a configuration finds, and the load that it is held to."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Expected:
    """The load the server is meant for: calls at once on average (rate × hold), and calls per second when known."""

    calls: float
    rate: float | None = None


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One setting that hurts, or that the server reads differently from what the file says."""

    code: str
    severity: Severity
    path: str
    line: int
    setting: str
    value: str
    message: str
    effect: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.severity}: {self.message}: {self.effect}"

    def to_dict(self) -> dict[str, object]:
        """As `mrcpsim import --json` prints it."""
        return {
            "code": self.code, "severity": self.severity, "file": self.path, "line": self.line or None,
            "setting": self.setting, "value": self.value, "message": self.message, "effect": self.effect,
        }  # fmt: skip
