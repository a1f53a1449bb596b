"""What Ministack 1.5.33 does otherwise than AWS, so that a test of the deployment leaves something out.

The tests name the shortcoming, and hold the emulator to it: one that is mended fails the test that relied on
it. docs/rehearsal.md tells them, and what else a rehearsal does not show.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """What the emulator does, and what AWS does instead; `source` is AWS's word for it."""

    emulator: str
    aws: str
    source: str


MISSING_OBJECT_IS_TOLD: Final = Shortcoming(
    emulator="S3 answers 404 for an object that is missing, whoever asks.",
    aws="S3 answers 403 for it, unless the caller may list the bucket.",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
)

SHORTCOMINGS: Final = (MISSING_OBJECT_IS_TOLD,)
