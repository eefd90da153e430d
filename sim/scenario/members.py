"""What the servers of a fleet say of themselves is checked where it stands, before any of them runs."""

from pydantic import ValidationError

from sim.scenario.explain import problems_of
from sim.scenario.merge import PATH, put
from sim.scenario.model import Scenario
from sim.scenario.nodes import Node
from sim.scenario.problems import InvalidScenario, shorten
from sim.scenario.yamlfile import parse_yaml

OF_A_SERVER = ("server", "plugins", "calls", "client")
"""Parts of a scenario that may be others for one server; the rest is said of the fleet as a whole."""
OF_THE_FLEET = ("fleet", "expect", "provenance")


def problems_of_members(root: Node) -> list[str]:
    """One line, with its place, for each thing that is wrong with the settings of a fleet's members."""
    fleet = root.child("fleet")
    members = fleet.child("members") if fleet is not None else None
    if members is None or not isinstance(members.value, tuple):
        return []
    base = root.with_fields({key: node for key, node in (root.fields or {}).items() if key not in OF_THE_FLEET})
    found: list[str] = []
    for number, member in enumerate(members.value):
        settings = member.child("set")
        if settings is not None and settings.fields:
            found += _problems(base, settings.fields, f"fleet.members.{number}.set")
    return found


def _problems(base: Node, settings: dict[str, Node], place: str) -> list[str]:
    found: list[str] = []
    for path, node in settings.items():
        if not PATH.fullmatch(path) or path.split(".")[0] not in OF_A_SERVER:
            wanted = f"{place} must name paths that begin with {', '.join(OF_A_SERVER[:-1])} or {OF_A_SERVER[-1]}"
            found.append(f"{node.place}: {wanted} (got {shorten(path)})")
            continue
        try:
            if isinstance(node.value, str):
                value, problems = parse_yaml(node.value, node.place, lines=False)
                found += problems
                base = put(base, path.split("."), value)
            else:
                base = put(base, path.split("."), node)
        except InvalidScenario as error:
            found += error.problems
    if not found:
        try:
            Scenario.model_validate(base.plain())
        except ValidationError as error:
            found += problems_of(error, base)
    return found
