"""The whole API as the template describes it, in one process, over a cloud that begins empty."""

import copy
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
import httpx
from PIL import Image

from cli.services import OperatorServices
from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.access.tokens import ALL_SCOPES, Scope, Token, TokenKind
from imagineart.aws import AwsClients
from imagineart.settings import AccessSettings
from local.cloud import CREDENTIALS, REGION, create_resources, runtime_variables
from local.gateway import Gateway
from local.gateway_server import GatewayTransport
from local.template import Template, load_template, resolve
from tests.functions.generating_backend import EDIT_MODEL, GENERATION_MODEL

UNLIMITED = 100_000
Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Deployment:
    """A gateway with its functions, and the operator's way in."""

    gateway: Gateway
    operator: OperatorServices
    references: dict[str, str]
    cloud_url: str
    cold_starts: list[str]
    """The function of every environment that was started, in order."""

    def issue_token(
        self,
        consumer_id: str = "acme",
        *,
        kind: TokenKind = TokenKind.PARTNER,
        requests_per_minute: int = UNLIMITED,
        concurrent_requests: int = 1_000,
        images_per_day: int | None = None,
        models: frozenset[str] | None = None,
        scopes: frozenset[Scope] = ALL_SCOPES,
        life_days: int | None = None,
    ) -> Token:
        """A new token of a consumer, who is registered if need be."""
        limits = Limits(requests_per_minute, concurrent_requests, images_per_day)
        self.operator.consumers.add_consumer(Consumer(consumer_id, limits, models))
        token, _ = self.operator.manage_tokens.issue(consumer_id, kind, life_days=life_days, scopes=scopes)
        return token

    def client(self, token: Token | None = None) -> httpx.Client:
        """An HTTP client of the API, authenticated where a token is given."""
        headers = {"Authorization": f"Bearer {token.text}"} if token else {}
        transport = GatewayTransport(self.gateway)
        return httpx.Client(transport=transport, base_url="https://api.local", headers=headers)

    def aws(self, service: str) -> Any:
        """A boto3 client of the deployment's cloud, to break things with."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.cloud_url,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )


@dataclass
class Deployer:
    """Builds deployments and lets their environments end with the test."""

    cloud_url: str
    backend_url: str
    gateways: list[Gateway] = field(default_factory=list)

    def __call__(
        self, change: Change = lambda _: None, *, response_format: str = "b64_json", **parameters: str
    ) -> Deployment:
        """A deployment of template.yaml, whose document `change` may alter first."""
        document = copy.deepcopy(load_template().document)
        change(document)
        template = Template(document)
        server = f"openai-compatible {self.backend_url}"
        # Without retries, for nothing here waits.
        options = f"retries=0 response_format={response_format}"
        given = {
            "GenerationBackends": f"{server} {GENERATION_MODEL} {options}",
            "EditBackends": f"{server} {EDIT_MODEL} {options}",
            **parameters,
        }
        references = create_resources(template, self.cloud_url, given)
        runtime = runtime_variables(self.cloud_url)
        cold_starts: list[str] = []
        gateway = Gateway(template, references, runtime, on_cold_start=cold_starts.append)
        self.gateways.append(gateway)
        variables = load_template().functions["ListModelsFunction"].variables
        settings = AccessSettings.from_mapping(resolve(dict(variables), references) | runtime)
        operator = OperatorServices(settings, AwsClients(runtime))
        return Deployment(gateway, operator, references, self.cloud_url, cold_starts)

    def close(self) -> None:
        """Let every environment end."""
        for gateway in self.gateways:
            gateway.close()


def function_properties(document: dict[str, Any], function_id: str) -> dict[str, Any]:
    """The properties of a function in a template's document, to be changed."""
    properties: dict[str, Any] = document["Resources"][function_id]["Properties"]
    return properties


def without_the_streaming_layer(document: dict[str, Any]) -> None:
    """Let the image functions response as any function does, whole and in base64."""
    for function_id in ("GenerateImageFunction", "EditImageFunction"):
        properties = function_properties(document, function_id)
        del properties["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"]
        for event in properties["Events"].values():
            del event["Properties"]["ResponseTransferMode"]


def generate(client: httpx.Client, **fields: str) -> httpx.Response:
    """POST a generation of a small image as a multipart form."""
    form = {"prompt": "a lighthouse", "resolution": "1K"} | fields
    return client.post("/v1/images/generations", files={name: (None, text) for name, text in form.items()})


def edit(client: httpx.Client, *images: bytes, **fields: str) -> httpx.Response:
    """POST an edit of the given files as a multipart form."""
    form = {"prompt": "at dusk", "resolution": "1K"} | fields
    parts = [("images", ("image", content, "application/octet-stream")) for content in images]
    return client.post("/v1/images/edits", data=form, files=parts)


def open_png(content: bytes) -> Image.Image:
    """The decoded image of a PNG; anything else raises."""
    image = Image.open(io.BytesIO(content), formats=["PNG"])
    image.load()
    return image


def assert_error(response: httpx.Response, status: int, code: str) -> str:
    """Assert the error envelope, whole; return its message."""
    assert (response.status_code, response.json()["error"]["code"]) == (status, code), response.text
    assert response.headers["Content-Type"].partition(";")[0] == "application/json"
    assert response.json().keys() == {"error"}
    error = response.json()["error"]
    assert error.keys() == {"code", "message", "request_id"}
    assert error["request_id"] == response.headers["X-Request-Id"] != ""
    assert error["message"]
    message: str = error["message"]
    return message
