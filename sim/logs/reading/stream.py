"""The bytes of one log file, unpacked as far as they go, whichever line ends they have."""

import gzip
import io
import lzma
import zlib
from typing import BinaryIO, Final, cast

from sim.errors import LogError

_PIECE: Final = 1 << 18
_MAGIC: Final = ((b"\x1f\x8b", gzip.open), (b"\xfd7zXZ", lzma.open))


class Stream:
    """`read` gives what there is, also of an archive that ends early: then `cut` is set. Where `cr_only` is set, the
    line ends become those of other files."""

    def __init__(self, raw: BinaryIO, name: str) -> None:
        """LogError or OSError when nothing can be read."""
        self.name = name
        self.cut = self.cr_only = False
        peekable = raw if hasattr(raw, "peek") else cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, raw)))
        magic = cast(io.BufferedReader, peekable).peek(6)[:6]
        unpack = next((unpack for beginning, unpack in _MAGIC if magic.startswith(beginning)), None)
        self._packed = unpack is not None
        self._stream = cast(BinaryIO, unpack(peekable)) if unpack is not None else peekable

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end. LogError when the file can not be read or unpacked."""
        try:
            text = self._unpacked(size) if self._packed else self._stream.read(size)
        except (OSError, lzma.LZMAError, zlib.error) as error:
            what = "the compressed file is damaged" if self._packed else "can not be read to its end"
            raise LogError(f"{self.name}: {what} ({error})") from error
        return text.replace(b"\r", b"\n") if self.cr_only else text

    def _unpacked(self, size: int) -> bytes:
        """In small pieces: a larger one would be lost where the archive ends within it."""
        pieces, left = [], size
        try:
            while left and (piece := cast(io.BufferedReader, self._stream).read1(min(left, _PIECE))):
                pieces.append(piece)
                left -= len(piece)
        except EOFError:
            self.cut = True
        return b"".join(pieces)

    def head(self, size: int) -> bytes:
        """The first bytes; tells from them how lines end. LogError when an archive ends before any."""
        head = self.read(size)
        if self.cut and not head:
            raise LogError(f"{self.name}: the compressed file ends before anything can be read of it")
        self.cr_only = b"\r" in head and b"\n" not in head
        return head.replace(b"\r", b"\n") if self.cr_only else head

    def close(self) -> None:
        """Close the archive, not the file under it."""
        self._stream.close()
