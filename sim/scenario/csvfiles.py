"""CSV."""


def read_column(path: str, column: str | None) -> tuple[float, ...]:
    """The values."""
    raise NotImplementedError


def read_profile(path: str) -> tuple[tuple[float, float], ...]:
    """The points."""
    raise NotImplementedError
