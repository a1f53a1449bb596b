"""What the operator's commands work with, against any deployment."""

import secrets
import time
from functools import partial

from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.internal_tokens import InternalTokenStore
from imagineart.access.manage_consumers import ManageConsumers
from imagineart.access.manage_tokens import ManageTokens
from imagineart.access.pepper_store import PepperStore
from imagineart.access.rotate_peppers import RotatePeppers
from imagineart.access.token_store import TokenStore
from imagineart.access.tokens import TokenKind
from imagineart.accounts.account_store import AccountStore
from imagineart.accounts.rotate_session_keys import RotateSessionKeys
from imagineart.aws import AwsClients
from imagineart.credits.change_credits import Credits
from imagineart.credits.wallet_store import WalletStore
from imagineart.dynamodb import DynamoDbTable
from imagineart.models.manage_models import ManageModels
from imagineart.models.model import ModelsDocument
from imagineart.models.store import ModelStore
from imagineart.secrets_manager import CachedSecret
from imagineart.settings import AccessSettings
from imagineart.sqs import Queue
from imagineart.usage.report_usage import ReportUsage
from imagineart.usage.usage_store import UsageStore
from imagineart.webhooks.manage_webhooks import ManageWebhooks
from imagineart.webhooks.queue_webhook import QueueWebhooks
from imagineart.webhooks.rotate_secrets import RotateSecrets
from imagineart.webhooks.secret_store import SecretStore
from imagineart.webhooks.webhook_store import WebhookStore


class OperatorServices:
    """The use cases of one deployment's operator; nothing is cached between two of them."""

    def __init__(
        self,
        settings: AccessSettings,
        clients: AwsClients,
        *,
        base_url: str = "",
        credential_secret: str,
        bedrock_models: str,
    ) -> None:
        """Below `base_url` are the API's endpoints; `credential_secret` holds the keys of backends.

        `bedrock_models` are the stack's parameters BedrockModels and BedrockTextModels, with a comma.
        """
        partner_tokens = TokenStore(DynamoDbTable(clients, settings.tokens_table))
        internal_tokens = InternalTokenStore(
            CachedSecret(clients, settings.internal_tokens_secret, cached_seconds=0), partner_tokens
        )
        peppers = PepperStore(CachedSecret(clients, settings.pepper_secret, cached_seconds=0))
        self.clients = clients
        self.base_url = base_url
        self.credential_secret = credential_secret
        self.consumers = ConsumerStore(DynamoDbTable(clients, settings.consumers_table))
        self.usage = UsageStore(DynamoDbTable(clients, settings.usage_table), secrets.randbelow)
        self.manage_models = ManageModels(
            ModelStore(DynamoDbTable(clients, settings.models_table)),
            partial(_find_problems, bedrock_models=bedrock_models),
            time.time,
        )
        self.manage_consumers = ManageConsumers(
            self.consumers, lambda: self.manage_models.current().document.ids
        )
        self.manage_tokens = ManageTokens(
            registers={TokenKind.PARTNER: partner_tokens, TokenKind.INTERNAL: internal_tokens},
            consumers=self.consumers,
            revoker=partner_tokens,
            peppers=peppers,
            random_below=secrets.randbelow,
            clock=time.time,
        )
        self.rotate_peppers = RotatePeppers(peppers, self.manage_tokens, secrets.randbelow)
        webhooks_table = DynamoDbTable(clients, settings.webhooks.table)
        webhooks = WebhookStore(webhooks_table)
        keys = PepperStore(CachedSecret(clients, settings.webhooks.key_secret, cached_seconds=0))
        self.rotate_secrets = RotateSecrets(SecretStore(webhooks_table), keys, self.consumers, time.time)
        self.manage_webhooks = ManageWebhooks(
            webhooks,
            QueueWebhooks(webhooks, Queue(clients, settings.webhooks.queue_url), time.time),
            self.consumers,
            secrets.randbelow,
            time.time,
            allows_loopback=settings.webhooks.reaches_loopback,
        )
        self.accounts = AccountStore(DynamoDbTable(clients, settings.accounts_table))
        session_keys = PepperStore(CachedSecret(clients, settings.session_secret, cached_seconds=0))
        self.rotate_session_keys = RotateSessionKeys(session_keys, secrets.randbelow)
        self.wallets = WalletStore(DynamoDbTable(clients, settings.credits_table))
        self.credits = Credits(self.wallets, time.time)
        self.report_usage = ReportUsage(self.usage, self.consumers, time.time)


def _find_problems(document: ModelsDocument, *, bedrock_models: str) -> list[str]:
    # Other commands need no adapters.
    from imagineart.backends.check_models import find_problems

    return find_problems(document, bedrock_models=bedrock_models)
