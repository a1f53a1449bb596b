"""What a server of one of OpenAI's protocols says where it does not do what was asked for."""

import re
from collections.abc import Mapping
from typing import Any, Final

from imagineart.backends.http import HttpResponse
from imagineart.backends.responses import at_its_limit, loggable, overloaded, refused_content
from imagineart.errors import (
    ImagineArtError,
    ModelAuthError,
    ModelError,
    ModelNotAvailableError,
    RequestRefusedError,
)

_REFUSED_PROMPT: Final = frozenset({
    "contentfilter", "contentpolicyviolation", "contentpolicyviolationerror", "moderationblocked",
    "responsibleaipolicyviolation",
})  # fmt: skip
_ONLY_THE_OPERATOR: Final = frozenset({
    "accountdeactivated", "authenticationerror", "autherror", "billinghardlimitreached", "billingnotactive",
    "insufficientbalance", "insufficientcredits", "insufficientquota", "invalidapikey", "paymentrequired",
    "permissiondenied", "permissionerror",
})  # fmt: skip
_UNKNOWN_MODEL: Final = frozenset(
    {"deploymentnotfound", "modelnotavailable", "modelnotfound", "unknownmodel"}
)
_AT_ITS_LIMIT: Final = frozenset({"ratelimitexceeded", "ratelimitreached", "toomanyrequests"})
"""Codes in lower case and without separators: servers spell them in every way."""

_SAFETY_WORDS: Final = re.compile(
    r"content[ _-]?(policy|filter|moderation|management policy)|contentpolicyviolation|responsible ?ai"
    r"|safety (system|filter|policy|policies|guideline)|moderation (system|filter|policy)|moderation_blocked"
    r"|(usage|violat\w{1,6} .{0,60})polic(y|ies)|nsfw"
    r"|(sensitive|inappropriate|prohibited|unsafe|explicit) content",
    re.IGNORECASE,
)
_UNCLEAR_STATUSES: Final = frozenset({408, 409, 425})
"""Of the client's errors, those that say nothing of the request."""


def read_error(response: HttpResponse, document: Mapping[str, Any]) -> ImagineArtError:
    """The error of ours for a response, whose `document` says what is wrong."""
    status, error = response.status, document.get("error", document)
    if not isinstance(error, dict):
        error = {"message": error}
    inner = error.get("inner_error") or error.get("innererror")
    spelled = [error.get("code"), error.get("type"), inner.get("code") if isinstance(inner, dict) else None]
    codes = {re.sub(r"[^a-z0-9]", "", code.lower()) for code in spelled if isinstance(code, str)}
    said = (error.get("message"), error.get("detail"))
    message = next((each for each in said if isinstance(each, str)), "")
    reason = next((code for code in spelled if isinstance(code, str)), None)
    detail = f"the backend responded {status} with code {loggable(reason)}"
    speaks_of_safety = status < 500 and status not in (401, 429) and _SAFETY_WORDS.search(message)
    retry_after = response.headers.get("retry-after", "")
    if codes & _REFUSED_PROMPT or speaks_of_safety:
        return refused_content("prompt", detail)
    if codes & _ONLY_THE_OPERATOR or status in (401, 402, 403):
        return ModelAuthError(detail=detail)
    if codes & _UNKNOWN_MODEL or status == 404:
        return ModelNotAvailableError(detail=detail)
    if codes & _AT_ITS_LIMIT or status == 429:
        return at_its_limit(retry_after, detail)
    if status == 503:
        return overloaded(retry_after, detail)
    if status == 200 or (400 <= status < 500 and status not in _UNCLEAR_STATUSES):
        return RequestRefusedError(detail=detail)
    return ModelError(detail=detail)
