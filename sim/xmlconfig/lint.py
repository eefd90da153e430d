"""Settings of a server's configuration that will hurt, each with its line and what it does to capacity in calls."""

from collections.abc import Iterator

from sim.theory.queues import erlang_b, needed
from sim.xmlconfig.addresses import misleading
from sim.xmlconfig.config import EngineEntry, ServerConfig
from sim.xmlconfig.engines import known_file, serves
from sim.xmlconfig.finding import Expected, LintFinding, Severity
from sim.xmlconfig.listening import problems
from sim.xmlconfig.number import Value
from sim.xmlconfig.versions import TIMERS

_ORDER: tuple[Severity, ...] = ("error", "warning", "note")

LONG_HOLD_S = 60
ENDLESS = 1_000_000
"""So many calls share one connection before the next one opens its own."""
EPHEMERAL = (32768, 60999)
"""Linux takes the ports of outgoing connections from here unless told otherwise."""


def lint(config: ServerConfig, expected: Expected | None = None) -> list[LintFinding]:
    """Every finding, the grave ones first, then in the order of the file."""
    found = [*_problems(config), *_Lint(config, expected).findings()]
    return sorted(found, key=lambda finding: (_ORDER.index(finding.severity), finding.line))


def _problems(config: ServerConfig) -> Iterator[LintFinding]:
    for problem in config.problems:
        grave = problem.code in ("no-version", "negative", "too-large")
        yield LintFinding(
            problem.code, "error" if grave else "warning", config.path, problem.line, problem.setting, problem.value,
            problem.message, problem.effect,
        )  # fmt: skip


class _Lint:
    def __init__(self, config: ServerConfig, expected: Expected | None) -> None:
        self.config = config
        self.n = config.numbers
        self.expected = expected

    def findings(self) -> Iterator[LintFinding]:
        yield from self.whole()
        for found in problems(self.config.listeners):
            yield self.of(found.value, found.code, found.severity, found.message, found.effect)
        yield from self.rtp()
        yield from self.connections()
        yield from self.timeouts()
        yield from self.sip()
        yield from self.media()
        yield from self.plugins()

    def of(self, value: Value, code: str, severity: Severity, message: str, effect: str) -> LintFinding:
        shown = value.text if value.given else str(value.number)
        return LintFinding(code, severity, self.config.path, value.line, value.setting, shown, message, effect)

    def at(
        self, line: int, setting: str, value: str, code: str, severity: Severity, message: str, effect: str
    ) -> LintFinding:
        return LintFinding(code, severity, self.config.path, line, setting, value, message, effect)

    def short(self, limit: int) -> str:
        """What a limit does to the expected load; "" when it is enough or nothing is expected."""
        if self.expected is None or needed(self.expected.calls) <= limit:
            return ""
        blocked = erlang_b(self.expected.calls, limit)
        least = needed(self.expected.calls)
        return (
            f"with {self.expected.calls:g} calls at once, {blocked:.2%} of the calls meet it; {least} would be enough"
        )

    # --- the whole file ---------------------------------------------------------------------------------------------

    def whole(self) -> Iterator[LintFinding]:
        config = self.config
        if config.unserved:
            yield self.at(
                config.profile_line, "mrcpv2-profile", config.profile, "offline", "error",
                f"{config.unserved}: the server does not register the profile",
                f"no MRCPv2 call can be served: 0 calls; {self.instead()}",
            )  # fmt: skip
        yield from self.profiles()
        if config.rtsp:
            yield self.at(
                config.rtsp, "rtsp-uas", "", "mrcpv1", "note", "the MRCPv1 (RTSP) agent is enabled and not simulated",
                "MRCPv1 calls use the same server task, RTP ports and plugins: subtract them from the capacity",
            )  # fmt: skip
        for place, message, effect in misleading(config.addresses):
            yield self.at(
                place.line, place.setting.strip("<>"), place.text, place.code,
                "error" if place.code == "no-address" else "warning", message, effect,
            )  # fmt: skip
        yield from self.version()

    def instead(self) -> str:
        """What the scenario does about a profile that is not registered."""
        if self.config.listens:
            return "each INVITE is answered 488, as in the scenario"
        return "the scenario has the agent offline"

    def profiles(self) -> Iterator[LintFinding]:
        config = self.config
        if len(config.rivals) > 1:
            yield self.at(
                config.profile_line, "mrcpv2-profile", config.profile, "open-profile", "warning",
                f"profiles {' and '.join(config.rivals)} name the same SIP agent",
                "each call gets one of them; which one is open at every start (the server walks through a hash table). "
                f"The scenario has {config.profile}; give each profile an agent of its own",
            )  # fmt: skip
        elif len(config.profiles) > 1:
            others = ", ".join(name for name in config.profiles if name != config.profile)
            yield self.at(
                config.profile_line, "mrcpv2-profile", config.profile, "several-profiles", "note",
                f"the scenario is that of profile {config.profile}; the file also has {others}",
                "profiles share the one server task, and media engines and plugins where they name the same",
            )  # fmt: skip

    def version(self) -> Iterator[LintFinding]:
        """What the assumed version decides, where the file does not say it."""
        config = self.config
        if config.server.given:
            return
        timers = ("sip-session-expires", "inactivity-timeout", "termination-timeout")
        unsaid = [name for name in timers if not self.n[name].given]
        if unsaid and config.server.at_least < TIMERS:
            names = ", ".join(f"<{name}>" for name in unsaid)
            yield self.at(
                0, "version", "", "version-assumed", "warning",
                f"{config.server.said}, and {names} {'is' if len(unsaid) == 1 else 'are'} not set",
                f"UniMRCP {config.server} has defaults for them ({self.n[timers[0]].number} s session timer, "
                f"{self.n[timers[1]].number} s inactivity, {self.n[timers[2]].number} s termination); a server before "
                "1.5 has no such timers and waits for ever: give --server-version",
            )  # fmt: skip

    # --- RTP --------------------------------------------------------------------------------------------------------

    def rtp(self) -> Iterator[LintFinding]:
        low, high = self.n["rtp-port-min"], self.n["rtp-port-max"]
        if high.number > 65535 or low.number > 65535:
            yield self.of(
                high, "rtp-port-too-large", "error", f"RTP ports {low.number}-{high.number} exceed 65535",
                f"the server keeps the low 16 bits: {low.number & 0xFFFF}-{high.number & 0xFFFF}",
            )  # fmt: skip
            return
        if low.number >= high.number or low.number == 0:
            yield self.of(
                high, "rtp-range-empty", "error", f"the RTP range {low.number}-{high.number} holds no port",
                "every call is answered 200 without audio; the scenario has a range of one port",
            )  # fmt: skip
            return
        ports = (high.number - low.number + 1) // 2
        meets = self.short(ports)
        lost = "the call beyond is answered 200 OK without audio"
        if meets:
            yield self.of(
                high, "rtp-range-small", "warning",
                f"the RTP range {low.number}-{high.number} carries {ports} calls", f"{meets}; {lost}",
            )  # fmt: skip
        elif self.expected is None and ports < self.n["max-connection-count"].number:
            yield self.of(
                high, "rtp-range-small", "warning",
                f"the RTP range {low.number}-{high.number} carries {ports} calls, fewer than the connection limit of "
                f"{self.n['max-connection-count'].number}", f"RTP ports run out first, at {ports} calls; {lost}",
            )  # fmt: skip
        if low.number % 2:
            yield self.of(
                low, "rtp-port-odd", "warning", f"rtp-port-min is odd ({low.number}), so RTP uses odd ports",
                f"the range still carries {ports} calls, but RTCP lands on even ports, where some gateways drop it",
            )  # fmt: skip
        if (high.number - low.number) % 2:
            yield self.of(
                high, "rtp-range-odd", "note",
                f"the RTP range {low.number}-{high.number} spans an odd number of ports",
                f"it carries {ports} calls, as {low.number}-{high.number + 1} would, and the last one's RTCP is on "
                f"{high.number} itself; a server before 1.4.0 does not stop there and uses ports beyond the range",
            )  # fmt: skip
        if low.number < 1024:
            yield self.of(
                low, "rtp-port-privileged", "warning", f"RTP ports begin below 1024 ({low.number})",
                f"without root {(1024 - low.number + 1) // 2} of {ports} ports can not be bound",
            )  # fmt: skip
        shared = min(high.number, EPHEMERAL[1] + 1) - max(low.number, EPHEMERAL[0])
        if shared > 0:
            yield self.of(
                low, "rtp-ephemeral", "note",
                f"the RTP range overlaps the ports of outgoing connections on Linux ({EPHEMERAL[0]}-{EPHEMERAL[1]})",
                f"up to {(shared + 1) // 2} of {ports} ports may be taken by other programs; each costs a failed bind",
            )  # fmt: skip
        for setting in ("sip-port", "mrcp-port"):
            port = self.n[setting]
            if low.number <= port.number < high.number:
                yield self.of(
                    port, "port-in-rtp-range", "warning", f"{setting} {port.number} lies in the RTP range",
                    "at most one call's port is lost; a server that starts under load may fail to listen",
                )  # fmt: skip

    # --- connections --------------------------------------------------------------------------------------------------

    def connections(self) -> Iterator[LintFinding]:
        limit, shared = self.n["max-connection-count"], self.n["max-shared-use-count"]
        forced = self.config.flags["force-new-connection"][0]
        beyond = "a caller beyond it can not open its connection: its call is up, but no request gets through"
        if limit.replaced:
            return  # nothing is known of what the server makes of it
        if limit.number == 0:
            yield self.of(
                limit, "connection-limit-zero", "error", "max-connection-count is 0",
                "no MRCPv2 connection is accepted: 0 calls can make requests; the scenario has a limit of 1",
            )  # fmt: skip
            return
        meets = self.short(limit.number)
        if meets:
            yield self.of(
                limit, "connection-limit", "warning",
                f"max-connection-count {limit.number} holds {limit.number} calls with a connection of their own",
                f"{meets}; {beyond}",
            )  # fmt: skip
        elif self.expected is None:
            ports = max(0, self.n["rtp-port-max"].number - self.n["rtp-port-min"].number + 1) // 2
            if limit.number < ports:
                yield self.of(
                    limit, "connection-limit", "warning",
                    f"max-connection-count {limit.number} is below the {ports} calls that the RTP range carries",
                    f"connections run out first, at {limit.number} calls with a connection of their own; {beyond}",
                )  # fmt: skip
        if shared.number == 1 and not forced:
            yield self.of(
                shared, "no-sharing", "note", "max-shared-use-count is 1",
                f"every call needs a connection of its own, so {limit.number} calls are the limit",
            )  # fmt: skip
        if shared.number == 0 or shared.number >= ENDLESS:
            yield self.of(
                shared, "endless-sharing", "warning",
                f"max-shared-use-count is {shared.number}: one connection is shared without end",
                "the connection's memory pool grows with every request until it closes, and all its calls end with it",
            )  # fmt: skip

    # --- timeouts -----------------------------------------------------------------------------------------------------

    def dead(self, seconds: int, connected: bool = True) -> str:
        """What sessions of vanished callers, who opened TCP or did not, cost when each is held for so long."""
        holds = "plugin channel, RTP port and connection" if connected else "plugin channel and RTP port"
        held = f"each dead session holds its pool, {holds}"
        if self.expected is None or self.expected.rate is None:
            return f"{held}; 1 % of dead callers at 10 calls/s are {0.1 * seconds:g} calls' worth"
        lost = 0.01 * self.expected.rate * seconds
        return f"{held}; 1 % of dead callers at {self.expected.rate:g} calls/s are {lost:g} calls' worth"

    def timeouts(self) -> Iterator[LintFinding]:
        idle, closing = self.n["inactivity-timeout"], self.n["termination-timeout"]
        timer, least = self.n["sip-session-expires"], self.n["sip-min-session-expires"]
        if timer.since is not None:
            yield self.of(
                timer, "timers-missing", "warning",
                f"UniMRCP {self.config.server} has no session, inactivity or termination timer (they came with 1.5)",
                "a caller that vanishes without BYE holds its session for ever, also when it closed its connection",
            )  # fmt: skip
            return
        if timer.number == 0:
            also = " and the inactivity timer is off too" if idle.number == 0 else ""
            yield self.of(
                timer, "session-timer-off", "warning", f"sip-session-expires is 0: no session timer{also}",
                "a caller that vanishes without BYE and without closing TCP holds its session for ever",
            )  # fmt: skip
        elif timer.number > LONG_HOLD_S:
            yield self.of(
                timer, "dead-session-timer", "warning" if timer.number > 600 else "note",
                f"a caller that never opens TCP and sends no BYE is noticed after {timer.number} s (session timer)",
                self.dead(timer.number, connected=False),
            )  # fmt: skip
        if timer.number and timer.number < least.number:
            yield self.of(
                timer, "session-timer-below-minimum", "warning",
                f"sip-session-expires {timer.number} s is below sip-min-session-expires {least.number} s",
                f"the larger one counts; the scenario has {least.number} s for both",
            )  # fmt: skip
        if idle.number == 0:
            yield self.of(
                idle, "inactivity-off", "warning", "inactivity-timeout is 0: idle connections are never closed",
                f"every half-open connection takes one of {self.n['max-connection-count'].number} for ever",
            )  # fmt: skip
        elif idle.number > LONG_HOLD_S:
            yield self.of(
                idle, "dead-connection-timer", "warning" if idle.number > 600 else "note",
                f"a caller whose machine died with TCP open is noticed after {idle.number} s (inactivity-timeout)",
                self.dead(idle.number),
            )  # fmt: skip
        if 0 < idle.number <= 30:
            yield self.of(
                idle, "inactivity-short", "warning", f"inactivity-timeout is {idle.number} s",
                "a call without a request for so long loses its connection, and the server ends it: live calls are cut",
            )  # fmt: skip
        if closing.number == 0:
            yield self.of(
                closing, "termination-off", "warning", "termination-timeout is 0: a closed connection starts no timer",
                "a caller that crashed keeps its session until the session timer; the scenario has 10000 days",
            )  # fmt: skip
        elif closing.number > 30:
            yield self.of(
                closing, "termination-long", "warning",
                f"after its caller closed TCP a session is kept {closing.number} s (termination-timeout)",
                self.dead(closing.number),
            )  # fmt: skip

    # --- SIP --------------------------------------------------------------------------------------------------------

    def sip(self) -> Iterator[LintFinding]:
        t1, t2, t4, t64 = (self.n[name] for name in ("sip-t1", "sip-t2", "sip-t4", "sip-t1x64"))
        ms = t1.number or 500
        if t1.given and t1.number and not 100 <= ms <= 2000:
            odd = "retransmissions load the server" if ms < 100 else "a lost packet delays a call by seconds"
            yield self.of(
                t1, "sip-t1-odd", "warning", f"sip-t1 is {ms} ms (500 is the standard; the unit is milliseconds)",
                f"{odd}; a call without ACK holds its session for 64·T1 = {64 * ms / 1000:g} s",
            )  # fmt: skip
        if t2.number and t2.number < ms:
            yield self.of(
                t2, "sip-t2-below-t1", "warning", f"sip-t2 {t2.number} ms is below sip-t1 {ms} ms",
                "retransmissions never slow down; the scenario has T2 = T1",
            )  # fmt: skip
        if t64.number and t64.number != 64 * ms:
            yield self.of(
                t64, "sip-t1x64-apart", "warning" if t64.number > 64_000 else "note",
                f"sip-t1x64 {t64.number} ms is not 64·T1 = {64 * ms} ms; the scenario has 64·T1",
                f"really a call without ACK, or with an unanswered BYE, holds its session for {t64.number / 1000:g} s",
            )  # fmt: skip
        if t4.number > 60_000:
            yield self.of(
                t4, "sip-t4-odd", "warning", f"sip-t4 is {t4.number} ms (the unit is milliseconds)",
                "finished transactions stay in memory so long",
            )  # fmt: skip

    # --- media ------------------------------------------------------------------------------------------------------

    def media(self) -> Iterator[LintFinding]:
        rate = self.n["realtime-rate"]
        if rate.given and not 1 <= rate.number <= 10:
            yield self.of(
                rate, "realtime-rate-ignored", "warning", f"realtime-rate must be 1 to 10 (got {rate.number})",
                "the server takes it for 1",
            )  # fmt: skip
        elif rate.number > 1:
            yield self.of(
                rate, "realtime-rate", "warning",
                f"realtime-rate {rate.number}: the media tick is {10 / rate.number:g} ms",
                f"audio runs {rate.number} times too fast for real callers, and the budget of a tick carries "
                f"1/{rate.number} of the calls",
            )  # fmt: skip

    # --- plugins ----------------------------------------------------------------------------------------------------

    def plugins(self) -> Iterator[LintFinding]:
        for engine in self.config.engines:
            if engine.enabled:
                yield from self.plugin(engine)
        unknown = [engine.id for engine in self.config.engines if engine.enabled and not serves(engine)]
        hint = f", unless {' or '.join(unknown)} does" if unknown else ""
        for resource, line in self.config.resources.items():
            if self.config.engine_of(resource) is None:
                yield self.at(
                    line, "resource", resource, "resource-without-engine", "warning",
                    f"no enabled engine serves {resource}{hint}",
                    f"calls that ask for {resource} get 404: 0 calls",
                )  # fmt: skip
        yield from self.open_choices(unknown)
        if not self.config.resources:
            yield self.at(
                0, "resource-factory", "", "no-resources", "error", "no MRCP resource is registered",
                "every call gets 404: 0 calls",
            )  # fmt: skip

    def open_choices(self, unknown: list[str]) -> Iterator[LintFinding]:
        for choice in self.config.open_choices:
            line = next(engine.line for engine in self.config.engines if engine.id == choice.taken)
            also = f" (and perhaps {', '.join(unknown)})" if unknown else ""
            yield self.at(
                line, "engine", choice.taken, "open-engine", "warning",
                f"engines {' and '.join(choice.engines)}{also} offer {choice.resource}, and no resource-engine-map "
                "says which one serves",
                "the server takes one, which one is open at every start. The scenario has "
                f"{choice.taken}, with the tightest limit; name one in a resource-engine-map",
            )  # fmt: skip

    def unmapped(self, resource: str) -> bool:
        """Whether the server takes any engine that offers a resource, no map having named one."""
        engine = self.config.engine_of(resource)
        return engine is None or engine.guessed

    def unused(self, engine: EngineEntry) -> str:
        """Why an engine serves no resource."""
        kind = serves(engine)
        if not kind:
            return "each resource is mapped to another engine"
        if kind not in self.config.resources:
            return f"{kind} is not registered in the resource-factory"
        other = self.config.engine_of(kind)
        return f"{kind} is mapped to {other.id}" if other is not None else f"nothing maps {kind} to it"

    def file(self, engine: EngineEntry) -> Iterator[LintFinding]:
        """What the name of a plugin's file tells."""
        ending = engine.name.rpartition(".")[2]
        if ending in ("so", "dll", "dylib"):
            yield self.at(
                engine.line, "engine", engine.id, "plugin-ending", "error",
                f"engine {engine.id} must name its plugin without .{ending} (got {engine.name})",
                f"the server looks for {engine.name}.{ending} and does not load it: what it serves gets 404",
            )  # fmt: skip
        elif engine.serves and engine.guessed and not known_file(engine):
            yield self.at(
                engine.line, "engine", engine.id, "engine-guessed", "note",
                f"plugin {engine.name} of engine {engine.id} is none that is known",
                f"the scenario has it serve {' and '.join(engine.serves)}, as its id suggests; a resource-engine-map "
                "would say it",
            )  # fmt: skip

    def plugin(self, engine: EngineEntry) -> Iterator[LintFinding]:
        yield from self.file(engine)
        limit = engine.max_channel_count
        if not engine.serves:
            if any(engine.id in choice.engines for choice in self.config.open_choices):
                return
            unmapped = [resource for resource in self.config.resources if self.unmapped(resource)]
            if not serves(engine) and unmapped:
                yield self.at(
                    engine.line, "engine", engine.id, "engine-unknown", "warning",
                    f"what engine {engine.id} offers is not known: neither its name nor a resource-engine-map tells",
                    f"where it offers {' or '.join(unmapped)}, the server may give calls to it, and the scenario does "
                    "not; name it in a resource-engine-map",
                )  # fmt: skip
                return
            yield self.at(
                engine.line, "engine", engine.id, "engine-unused", "note",
                f"engine {engine.id} serves no resource: {self.unused(engine)}",
                "it is loaded and takes no call; name it in a resource-engine-map if it should",
            )  # fmt: skip
            return
        if limit.number == 0:
            yield self.at(
                limit.line or engine.line, "max-channel-count", engine.id, "channel-limit-unset", "warning",
                f"engine {engine.id} has no max-channel-count",
                "the plugin takes every call until it breaks itself; with a limit, callers beyond it get a clean 406",
            )  # fmt: skip
        elif meets := self.short(limit.number):
            yield self.of(
                limit, "channel-limit", "warning",
                f"engine {engine.id} holds {limit.number} channels (max-channel-count)",
                f"{meets}; calls beyond get 406",
            )  # fmt: skip
        if len(engine.serves) > 1:
            names = " and ".join(engine.serves)
            yield self.at(
                engine.line, "engine", engine.id, "engine-shared", "note", f"engine {engine.id} serves {names}",
                "really they share one task and one limit; the scenario gives each its own",
            )  # fmt: skip
