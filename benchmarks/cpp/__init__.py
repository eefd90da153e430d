"""The C++ peer: compiled with the system's compiler on first use, into the temporary folder."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.flow import HOLD_S, table_for_other_languages

SOURCE = Path(__file__).with_name("callflow.cpp")
FLAGS = ("-std=c++17", "-O2", "-DNDEBUG")


class NoCompiler(Exception):
    """No C++ compiler was found on this machine."""


def compiler() -> str | None:
    """The path of the C++ compiler: $CXX, else the first of c++, g++, clang++ that exists."""
    names = [os.environ["CXX"]] if os.environ.get("CXX") else ["c++", "g++", "clang++"]
    return next((found for found in map(shutil.which, names) if found), None)


def build() -> Path:
    """The compiled program; compiled again only when the source or the compiler changed."""
    found = compiler()
    if found is None:
        raise NoCompiler("no C++ compiler found (c++, g++, clang++ or $CXX)")
    key = hashlib.sha256(SOURCE.read_bytes() + found.encode() + " ".join(FLAGS).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"mrcpsim-bench-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    program = folder / f"callflow-{key}"
    if not program.exists():
        partial = folder / f"callflow-{key}.{os.getpid()}"
        subprocess.run([found, *FLAGS, "-o", str(partial), str(SOURCE)], check=True)
        partial.replace(program)
    return program


def run(calls: int, seed: int, hold_s: float = HOLD_S) -> dict[str, Any]:
    """Figures of one run, measured inside the program."""
    table = table_for_other_languages(calls, seed, hold_s)
    done = subprocess.run([str(build())], input=table, capture_output=True, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout)
    return figures
