"""What the APIs need of a Lambda environment; the composition root provides it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from aws_lambda_powertools import Logger

from imagineart.access.admit import RequestLimits
from imagineart.access.authenticate import Authenticator
from imagineart.backends.call_backends import Backends
from imagineart.backends.model_backends import ModelBackends
from imagineart.idempotency.respond_once import Idempotency
from imagineart.jobs.accept_job import AcceptJob
from imagineart.jobs.estimate_job import EstimateJob
from imagineart.jobs.manage_jobs import ManageJobs
from imagineart.jobs.name_jobs import NamedJobs
from imagineart.jobs.push_job import PushJob
from imagineart.models.model import Model
from imagineart.models.read_models import CurrentModels
from imagineart.results.results import Results
from imagineart.safety.check_content import ContentChecker
from imagineart.uploads.media import Media
from imagineart.uploads.uploads import Uploads
from imagineart.usage.metrics import Metrics
from imagineart.usage.settle import Settlement

if TYPE_CHECKING:
    # Loaded where a request reaches out, and not with every environment.
    from imagineart.outbound.http import OutboundHttp


class Services(Protocol):
    """Each part is made when it is first asked for."""

    logs_prompts: bool
    reaches_loopback: bool
    clock: Callable[[], float]
    random_below: Callable[[int], int]

    @property
    def authenticator(self) -> Authenticator: ...

    @property
    def limits(self) -> RequestLimits: ...

    @property
    def settlement(self) -> Settlement: ...

    @property
    def idempotency(self) -> Idempotency: ...

    @property
    def models(self) -> CurrentModels: ...

    @property
    def backends(self) -> ModelBackends[Model, Backends]: ...

    @property
    def accept_job(self) -> AcceptJob: ...

    @property
    def named_jobs(self) -> NamedJobs: ...

    @property
    def push_job(self) -> PushJob: ...

    @property
    def estimate_job(self) -> EstimateJob: ...

    def manage_jobs(self, api: str) -> ManageJobs: ...

    @property
    def uploads(self) -> Uploads: ...

    @property
    def media(self) -> Media: ...

    @property
    def content_checker(self) -> ContentChecker: ...

    @property
    def outbound(self) -> "OutboundHttp": ...

    @property
    def results(self) -> Results: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def logger(self) -> Logger: ...
