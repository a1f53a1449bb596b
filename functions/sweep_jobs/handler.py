"""Each minute: sends jobs that are lost; and fails the jobs of messages that no worker could handle."""

import os
from typing import Any

from imagineart.bootstrap_workers import WorkerServices

services = WorkerServices(os.environ)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Respond to messages with those that have to come again, and to the schedule with nothing.

    Raises RuntimeError where the jobs of a consumer could not be swept, after those of all others.
    """
    if "Records" in event:
        return services.fail_messages(event)
    failures = services.sweep_jobs.sweep()
    if failures:
        raise RuntimeError(f"the jobs of {failures} consumers were not swept")
    return {}
