"""What a checker of content gets, and what of its answer makes an image unsafe."""

import asyncio
from typing import Any

import pytest

from imagineart.aws import AwsCallError, AwsClients
from imagineart.safety.check_content import check_content
from imagineart.safety.rekognition import RekognitionChecker
from tests.sample_images import decode, encode, gradient


class Answering(AwsClients):
    """Clients of a Rekognition that finds the given labels, or refuses the call."""

    def __init__(self, *labels: tuple[str, str], error: Exception | None = None) -> None:
        super().__init__({})
        self.labels, self.error = labels, error
        self.images: list[bytes] = []

    def client(self, service: str, **_: Any) -> "Answering":
        assert service == "rekognition"
        return self

    def detect_moderation_labels(self, **parameters: Any) -> dict[str, Any]:
        self.images.append(parameters["Image"]["Bytes"])
        if self.error:
            raise self.error
        labels = [{"Name": name, "ParentName": parent, "Confidence": 99.0} for name, parent in self.labels]
        return {"ModerationLabels": labels}


@pytest.mark.parametrize(
    ("labels", "is_unsafe"),
    [
        ((), False),
        ((("Explicit", ""),), True),
        ((("Exposed Female Nipple", "Explicit"),), True),
        ((("Swimwear or Underwear", ""), ("Alcohol", "")), False),
        ((("Alcohol", ""), ("Graphic Violence", "Violence")), True),
    ],
)
def test_labels_of_some_kinds_make_an_image_unsafe(
    labels: tuple[tuple[str, str], ...], is_unsafe: bool
) -> None:
    assert RekognitionChecker(Answering(*labels)).is_unsafe(b"a jpeg", "a boat") is is_unsafe


def test_a_checker_gets_a_small_jpeg() -> None:
    clients = Answering()
    asyncio.run(check_content(RekognitionChecker(clients), encode(gradient(3000, 1500), "PNG"), "a boat"))
    (jpeg,) = clients.images
    assert jpeg.startswith(b"\xff\xd8\xff")
    assert decode(jpeg).size == (1024, 512)


def test_a_check_that_fails_is_no_answer() -> None:
    with pytest.raises(AwsCallError):
        RekognitionChecker(Answering(error=RuntimeError("no credentials"))).is_unsafe(b"a jpeg", "a boat")
