"""Where compiled code is kept: a folder per user and per version of every source that goes into it.

Numba looks only at the file of the function that it caches. The kernel's code comes from many files, so the folder's
name is a hash of them all, and of the versions of Python, NumPy and Numba; folders of other versions are removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np

from sim.files import user_cache

PACKAGE = Path(__file__).resolve().parents[2]
SOURCES = (
    "errors.py",
    "vocabulary/*.py",
    "server/*.py",
    "engine/compiled/*.py",
    "engine/sharing.py",
    "engine/tick.py",
    "engine/start/sampling.py",
    "engine/start/setup.py",
    "engine/end/collect.py",
    "ledger/histogram.py",
    "ledger/spans.py",
)
PREFIX = "kernel-"
ENTRIES = ("kernel.py", "normals.py")
PARTS = ("kernel.enter", "normals._fill")
SEAL = "whole.json"
"""Names and digests of the files that make up the code: written last, so without it nothing is whole."""

CHILD = "MRCPSIM_COMPILES"
"""In the environment of the process that compiles."""

KEEP_S = 7 * 86_400.0
"""Another version's folder that was used this recently stays: somebody may be working with two versions."""


def version() -> str:
    """A name for exactly this code under exactly these versions."""
    digest = hashlib.sha256(repr((sys.version, np.__version__, numba.__version__, llvmlite.__version__)).encode())
    for pattern in SOURCES:
        for path in sorted(PACKAGE.glob(pattern)):
            digest.update(path.name.encode())
            digest.update(path.read_bytes())
    for name in ENTRIES:  # Numba itself looks at where these are and when they were written
        path = PACKAGE / "engine" / "compiled" / name
        digest.update(f"{path} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def folder() -> Path:
    """The folder for this version, made if need be; a temporary one where the user's can not be written."""
    for place in (
        user_cache(),
        Path(tempfile.gettempdir()) / f"mrcpsim-{os.getuid() if hasattr(os, 'getuid') else 'cache'}",
    ):
        found = place / f"{PREFIX}{version()}"
        try:
            found.mkdir(parents=True, exist_ok=True)
            if os.access(found, os.W_OK) and _ours(found):
                _remove_old(place, found)
                return found
            if _ours(found) and (found / SEAL).exists():
                return found  # filled before and now read-only, as in an image
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="mrcpsim-"))


def _ours(found: Path) -> bool:
    """Whether a folder is this user's own: what Numba keeps there is code."""
    return not hasattr(os, "getuid") or found.stat().st_uid == os.getuid()


def _remove_old(place: Path, current: Path) -> None:
    os.utime(current)
    for other in place.glob(f"{PREFIX}*"):
        if other != current and other.stat().st_mtime < time.time() - KEEP_S:
            shutil.rmtree(other, ignore_errors=True)


def is_compiled() -> bool:
    """Whether the next start finds its code compiled, and as it was written: Numba itself does not look."""
    here = folder()
    try:
        sealed = json.loads((here / SEAL).read_text(encoding="utf-8"))
        return isinstance(sealed, dict) and bool(sealed) and sealed == _digests(here)
    except (OSError, ValueError):
        return False


def seal() -> None:
    """Note that the code is there and whole, unless that is noted already."""
    here = folder()
    if (here / SEAL).exists() or not all(any(here.rglob(f"{part}-*.nbi")) for part in PARTS):
        return
    part = here / f"{SEAL}.{os.getpid()}"
    try:
        part.write_text(json.dumps(_digests(here)), encoding="utf-8")
        part.replace(here / SEAL)
    except OSError:
        part.unlink(missing_ok=True)


def _digests(here: Path) -> dict[str, str]:
    files = sorted(path for path in here.rglob("*.nb[ci]") if path.name.startswith(PARTS))
    return {path.relative_to(here).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _clear(here: Path) -> None:
    """Remove what is not whole."""
    for path in (here / SEAL, *here.rglob("*.nb[ci]")):
        path.unlink(missing_ok=True)


def compile_apart() -> None:
    """Compile in a child process: the 300 MB that compiling takes, and code strewn over memory, go with it.

    Of several processes that want to, one compiles and the others wait. Should the child fail, the code is compiled
    here when it is first used.
    """
    with _alone(folder() / "compiling.lock"):
        if is_compiled():
            return
        _clear(folder())
        paths = [str(PACKAGE.parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        environment = {**os.environ, CHILD: "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        command = [sys.executable, "-c", "import sim.engine.compiled.kernel, sim.engine.compiled.normals"]
        done = subprocess.run(command, env=environment, check=False, stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode == 0:
            seal()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock that the system lets go when its holder dies; where there is none, two may compile at once."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def use() -> None:
    """Let Numba keep its code there, and see to it that it has some.

    Must come before the first `njit(cache=True)` of this package.
    """
    config: Any = numba.config
    config.CACHE_DIR = str(folder())
    if CHILD not in os.environ and not is_compiled():
        compile_apart()
