"""Which engine serves which resource: the profile's map first, else any engine that offers it, in an open order.

The server walks through a hash table of its engines (`mrcp_engine_factory_engine_find`), whose order APR seeds anew at
every start.
"""

from typing import Final

from sim.vocabulary.plugins import RESOURCES
from sim.xmlconfig.config import EngineEntry, OpenChoice, Tell
from sim.xmlconfig.tree import Element
from sim.xmlconfig.versions import MAP_OF_RESOURCES, Version

_BY_NAME: Final[tuple[tuple[str, str], ...]] = (
    ("synth", "speechsynth"), ("tts", "speechsynth"), ("recog", "speechrecog"), ("asr", "speechrecog"),
    ("verif", "speakverify"), ("record", "recorder"), ("polly", "speechsynth"), ("lex", "speechrecog"),
    ("dialogflow", "speechrecog"), ("whisper", "speechrecog"), ("sphinx", "speechrecog"), ("kaldi", "speechrecog"),
    ("vosk", "speechrecog"), ("julius", "speechrecog"), ("cepstral", "speechsynth"), ("swift", "speechsynth"),
    ("flite", "speechsynth"), ("festival", "speechsynth"), ("espeak", "speechsynth"),
)  # fmt: skip
_BY_ENDING: Final[tuple[tuple[str, str], ...]] = (
    ("ss", "speechsynth"), ("sr", "speechrecog"), ("df", "speechrecog"),
)  # fmt: skip

Entry = tuple[str, Element]
"""The engine that a map names, and where."""


def mapping(
    profile: Element | None, version: Version, tell: Tell
) -> tuple[dict[str, Entry], dict[str, dict[str, str]]]:
    """The profile's map of resources and engines as the server reads it, and the attribs in it: the last map counts."""
    mapped: dict[str, Entry] = {}
    attribs: dict[str, dict[str, str]] = {}
    for table in profile.all("resource-engine-map") if profile is not None else []:
        if table.cdata is None:
            tell(
                "map-skipped", table, "resource-engine-map", "",
                "<resource-engine-map> has no blank or line end before its first entry",
                "the server takes it for empty and skips it: each resource gets any engine that offers it",
            )  # fmt: skip
            continue
        mapped, attribs = {}, {}
        for entry in table.children:
            resource, engine = _entry(entry, version, tell)
            if not resource:
                continue
            mapped[resource] = (engine, entry)
            said = {a.attributes.get("name", ""): a.attributes.get("value", "") for a in entry.all("attrib")}
            if said:
                attribs[resource] = said
            else:
                attribs.pop(resource, None)
    return mapped, attribs


def _entry(entry: Element, version: Version, tell: Tell) -> tuple[str, str]:
    """The resource and the engine of one entry of the map; no resource: the server ignores it."""
    old = entry.name == "param" or version < MAP_OF_RESOURCES
    resource = entry.attributes.get("name" if old else "id", "")
    if entry.name not in ("param", "resource") or not resource:
        why = "takes only <param name= value=>" if version < MAP_OF_RESOURCES else "names no resource"
        tell(
            "map-entry-ignored", entry, "resource-engine-map", entry.attributes.get("id", ""),
            f"the server ignores this <{entry.name}>: the map {why}",
            "the resource gets any engine that offers it",
        )  # fmt: skip
        return "", ""
    if resource not in RESOURCES:
        tell(
            "unknown-resource", entry, "resource-engine-map", resource, f"there is no MRCP resource '{resource}'",
            "the entry maps nothing",
        )  # fmt: skip
    return resource, entry.attributes.get("value" if old else "engine", "")


def assign(
    engines: list[EngineEntry], resources: dict[str, int], mapped: dict[str, Entry], tell: Tell
) -> list[OpenChoice]:
    """Fill `Engine.serves`, and say where the server's choice is open."""
    on = {engine.id: engine for engine in engines if engine.enabled}
    choices = []
    for resource in resources:
        name, entry = mapped.get(resource, ("", None))
        if name in on:
            on[name].serves.append(resource)
            continue
        if name and entry is not None:
            why = "is disabled" if any(engine.id == name for engine in engines) else "does not exist"
            tell(
                "engine-missing", entry, "resource-engine-map", name,
                f"{resource} is mapped to engine {name}, which {why}",
                "the server takes any other engine that offers the resource; without one, calls get 404",
            )  # fmt: skip
        able = [engine for engine in on.values() if serves(engine) == resource]
        if not able:
            continue
        taken = min(able, key=lambda engine: engine.max_channel_count.number or float("inf"))
        taken.serves.append(resource)
        taken.guessed = True
        if len(able) > 1:
            choices.append(OpenChoice(resource, tuple(engine.id for engine in able), taken.id))
    return choices


def serves(engine: EngineEntry) -> str:
    """The resource that a plugin offers, told from its file name, then from its id; "" when neither tells."""
    return _suggests(engine.name) or _suggests(engine.id)


def known_file(engine: EngineEntry) -> bool:
    """Whether the name of a plugin's file tells what it offers."""
    return bool(_suggests(engine.name))


def _suggests(name: str) -> str:
    text = name.lower()
    for word, resource in _BY_NAME:
        if word in text:
            return resource
    return next((resource for ending, resource in _BY_ENDING if text.endswith(ending)), "")
