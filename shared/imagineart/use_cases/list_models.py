"""The models a caller may use, and what each accepts."""

from typing import Any

from imagineart.domain.catalogue import CATALOGUE


def list_models() -> dict[str, Any]:
    """``{"data": [...], "object": "list"}`` as `GET /v1/models` answers it."""
    return {"data": [model.describe() for model in CATALOGUE], "object": "list"}
