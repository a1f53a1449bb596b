"""What else calls functions: schedules, and queues as Lambda's event source mappings read them.

A function gets messages that no other invocation has, and those that it handled are deleted. All others are
visible again after the queue's visibility time-out; after as many receives as its redrive policy allows, a
message is moved to the dead-letter queue, which the stand-in for SQS does. Source:
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import sys
import threading
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from local.cloud import REGION
from local.environments import FunctionCrashError, FunctionTimeoutError, TooManyEnvironmentsError
from local.gateway import Gateway
from local.template import EventSource, Schedule, Template, resolve

POLL_SECONDS: Final = 0.3
"""How long a queue that was empty is left alone."""

MAX_CONCURRENCY: Final = 64
"""How many invocations of one source run at a time at most, whatever the template allows."""

_FAILURES: Final = (FunctionCrashError, FunctionTimeoutError, TooManyEnvironmentsError)


class EventSources:
    """The queues and schedules of a template, which call the functions of a gateway."""

    def __init__(self, template: Template, references: Mapping[str, str], gateway: Gateway, sqs: Any) -> None:
        self._sources = template.event_sources
        self._schedules = template.schedules
        self._references = references
        self._gateway = gateway
        self._sqs = sqs
        self._is_stopping = threading.Event()

    def start(self) -> None:
        """Read the queues and keep the schedules until `stop`."""
        for source in self._sources:
            threading.Thread(target=self._read, args=(source,), daemon=True).start()
        for schedule in self._schedules:
            threading.Thread(target=self._keep, args=(schedule,), daemon=True).start()

    def stop(self) -> None:
        """Begin no further invocation, and do not wait for those that run."""
        self._is_stopping.set()

    def deliver_all(self) -> int:
        """Call the functions while a queue has a visible message, one at a time; returns how many."""
        count = 0
        while messages := sum(self._deliver(source) for source in self._sources):
            count += messages
        return count

    def _read(self, source: EventSource) -> None:
        allowed = resolve(source.max_concurrency, self._references)
        limit = min(MAX_CONCURRENCY, int(allowed or MAX_CONCURRENCY))
        places = threading.Semaphore(limit)

        def deliver(messages: list[dict[str, Any]]) -> None:
            try:
                self.handle(source, messages)
            finally:
                places.release()

        with ThreadPoolExecutor(limit) as pool:
            while not self._is_stopping.is_set():
                places.acquire()
                messages = self._receive_or_report(source)
                if messages:
                    pool.submit(deliver, messages)
                else:
                    places.release()
                    self._is_stopping.wait(POLL_SECONDS)

    def _keep(self, schedule: Schedule) -> None:
        while not self._is_stopping.wait(schedule.seconds):
            try:
                self._gateway.invoke(schedule.function_id, {"source": "aws.events", "detail": {}})
            except _FAILURES:
                traceback.print_exc(file=sys.stderr)

    def handle(self, source: EventSource, messages: list[dict[str, Any]]) -> None:
        """Call the function with messages, and delete those that it handled."""
        records = [_record(message, self._references[f"{source.queue_id}.Arn"]) for message in messages]
        try:
            response = self.call(source.function_id, {"Records": records}) or {}
        except _FAILURES:
            traceback.print_exc(file=sys.stderr)
            return
        reported = response.get("batchItemFailures", []) if source.reports_failures else []
        failed = {failure["itemIdentifier"] for failure in reported}
        for message in messages:
            if message["MessageId"] not in failed:
                self._sqs.delete_message(
                    QueueUrl=self._references[source.queue_id], ReceiptHandle=message["ReceiptHandle"]
                )

    def call(self, function_id: str, event: dict[str, Any]) -> Any:
        """What a function returns for messages. Raises what its fleet raises."""
        return self._gateway.invoke(function_id, event)

    def _deliver(self, source: EventSource) -> int:
        messages = self._receive(source)
        if messages:
            self.handle(source, messages)
        return len(messages)

    def _receive_or_report(self, source: EventSource) -> list[dict[str, Any]]:
        try:
            return self._receive(source)
        except (BotoCoreError, ClientError):
            if not self._is_stopping.is_set():
                traceback.print_exc(file=sys.stderr)
            return []

    def _receive(self, source: EventSource) -> list[dict[str, Any]]:
        received = self._sqs.receive_message(
            QueueUrl=self._references[source.queue_id],
            MaxNumberOfMessages=source.batch_size,
            AttributeNames=["All"],
            # The stand-in would let every other call wait as well.
            WaitTimeSeconds=0,
        )
        messages: list[dict[str, Any]] = received.get("Messages", [])
        return messages


def _record(message: dict[str, Any], queue_arn: str) -> dict[str, Any]:
    """A message as Lambda gives it to a function."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}) | {"SentTimestamp": str(int(time.time() * 1000))},
        "messageAttributes": {},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": REGION,
    }
