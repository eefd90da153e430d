"""`unimrcpserver.xml` as the server itself would read it: defaults, ignored case, numbers read by `atol`.

What the server would ignore or misread is kept as a `Problem`, never silently mended.
"""

import os
import re
from dataclasses import dataclass, field
from difflib import get_close_matches

from sim.errors import ScenarioError
from sim.scenario.files import shown
from sim.scenario.problems import shorten
from sim.vocabulary.plugins import RESOURCES
from sim.xmlconfig.tree import Element, read_xml

ROOT = "unimrcpserver"
LARGEST_NUMBER = 10**8

_KNOWN: dict[str, tuple[str, ...]] = {
    ROOT: ("properties", "components", "settings", "profiles", "misc"),
    "components": (
        "resource-factory", "sip-uas", "rtsp-uas", "mrcpv2-uas", "media-engine", "rtp-factory", "plugin-factory",
    ),
    "sip-uas": (
        "sip-ip", "sip-ext-ip", "sip-port", "sip-transport", "force-destination", "disable-soa", "ua-name",
        "sdp-origin", "sip-t1", "sip-t2", "sip-t4", "sip-t1x64", "sip-session-expires", "sip-min-session-expires",
        "sip-message-output", "sip-message-dump", "extract-feature-tags", "extract-call-id", "extract-user-name",
    ),
    "mrcpv2-uas": (
        "mrcp-ip", "mrcp-port", "max-connection-count", "max-shared-use-count", "force-new-connection",
        "rx-buffer-size", "tx-buffer-size", "inactivity-timeout", "termination-timeout",
    ),
    "media-engine": ("realtime-rate",),
    "rtp-factory": ("rtp-ip", "rtp-ext-ip", "rtp-port-min", "rtp-port-max"),
    "plugin-factory": ("engine",),
    "engine": ("max-channel-count", "param"),
    "profiles": ("mrcpv2-profile", "mrcpv1-profile"),
    "mrcpv2-profile": (
        "sip-uas", "mrcpv2-uas", "media-engine", "rtp-factory", "rtp-settings", "resource-engine-map",
    ),
}  # fmt: skip
_LEADING = re.compile(r"\s*([-+]?\d{1,18})")
_BY_NAME: tuple[tuple[str, str], ...] = (
    ("synth", "speechsynth"), ("tts", "speechsynth"), ("recog", "speechrecog"), ("asr", "speechrecog"),
    ("verif", "speakverify"), ("record", "recorder"), ("polly", "speechsynth"), ("lex", "speechrecog"),
    ("dialogflow", "speechrecog"), ("whisper", "speechrecog"),
)  # fmt: skip
_BY_ENDING: tuple[tuple[str, str], ...] = (("ss", "speechsynth"), ("sr", "speechrecog"), ("df", "speechrecog"))


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the file that the server ignores or reads differently from what it says."""

    code: str
    line: int
    setting: str
    value: str
    message: str
    effect: str


@dataclass(frozen=True, slots=True)
class Value:
    """A number as the server reads it; `line` 0: not in the file, the server's default."""

    number: int
    line: int
    setting: str
    text: str = ""

    @property
    def given(self) -> bool:
        """Whether the file says it."""
        return self.line > 0


@dataclass(slots=True)
class Engine:
    """One plugin of `<plugin-factory>`."""

    id: str
    name: str
    enabled: bool
    line: int
    max_channel_count: Value
    params: dict[str, str] = field(default_factory=dict)
    serves: list[str] = field(default_factory=list)  # resources of the chosen profile
    guessed: bool = False  # which resource it serves was told from its name


@dataclass(slots=True)
class ServerConfig:
    """What one MRCPv2 profile of the file makes of the server."""

    path: str
    version: str
    profile: str
    profile_line: int
    numbers: dict[str, Value]
    flags: dict[str, tuple[bool, int]]
    engines: list[Engine]
    resources: dict[str, int]  # those that are registered → line
    offline: str = ""  # why no SIP call can be served at all
    offline_line: int = 0
    profiles: list[str] = field(default_factory=list)
    rtsp: int = 0  # line of an enabled MRCPv1 agent
    ip: tuple[str, int] = ("", 0)
    problems: list[Problem] = field(default_factory=list)
    attribs: dict[str, dict[str, str]] = field(default_factory=dict)  # resource → attribs of the profile's map


_NUMBERS: dict[str, tuple[tuple[str, int], ...]] = {
    "sip-uas": (
        ("sip-port", 8060), ("sip-t1", 0), ("sip-t2", 0), ("sip-t4", 0), ("sip-t1x64", 0),
        ("sip-session-expires", 600), ("sip-min-session-expires", 120),
    ),
    "mrcpv2-uas": (
        ("mrcp-port", 1544), ("max-connection-count", 100), ("max-shared-use-count", 100),
        ("inactivity-timeout", 600), ("termination-timeout", 3),
    ),
    "rtp-factory": (("rtp-port-min", 5000), ("rtp-port-max", 6000)),
    "media-engine": (("realtime-rate", 1),),
}  # fmt: skip
_FLAGS = {"sip-uas": ("extract-call-id", "extract-user-name"), "mrcpv2-uas": ("force-new-connection",)}
_WORDS = {
    "sip-uas": "SIP agent", "mrcpv2-uas": "MRCPv2 connection agent", "media-engine": "media engine",
    "rtp-factory": "RTP factory",
}  # fmt: skip


def read_config(path: str | os.PathLike[str], profile: str | None = None) -> ServerConfig:
    """The configuration in `path` by its profile (default: the first enabled one). ScenarioError with file:line when
    the file is no XML, no server configuration, or has no such profile."""
    root = read_xml(path)
    name = shown(path)
    if root.name != ROOT:
        hint = " (this is the client's configuration)" if root.name == "unimrcpclient" else ""
        raise ScenarioError(f"{name}:{root.line}: must be a <{ROOT}> document (got <{root.name}>){hint}")
    return _Reader(root, name).read(profile)


class _Reader:
    def __init__(self, root: Element, path: str) -> None:
        self.root = root
        self.path = path
        self.problems: list[Problem] = []
        self.components = root.first("components") or Element("components", {}, root.line)

    def problem(self, code: str, at: Element, setting: str, value: str, message: str, effect: str) -> None:
        self.problems.append(Problem(code, at.line, setting, value, message, effect))

    def read(self, wanted: str | None) -> ServerConfig:
        self.check_names(self.root)
        version = self.root.attributes.get("version", "")
        if not version:
            self.problem(
                "no-version", self.root, "version", "", f"<{ROOT}> has no version attribute",
                "the server refuses the whole file and runs without agents: 0 calls",
            )  # fmt: skip
        chosen, names = self.choose(wanted)
        numbers: dict[str, Value] = {}
        flags: dict[str, tuple[bool, int]] = {}
        offline, offline_line = "", 0
        for kind in _WORDS:
            component, why = self.component(kind, chosen)
            if why and not offline:
                offline, offline_line = why, chosen.line if chosen is not None else self.root.line
            numbers |= self.numbers(kind, component)
            for flag in _FLAGS.get(kind, ()):
                found = component.first(flag) if component is not None else None
                flags[flag] = (found is not None and found.text.lower() == "true", found.line if found else 0)
        engines = self.engines()
        resources = self.resources()
        attribs = self.assign(engines, resources, chosen)
        config = ServerConfig(
            self.path, version, chosen.attributes.get("id", "") if chosen is not None else "",
            chosen.line if chosen is not None else 0, numbers, flags, engines, resources, offline, offline_line, names,
            problems=self.problems, attribs=attribs,
        )  # fmt: skip
        rtsp = [one for one in self.components.all("rtsp-uas") if _enabled(one)]
        config.rtsp = rtsp[0].line if rtsp else 0
        properties = self.root.first("properties")
        ip = properties.first("ip") if properties is not None else None
        if ip is not None:
            config.ip = (ip.text or ip.attributes.get("type", ""), ip.line)
        return config

    # --- names ---------------------------------------------------------------------------------------------------

    def check_names(self, element: Element) -> None:
        known = _KNOWN.get(element.name)
        for child in element.children:
            if known is not None and child.name not in known:
                near = get_close_matches(child.name, known, n=1)
                hint = f"; did you mean <{near[0]}>?" if near else ""
                self.problem(
                    "unknown-element", child, child.name, child.text,
                    f"<{element.name}> has no <{child.name}>{hint}", "the server ignores it and uses its default",
                )  # fmt: skip
            if element.name != "mrcpv2-profile":
                self.check_names(child)

    # --- values --------------------------------------------------------------------------------------------------

    def number(self, element: Element | None, setting: str, default: int) -> Value:
        """The number the server makes of the element's text: `atol`, so text without a number is 0."""
        if element is None or not element.text:
            return Value(default, 0, setting)
        match = _LEADING.match(element.text)
        number = int(match[1]) if match else 0
        if match is None or match.end() != len(element.text):
            self.problem(
                "not-a-number", element, setting, element.text,
                f"<{setting}> must be a whole number (got {shorten(element.text)})", f"the server reads it as {number}",
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
        for setting, default in _NUMBERS.get(kind, ()):
            elements = component.all(setting) if component is not None else []
            if len(elements) > 1:
                self.problem(
                    "twice", elements[-1], setting, elements[-1].text,
                    f"<{setting}> stands {len(elements)} times, first in line {elements[0].line}",
                    "the last one counts",
                )  # fmt: skip
            found[setting] = self.number(elements[-1] if elements else None, setting, default)
        return found

    # --- parts ---------------------------------------------------------------------------------------------------

    def choose(self, wanted: str | None) -> tuple[Element | None, list[str]]:
        profiles = self.root.first("profiles")
        every = profiles.all("mrcpv2-profile") if profiles is not None else []
        usable = [one for one in every if _enabled(one) and one.attributes.get("id")]
        names = [one.attributes["id"] for one in usable]
        if wanted is not None:
            for one in usable:
                if one.attributes["id"] == wanted:
                    return one, names
            near = get_close_matches(wanted, names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            have = ", ".join(names) or "none"
            raise ScenarioError(f"{self.path}: has no enabled mrcpv2-profile {shorten(wanted)} (it has {have}){hint}")
        return (usable[0] if usable else None), names

    def component(self, kind: str, profile: Element | None) -> tuple[Element | None, str]:
        """The component that the profile names; why there is none."""
        if profile is None:
            return None, "no enabled <mrcpv2-profile>: the server answers 488 to every call"
        reference = profile.first(kind)
        words = _WORDS[kind]
        if reference is None or not reference.text:
            return None, f"profile {profile.attributes['id']} names no <{kind}>: the server does not register it"
        same = [one for one in self.components.all(kind) if one.attributes.get("id") == reference.text]
        on = [one for one in same if _enabled(one)]
        if len(on) > 1:
            self.problem(
                "duplicate-id", on[-1], kind, reference.text,
                f"{len(on)} components <{kind}> have the id {reference.text}", "the last one counts",
            )  # fmt: skip
        if on:
            return on[-1], ""
        why = "is disabled" if same else "does not exist"
        return (same[0] if same else None), f"the {words} {reference.text} that the profile names {why}"

    def engines(self) -> list[Engine]:
        found = []
        for factory in self.components.all("plugin-factory"):
            for one in factory.all("engine"):
                id_, name = one.attributes.get("id", ""), one.attributes.get("name", "")
                if not id_ or not name:
                    missing = "id" if not id_ else "name"
                    self.problem(
                        "engine-incomplete", one, "engine", id_ or name, f"<engine> has no {missing}",
                        "the server does not load this plugin",
                    )  # fmt: skip
                    continue
                count = self.number(one.first("max-channel-count"), "max-channel-count", 0)
                params = {
                    param.attributes.get("name", ""): param.attributes.get("value", "") for param in one.all("param")
                }
                found.append(Engine(id_, name, _enabled(one), one.line, count, params))
        return found

    def resources(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for factory in self.components.all("resource-factory"):
            for one in factory.all("resource"):
                id_ = one.attributes.get("id", "")
                if id_ not in RESOURCES:
                    near = get_close_matches(id_, RESOURCES, n=1)
                    hint = f"; did you mean {near[0]}?" if near else ""
                    self.problem(
                        "unknown-resource", one, "resource", id_, f"there is no MRCP resource {shorten(id_)}{hint}",
                        "calls that ask for it get 404",
                    )  # fmt: skip
                elif _enabled(one):
                    found[id_] = one.line
        return found

    # --- which engine serves which resource ------------------------------------------------------------------------

    def assign(
        self, engines: list[Engine], resources: dict[str, int], profile: Element | None
    ) -> dict[str, dict[str, str]]:
        """Fill `Engine.serves` as the server does: the profile's map first, then the first engine that can."""
        on = {engine.id: engine for engine in engines if engine.enabled}
        mapped: dict[str, tuple[str, Element]] = {}
        attribs: dict[str, dict[str, str]] = {}
        for table in profile.all("resource-engine-map") if profile is not None else []:
            for entry in table.children:
                old = entry.name == "param"
                resource = entry.attributes.get("name" if old else "id", "")
                mapped[resource] = (entry.attributes.get("value" if old else "engine", ""), entry)
                attribs[resource] = {
                    a.attributes.get("name", ""): a.attributes.get("value", "") for a in entry.all("attrib")
                }
        for resource in resources:
            name, entry = mapped.get(resource, ("", self.root))
            if name in on:
                on[name].serves.append(resource)
                continue
            if name:
                why = "is disabled" if any(engine.id == name for engine in engines) else "does not exist"
                self.problem(
                    "engine-missing", entry, "resource-engine-map", name,
                    f"{resource} is mapped to engine {name}, which {why}",
                    "the server takes the first other engine that offers the resource; without one, calls get 404",
                )  # fmt: skip
            for engine in on.values():
                if serves(engine) == resource:
                    engine.serves.append(resource)
                    engine.guessed = True
                    break
        return {resource: found for resource, found in attribs.items() if found}


def serves(engine: Engine) -> str:
    """The resource that a plugin offers, told from its file name, then from its id; "" when neither tells."""
    for text in (engine.name.lower(), engine.id.lower()):
        for word, resource in _BY_NAME:
            if word in text:
                return resource
        for ending, resource in _BY_ENDING:
            if text.endswith(ending):
                return resource
    return ""


def _enabled(element: Element) -> bool:
    return element.attributes.get("enable", "").lower() != "false"
