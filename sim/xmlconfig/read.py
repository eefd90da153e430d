"""`unimrcpserver.xml` as the server itself would read it: in the order of the file, defaults, numbers read by `atol`.

What the server would ignore or misread is kept as a `Problem`, never silently mended.
"""

import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from sim.errors import ScenarioError
from sim.scenario.bounded import shown
from sim.scenario.problems import shorten
from sim.vocabulary.plugins import RESOURCES
from sim.xmlconfig.config import Address, EngineEntry, Problem, ServerConfig
from sim.xmlconfig.engines import assign, mapping
from sim.xmlconfig.known import FLAGS, KNOWN, NUMBERS, PARTS
from sim.xmlconfig.listening import LISTENING, listener
from sim.xmlconfig.number import Value
from sim.xmlconfig.tree import Element, read_xml
from sim.xmlconfig.versions import NEWEST, OLDEST, RTP_SETTINGS_NEEDED, SINCE, ServerVersion, Version

ROOT: Final = "unimrcpserver"
LARGEST_NUMBER: Final = 10**8
DEFAULT_IP: Final = "127.0.0.1"

_ADDRESSES = {"sip-uas": "sip-ip", "mrcpv2-uas": "mrcp-ip", "rtp-factory": "rtp-ip"}
_OUTSIDE = {"sip-uas": "sip-ext-ip", "rtp-factory": "rtp-ext-ip"}
_OLD_FORMAT = frozenset({"resources", "signaling", "connection", "media", "plugin"})
_CLIENTS = {
    "unimrcpclient": "this is the client's configuration",
    "include": "this looks like a profile of FreeSWITCH's mod_unimrcp, which is a client",
    "configuration": "this looks like a configuration of FreeSWITCH, whose mod_unimrcp is a client",
}
_DISABLED_ELSEWHERE = ("0", "no", "off", "disabled", "f", "n")
_LEADING = re.compile(r"[ \t\n\v\f\r]*([-+]?\d{1,18})")


def read_config(
    path: str | os.PathLike[str], profile: str | None = None, version: Version | None = None
) -> ServerConfig:
    """The configuration in `path` by its profile (default: the first one registered), as a server of `version` reads
    it (default: the newest). ScenarioError with file:line when the file is no XML, no server configuration, of the
    format before 1.0, or has no such profile."""
    root = read_xml(path)
    name = shown(path)
    if root.name != ROOT:
        hint = f" ({_CLIENTS[root.name]})" if root.name in _CLIENTS else ""
        raise ScenarioError(f"{name}:{root.line}: must be a <{ROOT}> document (got <{root.name}>){hint}")
    old = next((child for child in _old_parts(root) if child.name in _OLD_FORMAT), None)
    if old is not None and "version" not in root.attributes and root.first("components") is None:
        raise ScenarioError(
            f"{name}:{old.line}: is in the old format of UniMRCP before 1.0, which is not read: "
            f"must have <components> and <profiles> as since 1.0 (got <{old.name}>)"
        )
    return _Reader(root, name, version).read(profile)


def _old_parts(root: Element) -> list[Element]:
    return [*root.children, *(inner for settings in root.all("settings") for inner in settings.children)]


@dataclass(frozen=True, slots=True)
class _Component:
    """A component as it was registered: what its addresses are depends on what stood before it."""

    element: Element
    ip: Address
    ext_ip: Address | None


@dataclass(frozen=True, slots=True)
class _Profile:
    """A profile as it was loaded: the components that it found, and why it was not registered."""

    element: Element
    id: str
    parts: dict[str, _Component | None]
    missing: str


class _Reader:
    """Goes through the document as `unimrcp_server_load` does: what a part needs must stand before it."""

    def __init__(self, root: Element, path: str, version: Version | None) -> None:
        self.root = root
        self.path = path
        self.problems: list[Problem] = []
        self.version = self.find_version(version)
        self.ip = Address("<ip>", DEFAULT_IP, root.line, "default")
        self.ext_ip: Address | None = None
        self.components: dict[tuple[str, str], _Component] = {}
        self.disabled: dict[tuple[str, str], Element] = {}
        self.engines: dict[str, EngineEntry] = {}
        self.resources: dict[str, int] = {}
        self.profiles: list[_Profile] = []
        self.rtsp = 0

    def problem(self, code: str, at: Element, setting: str, value: str, message: str, effect: str) -> None:
        self.problems.append(Problem(code, at.line, setting, value, message, effect))

    def find_version(self, version: Version | None) -> ServerVersion:
        """The version to read the file for; where none was given, the newest, with what the file asks for at least."""
        if version is not None:
            return ServerVersion(version, given=True)
        least, evidence, line = OLDEST, "", 0
        stack = [self.root]
        while stack:
            element = stack.pop()
            stack += reversed(element.children)
            since = SINCE.get(element.name, OLDEST)
            if since > least:
                least, evidence, line = since, element.name, element.line
        return ServerVersion(NEWEST, False, least, evidence, line)

    def read(self, wanted: str | None) -> ServerConfig:
        self.check_names(self.root)
        declared = self.root.attributes.get("version", "")
        if "version" not in self.root.attributes:
            self.problem(
                "no-version", self.root, "version", "", f"<{ROOT}> has no version attribute",
                "the server refuses the whole file and runs without agents: 0 calls",
            )  # fmt: skip
        for part in self.root.children:
            if part.name == "properties":
                self.load_properties(part)
            elif part.name == "components":
                self.load_components(part)
            elif part.name == "settings":
                self.load_settings(part)
            elif part.name == "profiles":
                self.load_profiles(part)
        return self.configuration(declared, wanted)

    # --- names ---------------------------------------------------------------------------------------------------

    def check_names(self, element: Element) -> None:
        known = KNOWN.get(element.name)
        for child in element.children:
            if known is not None and child.name not in known:
                near = get_close_matches(child.name, known, n=1)
                hint = f"; did you mean <{near[0]}>?" if near else ""
                self.problem(
                    "unknown-element", child, child.name, child.text,
                    f"<{element.name}> has no <{child.name}>{hint}", "the server ignores it and uses its default",
                )  # fmt: skip
            elif not self.knows(child.name):
                self.problem(
                    "newer-element", child, child.name, child.text,
                    f"<{child.name}> came with UniMRCP {'.'.join(map(str, SINCE[child.name]))}",
                    f"a server of {self.version} ignores it",
                )  # fmt: skip
            if element.name != "mrcpv2-profile":
                self.check_names(child)

    def knows(self, name: str) -> bool:
        """Whether a server of this version knows an element."""
        return SINCE.get(name, OLDEST) <= self.version.version

    def enabled(self, element: Element) -> bool:
        """Only `enable="false"` disables; any other word leaves the element on."""
        said = element.attributes.get("enable", "")
        if said.strip().lower() in (*_DISABLED_ELSEWHERE, "false") and said.lower() != "false":
            what = element.attributes.get("id", "")
            self.problem(
                "not-disabled", element, "enable", said,
                f'enable="{said}" does not disable <{element.name}> {what}: only "false" does',
                "the server takes it for enabled",
            )  # fmt: skip
        return said.lower() != "false"

    # --- values --------------------------------------------------------------------------------------------------

    def number(self, element: Element | None, setting: str, default: int) -> Value:
        """The number that the server makes of the element's first piece of text: `atol`, so no number is 0."""
        if element is None or element.cdata is None:
            return Value(default, 0, setting)
        match = _LEADING.match(element.cdata)
        number = int(match[1]) if match else 0
        whole = match is not None and not element.cdata[match.end() :].strip() and element.cdata.strip() == element.text
        if not whole:
            why = (
                f"<{setting}> stands on a line of its own, and the server reads only up to the first line end"
                if not element.cdata.strip() and element.text
                else f"<{setting}> must be a whole number (got {shorten(element.text)})"
            )
            self.problem(
                "not-a-number", element, setting, element.text, why, f"the server reads it as {number}"
            )  # fmt: skip
        if number < 0:
            self.problem(
                "negative", element, setting, element.text, f"<{setting}> must not be negative (got {number})",
                "the server takes it for a huge unsigned number; the scenario uses its default",
            )  # fmt: skip
            return Value(default, element.line, setting, element.text)
        if number > LARGEST_NUMBER:
            self.problem(
                "too-large", element, setting, element.text, f"<{setting}> is beyond all measure ({number})",
                f"the server may wrap it round; the scenario has {LARGEST_NUMBER}",
            )  # fmt: skip
            number = LARGEST_NUMBER
        return Value(number, element.line, setting, element.text)

    def numbers(self, kind: str, component: Element | None) -> dict[str, Value]:
        found = {}
        for setting, default in NUMBERS.get(kind, ()):
            if not self.knows(setting):
                found[setting] = Value(0, 0, setting, since=SINCE[setting])
                continue
            found[setting] = self.number(self.last(component, setting), setting, default)
        return found

    def last(self, parent: Element | None, name: str) -> Element | None:
        """The last child of a name that says something: each one before it is replaced."""
        every = parent.all(name) if parent is not None else []
        if len(every) > 1:
            self.problem(
                "twice", every[-1], name, every[-1].text,
                f"<{name}> stands {len(every)} times, first in line {every[0].line}", "the last one counts",
            )  # fmt: skip
        saying = [one for one in every if one.cdata is not None or one.attributes.get("type")]
        return saying[-1] if saying else None

    def address(self, element: Element) -> Address:
        """The address that the server makes of an element; found by itself for `auto` and `iface`."""
        kind = element.attributes.get("type", "").lower()
        if kind in ("auto", "iface"):
            return Address(f"<{element.name}>", "", element.line, kind)
        if element.cdata is None:
            return Address(f"<{element.name}>", self.ip.text, element.line, "empty")
        if element.cdata != element.text:
            self.problem(
                "blank-in-address", element, element.name, element.text,
                f"the address in <{element.name}> has blanks or line ends around it", "the server does not trim it: it "
                "can not listen on such an address",
            )  # fmt: skip
        return Address(f"<{element.name}>", element.cdata.strip(), element.line, "given")

    # --- parts, in the order of the file -----------------------------------------------------------------------------

    def load_properties(self, part: Element) -> None:
        if self.components:
            self.problem(
                "late-properties", part, "properties", "", "<properties> stands after components",
                "those before it already have the server's default address",
            )  # fmt: skip
        for name in ("ip", "ext-ip"):
            self.last(part, name)  # tells when it stands twice
        for element in part.children:
            if element.name == "ip":
                self.ip = self.address(element)
            elif element.name == "ext-ip":
                self.ext_ip = self.address(element)

    def load_components(self, part: Element) -> None:
        for element in part.children:
            if element.name == "resource-factory":
                self.load_resources(element)
            elif element.name == "plugin-factory":
                self.load_engines(element)
            else:
                self.register(element)

    def register(self, element: Element) -> None:
        """A component with an id of its own."""
        key = (element.name, element.attributes.get("id", ""))
        if not key[1]:
            if element.name in PARTS:
                self.problem(
                    "no-id", element, element.name, "", f"<{element.name}> has no id", "the server does not load it"
                )
            return
        if not self.enabled(element):
            self.disabled[key] = element
            return
        if element.name == "rtsp-uas" and not self.rtsp:
            self.rtsp = element.line
        before = self.components.get(key)
        if before is not None and element.name in PARTS:
            self.problem(
                "duplicate-id", element, element.name, key[1],
                f"<{element.name}> {key[1]} stands twice, first in line {before.element.line}", "the last one counts",
            )  # fmt: skip
        self.components[key] = _Component(element, self.ip, self.ext_ip)

    def load_settings(self, part: Element) -> None:
        for element in part.all("rtp-settings"):
            self.register(element)

    def load_resources(self, factory: Element) -> None:
        for one in factory.all("resource"):
            id_ = one.attributes.get("id", "")
            if id_ not in RESOURCES:
                near = get_close_matches(id_, RESOURCES, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                self.problem(
                    "unknown-resource", one, "resource", id_, f"there is no MRCP resource {shorten(id_)}{hint}",
                    "calls that ask for it get 404",
                )  # fmt: skip
            elif self.enabled(one):
                self.resources[id_] = one.line

    def load_engines(self, factory: Element) -> None:
        for one in factory.all("engine"):
            id_, name = one.attributes.get("id"), one.attributes.get("name")
            if id_ is None or name is None or not name:
                missing = "id" if id_ is None else "name"
                self.problem(
                    "engine-incomplete", one, "engine", id_ or name or "", f"<engine> has no {missing}",
                    "the server does not load this plugin",
                )  # fmt: skip
                continue
            count = self.number(self.last(one, "max-channel-count"), "max-channel-count", 0)
            params = {p.attributes.get("name", ""): p.attributes.get("value", "") for p in one.all("param")}
            enabled = self.enabled(one)
            before = self.engines.get(id_)
            if before is not None and before.enabled and enabled:
                self.problem(
                    "duplicate-id", one, "engine", id_, f"<engine> {id_} stands twice, first in line {before.line}",
                    "the last one counts",
                )  # fmt: skip
            if before is None or enabled:
                self.engines[id_] = EngineEntry(id_, name, enabled, one.line, count, params)

    # --- profiles ----------------------------------------------------------------------------------------------------

    def load_profiles(self, part: Element) -> None:
        for profile in part.all("mrcpv2-profile"):
            if profile.attributes.get("id") and self.enabled(profile):
                kinds = (kind for kind in PARTS if kind != "rtp-settings")
                parts = {kind: self.resolve(kind, profile) for kind in kinds}
                self.add_profile(_Profile(profile, profile.attributes["id"], parts, self.missing(profile)))

    def add_profile(self, profile: _Profile) -> None:
        """One more; it replaces one of the same id, if it is registered."""
        before = next((one for one in self.profiles if one.id == profile.id), None)
        if before is not None:
            self.problem(
                "duplicate-id", profile.element, "mrcpv2-profile", profile.id,
                f"<mrcpv2-profile> {profile.id} stands twice, first in line {before.element.line}",
                "the last one counts" if not profile.missing else "the first one counts: the other is not registered",
            )  # fmt: skip
            if profile.missing and not before.missing:
                return
            self.profiles.remove(before)
        self.profiles.append(profile)

    def resolve(self, kind: str, profile: Element) -> _Component | None:
        """The component that a profile names: exactly its id, and only if it was loaded before."""
        reference = self.last(profile, kind)
        if reference is None or reference.cdata is None:
            return None
        found = self.components.get((kind, reference.cdata))
        if found is None and (kind, reference.text) in self.components:
            self.problem(
                "blank-in-reference", reference, kind, reference.text,
                f"the reference <{kind}> has blanks or line ends around {shorten(reference.text)}",
                "the server does not trim it and finds no such component",
            )  # fmt: skip
        return found

    def missing(self, profile: Element) -> str:
        """Why a profile is not registered; "" when it is."""
        for kind, words in PARTS.items():
            needed = kind != "rtp-settings" or self.version.version >= RTP_SETTINGS_NEEDED
            reference = profile.first(kind)
            text = reference.text if reference is not None else ""
            key = (kind, reference.cdata or "" if reference is not None else "")
            if not needed or key in self.components:
                continue
            if not text:
                return f"profile {profile.attributes['id']} names no <{kind}>"
            why = "is disabled" if (kind, text) in self.disabled else "does not exist"
            if (kind, text) in self.components:
                why = "has blanks around it that the server does not trim"
            return f"the {words} {text} that profile {profile.attributes['id']} names {why}"
        return ""

    def choose(self, wanted: str | None) -> _Profile | None:
        if wanted is None:
            registered = [profile for profile in self.profiles if not profile.missing]
            return next(iter(registered or self.profiles), None)
        names = [profile.id for profile in self.profiles]
        if wanted in names:
            return self.profiles[names.index(wanted)]
        near = get_close_matches(wanted, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ScenarioError(
            f"{self.path}: has no enabled mrcpv2-profile {shorten(wanted)} (it has {', '.join(names) or 'none'}){hint}"
        )

    def configuration(self, declared: str, wanted: str | None) -> ServerConfig:
        profile = self.choose(wanted)
        chosen = profile.element if profile is not None else None
        parts = profile.parts if profile is not None else {}
        numbers: dict[str, Value] = {}
        flags: dict[str, tuple[bool, int]] = {}
        addresses: list[Address] = []
        for kind in PARTS:
            component = parts.get(kind)
            element = component.element if component is not None else None
            reference = chosen.first(kind) if chosen is not None else None
            if component is None and reference is not None:
                element = self.disabled.get((kind, reference.text))
            numbers |= self.numbers(kind, element)
            for flag in FLAGS.get(kind, ()):
                found = self.last(element, flag) if self.knows(flag) else None
                on = found is not None and (found.cdata or "").lower() == "true"
                flags[flag] = (on, found.line if found else 0)
            if component is not None and kind in _ADDRESSES:
                addresses.append(self.listens_on(kind, component))
        agent = parts.get("sip-uas")
        table, attribs = mapping(chosen, self.version.version, self.problem)
        engines = list(self.engines.values())
        opened = assign(engines, self.resources, table, self.problem)
        rivals = [
            other.id
            for other in self.profiles
            if agent is not None and other.parts["sip-uas"] is agent and not other.missing
        ]
        return ServerConfig(
            path=self.path, declared=declared, server=self.version,
            profile=profile.id if profile is not None else "",
            profile_line=chosen.line if chosen is not None else self.root.line,
            numbers=numbers, flags=flags, engines=engines, resources=self.resources,
            unserved=profile.missing if profile is not None else "no enabled <mrcpv2-profile>",
            listens=agent is not None and not self.refused(),
            profiles=[one.id for one in self.profiles], rivals=rivals, rtsp=self.rtsp,
            addresses=addresses, problems=self.problems, attribs=attribs, open_choices=opened,
            listeners=[
                listener(*key, one.element, one.ip.text, self._plain)
                for key, one in self.components.items() if key[0] in LISTENING
            ],
        )  # fmt: skip

    def refused(self) -> bool:
        return "version" not in self.root.attributes

    def _plain(self, component: Element, setting: str, default: int) -> Value:
        """A number of a component that is perhaps not this profile's: what is odd about it is not told."""
        known, self.problems = self.problems, []
        found = self.number(self.last(component, setting), setting, default)
        self.problems = known
        return found

    def listens_on(self, kind: str, component: _Component) -> Address:
        """Where a component listens, and whether it tells callers another address."""
        own = self.last(component.element, _ADDRESSES[kind])
        base = self.address(own) if own is not None else component.ip
        outside = component.element.first(_OUTSIDE[kind]) if kind in _OUTSIDE else None
        told = outside is not None or (kind in _OUTSIDE and component.ext_ip is not None)
        return base.of(PARTS[kind], own is not None, told)
