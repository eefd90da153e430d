"""What a calibration found, in a few lines for people: what is usual is left out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sim.calibration.fit import short
from sim.calibration.found import Calibration
from sim.scenario.annotated import Noted, plain

_CALLERS: Final = (
    "client.no_ack", "client.vanish.probability", "client.patience", "calls.offer.unknown_resource",
    "calls.offer.missing_sdp", "calls.profile_missing",
)  # fmt: skip


def highlights(found: Calibration) -> list[str]:
    """Arrivals, ticks, plugins that are slow or fail, limits that were reached, callers that fail, and notes."""
    lines = [f"arrivals   {found.arrivals.kind}: {found.arrivals.comment}"]
    if found.ticks is not None:
        lines.append(
            f"media      tick {short(found.ticks.tick_s)}, {short(found.ticks.cost_per_context_s)} per context, "
            f"{found.ticks.seen} ticks seen"
        )
    lines += _plugins(found.tree)
    lines += _limits(found)
    for path in _CALLERS:
        seen = _at(found.tree, path)
        if seen is not None and seen.value:
            lines.append(f"caller     {path}: {seen.comment}")
    return lines + [f"note       {note}" for note in found.evidence.notes]


def _plugins(tree: Mapping[str, Any]) -> Iterator[str]:
    for resource, block in tree.get("plugins", {}).items():
        for name in ("open", "close", "request", "stop"):
            for key in ("delay", "block", "never", "twice"):
                seen = _at(block, f"{name}.{key}")
                if seen is None:
                    continue
                failed = key in ("never", "twice") and seen.value
                if failed or "DELAYED" in seen.comment or "BLOCKING" in seen.comment:
                    yield f"plugin     {resource}.{name}.{key}: {seen.comment}"


def _limits(found: Calibration) -> Iterator[str]:
    for resource, block in found.tree.get("plugins", {}).items():
        seen = block.get("max_channel_count")
        if seen is not None:
            yield f"limit      {resource}.max_channel_count {plain(seen)}: {seen.comment}"
    refused = found.evidence.rtp_refused
    if refused:
        ports = _at(found.tree, "server.limits.rtp_ports")
        which = "not in the log" if ports is None else ports.value
        yield f"limit      rtp_ports {which}: used up {refused} times"


def _at(tree: Mapping[str, Any], path: str) -> Noted | None:
    """The value with evidence at `path`; None where there is none."""
    node: Any = tree
    for key in path.split("."):
        inner = node.value if isinstance(node, Noted) else node
        node = inner.get(key) if isinstance(inner, Mapping) else None
    return node if isinstance(node, Noted) else None
