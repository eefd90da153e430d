"""A file that a user named is read only if it is ordinary and of bounded size, or one clear reason says why not."""

import os
import stat
from pathlib import Path

from sim.scenario.problems import UnreadableFile


def shown(path: str | os.PathLike[str]) -> str:
    """The path as a message shows it: relative when it lies below the current folder."""
    text = os.fspath(path)
    try:
        relative = os.path.relpath(text)
    except (OSError, ValueError):
        return text
    return text if relative.startswith("..") else relative


def size_of(path: str | os.PathLike[str], most: int, what: str = "file") -> int:
    """The size of an ordinary file in bytes; UnreadableFile when it is something else, or larger than `most`."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise UnreadableFile(shown(path), _reason(error)) from None
    if stat.S_ISDIR(status.st_mode):
        raise UnreadableFile(shown(path), f"is a folder, not a {what}")
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFile(shown(path), "is not an ordinary file")
    if status.st_size > most:
        raise UnreadableFile(shown(path), f"is larger than {most // 2**20} MiB, which no {what} should be")
    return status.st_size


def read_text(path: str | os.PathLike[str], most: int, what: str = "file") -> str:
    """The text of an ordinary UTF-8 file; UnreadableFile when there is none."""
    size_of(path, most, what)
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableFile(shown(path), _reason(error)) from None
    if b"\0" in data:
        raise UnreadableFile(shown(path), f"is a binary file, not a {what}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableFile(f"{shown(path)}:{line}", "is not UTF-8 text") from None


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, PermissionError):
        return "may not be read (permission denied)"
    return (getattr(error, "strerror", None) or str(error)).lower()
