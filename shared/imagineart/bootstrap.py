"""The composition root: the only place where the parts of a Lambda environment are chosen."""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Final

from aws_lambda_powertools import Logger
from fastapi import APIRouter

from imagineart.access.admit import RequestLimits
from imagineart.access.authenticate import Authenticator
from imagineart.access.consumer_store import ConsumerStore
from imagineart.access.internal_tokens import InternalTokenStore
from imagineart.access.peppers import PepperStore
from imagineart.access.review_tokens import TokenReview, review_tokens
from imagineart.access.settle import Settlement
from imagineart.access.token_store import TokenStore
from imagineart.access.tokens import TokenKind
from imagineart.apis.common.application import (
    STREAMING_VARIABLE,
    LambdaHandler,
    create_application,
    lambda_handler,
)
from imagineart.apis.common.route import ErrorFormat
from imagineart.aws import AwsClients
from imagineart.backends.call_backends import Backends
from imagineart.backends.keys import BackendKeys
from imagineart.backends.routes import build_routes, parse_routes
from imagineart.dynamodb import Table
from imagineart.idempotency.record_store import RecordStore
from imagineart.idempotency.respond_once import Idempotency
from imagineart.idempotency.response_store import ResponseStore
from imagineart.secrets_manager import CachedSecret
from imagineart.settings import Settings
from imagineart.uploads.uploads import Uploads
from imagineart.usage.metrics import Metrics
from imagineart.usage.usage_store import UsageStore
