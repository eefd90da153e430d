"""Where `grep` says that lines are missing."""

import pytest

from sim.audit import holes


@pytest.mark.parametrize(
    ("block", "before"),
    [
        (b"--\none\n", b""), (b"one\n--\ntwo\n", b"one\n"), (b"one\n--\r\ntwo\n", b"one\n"),
        (b"--boundary\n-- \none\n--\n--\n", b"--boundary\n-- \none\n"),
    ],
)  # fmt: skip
def test_a_mark_is_a_line_of_its_own(block: bytes, before: bytes) -> None:
    found = holes.mark_in(block)
    assert found is not None
    assert block[: found.start()] == before
    assert found.group().rstrip() == b"--"


@pytest.mark.parametrize("block", [b"", b"one\ntwo --\n", b"--", b"one\n--boundary--\n", b"--boundary\n", b"a\n --\n"])
def test_no_other_line_is_a_mark(block: bytes) -> None:
    assert holes.mark_in(block) is None


def test_a_block_without_dashes_at_a_line_begin_is_not_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pattern looks at each byte: that took a tenth of the time of every audit."""
    monkeypatch.setattr(holes, "_MARK", None)
    assert holes.mark_in(b"one -- two\nthree--\n" * 3) is None
    with pytest.raises(AttributeError):
        holes.mark_in(b"one\n--\n")
