"""Finished runs, kept by their content: in a folder, or at an fsspec URL that several machines share.

Each run is a small Parquet file whose name is the digest of its resolved scenario, seed and model. It appears under
that name only once it is whole, so a process that is killed leaves nothing that could be taken for a result.
"""

from __future__ import annotations

import io
import json
import math
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sim.errors import ScenarioError
from sim.files import user_cache
from sim.ledger.tables import numbers_array, strings_array
from sim.study.measure import Measured

SUFFIX = ".run.parquet"
_INFO = b"mrcpsim.run"
_PART = ".tmp"
_WRITTEN_S = 3600.0
"""What is younger than this may be somebody's who is writing it."""


def default_store() -> str:
    """Where finished runs are kept unless told otherwise: below the user's cache folder."""
    return str(user_cache() / "runs")


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished run as the cache lists it."""

    key: str
    size_bytes: int
    modified_s: float


class Store:
    """The finished runs at a place. Workers are given the place, not the store."""

    def __init__(self, place: str | os.PathLike[str] | None = None) -> None:
        self.place = os.fspath(place) if place is not None else default_store()
        self._remote: Any = None
        if "://" in self.place:
            try:
                import fsspec
            except ImportError:
                raise ScenarioError(
                    f"{self.place}: URLs need the extra cluster: pip install -e '.[cluster]' in the checkout"
                ) from None
            try:
                self._remote, self._root = fsspec.core.url_to_fs(self.place)
            except (ImportError, ValueError) as error:
                raise ScenarioError(f"{self.place}: no cache can be reached there ({error})") from None
        else:
            self.place = self._root = os.path.abspath(self.place)  # workers may have been started in another folder
            if os.path.exists(self._root) and not os.path.isdir(self._root):
                raise ScenarioError(f"{self.place}: expected a folder for finished runs (got a file)")
        self._folders: set[str] = set()

    def ready(self) -> None:
        """ScenarioError where no run can be kept; the folder is made, so that workers need not find out."""
        if self._remote is not None:
            return
        try:
            os.makedirs(self._root, exist_ok=True)
        except OSError as error:
            why = error.strerror or str(error)
            raise ScenarioError(f"{self.place}: no finished run can be kept here ({why}); see --cache") from None
        if not os.access(self._root, os.W_OK | os.X_OK):
            raise ScenarioError(f"{self.place}: no finished run can be kept here (not writable); see --cache")

    def path(self, key: str) -> str:
        """Where the run of that key is, or would be."""
        return f"{self._root}/{key[:2]}/{key}{SUFFIX}"

    def put(self, measured: Measured) -> None:
        """Keep a run; one that is there already is replaced by the same."""
        data = _pack(measured)
        path = self.path(measured.key)
        folder = path.rsplit("/", 1)[0]
        if self._remote is not None:
            if folder not in self._folders:
                self._remote.makedirs(folder, exist_ok=True)
                self._folders.add(folder)
            self._remote.pipe_file(path, data)
            return
        os.makedirs(folder, exist_ok=True)
        temporary = f"{path}.{uuid.uuid4().hex[:8]}{_PART}"
        try:
            Path(temporary).write_bytes(data)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)

    def get(self, key: str) -> Measured | None:
        """The run of that key; None when it is not there, failed, or is damaged: then it is done again."""
        path = self.path(key)
        try:
            data = self._remote.cat_file(path) if self._remote is not None else Path(path).read_bytes()
            found = _unpack(data)
        except (OSError, pa.ArrowException, KeyError, ValueError):
            return None
        return found if found.key == key else None

    def __contains__(self, key: str) -> bool:
        return bool(self._remote.exists(self.path(key)) if self._remote is not None else os.path.exists(self.path(key)))

    def entries(self) -> Iterator[Entry]:
        """Every finished run that is kept."""
        if self._remote is not None:
            for path, info in self._remote.find(self._root, detail=True).items():
                if path.endswith(SUFFIX):
                    when = info.get("mtime") or info.get("created") or 0.0
                    seconds = when.timestamp() if hasattr(when, "timestamp") else float(when)
                    yield Entry(_key(path), int(info.get("size") or 0), seconds)
            return
        for file in sorted(Path(self._root).glob(f"*/*{SUFFIX}")):
            status = file.stat()
            yield Entry(_key(file.name), status.st_size, status.st_mtime)

    def clear(self, before_s: float = math.inf) -> int:
        """Remove the runs that were kept before this time (seconds since 1970), and what a process that was killed left
        of one; how many runs those were."""
        removed = 0
        for entry in [*self.entries()]:
            if entry.modified_s < before_s:
                path = self.path(entry.key)
                if self._remote is not None:
                    self._remote.rm_file(path)
                else:
                    Path(path).unlink(missing_ok=True)
                removed += 1
        if self._remote is None:
            for file in Path(self._root).glob(f"*/*{SUFFIX}.*{_PART}"):
                if file.stat().st_mtime < min(before_s, time.time() - _WRITTEN_S):
                    file.unlink(missing_ok=True)
        return removed


def _key(path: str) -> str:
    return path.rsplit("/", 1)[-1].removesuffix(SUFFIX)


def _pack(measured: Measured) -> bytes:
    table = pa.table(
        {
            "path": strings_array(list(measured.values)),
            "value": numbers_array(np.array(list(measured.values.values()), dtype=np.float64)),
        }
    )
    info = {name: getattr(measured, name) for name in Measured.__dataclass_fields__ if name != "values"}
    table = table.replace_schema_metadata({_INFO: json.dumps(info).encode()})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _unpack(data: bytes) -> Measured:
    table = pq.ParquetFile(io.BytesIO(data)).read()
    info = json.loads((table.schema.metadata or {})[_INFO])
    values = dict(zip(table["path"].to_pylist(), table["value"].to_pylist(), strict=True))
    return Measured(values=values, **info)
