"""The pictures that the README shows are what its command draws today, from a clean checkout."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME / "docs"))
from picture import PICTURES, main  # noqa: E402

FAR = 0.1
"""Of black to white, each small square averaged: letters that are set a little differently stay below."""
SQUARE = 6


def squares(path: Path) -> np.ndarray:
    """The picture in squares of SQUARE pixels, each its mean colour: a line that moves by half a square is seen."""
    pixels = imread(path)[:, :, :3]
    high, wide = (size // SQUARE for size in pixels.shape[:2])
    cut = pixels[: high * SQUARE, : wide * SQUARE]
    return cut.reshape(high, SQUARE, wide, SQUARE, 3).mean(axis=(1, 3))


def differing(one: Path, other: Path) -> float:
    """Share of the squares that are not white in either and differ."""
    a, b = squares(one), squares(other)
    assert a.shape == b.shape
    drawn = (a.min(axis=2) < 0.98) | (b.min(axis=2) < 0.98)
    return float((np.abs(a - b).max(axis=2)[drawn] > FAR).mean())


def test_the_readme_shows_no_other_picture() -> None:
    shown = {name for text in ("README.md", "README.zh.md") for name in re.findall(
        r"!\[[^\]]*\]\(docs/([^)]+)\)", (HOME / text).read_text(encoding="utf-8"))}  # fmt: skip
    assert shown == set(PICTURES)


@pytest.mark.slow
def test_the_pictures_come_out_the_same(tmp_path: Path) -> None:
    main(tmp_path)
    for name in PICTURES:
        assert differing(tmp_path / name, HOME / "docs" / name) < 0.02, f"{name}: renew it with python docs/picture.py"
