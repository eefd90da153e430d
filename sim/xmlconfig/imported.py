"""A server's configuration becomes a scenario that `load_scenario` accepts, with a comment per value that says where
it came from."""

from dataclasses import dataclass
from typing import Any

from sim.scenario import load_scenario
from sim.scenario.annotated import Noted, plain, to_text
from sim.scenario.units import write_rate, write_time
from sim.vocabulary.plugins import MRCP_RESOURCES
from sim.xmlconfig.config import ServerConfig
from sim.xmlconfig.finding import Expected
from sim.xmlconfig.number import Value

FOR_EVER = "10000d"
_DEMO_FILES = {"demosynth", "demorecog", "demoverifier", "mrcprecorder"}


@dataclass(frozen=True, slots=True)
class ImportedValue:
    """One value of the scenario and where it came from."""

    path: tuple[str, ...]
    value: Any
    comment: str

    def to_dict(self) -> dict[str, Any]:
        """As `mrcpsim import --json` prints it."""
        return {"path": ".".join(self.path), "value": self.value, "from": self.comment}


def imported(config: ServerConfig, expected: Expected | None = None, name: str = "imported") -> list[ImportedValue]:
    """Every value that the configuration (and the expected load) says about a scenario."""
    return _Importer(config, expected, name).entries()


def scenario_text(entries: list[ImportedValue], config: ServerConfig) -> str:
    """The scenario file. What stands in it was checked by `load_scenario`."""
    head = [
        f"Imported by `mrcpsim import` from {config.path}, profile {config.profile or '(none)'}, {config.server.said}.",
        "The configuration says what the server may hold and when it gives up, not what load it gets, how long its "
        "plugins take, or what its work costs: set those (arrivals, calls, plugins.*), or calibrate them on a log.",
    ]
    tree = _tree(entries)
    load_scenario(plain(tree))
    return to_text(tree, head, beside=True)


def _tree(entries: list[ImportedValue]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for entry in entries:
        inner = tree
        for key in entry.path[:-1]:
            inner = inner.setdefault(key, {})
        inner[entry.path[-1]] = Noted(entry.value, entry.comment)
    return tree


class _Importer:
    def __init__(self, config: ServerConfig, expected: Expected | None, name: str) -> None:
        self.config = config
        self.n = config.numbers
        self.expected = expected
        self.name = name
        self.made: list[ImportedValue] = []

    def put(self, path: str, value: Any, comment: str) -> None:
        self.made.append(ImportedValue(tuple(path.split(".")), value, comment))

    def source(self, value: Value, more: str = "") -> str:
        """Where a number came from, for the comment."""
        if value.given:
            said = f"line {value.line}: <{value.setting}>"
        elif value.since is not None:
            said = f"UniMRCP {self.config.server} has no <{value.setting}>"
        else:
            said = f"<{value.setting}> not set: the server's default"
        return said + (f", {more}" if more else "")

    def entries(self) -> list[ImportedValue]:
        self.put("name", self.name, "also the name of the result folder")
        self.load()
        self.put("server.profile", self.config.profile or "uni2", f"line {self.config.profile_line}: <mrcpv2-profile>")
        self.sip()
        self.limits()
        self.media()
        self.connection()
        self.plugins()
        return self.made

    def load(self) -> None:
        expected = self.expected
        if expected is not None and expected.rate is not None:
            self.put("arrivals.rate", write_rate(expected.rate), "from --rate")
            self.put("calls.hold.dist", "exponential", "assumed")
            self.put("calls.hold.mean", write_time(expected.calls / expected.rate), "expected calls at once ÷ rate")
        elif expected is not None:
            self.put("arrivals.rate", write_rate(expected.calls / 60.0), "from --expect-calls, at 1 min each")
            self.put("calls.hold.dist", "exponential", "assumed")
            self.put("calls.hold.mean", "60s", "assumed: give --rate and --hold to set it")
        served = [resource for resource in self.config.resources if self.config.engine_of(resource)]
        wanted = "speechrecog" if "speechrecog" in served or not served else served[0]
        why = "assumed: what your callers ask for" + (f"; this server offers {', '.join(served)}" if served else "")
        self.put("calls.resources", [wanted], why)
        if self.config.unserved and self.config.listens:
            self.put("calls.profile_missing", 1, _one_line(f"{self.config.unserved}: answered 488"))

    def sip(self) -> None:
        t1, t2, t4 = self.n["sip-t1"], self.n["sip-t2"], self.n["sip-t4"]
        first = (t1.number or 500) / 1000
        self.put("server.sip.t1", write_time(first), self.source(t1, "ms"))
        self.put("server.sip.t2", write_time(max(first, (t2.number or 4000) / 1000)), self.source(t2, "ms"))
        self.put("server.sip.t4", write_time((t4.number or 5000) / 1000), self.source(t4, "ms"))
        self.put("server.sip.bye_response", "immediate", "not in the file: what UniMRCP 1.8.0 was measured to do")
        timer, least = self.n["sip-session-expires"], self.n["sip-min-session-expires"]
        if timer.number == 0:
            self.put("server.sip.session_expires", FOR_EVER, self.source(timer, "0: no session timer"))
        else:
            longest = max(timer.number, least.number)
            self.put("server.sip.session_expires", f"{longest}s", self.source(timer, "s"))
        self.put("server.sip.min_se", f"{max(1, least.number)}s", self.source(least, "s"))
        flags = [self.config.flags[name] for name in ("extract-call-id", "extract-user-name")]
        line = next((line for on, line in flags if on), 0)
        said = f"line {line}: <extract-call-id> or <extract-user-name>" if line else "neither is extracted"
        self.put("server.sip.extract_call_id", bool(line), said)
        if self.config.unserved and not self.config.listens:
            self.put("server.sip.offline", True, _one_line(self.config.unserved))

    def limits(self) -> None:
        low, high = self.n["rtp-port-min"].number & 0xFFFF, self.n["rtp-port-max"].number & 0xFFFF
        comment = self.source(self.n["rtp-port-min"]) + " and <rtp-port-max>"
        if not 1 <= low < high:
            low = min(max(low, 1), 65533)
            high, comment = low + 2, comment + "; the range holds no port, a scenario has at least one"
        self.put("server.limits.rtp_ports", f"{low}-{high}", f"{comment}: {(high - low + 1) // 2} calls")
        count, shared = self.n["max-connection-count"], self.n["max-shared-use-count"]
        self.put("server.limits.max_connection_count", max(1, count.number), self.source(count))
        self.put(
            "server.limits.max_shared_use_count",
            shared.number or None,
            self.source(shared, "0: no limit" * (not shared.number)),
        )

    def media(self) -> None:
        rate = self.n["realtime-rate"]
        times = rate.number if 1 <= rate.number <= 10 else 1
        self.put("server.media.tick", write_time(0.01 / times), self.source(rate, "10 ms ÷ rate"))

    def connection(self) -> None:
        idle, closing = self.n["inactivity-timeout"], self.n["termination-timeout"]
        self.put(
            "server.connection.inactivity_timeout", f"{idle.number}s" if idle.number else None,
            self.source(idle, "s" if idle.number else "0: never"),
        )  # fmt: skip
        self.put(
            "server.connection.termination_timeout", f"{closing.number}s" if closing.number else FOR_EVER,
            self.source(closing, "s" if closing.number else "0: no timer"),
        )  # fmt: skip
        on, line = self.config.flags["force-new-connection"]
        said = (
            f"line {line}: <force-new-connection>" if line else "<force-new-connection> not set: the server's default"
        )
        self.put("server.connection.force_new_connection", on, said)

    def chosen_how(self, resource: str, guessed: bool) -> str:
        """How it is known that an engine serves a resource."""
        choice = next((choice for choice in self.config.open_choices if choice.resource == resource), None)
        if choice is not None:
            return f"or {' or '.join(name for name in choice.engines if name != choice.taken)}: open at every start"
        return "told from its name" if guessed else "by <resource-engine-map>"

    def plugins(self) -> None:
        tasks: set[str] = set()
        for resource in self.config.resources:
            engine = self.config.engine_of(resource)
            if engine is None:
                continue
            how = self.chosen_how(resource, engine.guessed)
            params = "".join(f"; {key}={value}" for key, value in sorted(engine.params.items()) if key)
            attribs = "".join(
                f"; {key}={value}" for key, value in sorted(self.config.attribs.get(resource, {}).items())
            )
            comment = _one_line(
                f"line {engine.line}: <engine> {engine.name}, serves {resource} ({how}){params}{attribs}"
            )
            self.put(f"plugins.{resource}.id", engine.id, comment)
            demo = engine.name.lower() in _DEMO_FILES and MRCP_RESOURCES[resource].task not in tasks
            task = MRCP_RESOURCES[resource].task if demo else engine.id
            if task in tasks:
                task = f"{engine.id} {resource}"
            tasks.add(task)
            origin = (
                "name of its task: the demo plugin's" if demo else "name of its task: not in the file, see your log"
            )
            self.put(f"plugins.{resource}.engine", task, origin)
            limit = engine.max_channel_count
            self.put(
                f"plugins.{resource}.max_channel_count",
                limit.number or None,
                self.source(limit, "" if limit.number else "no limit"),
            )


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
