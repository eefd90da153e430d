"""A study file: which scenarios, what varies, how often, and what is asked of the answers."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from sim.errors import ScenarioError
from sim.scenario.base import Flag, Part, Text, complain
from sim.scenario.bounded import shown
from sim.scenario.explain import problems_of
from sim.scenario.model import Name
from sim.scenario.problems import InvalidScenario, shorten
from sim.scenario.units import PositiveCount, Probability, Quantity, Time, read_quantity
from sim.scenario.yamlfile import read_yaml
from sim.study.design import points
from sim.study.stopping import FIRST
from sim.study.vary import Settings, Vary, number

MOST_LETTERS = 100
"""A variant's name stands in tables and in the legend of a picture."""


class Until(Part):
    """As many replications as it takes."""

    precision: dict[str, Any] = Field(
        description="For each metric the half of its interval that is wanted: `5%` of the mean, or a value as it is."
    )
    least: PositiveCount = Field(default=FIRST, description="At least so many.")
    most: PositiveCount = Field(default=200, description="At most so many.")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        if not self.precision:
            complain(("precision", "must name at least one metric, such as sessions.blocking: 5%", "nothing"))
        if self.least > self.most:
            complain(("most", f"must be at least least, {self.least}"))
        for metric, text in self.precision.items():
            if not number(f"precision.{metric}", text) > 0.0:
                complain((f"precision.{metric}", "must be above 0"))
        return self


class Best(Part):
    """Which variant is the best, with a stated probability."""

    metric: Text = Field(description="By which metric.")
    difference: Any = Field(description="Differences smaller than this do not matter; in the metric's own unit.")
    largest: Flag = Field(default=False, description="The largest is the best, not the smallest.")

    @model_validator(mode="after")
    def _some_difference(self) -> Self:
        if not number("difference", self.difference) > 0.0:
            complain(("difference", "must be above 0"))
        return self


class StudyFile(Part):
    """Scenarios × points × variants × replications."""

    name: Name = Field(default="study", description="Name of the study and of its folder; by default the file's.")
    description: Text = Field(default="", description="What it answers.")
    scenarios: tuple[Text, ...] = Field(description="Scenario files, relative to this file, or shipped ones' names.")
    settings: Settings = Field(default={}, alias="set", description="Settings of every run, by path.")
    vary: Vary = Field(default=Vary(), description="What differs from point to point.")
    variants: dict[str, Settings] = Field(
        default={}, description="Named variants with their settings; all share their random numbers."
    )
    replications: Annotated[int, Quantity("count", low=1, high=1_000_000)] | Until = Field(
        default=10, description="How many for each point and variant, or `{precision: {…}}`."
    )
    seed: Annotated[int, Quantity("count", high=2**62)] = Field(
        default=1, description="Seed of the first replication; the next one has the next seed."
    )
    warmup: Time = Field(
        default=0.0,
        description="Calls that arrive before this time do not count in the latencies and counts of sessions.",
    )
    engine: Literal["compiled", "simpy"] = Field(default="compiled", description="Which engine runs it.")
    metrics: tuple[Text, ...] = Field(
        default=("sessions.blocking", "latency.invite_to_answer.p99", "sessions.leaked"),
        description="What is told of each point, by the paths of conditions.",
    )
    confidence: Probability = Field(default=0.95, description="Of every interval.")
    best: Best | None = Field(default=None, description="Choose the best variant.")

    @model_validator(mode="before")
    @classmethod
    def _one_scenario(cls, data: Any) -> Any:
        if isinstance(data, dict) and "scenario" in data and "scenarios" not in data:
            if not isinstance(data["scenario"], str):
                complain(("scenario", "must be a scenario file, or a shipped one's name; several stand in scenarios"))
            data = {**data, "scenarios": [data["scenario"]]}
            del data["scenario"]
        return data

    @field_validator("replications", mode="before")
    @classmethod
    def _number_or_rule(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return Until.model_validate(value)
        number = read_quantity("count", value)
        # said here once: each of the two kinds would complain by itself
        if number is None or number % 1 or not 1 <= number <= 1_000_000:
            complain((None, "must be a whole number from 1 to 1e+06, or {precision: …}", repr(value)))
        return value

    @model_validator(mode="after")
    def _whole(self) -> Self:
        from sim.study.measure import path_of

        rule = self.replications
        asked = [("metrics", metric) for metric in self.metrics]
        asked += [("best", self.best.metric)] if self.best is not None else []
        asked += [("replications", metric) for metric in rule.precision] if isinstance(rule, Until) else []
        for place, metric in asked:
            try:
                path_of(metric)
            except ScenarioError as error:
                why = str(error).partition("': ")[2]
                wanted = "must be a value by its path, or a ratio as in 'sessions.leaked / sessions.arrived'"
                complain((place, f"{wanted}; {why}", repr(shown(metric))))
        for name in self.variants:
            if not name.strip() or not name.isprintable() or len(name) > MOST_LETTERS:
                wanted = f"must have names of 1 to {MOST_LETTERS} letters on one line"
                complain(("variants", wanted, repr(shown(name))))
        if len(set(self.scenarios)) < len(self.scenarios):
            complain(("scenarios", "must name each scenario once"))
        if not self.scenarios:
            complain(("scenarios", "must name at least one scenario", "none"))
        if not 0.5 <= self.confidence < 1.0:
            complain(("confidence", "must be at least 0.5 and below 1"))
        for place, settings in self._every_settings():
            for path, value in settings.items():
                if _endless(value):
                    complain((place, f"must give {path} a finite value", shorten(value)))
        if self.best is not None and len(self.variants) < 2:
            complain(("best", "must stand beside two variants or more"))
        return self

    def _every_settings(self) -> Iterator[tuple[str, Settings]]:
        """Every settings in the file, with where they stand."""
        yield "set", self.settings
        yield "vary.grid", dict(self.vary.grid)
        for i, point in enumerate(self.vary.points):
            yield f"vary.list.{i}", point
        for settings in self.variants.values():
            yield "variants", settings

    def to_yaml(self) -> str:
        """The study as a file that reads as an equal one."""
        import yaml

        plain = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        text: str = yaml.safe_dump({"name": self.name, **plain}, sort_keys=False, allow_unicode=True, width=110)
        return text


def _endless(value: Any) -> bool:
    """Whether a value has a number in it that is not finite: no file holds one, and none means anything."""
    if isinstance(value, dict):
        return any(_endless(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_endless(item) for item in value)
    return isinstance(value, float) and not math.isfinite(value)


def load_study(path: str | os.PathLike[str]) -> tuple[StudyFile, str]:
    """The study of a YAML file, and the folder that its scenarios are relative to. ScenarioError with line."""
    origin = shown(path)
    root, problems = read_yaml(os.fspath(path), origin)
    if root.fields is None:
        raise InvalidScenario([*problems, f"{origin}: a study must be a mapping of keys, such as scenario: base.yaml"])
    plain: dict[str, Any] = {"name": os.path.splitext(os.path.basename(os.fspath(path)))[0], **root.plain()}
    try:
        study = StudyFile.model_validate(plain)
    except ValidationError as error:
        raise InvalidScenario([*problems, *problems_of(error, root, StudyFile)]) from None
    if problems:
        raise InvalidScenario(problems)
    try:
        points(study.vary, study.settings)
    except ScenarioError as error:
        node = root.child("vary") or root
        raise InvalidScenario([f"{(node.child('where') or node).place}: {error}"]) from None
    return study, os.path.dirname(os.path.abspath(path))


def study_of(given: Any) -> tuple[StudyFile, str]:
    """A study from a file, a mapping or as it is. ScenarioError when it is none."""
    if isinstance(given, StudyFile):
        return given, os.path.abspath(os.curdir)
    if isinstance(given, dict):
        try:
            return StudyFile.model_validate(given), os.path.abspath(os.curdir)
        except ValidationError as error:
            from sim.scenario.nodes import node_of

            raise InvalidScenario(problems_of(error, node_of(given, "study"), StudyFile)) from None
    if isinstance(given, str | os.PathLike):
        return load_study(given)
    raise ScenarioError(f"a study must be a file, a mapping or a StudyFile (got {type(given).__name__})")
