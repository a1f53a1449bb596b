"""Accounts as ImagineLab's API shows them."""

from datetime import UTC, datetime
from typing import Any

from imagineart.accounts.model import Account


def describe_account(account: Account) -> dict[str, Any]:
    """An account without its password."""
    return {
        "id": account.id,
        "email": account.email,
        "full_name": account.full_name,
        "is_active": True,
        "created_at": time_text(account.created_at),
    }


def time_text(seconds: float) -> str:
    """A time as ``2026-06-07T12:00:00Z``."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
