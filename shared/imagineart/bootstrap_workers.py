"""The composition root of the functions that work on jobs behind the API."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from http import HTTPStatus
from typing import Any, Protocol

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from imagineart.apis.imagineart.errors import STATUS_BY_CODE
from imagineart.backends.call_backends import Backends
from imagineart.backends.make_transparent import CutOutBackends, choose_backends
from imagineart.bootstrap_jobs import JobEnvironment
from imagineart.errors import ImagineArtError, InternalError, ModelNotAvailableError
from imagineart.images.model import ImageRequest
from imagineart.jobs.make_images import MakeImages
from imagineart.jobs.make_infographic import MakeInfographic
from imagineart.jobs.make_media import MakeMedia, MakesMedia
from imagineart.jobs.model import Job, JobKey
from imagineart.jobs.run_job import Makes, RunJob
from imagineart.jobs.send_jobs import read_message
from imagineart.jobs.sweep_jobs import SweepJobs
from imagineart.models.model import OfferedModel, TextModel
from imagineart.settings import WorkerSettings
from imagineart.usage.model import CANCELLED, OK, FinishedRequest


class LambdaContext(Protocol):
    """What a worker reads of the context of its invocation."""

    def get_remaining_time_in_millis(self) -> int: ...


class WorkerServices(JobEnvironment):
    """The parts of one environment that runs or sweeps jobs."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` are the environment variables. Raises SettingsError."""
        settings = WorkerSettings.from_mapping(variables)
        super().__init__(variables, settings.metrics, settings.jobs)

    @cached_property
    def run_job(self) -> RunJob:
        return RunJob(
            self.jobs,
            self.job_sender,
            self.job_limits,
            self.job_settlement,
            self._maker_of,
            self.random_below,
            self.clock,
        )

    def _maker_of(self, job: Job) -> Makes:
        if job.layout_model:
            return self._make_infographic
        return self._make_images if isinstance(job.request, ImageRequest) else self._make_media

    @cached_property
    def _make_images(self) -> MakeImages:
        def backends_of(job: Job) -> Backends | CutOutBackends:
            document = self.models.current()
            model = _model_of(job, job.model_id, document.image_models)
            return choose_backends(job.image_request, model, document, self.backends)

        return MakeImages(
            self.jobs, self.job_objects, self.results, self.content_checker, self.outbound, backends_of
        )

    @cached_property
    def _make_media(self) -> MakeMedia:
        def backends_of(job: Job) -> MakesMedia:
            return self.media_backends.of(_model_of(job, job.model_id, self.models.current().media_models))

        return MakeMedia(self.jobs, self.results, self.job_sender, backends_of, self.clock)

    @cached_property
    def _make_infographic(self) -> MakeInfographic:
        def writer_of(job: Job) -> tuple[MakesMedia, int]:
            writers = [each for each in self.models.current().media_models if isinstance(each, TextModel)]
            model = _model_of(job, job.layout_model or "", writers)
            return self.media_backends.of(model), model.max_tokens

        return MakeInfographic(self.jobs, writer_of, self._make_images)

    @cached_property
    def sweep_jobs(self) -> SweepJobs:
        return SweepJobs(
            self.jobs,
            self.job_places,
            self.job_sender,
            self.job_settlement,
            self.job_reports,
            self.report_job,
            self.clock,
        )

    @cached_property
    def runner(self) -> asyncio.Runner:
        """Keeps the one event loop that the connections to backends belong to."""
        return asyncio.Runner()

    def run_messages(self, event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Run the job of each message of an SQS event; returns those that have to come again."""

        def run(key: JobKey) -> None:
            seconds_left = context.get_remaining_time_in_millis() / 1000
            self.runner.run(self.run_job.run(key, seconds_left=seconds_left))

        return self._process(event, run)

    def fail_messages(self, event: dict[str, Any]) -> dict[str, Any]:
        """Fail the job of each message of an SQS event; returns those that have to come again."""
        return self._process(event, self.sweep_jobs.fail_dead)

    def job_ended(self, finished: FinishedRequest) -> None:
        """Log a job that has ended, and count it."""
        super().job_ended(finished)
        is_failure = finished.outcome not in (OK, CANCELLED)
        self._count(finished.outcome if is_failure else None, finished.seconds, finished.images)

    def _process(self, event: dict[str, Any], handle: Callable[[JobKey], None]) -> dict[str, Any]:
        def handle_record(record: SQSRecord) -> None:
            try:
                key = read_message(record.body)
            except ValueError:
                self.logger.error("a message that names no job is dropped", message_id=record.message_id)
                return
            try:
                handle(key)
            except ImagineArtError as error:
                self.logger.error("job interrupted", job=key.id, code=error.code, detail=error.detail)
                self._count(error.code, 0, 0)
                raise
            except Exception:
                self.logger.exception("job interrupted", job=key.id)
                self._count(InternalError.code, 0, 0)
                raise

        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        response = process_partial_response(event=event, record_handler=handle_record, processor=processor)
        return dict(response)

    def _count(self, error_code: str | None, seconds: float, images: int) -> None:
        status = STATUS_BY_CODE[error_code] if error_code else HTTPStatus.OK
        self.metrics.request_finished(
            error_code=error_code,
            is_server_error=status >= HTTPStatus.INTERNAL_SERVER_ERROR,
            seconds=seconds,
            seconds_by_stage={},
            images=images,
        )


def _model_of[ModelT: OfferedModel](job: Job, model_id: str, offered: Sequence[ModelT]) -> ModelT:
    """A model of a job. Raises ModelNotAvailableError where it is no longer offered."""
    for model in offered:
        if model.id == model_id:
            return model
    raise ModelNotAvailableError(detail=f"the model {model_id} of {job.key.id} is gone")
