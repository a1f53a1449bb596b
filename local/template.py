"""The deployment template as the local stack needs it: routes, functions, tables, secrets, gateway responses.

The local stack follows template.yaml, so that what works on the laptop is what `sam deploy` ships.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

PROJECT: Final = Path(__file__).parent.parent
SEARCH_PATH: Final = tuple(str(PROJECT / part) for part in ("shared", "layers/streaming/python", ""))
"""Where functions and the project's own commands import from; the Makefile's PYTHONPATH."""
DEFAULT_INTEGRATION_TIMEOUT_MS: Final = 29_000
WEBSOCKET_PATH: Final = "/runware/v1"
"""Where the local gateway serves the WebSocket API, which has a host of its own on AWS."""


@dataclass(frozen=True, slots=True)
class Route:
    """One event of one function: a method (or ``ANY``) of a path."""

    path: str
    method: str
    function_id: str
    integration_timeout_seconds: float
    is_streamed: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function; its variables still hold the template's intrinsic functions."""

    id: str
    code: Path
    handler: str
    timeout_seconds: int
    memory_mb: int
    variables: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventSource:
    """A queue, by its logical id, that calls a function with its messages."""

    queue_id: str
    function_id: str
    batch_size: int
    max_concurrency: Any
    reports_failures: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that is called at a rate."""

    function_id: str
    seconds: int


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What API Gateway answers by itself for one kind of failure."""

    status: int | None
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class Template:
    """The template's document and what is read from it."""

    document: Mapping[str, Any]

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a CloudFormation type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.document["Resources"].items()
            if resource["Type"] == kind
        }

    @property
    def functions(self) -> dict[str, Function]:
        """Every function by logical id."""
        shared = self.document["Globals"]["Function"]
        return {
            name: Function(
                id=name,
                code=PROJECT / own["CodeUri"],
                handler=own.get("Handler", shared["Handler"]),
                timeout_seconds=own.get("Timeout", shared["Timeout"]),
                memory_mb=own.get("MemorySize", shared["MemorySize"]),
                variables=own.get("Environment", {}).get("Variables", {}),
            )
            for name, own in self.resources("AWS::Serverless::Function").items()
        }

    @property
    def routes(self) -> list[Route]:
        """Every API event of every function."""
        return [
            Route(
                path=event["Path"],
                method=event["Method"],
                function_id=name,
                integration_timeout_seconds=event.get("TimeoutInMillis", DEFAULT_INTEGRATION_TIMEOUT_MS)
                / 1000,
                is_streamed=event.get("ResponseTransferMode") == "RESPONSE_STREAM",
            )
            for name, event in self._events("Api")
        ]

    @property
    def websocket_function(self) -> str:
        """The function that gets the messages of the WebSocket API."""
        (integration,) = self.resources("AWS::ApiGatewayV2::Integration").values()
        _, names = integration["IntegrationUri"]["Fn::Sub"]
        return str(names["Alias"]["Ref"]).removesuffix(".Alias")

    @property
    def event_sources(self) -> list[EventSource]:
        """Every queue event of every function."""
        return [
            EventSource(
                queue_id=event["Queue"]["Fn::GetAtt"].removesuffix(".Arn"),
                function_id=name,
                batch_size=event["BatchSize"],
                max_concurrency=event.get("ScalingConfig", {}).get("MaximumConcurrency"),
                reports_failures="ReportBatchItemFailures" in event.get("FunctionResponseTypes", ()),
            )
            for name, event in self._events("SQS")
        ]

    @property
    def schedules(self) -> list[Schedule]:
        """Every schedule that is always enabled."""
        return [
            Schedule(name, _rate_seconds(event["Schedule"]))
            for name, event in self._events("Schedule")
            if event.get("State", "ENABLED") == "ENABLED"
        ]

    def _events(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, function in self.resources("AWS::Serverless::Function").items():
            for event in function.get("Events", {}).values():
                if event["Type"] == kind:
                    yield name, event["Properties"]

    @property
    def gateway_responses(self) -> dict[str, GatewayResponse]:
        """The styled gateway responses, by type."""
        (api,) = self.resources("AWS::Serverless::Api").values()
        return {
            kind: GatewayResponse(
                status=response.get("StatusCode"),
                headers=response.get("ResponseParameters", {}).get("Headers", {}),
                body=response["ResponseTemplates"]["application/json"],
            )
            for kind, response in api["GatewayResponses"].items()
        }

    def default_parameters(self) -> dict[str, str]:
        """The parameters that have defaults."""
        return {
            name: str(parameter["Default"])
            for name, parameter in self.document["Parameters"].items()
            if "Default" in parameter
        }


@cache
def load_template(path: Path = PROJECT / "template.yaml") -> Template:
    """Read a SAM template; intrinsic functions become one-entry mappings such as ``{"Ref": name}``."""
    return Template(yaml.load(path.read_text(), _CloudFormationLoader))


def _rate_seconds(rate: str) -> int:
    """The seconds of a rate such as ``rate(1 minute)``."""
    number, unit = rate.removeprefix("rate(").removesuffix(")").split()
    return int(number) * {"minute": 60, "hour": 3600, "day": 86_400}[unit.removesuffix("s")]


def resolve(value: Any, references: Mapping[str, str]) -> Any:
    """`value` with every Ref, GetAtt and Sub of `references` replaced. Raises KeyError for another name."""
    match value:
        case {"Ref": name} | {"Fn::GetAtt": str(name)}:
            return references[name]
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: references[found[1]], text)
        case dict():
            return {key: resolve(each, references) for key, each in value.items()}
        case list():
            return [resolve(each, references) for each in value]
    return value


class _CloudFormationLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML with CloudFormation's short-form tags."""


def _construct_intrinsic(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    name = tag if tag in ("Ref", "Condition") else f"Fn::{tag}"
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_CloudFormationLoader.add_multi_constructor("!", _construct_intrinsic)
