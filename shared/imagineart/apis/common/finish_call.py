"""The end of a request: its error is recorded, it is settled, and it is logged and counted."""

from http import HTTPStatus

from imagineart.access.limits import LimitReachedError
from imagineart.apis.common.authorization import rate_limit_headers
from imagineart.apis.common.call import Call
from imagineart.errors import ImagineArtError
from imagineart.usage.model import FinishedRequest


def record_error(call: Call, error: ImagineArtError) -> None:
    """Keep an error for the log, usage and the headers."""
    call.record.fail(error.code, field=getattr(error, "field", None), detail=error.detail)
    if isinstance(error, LimitReachedError):
        call.record.headers |= rate_limit_headers(error.status)
        call.record.log_fields.update(limit=error.status.name)


def settle(call: Call) -> None:
    """Give back the slot and count the request, before the last of the response is sent."""
    if call.caller is None:
        return
    record = call.record
    call.services.settlement.settle(
        call.caller,
        call.admission,
        FinishedRequest(
            request_id=call.request_id,
            consumer_id=call.caller.consumer_id,
            operation=record.model or call.operation.name,
            resolution=record.resolution,
            outcome=record.outcome,
            images=record.images,
            seconds=record.seconds,
            finished_at=call.services.clock(),
        ),
    )


def report(call: Call, status: int) -> None:
    """Write the log line, and the metrics."""
    record, services = call.record, call.services
    fields = {**record.log_fields, "outcome": record.outcome, "duration_ms": round(record.seconds * 1000)}
    services.logger.info("request", **fields, status=status)
    services.metrics.request_finished(
        error_code=record.outcome if status >= HTTPStatus.BAD_REQUEST else None,
        is_server_error=status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        seconds=record.seconds,
        seconds_by_stage=record.seconds_by_stage,
        images=record.images + record.images_of_tasks,
    )
