"""A way to write the sample configuration, changed."""

from pathlib import Path

import pytest
from xmlconfig.xml_sample import SAMPLE, Write


@pytest.fixture
def config(tmp_path: Path) -> Write:
    """Write the sample with (old, new) replacements, each of which must change something."""

    def write(*changes: tuple[str, str]) -> Path:
        text = SAMPLE
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "unimrcpserver.xml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
