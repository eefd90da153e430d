"""A distribution is a named family with its parameters, in seconds (or in counts, for `calls.requests`).

Nothing is sampled here. `mean` is the mean *before* `shift` is added; `expected(dist)` includes the shift. Lognormal
and Weibull accept several pairs of parameters and are stored in one: (median, mean) and (shape, scale).
"""

import math
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    Tag,
    WrapSerializer,
    model_serializer,
    model_validator,
)

from sim.scenario.base import InSchema, Part, Text, complain, reading
from sim.scenario.units import Positive, PositiveCount, PositiveTime, Quantity, Time, read_quantity

Shape = Annotated[float, Quantity("number", low=0.01, high=10_000)]
MAX_VALUES = 1_000_000


class Distribution(Part):
    shift: Time = Field(default=0.0, description="Added to every value.")

    @model_serializer(mode="wrap", when_used="json")
    def _shorter(self, handler: SerializerFunctionWrapHandler) -> Any:
        written = handler(self)
        rest = {key: value for key, value in written.items() if key != "shift" or self.shift}
        return {"dist": rest.pop("dist"), **rest}


class Constant(Distribution):
    """Always the same value."""

    dist: Literal["constant"] = "constant"
    value: Time = Field(description="The value.")

    @property
    def mean(self) -> float:
        """The mean before the shift."""
        return self.value


class Uniform(Distribution):
    """Every value between two bounds is equally likely."""

    dist: Literal["uniform"] = "uniform"
    low: Time = Field(default=0.0, description="Least value.")
    high: Time = Field(description="Greatest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high < self.low:
            complain(("high", "must not be below low"))
        return self

    @property
    def mean(self) -> float:
        """The mean before the shift."""
        return (self.low + self.high) / 2


class Exponential(Distribution):
    """Without memory: the usual hold time."""

    dist: Literal["exponential"] = "exponential"
    mean: PositiveTime = Field(description="Mean.")


class Erlang(Distribution):
    """Sum of k equal exponential phases: more regular than exponential."""

    dist: Literal["erlang"] = "erlang"
    k: PositiveCount = Field(description="Number of phases.")
    mean: PositiveTime = Field(description="Mean of the sum.")

    @property
    def shape(self) -> float:
        """The shape of the same distribution seen as a gamma."""
        return float(self.k)


class Gamma(Distribution):
    """Any regularity: shape 1 is exponential, above is more regular, below is burstier."""

    dist: Literal["gamma"] = "gamma"
    shape: Shape = Field(description="Shape.")
    mean: PositiveTime = Field(description="Mean.")


class Lognormal(Distribution):
    """Skewed to the right: typical of service times. Give median and mean, median and sigma, or mean and cv."""

    dist: Literal["lognormal"] = "lognormal"
    median: PositiveTime = Field(default=0.0, description="Median.")
    mean: PositiveTime = Field(default=0.0, description="Mean.")
    sigma: Annotated[float, Quantity("number", high=10)] | None = Field(
        default=None, description="Standard deviation of the logarithm.", exclude=True
    )
    cv: Annotated[float, Quantity("number", high=1000)] | None = Field(
        default=None, description="Standard deviation divided by the mean.", exclude=True
    )

    @model_validator(mode="after")
    def _as_median_and_mean(self) -> Self:
        names = {"median": self.median or None, "mean": self.mean or None, "sigma": self.sigma, "cv": self.cv}
        known = {name for name, value in names.items() if value is not None}
        if known == {"median", "sigma"}:
            self.__dict__["mean"] = self.median * math.exp((self.sigma or 0.0) ** 2 / 2)
        elif known == {"mean", "cv"}:
            self.__dict__["median"] = self.mean / math.sqrt(1 + (self.cv or 0.0) ** 2)
        elif known != {"median", "mean"}:
            complain((None, "must have median and mean, median and sigma, or mean and cv"))
        if self.mean < self.median:
            complain(("mean", "must not be below the median"))
        self.__dict__["sigma"] = self.__dict__["cv"] = None
        return self

    @property
    def log_mu(self) -> float:
        """Mean of the logarithm."""
        return math.log(self.median)

    @property
    def log_sigma(self) -> float:
        """Standard deviation of the logarithm: mean = median · exp(sigma² / 2)."""
        return math.sqrt(max(0.0, 2 * math.log(self.mean / self.median)))


class Weibull(Distribution):
    """Ageing (shape above 1) or wearing in (below 1). Give shape and scale, or shape and mean."""

    dist: Literal["weibull"] = "weibull"
    shape: Annotated[float, Quantity("number", low=0.05, high=1000)] = Field(description="Shape.")
    scale: PositiveTime = Field(default=0.0, description="Scale.")
    mean: PositiveTime = Field(default=0.0, description="Mean, in place of the scale.", exclude=True)

    @model_validator(mode="after")
    def _as_scale(self) -> Self:
        if (self.scale == 0) == (self.mean == 0):
            complain((None, "must have shape and either scale or mean"))
        factor = math.gamma(1 + 1 / self.shape)
        if self.scale == 0:
            self.__dict__["scale"] = self.mean / factor
        self.__dict__["mean"] = self.scale * factor
        return self


class Hyperexponential(Distribution):
    """One of several exponentials, drawn by weight: burstier than exponential."""

    dist: Literal["hyperexponential"] = "hyperexponential"
    means: tuple[PositiveTime, ...] = Field(description="Mean of each branch.")
    weights: tuple[Positive, ...] = Field(description="Weight of each branch; they need not sum to 1.")

    @model_validator(mode="after")
    def _matching(self) -> Self:
        if not 1 <= len(self.means) <= 100:
            complain(("means", "must be a list of 1 to 100 means"))
        if len(self.weights) != len(self.means):
            complain(("weights", f"must be a list of {len(self.means)} weights, one for each mean"))
        return self

    @property
    def probabilities(self) -> tuple[float, ...]:
        """The weights, scaled to sum to 1."""
        total = math.fsum(self.weights)
        return tuple(weight / total for weight in self.weights)

    @property
    def mean(self) -> float:
        """The mean before the shift."""
        return math.fsum(p * m for p, m in zip(self.probabilities, self.means, strict=True))


class Empirical(Distribution):
    """Draws one of the recorded values, each equally likely: given here, or a column of a CSV file."""

    dist: Literal["empirical"] = "empirical"
    file: Text | None = Field(default=None, description="CSV file with a header, relative to the scenario file.")
    column: Text | None = Field(default=None, description="Column of the file; not needed when it has only one.")
    values: tuple[Time, ...] = Field(default=(), description="The values themselves, in place of a file.")

    @model_serializer(mode="wrap", when_used="json")
    def _shorter(self, handler: SerializerFunctionWrapHandler) -> Any:
        written = {"dist": "empirical", **handler(self)}
        if not self.shift:
            written.pop("shift")
        for name in ("file", "column") if self.file is None else ("values",):
            written.pop(name)
        return written

    @model_validator(mode="after")
    def _filled(self) -> Self:
        if self.file is None:
            if self.column is not None:
                complain(("column", "must stand beside a file"))
            if not 1 <= len(self.values) <= MAX_VALUES:
                complain((None, "must have a file or a list of values"))
            return self
        if self.values:
            complain(("values", "must not stand beside a file"))
        from sim.scenario.csvfiles import read_column

        self.__dict__["values"] = reading("file", self.file, read_column, self.file, self.column)
        return self

    @property
    def mean(self) -> float:
        """The mean before the shift."""
        return math.fsum(self.values) / len(self.values)


_FAMILIES: dict[str, type[Distribution]] = {}
for _family in (Constant, Uniform, Exponential, Erlang, Gamma, Lognormal, Weibull, Hyperexponential, Empirical):
    _FAMILIES[_family.model_fields["dist"].default] = _family
NAMES = (*_FAMILIES, "mixture")
EXAMPLE = "such as {dist: exponential, mean: 3s}"


def _family_of(value: Any) -> str:
    return str(value["dist"] if isinstance(value, dict) else getattr(value, "dist", ""))


def _named(*names: str) -> BeforeValidator:
    def check(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "dist" not in value:
            complain((None, f"must name its distribution, {EXAMPLE}"))
        if value["dist"] not in names:
            near = get_close_matches(str(value["dist"]), names, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            complain(("dist", f"must be one of {', '.join(names)}{hint}"))
        return value

    return BeforeValidator(check)


def _spelled_out(value: Any) -> Any:
    """A bare quantity is a constant; everything else goes on to the family that it names."""
    if isinstance(value, dict | Part):
        return value
    number = read_quantity("time", value)
    if number is None:
        complain((None, f"must be a value with its unit, such as 3s, or a distribution, {EXAMPLE}"))
    return {"dist": "constant", "value": value}


SimpleDist: TypeAlias = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Exponential, Tag("exponential")]
    | Annotated[Erlang, Tag("erlang")]
    | Annotated[Gamma, Tag("gamma")]
    | Annotated[Lognormal, Tag("lognormal")]
    | Annotated[Weibull, Tag("weibull")]
    | Annotated[Hyperexponential, Tag("hyperexponential")]
    | Annotated[Empirical, Tag("empirical")],
    Discriminator(_family_of),
    _named(*_FAMILIES),
    BeforeValidator(_spelled_out),
]


class MixturePart(Part):
    """One distribution of a mixture, with its weight."""

    weight: Positive
    of: SimpleDist

    @model_validator(mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "of" in value:
            return value
        if "weight" not in value:
            complain(("weight", "must be given: each part of a mixture has a weight"))
        return {"weight": value["weight"], "of": {k: v for k, v in value.items() if k != "weight"}}


def _join(part: MixturePart) -> dict[str, Any]:
    return {"weight": part.weight, **part.of.model_dump(mode="json", by_alias=True)}


class Mixture(Distribution):
    """One of several distributions, drawn by weight."""

    dist: Literal["mixture"] = "mixture"
    parts: tuple[Annotated[MixturePart, PlainSerializer(_join, when_used="json")], ...] = Field(
        description="The distributions, each with its `weight`."
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not 1 <= len(self.parts) <= 100:
            complain(("parts", "must be a list of 1 to 100 distributions, each with a weight"))
        return self

    @property
    def probabilities(self) -> tuple[float, ...]:
        """The weights, scaled to sum to 1."""
        total = math.fsum(part.weight for part in self.parts)
        return tuple(part.weight / total for part in self.parts)

    @property
    def mean(self) -> float:
        """The mean before the shift of the mixture (the shifts of its parts included)."""
        return math.fsum(p * expected(part.of) for p, part in zip(self.probabilities, self.parts, strict=True))


FAMILIES: dict[str, type[Part]] = {**_FAMILIES, "mixture": Mixture}
"""Every distribution by the name that `dist` gives it."""


def _without_units(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: v if k in ("dist", "file", "column") else _without_units(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_without_units(item) for item in value]
    return read_quantity("time", value) if isinstance(value, str) else value


def _counts_only(value: Any) -> Any:
    def has_unit(item: Any) -> bool:
        if isinstance(item, dict):
            return any(has_unit(v) for k, v in item.items() if k not in ("dist", "file", "column"))
        if isinstance(item, list | tuple):
            return any(has_unit(v) for v in item)
        return isinstance(item, str) and read_quantity("number", item) is None

    if has_unit(value):
        complain((None, "must be a number without unit, or a distribution of numbers"))
    number = None if isinstance(value, dict | list | tuple | Part) else read_quantity("number", value)
    if number is not None and number < 0:
        complain((None, "must be a number >= 0, or a distribution of numbers"))
    return value


def _bare_constant(dist: Any, handler: Any) -> Any:
    """A constant without shift is written as its bare value."""
    written = handler(dist)
    if isinstance(written, dict) and written.get("dist") == "constant" and dist.shift == 0:
        return written["value"]
    return written


Dist: TypeAlias = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Uniform, Tag("uniform")]
    | Annotated[Exponential, Tag("exponential")]
    | Annotated[Erlang, Tag("erlang")]
    | Annotated[Gamma, Tag("gamma")]
    | Annotated[Lognormal, Tag("lognormal")]
    | Annotated[Weibull, Tag("weibull")]
    | Annotated[Hyperexponential, Tag("hyperexponential")]
    | Annotated[Empirical, Tag("empirical")]
    | Annotated[Mixture, Tag("mixture")],
    Discriminator(_family_of),
    _named(*NAMES),
    BeforeValidator(_spelled_out),
    InSchema("dist"),
    WrapSerializer(_bare_constant, when_used="json"),
]
CountDist: TypeAlias = Annotated[
    Dist,
    BeforeValidator(_counts_only),
    InSchema("count-dist"),
    WrapSerializer(lambda dist, handler: _without_units(handler(dist)), when_used="json"),
]


def expected(dist: Dist) -> float:
    """The mean of what is drawn, shift included."""
    return dist.shift + dist.mean


def constant(value: float) -> Constant:
    """The distribution that is always `value` seconds."""
    return Constant(value=value)


def exponential(mean: float) -> Exponential:
    """The exponential distribution with this mean in seconds."""
    return Exponential(mean=mean)


def microseconds(median: float, mean: float) -> Lognormal:
    """The lognormal distribution with this median and mean in microseconds, as costs are measured."""
    return Lognormal(median=float(f"{median}e-6"), mean=float(f"{mean}e-6"))
