"""A piece of a file as an error message shows it: on one line, escaped where it is no text, and cut."""

from typing import Final

MOST: Final = 80


def shown(text: bytes, most: int = MOST) -> str:
    r"""`text` in quotes; what can not be printed as `\x1b`, and no longer than about `most` characters."""
    found = ""
    for character in text[: 4 * most].decode("utf-8", "surrogateescape"):
        piece = printable(character)
        if len(found) + len(piece) >= most:
            return f"'{found}…'"
        found += piece
    return f"'{found}'" if len(text) <= 4 * most else f"'{found}…'"


def word(text: bytes) -> str:
    """A name from a log as text that is safe to print."""
    cut = text[:MOST].decode("utf-8", "surrogateescape")
    if cut.isprintable() and len(text) <= MOST:
        return cut
    return "".join(map(printable, cut)) + ("…" if len(text) > MOST else "")


def printable(character: str) -> str:
    """The character itself, or its escape when a terminal would not show it as one."""
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
