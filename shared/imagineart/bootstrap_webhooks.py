"""The composition root of the function that delivers webhooks."""

import asyncio
import json
from collections.abc import Mapping

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from imagineart.access.pepper_store import PEPPERS_CACHED_SECONDS, PepperStore
from imagineart.bootstrap_environment import Environment
from imagineart.outbound.http import OutboundHttp
from imagineart.settings import MetricsSettings, WebhookSettings
from imagineart.sqs import Queue
from imagineart.webhooks.deliver_webhook import DeliverWebhooks
from imagineart.webhooks.model import Attempt, State, Webhook
from imagineart.webhooks.queue_webhook import QueueWebhooks
from imagineart.webhooks.secret_store import SecretStore
from imagineart.webhooks.signing_secrets import SigningSecrets
from imagineart.webhooks.webhook_store import WebhookStore


class DeliveryServices(Environment):
    """The parts of the function that delivers webhooks; no connection is made before the first message."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """`variables` are the environment variables. Raises SettingsError."""
        super().__init__(variables, MetricsSettings.from_mapping(variables))
        settings = WebhookSettings.from_mapping(variables)
        table = self._table(settings.table)
        keys = PepperStore(self._secret(settings.key_secret, PEPPERS_CACHED_SECONDS))
        webhooks = WebhookStore(table)
        self._queue = QueueWebhooks(webhooks, Queue(self._clients, settings.queue_url), self.clock)
        self._webhooks = DeliverWebhooks(
            webhooks,
            self._queue,
            SigningSecrets(SecretStore(table), keys, self.clock),
            OutboundHttp(settings.reaches_loopback),
            self.random_below,
            self.clock,
            self._report_attempt,
        )

    def deliver(self, record: SQSRecord) -> None:
        """Make the attempt that a message asks for. Raises InternalError; ValueError for a malformed one."""
        message = json.loads(record.body)
        asyncio.run(self._webhooks.deliver(message["consumer_id"], message["webhook_id"]))

    def sweep(self) -> int:
        """Send messages for the webhooks that are overdue; returns how many. Raises AwsCallError."""
        return self._queue.sweep()

    def _report_attempt(self, webhook: Webhook, attempt: Attempt, state: State) -> None:
        """The log has neither the URL nor its host, which may be secret."""
        self.logger.info(
            "webhook",
            consumer=webhook.consumer_id,
            webhook=webhook.id,
            type=webhook.type,
            attempt=webhook.tries,
            outcome=attempt.outcome,
            status=attempt.status,
            duration_ms=attempt.milliseconds,
            state=state,
        )
        self.metrics.webhook_attempted(failed=state is not State.DELIVERED)
