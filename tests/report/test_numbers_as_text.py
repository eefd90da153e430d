import pytest

from sim.report.text import duration, moment, number, plural, share, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"), (float("nan"), "–"), (0.0, "0 s"), (0.0059, "5.90 ms"), (0.0001, "100 µs"), (99.99e-6, "100 µs"),
        (0.9999, "1.00 s"), (3.0, "3.00 s"), (59.94, "59.9 s"), (75.0, "1 min 15 s"), (3660.0, "1 h 01 min"),
        (90_000.0, "1.04 d"), (3e-9, "3.00 ns"), (-0.5, "-500 ms"),
    ],
)  # fmt: skip
def test_a_duration_has_the_unit_that_fits(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "–"), (0.0, "0.0 s"), (590.0, "590.0 s"), (10_512.04, "10512.0 s")]
)
def test_a_moment_is_not_split_like_a_duration(seconds: float | None, text: str) -> None:
    assert moment(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0, "0"), (12_345, "12 345"), (3.14159, "3.14"), (40.0, "40"), (0.5, "0.500")]
)
def test_a_number_has_three_digits(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0 %"), (0.0123, "1.23 %"), (1.0, "100 %"), (1e-7, "<0.001 %")]
)
def test_a_share_is_in_per_cent(value: float | None, text: str) -> None:
    assert share(value) == text


@pytest.mark.parametrize(
    ("count", "text"), [(None, "–"), (0, "0 B"), (4096, "4.00 KiB"), (3 * 2**20, "3.00 MiB"), (2.5 * 2**30, "2.50 GiB")]
)
def test_a_size_has_binary_units(count: float | None, text: str) -> None:
    assert size(count) == text


def test_one_is_not_a_plural() -> None:
    assert (plural(1, "session"), plural(0, "session")) == ("1 session", "0 sessions")
