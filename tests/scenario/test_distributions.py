"""Each distribution is stored in one form, and its mean is the one that its family has."""

import math
from typing import Any

import pytest

from sim.errors import ScenarioError
from sim.scenario import Dist, Lognormal, Weibull, expected, load_scenario, microseconds


def dist(value: Any) -> Dist:
    return load_scenario({"calls": {"hold": value}}).calls.hold


@pytest.mark.parametrize(
    ("value", "mean"),
    [
        ("3s", 3.0),
        (2, 2.0),
        ({"dist": "constant", "value": "500ms"}, 0.5),
        ({"dist": "uniform", "low": "1s", "high": "3s"}, 2.0),
        ({"dist": "exponential", "mean": "3s"}, 3.0),
        ({"dist": "erlang", "k": 3, "mean": "3s"}, 3.0),
        ({"dist": "gamma", "shape": 0.5, "mean": "3s"}, 3.0),
        ({"dist": "lognormal", "median": "1s", "mean": "2s"}, 2.0),
        ({"dist": "lognormal", "median": "1s", "sigma": 1}, math.exp(0.5)),
        ({"dist": "lognormal", "mean": "2s", "cv": 1}, 2.0),
        ({"dist": "weibull", "shape": 1, "scale": "2s"}, 2.0),
        ({"dist": "weibull", "shape": 2, "scale": "1s"}, math.sqrt(math.pi) / 2),
        ({"dist": "weibull", "shape": 2, "mean": "3s"}, 3.0),
        ({"dist": "hyperexponential", "means": ["1s", "4s"], "weights": [2, 1]}, 2.0),
        ({"dist": "empirical", "values": ["1s", "2s", "6s"]}, 3.0),
        (
            {
                "dist": "mixture",
                "parts": [{"weight": 9, "of": {"dist": "exponential", "mean": "60s"}}, {"weight": 1, "of": "7h"}],
            },
            0.9 * 60 + 0.1 * 7 * 3600,
        ),
        (
            {
                "dist": "mixture",
                "parts": [
                    {"weight": 3, "dist": "constant", "value": "1s"},
                    {"weight": 1, "dist": "exponential", "mean": "4s", "shift": "1s"},
                ],
            },
            2.0,
        ),
    ],
)
def test_the_mean_is_the_family_s(value: Any, mean: float) -> None:
    assert dist(value).mean == pytest.approx(mean, rel=1e-12)


def test_a_shift_is_added_to_every_value() -> None:
    shifted = dist({"dist": "exponential", "mean": "3s", "shift": "1s"})
    assert (shifted.mean, expected(shifted)) == (3.0, 4.0)


def test_lognormal_parameters_agree() -> None:
    one = dist({"dist": "lognormal", "median": "2s", "sigma": 0.7})
    assert isinstance(one, Lognormal)
    assert one.log_mu == pytest.approx(math.log(2))
    assert one.log_sigma == pytest.approx(0.7)
    two = dist({"dist": "lognormal", "mean": "3s", "cv": 0.5})
    assert isinstance(two, Lognormal)
    variance = (math.exp(two.log_sigma**2) - 1) * two.mean**2
    assert math.sqrt(variance) / two.mean == pytest.approx(0.5)


def test_a_weibull_is_stored_by_its_scale() -> None:
    weibull = dist({"dist": "weibull", "shape": 2, "mean": "3s"})
    assert isinstance(weibull, Weibull)
    assert weibull.scale == pytest.approx(3 / math.gamma(1.5))


def test_default_costs_are_those_measured_at_10_calls_per_second() -> None:
    costs = load_scenario({}).server.costs
    assert costs.server.offer == microseconds(99, 126)
    assert costs.server.opened == microseconds(91, 326)
    assert costs.connection_agent.add == microseconds(21, 34)
    assert costs.server.offer.mean == 126e-6


def test_a_part_of_a_mixture_that_is_nothing_is_said_plainly() -> None:
    with pytest.raises(
        ScenarioError, match=r"parts\.0\.of must be a value with its unit, such as 3s, or a distribution"
    ):
        dist({"dist": "mixture", "parts": [{"weight": 1, "of": "fast"}]})
