"""What to simulate: typed, frozen, units checked; YAML in, errors with file and line."""

from sim.scenario.arrivals import Arrivals, Burst, RatePoint
from sim.scenario.calls import Calls, Client, Offer, ResourceMix
from sim.scenario.costs import Costs
from sim.scenario.distributions import (
    Constant,
    CountDist,
    Dist,
    Empirical,
    Erlang,
    Exponential,
    Gamma,
    Hyperexponential,
    Lognormal,
    Mixture,
    MixturePart,
    SimpleDist,
    Uniform,
    Weibull,
    constant,
    expected,
    exponential,
    microseconds,
)
from sim.scenario.faults import NEVER, Fault, Vanish
from sim.scenario.load import load_scenario
from sim.scenario.merge import split_override
from sim.scenario.model import Scenario
from sim.scenario.plugins import Open, Operation, Plugin, Plugins, Request
from sim.scenario.problems import InvalidScenario
from sim.scenario.replay import RecordedCall, calls_given, read_calls
from sim.scenario.resolve import to_mapping, to_yaml
from sim.scenario.schema import json_schema
from sim.scenario.server import (
    AgentQueue,
    Connection,
    Freeze,
    Limits,
    Media,
    Memory,
    Pool,
    PortRange,
    Server,
    Sip,
    TaskQueues,
    Wakes,
)
from sim.scenario.shipped import Shipped, find_shipped, shipped_folder, shipped_scenarios
from sim.vocabulary.plugins import RESOURCES, Resource

__all__ = [
    "NEVER",
    "RESOURCES",
    "AgentQueue",
    "Arrivals",
    "Burst",
    "Calls",
    "Client",
    "Connection",
    "Constant",
    "Costs",
    "CountDist",
    "Dist",
    "Empirical",
    "Erlang",
    "Exponential",
    "Fault",
    "Freeze",
    "Gamma",
    "Hyperexponential",
    "InvalidScenario",
    "Limits",
    "Lognormal",
    "Media",
    "Memory",
    "Mixture",
    "MixturePart",
    "Offer",
    "Open",
    "Operation",
    "Plugin",
    "Plugins",
    "Pool",
    "PortRange",
    "RatePoint",
    "RecordedCall",
    "Request",
    "Resource",
    "ResourceMix",
    "Scenario",
    "Server",
    "Shipped",
    "SimpleDist",
    "Sip",
    "TaskQueues",
    "Uniform",
    "Vanish",
    "Wakes",
    "Weibull",
    "calls_given",
    "constant",
    "expected",
    "exponential",
    "find_shipped",
    "json_schema",
    "load_scenario",
    "microseconds",
    "read_calls",
    "shipped_folder",
    "shipped_scenarios",
    "split_override",
    "to_mapping",
    "to_yaml",
]
