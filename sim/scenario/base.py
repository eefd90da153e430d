"""Every part of a scenario is frozen, refuses unknown keys and explains itself in the words of `say.py`."""

from collections.abc import Iterable
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, StrictBool, StrictStr
from pydantic_core import PydanticCustomError

MUST = "scenario_must"
"""Type of our own validation errors: the context lists (field or None, what it must be, what came or None)."""


class Part(BaseModel):
    """A frozen part of a scenario; keys that it does not know are errors."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        populate_by_name=True,
        ser_json_inf_nan="constants",
        protected_namespaces=(),
        use_attribute_docstrings=False,
    )


def complain(*problems: tuple[str | None, str] | tuple[str | None, str, str]) -> NoReturn:
    """Refuse the value at hand: each problem is (field or None for the value itself, "must …"[, what came])."""
    first = problems[0]
    place = f"{first[0]} " if first[0] else ""
    raise PydanticCustomError(
        MUST, "{place}{text}", {"place": place, "text": first[1], "problems": [(*p, None)[:3] for p in problems]}
    )


def given(data: Any) -> Iterable[str]:
    """The keys that a raw mapping gives, nothing for anything else."""
    return list(data) if isinstance(data, dict) else []


Flag = Annotated[bool, StrictBool]
Text = Annotated[str, StrictStr]
