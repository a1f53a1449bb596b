"""What boto3 raises where a model of AWS does not do what was asked for, in errors of ours.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html and
https://docs.aws.amazon.com/polly/latest/APIReference/API_SynthesizeSpeech.html
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore import exceptions

from imagineart.backends.responses import at_its_limit, overloaded, refused_content
from imagineart.errors import (
    ImagineArtError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    ModelUnavailableError,
    RequestRefusedError,
)

_NOTHING_SENT: Final = (
    exceptions.EndpointConnectionError,
    exceptions.ConnectTimeoutError,
    exceptions.ProxyConnectionError,
    exceptions.SSLError,
)
_NO_CREDENTIALS: Final = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.MetadataRetrievalError,
    exceptions.TokenRetrievalError,
)
_AUTH_CODES: Final = frozenset({
    "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "InvalidClientTokenId",
    "InvalidSignatureException", "IncompleteSignatureException", "MissingAuthenticationTokenException",
    "NotAuthorized", "OptInRequired", "RequestExpired",
})  # fmt: skip
_NO_WORK_CODES: Final = frozenset({"ModelNotReadyException", "ServiceUnavailableException"})
_REFUSAL_CODES: Final = frozenset({
    "ValidationException", "TextLengthExceededException", "EngineNotSupportedException",
    "LanguageNotSupportedException", "InvalidSsmlException", "InvalidSampleRateException",
})  # fmt: skip
_QUOTABLE_CODES: Final = frozenset({
    "AccessDeniedException", "InternalServerException", "ModelErrorException", "ModelNotReadyException",
    "ModelTimeoutException", "ResourceNotFoundException", "ServiceQuotaExceededException",
    "ServiceUnavailableException", "ThrottlingException", "ValidationException",
})  # fmt: skip
"""InvokeModel's own; the message about a bad signature would quote the session token."""

_ABOUT_THE_MODEL: Final = re.compile(
    r"model ?id|model identifier|model version|foundation model|inference profile|on-demand throughput"
    r"|\bregion\b|operation not allowed",
    re.IGNORECASE,
)
_ABOUT_THE_CONTENT: Final = re.compile(
    r"content (filter|policy|policies|moderation)|filtered words|moderation|flagged|prohibited|guardrail",
    re.IGNORECASE,
)
_MAX_QUOTED_CHARACTERS: Final = 300
_REVEALING_CHARACTERS: Final = 12
"""A message that contains so much of the prompt's beginning quotes the prompt."""

_CHECK_THE_MODEL: Final = (
    "check that this model is offered in this region, and called by its inference profile where it has one"
)
_ENABLE_ACCESS: Final = (
    "enable access to this model for the account in this region, check that the account can pay, and allow "
    "the role bedrock:InvokeModel on the model and on the inference profile that leads to it"
)
_CHECK_THE_CREDENTIALS: Final = "check the role's credentials and the clock"
_RAISE_THE_QUOTA: Final = "raise the quota of this model in Service Quotas, or add a route"


@contextmanager
def translated_errors(prompt: str) -> Iterator[None]:
    """Raise an error of ours in place of what botocore raises. `prompt` is kept out of the log."""
    try:
        yield
    except exceptions.ClientError as error:
        raise _read_refusal(error.response, prompt) from error
    except _NO_CREDENTIALS as error:
        raise ModelAuthError(detail=f"{type(error).__name__}; {_CHECK_THE_CREDENTIALS}") from error
    except (exceptions.BotoCoreError, AttributeError, RecursionError) as error:
        # botocore itself fails on an error that is not a JSON object, as a proxy may send.
        failure = ModelUnavailableError if isinstance(error, _NOTHING_SENT) else ModelError
        raise failure(detail=type(error).__name__) from error
    except RuntimeError as error:
        # What botocore raises where renewed credentials have expired already.
        raise ModelAuthError(detail=f"{type(error).__name__}; {_CHECK_THE_CREDENTIALS}") from error


def _read_refusal(response: Mapping[str, Any], prompt: str) -> ImagineArtError:
    about = response.get("ResponseMetadata", {})
    status, headers = about.get("HTTPStatusCode"), about.get("HTTPHeaders", {})
    code = str(response.get("Error", {}).get("Code", ""))
    message = str(response.get("Error", {}).get("Message", ""))
    is_validation = code == "ValidationException"
    detail = _describe(status, code, message, about.get("RequestId"), prompt)
    retry_after = str(headers.get("retry-after", ""))
    if code == "ResourceNotFoundException" or (is_validation and _ABOUT_THE_MODEL.search(message)):
        return ModelNotAvailableError(detail=f"{detail}; {_CHECK_THE_MODEL}")
    if code == "ServiceQuotaExceededException":
        return ModelNotAvailableError(detail=f"{detail}; {_RAISE_THE_QUOTA}")
    if code in _AUTH_CODES or status in (401, 402, 403):
        advice = _ENABLE_ACCESS if code == "AccessDeniedException" else _CHECK_THE_CREDENTIALS
        return ModelAuthError(detail=f"{detail}; {advice}")
    if code in _NO_WORK_CODES or status == 503:
        return overloaded(retry_after, detail)
    if code == "ThrottlingException" or status == 429:
        return at_its_limit(retry_after, f"{detail}; {_RAISE_THE_QUOTA}")
    if is_validation and _ABOUT_THE_CONTENT.search(message):
        return refused_content("prompt", detail)
    if status == 404:
        return ModelNotAvailableError(detail=f"{detail}; {_CHECK_THE_MODEL}")
    return (RequestRefusedError if code in _REFUSAL_CODES else ModelError)(detail=detail)


def _describe(status: object, code: str, message: str, request_id: object, prompt: str) -> str:
    # A proxy's page becomes a code of any length, and what is said of the content may quote the prompt.
    parts = [f"{status} {code}" if re.fullmatch(r"\w{1,60}", code) else str(status)]
    is_quotable = code in _QUOTABLE_CODES and not _ABOUT_THE_CONTENT.search(message)
    if is_quotable and prompt[:_REVEALING_CHARACTERS] not in message:
        parts.append(message[:_MAX_QUOTED_CHARACTERS])
    if request_id:
        parts.append(f"request {str(request_id)[:64]}")
    return "; ".join(parts)
