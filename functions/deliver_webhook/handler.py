"""Webhooks: an attempt for each message of the queue, and each minute messages for what is overdue."""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from imagineart.bootstrap_webhooks import DeliveryServices

services = DeliveryServices(os.environ)
processor = BatchProcessor(EventType.SQS)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle messages of SQS, or the event of the schedule; a failure is raised, so that it is retried."""
    if "Records" not in event:
        return {"sent": services.sweep()}
    return dict(process_partial_response(event, services.deliver, processor))
