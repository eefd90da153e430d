"""Limits as the lines of `unimrcpserver.xml` to paste, in the places where the server reads them."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """The limits of a configuration; None: leave that line as it is."""

    max_connection_count: int | None
    rtp_port_min: int | None
    rtp_port_max: int | None
    engines: tuple[tuple[str, int], ...]
    """Id and max-channel-count of each engine."""


def fragment(limits: LimitSettings) -> str:
    """A `<components>` element with these limits alone, ids as in the server's sample; all else there is to stay."""
    lines = ["<components>"]
    if limits.max_connection_count is not None:
        lines += [
            '  <mrcpv2-uas id="MRCPv2-Agent-1" type="MRCPv2">',
            _setting("max-connection-count", limits.max_connection_count),
            "  </mrcpv2-uas>",
        ]
    if limits.rtp_port_min is not None and limits.rtp_port_max is not None:
        lines += ['  <rtp-factory id="RTP-Factory-1">', _setting("rtp-port-min", limits.rtp_port_min)]
        lines += [_setting("rtp-port-max", limits.rtp_port_max), "  </rtp-factory>"]
    if limits.engines:
        lines.append("  <plugin-factory>")
        for name, count in limits.engines:
            lines.append(f"    <engine id={quoteattr(name)}>")
            lines += ["  " + _setting("max-channel-count", count), "    </engine>"]
        lines.append("  </plugin-factory>")
    return "\n".join([*lines, "</components>"]) + "\n"


def _setting(name: str, value: object) -> str:
    return f"    <{name}>{escape(str(value))}</{name}>"
