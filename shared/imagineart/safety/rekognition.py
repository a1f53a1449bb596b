"""Moderation by Amazon Rekognition.

Source: https://docs.aws.amazon.com/rekognition/latest/dg/moderation-api.html
"""

from dataclasses import dataclass
from typing import Final

from imagineart.aws import AwsClients, translated_errors

MIN_CONFIDENCE: Final = 60
"""In percent; below, labels are mostly wrong."""

UNSAFE_LABELS: Final = frozenset(
    {
        "Explicit",
        "Non-Explicit Nudity of Intimate parts and Kissing",
        "Violence",
        "Visually Disturbing",
        "Hate Symbols",
    }
)
"""The labels of the top level that make an image unsafe: alcohol, gambling and swimwear do not."""


@dataclass(frozen=True, slots=True)
class RekognitionChecker:
    """A `ContentChecker` that asks Amazon Rekognition in the function's region."""

    clients: AwsClients

    def is_unsafe(self, jpeg: bytes, _: str) -> bool:
        """Whether the image has a label that is unsafe. Raises AwsCallError."""
        with translated_errors("rekognition DetectModerationLabels"):
            response = self.clients.client("rekognition").detect_moderation_labels(
                Image={"Bytes": jpeg}, MinConfidence=MIN_CONFIDENCE
            )
        return any(
            {label["Name"], label.get("ParentName")} & UNSAFE_LABELS for label in response["ModerationLabels"]
        )
