"""Files that the user asked for: none is replaced without being told so."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sim.errors import ScenarioError


def refuse_existing(path: Path, force: bool, option: str) -> None:
    """ScenarioError when `path`, given with `option`, is a folder, or exists and may not be replaced."""
    if path.is_dir():
        raise ScenarioError(f"{path}: expected a file (got a folder); choose another with {option}")
    if path.is_file() and not force:
        raise exists_already(path, option)


def is_special(path: Path) -> bool:
    """Whether something that is neither file nor folder has this name: a device or a pipe, which is never replaced."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write so that `path` is whole or absent: a file beside it, renamed at the end; a device itself."""
    if is_special(path):
        yield path
        return
    part = path.with_name(f".{path.name}.unfinished")
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file that is whole or as it was before. OSError, which names `path`."""
    try:
        with whole(path) as part:
            part.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OSError(error.errno, reason(error), str(path)) from None


def reason(error: OSError) -> str:
    """Why the system did not do something, in its own words."""
    return os.strerror(error.errno) if error.errno else error.strerror or str(error)


def exists_already(path: Path, option: str) -> ScenarioError:
    """The error for a file or result that is there and may not be replaced, in the one wording of all commands."""
    return ScenarioError(f"{path}: exists already; replace it with --force, or choose another with {option}")


def unwritable(path: Path, error: OSError, option: str) -> ScenarioError:
    """The error for a file that the system did not let us write."""
    return ScenarioError(f"{path}: can not be written ({reason(error)}); choose another with {option}")


def put_beside(path: Path, made: Sequence[Path], force: bool) -> list[Path]:
    """Move finished files, the first of which becomes `path`, into its folder; where they are now.

    ScenarioError when one is there already, unless `force`. When moving fails nothing new stays.
    """
    targets = [path.with_name(file.name) for file in made]
    for target in targets:
        refuse_existing(target, force, "-o")
    new = [target for target in targets if not target.exists()]
    try:
        for file, target in reversed([*zip(made, targets, strict=True)]):  # `path` last: it names the others
            if is_special(target):
                target.write_bytes(file.read_bytes())
            else:
                file.replace(target)
    except BaseException:
        for target in new:
            target.unlink(missing_ok=True)
        raise
    return targets


def user_cache() -> Path:
    """The user's cache folder for this program: compiled code and finished runs; MRCPSIM_CACHE names another."""
    if os.environ.get("MRCPSIM_CACHE"):
        return Path(os.environ["MRCPSIM_CACHE"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home()))) / "mrcpsim"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mrcpsim"
