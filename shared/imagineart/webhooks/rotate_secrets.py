"""The operator's side of webhook secrets: create, rotate. Each secret is returned once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.manage_consumers import ConsumerRegister, find_registered
from imagineart.errors import InvalidRequestError
from imagineart.webhooks.signing import SecretVersion, SigningVersions, secret_text
from imagineart.webhooks.signing_secrets import Keys, Versions, first_version, secret_of

DEFAULT_OVERLAP_HOURS: Final = 24
MAX_OVERLAP_HOURS: Final = 30 * 24


class VersionRegister(Versions, Protocol):
    """Where versions are added. See `SecretStore` for what each method does."""

    def add(self, consumer_id: str, version: SecretVersion) -> bool: ...

    def replace(self, consumer_id: str, versions: SigningVersions) -> SigningVersions: ...


@dataclass(frozen=True, slots=True)
class RotateSecrets:
    """Gives consumers their secrets. Every method raises NotFoundError for an unknown consumer."""

    versions: VersionRegister
    keys: Keys
    consumers: ConsumerRegister
    clock: Callable[[], float]

    def create(self, consumer_id: str) -> str:
        """The first secret of a consumer. Raises InvalidRequestError where it was created before."""
        find_registered(self.consumers, consumer_id)
        keys = self.keys.read()
        version = first_version(keys)
        if not self.versions.add(consumer_id, version):
            raise InvalidRequestError(
                "secret", f"'{consumer_id}' has one, which was shown when it was created; rotate it instead."
            )
        return secret_text(secret_of(keys, consumer_id, version))

    def rotate(self, consumer_id: str, *, overlap_hours: int) -> tuple[str, int]:
        """A new secret, and until when (Unix seconds) the one before it signs too.

        Raises InvalidRequestError for an overlap out of bounds, and where there is no secret to replace.
        """
        if not 0 <= overlap_hours <= MAX_OVERLAP_HOURS:
            raise InvalidRequestError(
                "overlap_hours", f"got {overlap_hours}; allowed: 0 to {MAX_OVERLAP_HOURS}."
            )
        find_registered(self.consumers, consumer_id)
        keys = self.keys.read()
        present = self.versions.find(consumer_id)
        if present is None:
            raise InvalidRequestError("secret", f"'{consumer_id}' has none; create it first.")
        ends_at = int(self.clock()) + overlap_hours * 3600
        following = SecretVersion(present.current.number + 1, keys.current_version)
        held = self.versions.replace(consumer_id, SigningVersions(following, present.current, ends_at))
        return secret_text(secret_of(keys, consumer_id, held.current)), held.previous_ends_at
