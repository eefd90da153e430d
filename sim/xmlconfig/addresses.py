"""Addresses that no caller on another machine can use: loopback, none at all, and 0.0.0.0 where callers are told it."""

from collections.abc import Iterator
from dataclasses import dataclass

from sim.xmlconfig.config import Address
from sim.xmlconfig.listening import no_address


@dataclass(frozen=True, slots=True)
class Place:
    """Where a misleading address stands."""

    code: str
    line: int
    setting: str
    text: str


def misleading(addresses: list[Address]) -> Iterator[tuple[Place, str, str]]:
    """Each such address once, with the agents that use it: where it stands, what it is, what it does."""
    for (setting, text, line, how), used in _grouped(addresses).items():
        agents = " and ".join(address.used_by for address in used)
        if _is_loopback(text):
            where = f"{setting} is {text}" if how == "given" else f"no <ip> is set: the server's default is {text}"
            yield (
                Place("loopback", line, setting, text), f"{where}, used by the {agents}",
                "callers on other machines can not reach it: 0 calls from there",
            )  # fmt: skip
        elif no_address(text):
            yield (
                Place("no-address", line, setting, text),
                f"{setting} must be an address (got {text}), used by the {agents}",
                "the server can not listen there: 0 calls",
            )  # fmt: skip
        elif text in ("0.0.0.0", "::"):
            told = [address for address in used if not address.told and address.used_by != "MRCPv2 connection agent"]
            if told:
                names = " and ".join(address.used_by for address in told)
                yield (
                    Place("unspecified", line, setting, text), f"{setting} is {text}, used by the {names}",
                    f"the server listens on every address but tells callers {text}: they send their audio and their "
                    "requests nowhere; give the address itself, or an external one",
                )  # fmt: skip


def _grouped(addresses: list[Address]) -> dict[tuple[str, str, int, str], list[Address]]:
    found: dict[tuple[str, str, int, str], list[Address]] = {}
    for address in addresses:
        if address.how in ("given", "default", "empty"):
            how = "given" if address.how == "given" else "default"
            found.setdefault((address.setting, address.text, address.line, how), []).append(address)
    return found


def _is_loopback(text: str) -> bool:
    return text.startswith("127.") or text.lower() in ("localhost", "::1")
