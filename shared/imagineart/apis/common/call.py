"""One authenticated request: who calls, how much time is left, and what is recorded of it."""

import re
import time
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.requests import Request

from imagineart.access.admit import Admission
from imagineart.access.authenticate import Caller
from imagineart.access.limits import LEASE_MARGIN_SECONDS
from imagineart.apis.common.operation import Operation
from imagineart.apis.common.services import Services
from imagineart.errors import InvalidFieldError, InvalidRequestError, ModelNotAvailableError
from imagineart.models.model import Model
from imagineart.quoting import shown
from imagineart.usage.metrics import Stage
from imagineart.usage.model import NO_RESOLUTION, OK

RESERVED_SECONDS: Final = 5.0
"""The part of the function's time that is kept for finishing an image, or for responding with a timeout."""

KEEPING_SECONDS: Final = 5.0
"""The further part that is kept for storing a response under its Idempotency-Key."""

KEEPING_MARGIN_SECONDS: Final = 1.0
"""Storing a response ends so long before the request's deadline, which would end the response with it."""

MAX_RESPONSE_BYTES: Final = 64 * 1024 * 1024
"""The largest body of a response."""

UNCAPPED_RESPONSE_BYTES: Final = 6 * 1024 * 1024
CAPPED_BYTES_PER_SECOND: Final = 2 * 1024 * 1024
"""Lambda streams the first 6 MB at full speed and the rest at 2 MB/s.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
"""


_LOOPBACK: Final = re.compile(r"(([\w-]+\.)*localhost|127\.0\.0\.1|\[::1\])(:\d+)?$")


@dataclass(slots=True)
class RequestRecord:
    """What is recorded of a request for its headers, the log, metrics, usage and limits.

    `started` is on the monotonic clock, in seconds. `images_of_tasks` are settled each with its task.
    """

    log_fields: dict[str, Any]
    headers: dict[str, str]
    started: float = field(default_factory=time.monotonic)
    model: str | None = None
    resolution: str = NO_RESOLUTION
    outcome: str = OK
    images: int = 0
    images_of_tasks: int = 0
    seconds_by_stage: dict[Stage, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The time since the request started."""
        return time.monotonic() - self.started

    def fail(self, code: str, **log_fields: Any) -> None:
        """Record an error; the request delivers no image."""
        self.outcome, self.images = code, 0
        self.log_fields.update(code=code, **log_fields)


@dataclass(slots=True)
class Call:
    """One request on its way; `caller` and `admission` are set once it is authenticated and admitted.

    `is_streaming` says that the response began before the work for it had ended.
    """

    request: Request
    operation: Operation
    services: Services
    record: RequestRecord
    caller: Caller | None = None
    admission: Admission | None = None
    is_streaming: bool = False

    @property
    def request_id(self) -> str:
        """The id that API Gateway gave the request."""
        request_id: str = self.request.scope["aws.event"]["requestContext"]["requestId"]
        return request_id

    @property
    def path(self) -> str:
        """The path of the endpoint as API Gateway routes it, without anything that the caller wrote."""
        path: str = self.request.scope["aws.event"]["resource"]
        return path

    @property
    def base_url(self) -> str:
        """What precedes a path in URLs of this API, with the stage, or with the base path of a domain.

        API Gateway has TLS alone; the local stack, which is on loopback, has none.
        """
        event = self.request.scope["aws.event"]
        context, depth = event["requestContext"], event["resource"].count("/")
        # The emulator of a rehearsal, unlike API Gateway, names no domain.
        host: str = context.get("domainName") or self.request.headers["host"]
        scheme = "http" if _LOOPBACK.match(host) else "https"
        prefix = context["path"].strip("/").split("/")[:-depth]
        return "/".join([f"{scheme}://{host}", *prefix])

    @property
    def idempotency_key(self) -> str | None:
        """The caller's key for safe retries; None where the operation has none."""
        return self.request.headers.get("idempotency-key") if self.operation.of_models else None

    @property
    def is_async(self) -> bool:
        """Whether the caller gets a job in place of images. Source: RFC 7240, 4.1."""
        if self.operation.makes_jobs:
            return True
        preferences = ",".join(self.request.headers.getlist("prefer")).lower().split(",")
        return self.operation.of_models is not None and "respond-async" in (
            each.partition(";")[0].strip() for each in preferences
        )

    @property
    def remaining_seconds(self) -> float:
        """The time that the function has left."""
        remaining_ms: int = self.request.scope["aws.context"].get_remaining_time_in_millis()
        return remaining_ms / 1000

    @property
    def consumer_id(self) -> str:
        """The authenticated consumer."""
        return self.required_admission.consumer.id

    @property
    def required_admission(self) -> Admission:
        """The admission of a request that was admitted."""
        if self.admission is None:
            raise LookupError("the request was not admitted")
        return self.admission

    def deadline_seconds(self, *, response_bytes: int = 0) -> float:
        """The time that the work may take, so that a response of that size can still be delivered."""
        keeping = KEEPING_SECONDS if self.idempotency_key is not None else 0
        return max(0.0, self._seconds_before_delivery(response_bytes) - keeping)

    def transfer_seconds(self, response_bytes: int) -> float:
        """The time that storing or fetching a response of that size may take, so that it can be delivered."""
        return self._seconds_before_delivery(response_bytes) - KEEPING_MARGIN_SECONDS

    def choose_model(self, name: str, *, field: str = "model") -> Model:
        """The model that `field` names by its id or an alias; where it names none, the consumer's first.

        Raises InvalidRequestError for a model that does not exist or that the consumer may not use, and
        ModelNotAvailableError where no model has the operation.
        """
        serving = self.services.models.current().serving(self.operation.of_models)
        usable = [model for model in serving if self.required_admission.consumer.may_use(model.id)]
        named = [model for model in serving if not name or model.answers_to(name)]
        if not serving:
            raise ModelNotAvailableError(detail=f"no model has the operation {self.operation.of_models}")
        if not named:
            allowed = ", ".join(model.id for model in usable or serving)
            raise InvalidFieldError(field, came=f"got {shown(name)}", allowed=allowed)
        chosen = next((model for model in named if model in usable), None)
        if chosen is None:
            raise self._forbidden(named[0], field)
        self.record.model = chosen.id
        return chosen

    def record_prompt(self, prompt: object) -> None:
        """Log the prompt, where the operator wants that."""
        if self.services.logs_prompts and isinstance(prompt, str):
            # A log line that has a lone surrogate cannot be written.
            self.record.log_fields["prompt"] = prompt.encode(errors="backslashreplace").decode()

    def _forbidden(self, model: Model, field: str) -> InvalidRequestError:
        allowed = ", ".join(sorted(self.required_admission.consumer.models or ()))
        return InvalidRequestError(
            field,
            f"'{model.id}', which serves {self.path}, is not available to you; allowed: {allowed}. Contact "
            "the operator.",
        )

    def reserve(self, images: int) -> None:
        """Take a slot, and count `images` for the day. Raises LimitReachedError."""
        limits = self.services.limits
        lease_seconds = self.remaining_seconds + LEASE_MARGIN_SECONDS
        # Each step is recorded at once, so that a later failure gives it back.
        self.admission = limits.take_slot(self.required_admission, lease_seconds=lease_seconds)
        self.admission = limits.reserve_images(self.admission, images)

    def _seconds_before_delivery(self, response_bytes: int) -> float:
        delivery = max(0, response_bytes - UNCAPPED_RESPONSE_BYTES) / CAPPED_BYTES_PER_SECOND
        return self.remaining_seconds - RESERVED_SECONDS - delivery
