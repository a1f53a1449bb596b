"""The secrets under which the webhooks of a consumer are signed at a moment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from imagineart.access.tokens import Peppers
from imagineart.errors import InternalError
from imagineart.webhooks.signing import SecretVersion, SigningVersions, derive_secret

_FIRST_NUMBER: Final = 1


class Keys(Protocol):
    """The keys that secrets are derived from, as `PepperStore` reads them."""

    def read(self) -> Peppers:
        """Every key, and the name of the present one."""


class Versions(Protocol):
    """Which secrets sign. See `SecretStore` for what each method does."""

    def find(self, consumer_id: str) -> SigningVersions | None: ...


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """The secrets of all consumers."""

    versions: Versions
    keys: Keys
    clock: Callable[[], float]

    def valid(self, consumer_id: str) -> list[bytes]:
        """The secrets that sign now, the present one first. Raises InternalError.

        A consumer whose secret was not shown yet has the first one already.
        """
        keys = self.keys.read()
        versions = self.versions.find(consumer_id) or SigningVersions(first_version(keys))
        return [secret_of(keys, consumer_id, each) for each in versions.valid(self.clock())]


def first_version(keys: Peppers) -> SecretVersion:
    """The version of a consumer's first secret."""
    return SecretVersion(_FIRST_NUMBER, keys.current_version)


def secret_of(keys: Peppers, consumer_id: str, version: SecretVersion) -> bytes:
    """A consumer's secret. Raises InternalError where its key was removed."""
    key = keys.keys.get(version.key_name)
    if not key:
        raise InternalError(detail=f"the webhook key {version.key_name} of {consumer_id} is missing")
    return derive_secret(key, consumer_id, version.number)
