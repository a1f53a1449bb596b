"""The models a caller may use, and what each accepts."""

from typing import Any

from imagineart.domain.catalogue import CATALOGUE
from imagineart.domain.consumers import Consumer


def list_models(consumer: Consumer) -> dict[str, Any]:
    """``{"data": [...], "object": "list"}`` as `GET /v1/models` answers it to `consumer`."""
    available = [model.describe() for model in CATALOGUE if consumer.may_use(model.id)]
    return {"data": available, "object": "list"}
