"""Runs the job of each message of the jobs' queue."""

import os
from typing import Any

from imagineart.bootstrap_workers import LambdaContext, WorkerServices

services = WorkerServices(os.environ)


def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Respond with the messages that have to come again."""
    return services.run_messages(event, context)
