"""The operator's side of the keys that sign sessions: list, rotate, retire."""

from dataclasses import dataclass

from imagineart.access.rotate_peppers import PepperRegister, add_key, without_key
from imagineart.access.tokens import Peppers
from imagineart.errors import InvalidRequestError, NotFoundError
from imagineart.images.seeds import RandomBelow


@dataclass(frozen=True, slots=True)
class RotateSessionKeys:
    """Adds and removes keys. `random_below` must be strong."""

    keys: PepperRegister
    random_below: RandomBelow

    def list(self) -> dict[str, bool]:
        """Every version, and whether it is the one that signs."""
        keys = self.keys.read()
        return {version: version == keys.current_version for version in keys.keys}

    def rotate(self) -> str:
        """Sign later sessions under a new key, and return its version; earlier sessions stay valid."""
        return add_key(self.keys, self.random_below)

    def retire(self, version: str) -> None:
        """Delete a key, and so end the sessions under it.

        Raises InvalidRequestError for the one that signs, NotFoundError for an unknown one.
        """

        def change(keys: Peppers) -> Peppers:
            if version not in keys.keys:
                raise NotFoundError("session key", version)
            if version == keys.current_version:
                raise InvalidRequestError("key", f"got '{version}', which signs sessions; rotate first.")
            return without_key(keys, version)

        self.keys.change(change)
