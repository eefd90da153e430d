"""A folder of files that belong together is whole or as it was: written beside its place and renamed in one step."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from sim.errors import ScenarioError
from sim.files import exists_already


def hold(folder: Path) -> int | None:
    """Lock a folder for as long as this process makes a result in it; None where folders can not be locked.

    BlockingIOError when another process holds it; the system lets go of it when that process ends, however it does.
    """
    try:
        import fcntl
    except ImportError:
        return None
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(held)
        if isinstance(error, BlockingIOError):
            raise
        return None
    return held


def clear_abandoned(folder: Path) -> None:
    """Remove an unfinished result whose maker was killed before it could do so itself."""
    try:
        held = hold(folder)
    except OSError:
        return
    if held is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


class WholeFolder:
    """A folder in the making: `directory` itself is touched only by `put`, in one rename.

    Leaving the block removes what was not put into place.
    """

    what: ClassVar[str] = "result"
    """What it holds, in a word."""
    mark: ClassVar[str]
    """The file by which such a folder is known: others are never replaced."""
    ours: ClassVar[frozenset[str]]
    """Every file that belongs to it; what a user added stays when it is replaced."""

    def __init__(self, directory: str | os.PathLike[str], force: bool = False) -> None:
        """ScenarioError when `directory` could not be put in place later: found out before the work, not after it."""
        self.directory = Path(directory)
        self.force = force
        self._held: int | None = None
        self._refuse()
        self.path = self._make()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def put(self, fill: Callable[[Path], None]) -> Path:
        """Let `fill` write the files, then rename the folder into place."""
        try:
            fill(self.path)
        except OSError as error:
            raise _unwritable(self.directory, error) from None
        self._replace()
        return self.directory

    def _refuse(self) -> None:
        target = self.directory
        if target.is_symlink() and not target.exists():
            raise ScenarioError(f"{target}: must be a folder for the {self.what} (got a dangling link)")
        if target.exists() and not target.is_dir():
            expected = f"must be a folder for the {self.what}"
            raise ScenarioError(f"{target}: {expected} (got a file); choose another with --out")
        try:
            names = {entry.name for entry in target.iterdir()} if target.is_dir() else set()
        except OSError as error:
            raise _unwritable(target, error) from None
        if self.mark in names and not self.force:
            raise exists_already(target, "--out")
        if names and self.mark not in names:
            raise ScenarioError(
                f"{target}: holds files but no {self.what} (such as {min(names)}); choose another with --out"
            )

    def _make(self) -> Path:
        target = self.directory.resolve()  # a link to a folder stays one
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            for number in range(1000):
                path = target.parent / f".{target.name}.unfinished{number or ''}"
                clear_abandoned(path)
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                try:
                    self._held = hold(path)
                except (FileNotFoundError, BlockingIOError):  # another took it for abandoned just now
                    continue
                return path
        except OSError as error:
            raise _unwritable(self.directory, error) from None
        raise ScenarioError(f"{target.parent}: holds 1000 unfinished results (.{target.name}.unfinished*); remove them")

    def _replace(self) -> None:
        """Put the new folder where the old one was; what the user added to an old result moves over."""
        target = self.directory.resolve()  # a link to a folder stays one
        try:
            if not target.exists():
                self.path.rename(target)
                return
            old = self.path.with_name(f"{self.path.name}-old")
            target.rename(old)
            self.path.rename(target)
            for entry in old.iterdir():
                if entry.name not in self.ours and not (target / entry.name).exists():
                    entry.rename(target / entry.name)
            shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise _unwritable(self.directory, error) from None


def _unwritable(target: Path, error: OSError) -> ScenarioError:
    why = error.strerror or type(error).__name__
    return ScenarioError(f"{target}: a result can not be written here ({why}); choose another folder with --out")
