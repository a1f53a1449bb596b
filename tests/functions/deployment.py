"""The whole API as the template describes it, in one process, over a stand-in for AWS."""

import copy
import io
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx
from PIL import Image

from cli.services import OperatorServices
from imagineart.access.consumers import Consumer
from imagineart.access.limits import Limits
from imagineart.access.tokens import ALL_SCOPES, Scope, Token, TokenKind
from imagineart.aws import AwsClients
from imagineart.bootstrap import LambdaServices
from imagineart.images.operations import ModelOperation
from imagineart.results.results import Results
from imagineart.settings import AccessSettings
from imagineart.usage.model import UsageRow
from local.chosen_models import document_of
from local.cloud import client, create_resources, runtime_variables
from local.gateway import Gateway
from local.gateway_server import GatewayTransport
from local.mailbox import ReceivedMail
from local.queues import EventSources
from local.template import Template, load_template, resolve
from tests.functions.generating_backend import EDIT_MODEL, GENERATION_MODEL

UNLIMITED = 100_000
DUE = {"due_at": {"N": "1"}}
"""Lets the sweeper look at a job as if its time had come."""
Change = Callable[[dict[str, Any]], None]
template = cache(load_template)


@dataclass(frozen=True)
class Deployment:
    """A gateway with its functions, and the operator's tools."""

    gateway: Gateway
    operator: OperatorServices
    references: dict[str, str]
    cloud_url: str
    event_sources: EventSources
    cold_starts: list[str]
    """The function of every environment that was started, in order."""
    mails: list[ReceivedMail]
    """Every mail that was sent, by any deployment."""
    consumer_ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def issue_token(
        self,
        consumer_id: str | None = None,
        *,
        kind: TokenKind = TokenKind.PARTNER,
        requests_per_minute: int = UNLIMITED,
        concurrent_requests: int = 1_000,
        images_per_day: int | None = None,
        models: frozenset[str] | None = None,
        scopes: frozenset[Scope] = ALL_SCOPES,
        life_days: int | None = None,
    ) -> Token:
        """A new token of a consumer, who is registered with these limits if need be; by default a new one."""
        consumer_id = consumer_id or self.new_consumer_id()
        limits = Limits(requests_per_minute, concurrent_requests, images_per_day)
        self.operator.consumers.add_consumer(Consumer(consumer_id, limits, models))
        token, _ = self.operator.manage_tokens.issue(consumer_id, kind, life_days=life_days, scopes=scopes)
        return token

    def new_consumer_id(self) -> str:
        """The id of a consumer that nobody has registered."""
        return f"consumer-{next(self.consumer_ids)}"

    def client(
        self, token: Token | None = None, *, source_ip: str = "127.0.0.1", **headers: str
    ) -> httpx.Client:
        """An HTTP client of the API, authenticated if there is a token."""
        headers |= {"Authorization": f"Bearer {token.text}"} if token else {}
        transport = GatewayTransport(self.gateway, source_ip)
        return httpx.Client(transport=transport, base_url="https://api.local", headers=headers)

    def work_off(self) -> int:
        """Let the functions handle every message that is in a queue; returns how many there were."""
        return self.event_sources.deliver_all()

    def usage(self, consumer_id: str) -> list[UsageRow]:
        """What was counted of a consumer."""
        return self.operator.usage.rows(consumer_id, first_day="2000-01-01", last_day="2999-12-31")

    def consumer_item(self, consumer_id: str) -> dict[str, Any]:
        """A consumer as DynamoDB has it, with its counters and its slots."""
        key = {"key": {"S": consumer_id}}
        item: dict[str, Any] = self.aws("dynamodb").get_item(
            TableName=self.references["ConsumersTable"], Key=key
        )["Item"]
        return item

    def results(self) -> Results:
        """What keeps results, as a function has it."""
        variables = template().functions["ServeResultFunction"].variables
        own = resolve(dict(variables), self.references) | runtime_variables(self.cloud_url)
        return LambdaServices(own).results

    def objects(self, bucket: str) -> list[str]:
        """The keys of the objects in a bucket of the template."""
        listed = self.aws("s3").list_objects_v2(Bucket=self.references[bucket])
        return [each["Key"] for each in listed.get("Contents", [])]

    def aws(self, service: str) -> Any:
        """A boto3 client of the deployment's cloud."""
        return client(service, self.cloud_url)


class Cloud:
    """A stand-in for AWS, which holds one deployment at a time.

    At `base_url`, its functions send messages to WebSocket connections.
    """

    def __init__(self, url: str, base_url: str, mails: list[ReceivedMail]) -> None:
        self.url, self.base_url = url, base_url
        self._mails = mails
        self._gateway: Gateway | None = None
        self._shared: Deployment | None = None

    def shared_deployment(self, backend_url: str) -> Deployment:
        """The deployment of the template as it is; a new one if another took its place."""
        if self._shared is None or not self._is_there(self._shared):
            self._shared = self.deploy(backend_url)
        return self._shared

    @staticmethod
    def _is_there(deployment: Deployment) -> bool:
        """Whether its cloud still exists: other tests in this process may empty the same stand-in."""
        secrets = deployment.aws("secretsmanager").list_secrets()["SecretList"]
        # A secret's ARN has a random part, so that it is never that of another deployment.
        return deployment.references["PepperSecret"] in {secret["ARN"] for secret in secrets}

    def deploy(
        self,
        backend_url: str,
        *changes: Change,
        response_format: str = "b64_json",
        generation_backends: str = "",
        edit_backends: str = "",
        **parameters: str,
    ) -> Deployment:
        """A deployment of the template, whose document `changes` may alter first, in place of any other.

        `parameters` are the template's. Its backend is not retried, unless others are given, as the
        environment of `make run` writes them.
        """
        self.empty()
        document = copy.deepcopy(template().document) if changes else template().document
        for change in changes:
            change(document)
        server = f"openai-compatible {backend_url}"
        options = f"retries=0 response_format={response_format}"
        backends = {
            ModelOperation.GENERATE: generation_backends or f"{server} {GENERATION_MODEL} {options}",
            ModelOperation.EDIT: edit_backends or f"{server} {EDIT_MODEL} {options}",
        }
        references = create_resources(Template(document), self.url, parameters)
        runtime = runtime_variables(self.url, self.base_url)
        cold_starts: list[str] = []
        self._gateway = Gateway(Template(document), references, runtime, on_cold_start=cold_starts.append)
        variables = {
            name: value
            for function_id in ("ImagineLabFunction", "DeliverWebhookFunction")
            for name, value in template().functions[function_id].variables.items()
        }
        settings = AccessSettings.from_mapping(resolve(variables, references) | runtime)
        operator = OperatorServices(
            settings,
            AwsClients(runtime),
            credential_secret=references["BackendCredentialSecret"],
            bedrock_models=f"{references['BedrockModels']},{references['BedrockTextModels']}",
        )
        operator.manage_models.apply(document_of(backends))
        sources = EventSources(Template(document), references, self._gateway, client("sqs", self.url))
        return Deployment(self._gateway, operator, references, self.url, sources, cold_starts, self._mails)

    def empty(self) -> None:
        """Let every environment end, and forget everything in the cloud."""
        if self._gateway:
            self._gateway.close()
        self._gateway = self._shared = None
        httpx.post(f"{self.url}/moto-api/reset", trust_env=False).raise_for_status()


def function_properties(document: dict[str, Any], function_id: str) -> dict[str, Any]:
    """The properties of a function in a template's document, to be changed."""
    properties: dict[str, Any] = document["Resources"][function_id]["Properties"]
    return properties


def without_the_streaming_layer(document: dict[str, Any]) -> None:
    """Let the functions that stream respond as any function does, whole and in base64."""
    for function_id in ("GenerateImageFunction", "EditImageFunction", "ServeResultFunction"):
        properties = function_properties(document, function_id)
        del properties["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"]
        for event in properties["Events"].values():
            event["Properties"].pop("ResponseTransferMode", None)


def generate(client: httpx.Client, **fields: str) -> httpx.Response:
    """POST a generation of a small image as a multipart form."""
    form = {"prompt": "a lighthouse", "resolution": "1K"} | fields
    return client.post("/v1/images/generations", files={name: (None, text) for name, text in form.items()})


def generate_series(client: httpx.Client, n: int, **fields: object) -> httpx.Response:
    """POST a generation of `n` small images as JSON."""
    return client.post(
        "/v1/images/generations", json={"prompt": "a lighthouse", "n": n, "resolution": "1K"} | fields
    )


def edit(client: httpx.Client, *images: bytes | str, **fields: str) -> httpx.Response:
    """POST an edit of the given files and ids of uploads as a multipart form."""
    form = {"prompt": "at dusk", "resolution": "1K"} | fields
    parts: list[Any] = [
        ("images", (None, each) if isinstance(each, str) else ("image", each)) for each in images
    ]
    return client.post(
        "/v1/images/edits", files=[*parts, *((name, (None, text)) for name, text in form.items())]
    )


def message_event(consumer_id: str, webhook_id: str) -> dict[str, Any]:
    """The event of Lambda for one message of the queue of webhooks."""
    body = json.dumps({"consumer_id": consumer_id, "webhook_id": webhook_id})
    return {"Records": [{"messageId": "m", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"}]}


def change_job(api: Deployment, path: str, **attributes: dict[str, str]) -> None:
    """Change a stored job."""
    jobs, table = api.aws("dynamodb"), api.references["JobsTable"]
    (item,) = [item for item in jobs.scan(TableName=table)["Items"] if item["id"]["S"] in path]
    jobs.put_item(TableName=table, Item=item | attributes)


def open_png(content: bytes) -> Image.Image:
    """The decoded image of a PNG; anything else raises."""
    image = Image.open(io.BytesIO(content), formats=["PNG"])
    image.load()
    return image


def assert_error(response: httpx.Response, status: int, code: str) -> str:
    """Assert the whole error; return its message."""
    assert (response.status_code, response.json()["error"]["code"]) == (status, code), response.text
    assert response.headers["Content-Type"].partition(";")[0] == "application/json"
    assert response.json().keys() == {"error"}
    error = response.json()["error"]
    assert error.keys() == {"code", "message", "request_id"}
    assert error["request_id"] == response.headers["X-Request-Id"] != ""
    assert error["message"]
    message: str = error["message"]
    return message
