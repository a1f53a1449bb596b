"""Sends the mail that each message of the mail queue asks for."""

import os
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

from imagineart.bootstrap_accounts import MailServices

services = MailServices(os.environ)
processor = BatchProcessor(EventType.SQS)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle messages of SQS; a failure is raised, so that it is retried."""
    return dict(process_partial_response(event, services.send, processor))
