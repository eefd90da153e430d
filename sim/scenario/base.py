"""Every part of a scenario is frozen, refuses unknown keys and explains itself in the words of `complain`."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, StrictBool, StrictStr, create_model
from pydantic_core import CoreSchema, PydanticCustomError

from sim.scenario.bounded import shown
from sim.scenario.problems import InvalidScenario, UnreadableFile

P = ParamSpec("P")
T = TypeVar("T")

MUST = "scenario_must"
"""Type of our own validation errors: the context lists (field or None, what it must be, what came or None)."""


IN_FILE = "scenario_in_file"
"""Type of an error about a file that the scenario names: the context lists whole lines, each with its own place."""


class Part(BaseModel):
    """A frozen part of a scenario; keys that it does not know are errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        ser_json_inf_nan="constants",
        protected_namespaces=(),
        use_attribute_docstrings=False,
    )


@dataclass(frozen=True, slots=True)
class InSchema:
    """Annotation that puts a named part into the JSON Schema in place of what pydantic would write there."""

    name: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"x-part": self.name}


def complain(*problems: tuple[str | None, str] | tuple[str | None, str, str]) -> NoReturn:
    """Refuse the value at hand: each problem is (field or None for the value itself, "must …"[, what came])."""
    first = problems[0]
    place = f"{first[0]} " if first[0] else ""
    raise PydanticCustomError(
        MUST, "{place}{text}", {"place": place, "text": first[1], "problems": [(*p, None)[:3] for p in problems]}
    )


def reading(field: str, path: str, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `read` makes of the file that `field` names; what is wrong with the file becomes a validation error."""
    try:
        return read(*args, **kwargs)
    except UnreadableFile as error:
        complain((field, "must name a readable file", f"{shown(path)!r}: {error.reason}"))
    except InvalidScenario as error:
        raise PydanticCustomError(
            IN_FILE, "{first}", {"first": error.problems[0], "problems": error.problems}
        ) from None


def with_resources(base: type[Part], kind: Any, descriptions: Mapping[str, str]) -> type[Part]:
    """A part with one more optional field for each MRCP resource, as described."""
    fields: dict[str, Any] = {
        name: (kind | None, Field(default=None, description=text)) for name, text in descriptions.items()
    }
    return create_model(base.__name__, __base__=base, __module__=base.__module__, **fields)


def given(data: Any) -> Iterable[str]:
    """The keys that a raw mapping gives, nothing for anything else."""
    return list(data) if isinstance(data, dict) else []


Flag = Annotated[bool, StrictBool]
Text = Annotated[str, StrictStr]
