"""What InvokeModel returns for a model of Stability: an image, or why there is none.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-diffusion-3-5-large.html
"""

from typing import Any, Final

from imagineart.backends.responses import (
    decode_image,
    no_image,
    not_an_image,
    read_document,
    refused_content,
)
from imagineart.errors import (
    ModelError,
)

_MAX_QUOTED_CHARACTERS: Final = 300


def read_image(content: bytes, *, input_field: str) -> bytes:
    """The image file in a successful response.

    Raises InvalidRequestError where the content policy refuses the prompt or the result, about `input_field`
    where it refuses an image that was sent. Raises RequestRefusedError where there is no image and no reason
    for it, and ModelError otherwise.
    """
    document = read_document(content)
    if document is None:
        raise not_an_image("no JSON object")
    reason, text = _first(document.get("finish_reasons")), _first(document.get("images"))
    if reason is not None:
        detail = f"finish reason {str(reason)[:_MAX_QUOTED_CHARACTERS]!r}"
        if "filter" not in str(reason).lower():
            raise ModelError(detail=detail)
        raise refused_content(input_field if "input image" in str(reason).lower() else "prompt", detail)
    if not isinstance(text, str):
        raise no_image()
    return decode_image(text)


def _first(values: Any) -> Any:
    return values[0] if isinstance(values, list) and values else None
