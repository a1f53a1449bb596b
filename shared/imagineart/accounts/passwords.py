"""Passwords, hashed by Argon2id with the parameters that OWASP recommends: 19 MiB, two passes, one lane.

Source: https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
"""

import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from imagineart.errors import InternalError

OWASP_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Passwords:
    """Hashes and checks passwords; both take the same work."""

    def __init__(self, hasher: PasswordHasher = OWASP_HASHER) -> None:
        self._hasher = hasher

    def hash(self, password: str) -> str:
        """The hash with its salt and parameters."""
        return self._hasher.hash(_normalized(password))

    def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether the hash is that of the password; None, for an unknown account, costs the same work."""
        if password_hash is None:
            self.hash(password)
            return False
        try:
            return self._hasher.verify(password_hash, _normalized(password))
        except InvalidHashError as error:
            raise InternalError(detail="an account has a malformed password hash") from error
        except VerificationError:
            return False


def _normalized(password: str) -> str:
    """The same characters however a keyboard composes them. Source: NIST SP 800-63B, 5.1.1.2."""
    return unicodedata.normalize("NFKC", password)
