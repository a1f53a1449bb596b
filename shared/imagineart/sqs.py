"""One queue of SQS.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from imagineart.aws import AwsClients, translated_errors


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue whose messages are JSON objects of texts."""

    clients: AwsClients
    url: str

    def send(self, message: Mapping[str, str], *, group: str, delay_seconds: int = 0) -> None:
        """Send a message, which comes after `delay_seconds`, 900 at most. Raises AwsCallError.

        A `group` that has many messages does not delay those of others (SQS fair queues).
        """
        with translated_errors("sqs send_message"):
            self.clients.client("sqs").send_message(
                QueueUrl=self.url,
                MessageBody=json.dumps(message),
                DelaySeconds=delay_seconds,
                MessageGroupId=group,
            )
