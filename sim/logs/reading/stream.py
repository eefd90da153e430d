"""The bytes of one log file as its server wrote them, unpacked as far as they go, whichever line ends they have."""

import codecs
import gzip
import io
import lzma
import zlib
from typing import BinaryIO, Final, cast

from sim.errors import LogError
from sim.logs.reading.decode import Decoder
from sim.logs.reading.header import Layout

_PIECE: Final = 1 << 18
_LONGEST: Final = 1 << 22  # of lines that are held back until their end is there
_UTF16: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_MAGIC: Final = ((b"\x1f\x8b", gzip.open), (b"\xfd7zXZ", lzma.open))


class Stream:
    """`read` gives what there is, also of an archive that ends early: then `cut` is set. Where `cr_only` is set, the
    line ends become those of other files; what else was undone of the file's form says `undone`."""

    def __init__(self, raw: BinaryIO, name: str) -> None:
        """LogError or OSError when nothing can be read."""
        self.name = name
        self.cut = self.cr_only = False
        self._utf16: codecs.IncrementalDecoder | None = None
        self._decoder: Decoder | None = None
        self._held = b""  # read, and not yet decoded
        self.layout: Layout | None = None  # of its lines, as its head shows it; None where that is not known yet
        peekable = raw if hasattr(raw, "peek") else cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, raw)))
        magic = cast(io.BufferedReader, peekable).peek(6)[:6]
        unpack = next((unpack for beginning, unpack in _MAGIC if magic.startswith(beginning)), None)
        self._packed = unpack is not None
        self._stream = cast(BinaryIO, unpack(peekable)) if unpack is not None else peekable

    @property
    def undone(self) -> list[str]:
        """What was undone to read the file, in the words of a note."""
        return ["UTF-16"] * (self._utf16 is not None) + (self._decoder.undone if self._decoder is not None else [])

    def read(self, size: int) -> bytes:
        """About `size` bytes, none only at the end. LogError when the file can not be read or unpacked."""
        if self._decoder is None:
            return self._read(size)
        while text := self._read(size):
            self._held += text
            cut = self._decoder.cut(self._held) or len(self._held) * (len(self._held) > _LONGEST)
            if cut:
                whole, self._held = self._held[:cut], self._held[cut:]
                return self._decoder(whole)
        rest, self._held = self._held, b""
        return self._decoder(rest) if rest else b""

    def _read(self, size: int) -> bytes:
        try:
            text = self._unpacked(size) if self._packed else self._stream.read(size)
        except (OSError, lzma.LZMAError, zlib.error) as error:
            what = "the compressed file is damaged" if self._packed else "can not be read to its end"
            raise LogError(f"{self.name}: {what} ({error})") from error
        if self._utf16 is not None:
            text = self._utf16.decode(text, not text).encode("utf-8", "surrogatepass")
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
        """The first bytes; tells from them how the file is written. LogError when an archive ends before any."""
        head = self._read(size)
        if self.cut and not head:
            raise LogError(f"{self.name}: the compressed file ends before anything can be read of it")
        coding = _UTF16.get(head[:2])
        if coding is not None:
            self._utf16 = codecs.getincrementaldecoder(coding)("replace")
            head = self._utf16.decode(head[2:]).encode("utf-8", "surrogatepass")
        self.cr_only = b"\r" in head and b"\n" not in head
        if self.cr_only:
            head = head.replace(b"\r", b"\n")
        decoder = Decoder(head[: head.rfind(b"\n") + 1] or head)
        if decoder.idle:
            self.layout = decoder.layout
            return head
        self._decoder = decoder
        if len(head) < size:  # the whole file
            return decoder(head)
        cut = decoder.cut(head)
        self._held = head[cut:]
        return decoder(head[:cut])

    def close(self) -> None:
        """Close the archive, not the file under it."""
        self._stream.close()
