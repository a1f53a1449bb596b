"""One queue in SQS, to which messages are sent."""

from dataclasses import dataclass

from imagineart.aws import AwsClients, translated_errors


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue, by its URL."""

    clients: AwsClients
    url: str

    def send(self, body: str, *, delay_seconds: int = 0, group: str | None = None) -> None:
        """Send a message, which readers get after the delay, of 15 minutes at most. Raises AwsCallError.

        Many messages of one `group` do not delay those of others.
        Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
        """
        with translated_errors("sqs SendMessage"):
            self.clients.client("sqs").send_message(
                QueueUrl=self.url,
                MessageBody=body,
                DelaySeconds=delay_seconds,
                **({"MessageGroupId": group} if group else {}),
            )
