"""Amazon Bedrock in one region; its words for faults are those of the local stand-in."""

import base64
import io
import json
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import groupby
from typing import Any
from urllib.parse import unquote

from PIL import Image, ImageColor

from imagineart.aws import AwsClients
from imagineart.backends.bedrock import BedrockBackend
from imagineart.backends.bedrock_services import FAST_UPSCALE, SD35_LARGE, STYLE_TRANSFER, ULTRA
from imagineart.backends.http import HttpClient
from imagineart.backends.model import ImageBackend
from imagineart.images.model import ReferenceImage
from imagineart.images.sizes import Size
from local.bedrock import faults
from tests.conformance.requests import REFERENCE_COLOURS
from tests.conformance.subject import Asked, Fault, Subject, generated
from tests.fault_backend import RecordedRequest, Response, document
from tests.sample_images import encode

_REGION = "us-west-2"
_SHORT_SIDE = 64
_UPSCALED = 4
_FAULTS = {
    Fault.THROTTLED: faults.Fault.THROTTLED,
    Fault.UNAUTHORISED: faults.Fault.UNKNOWN_CLIENT,
    Fault.CANNOT_PAY: faults.Fault.NO_MODEL_ACCESS,
    Fault.UNKNOWN_MODEL: faults.Fault.NO_SUCH_MODEL,
    Fault.OVERLOADED: faults.Fault.UNAVAILABLE,
    Fault.FAILED: faults.Fault.MODEL_FAILED,
    Fault.REFUSED_PROMPT: faults.Fault.PROMPT_FILTERED,
    Fault.NO_IMAGE: faults.Fault.EMPTY,
}


class BedrockRegion(Subject):
    """Stability's models, which crop, join and re-encode references: they are known by their colours."""

    name = "bedrock"
    inner_words = (_REGION, ULTRA, SD35_LARGE, STYLE_TRANSFER)
    makes_every_size = False
    has_api_key = False

    def connect(self, http: HttpClient, origin: str, credential: Callable[[], str]) -> ImageBackend:
        clients = _clients(credential())
        return BedrockBackend(clients, ThreadPoolExecutor(8), _REGION, ULTRA, endpoint_url=origin)

    def generate(self, request: RecordedRequest) -> Response:
        if _model(request) == FAST_UPSCALE:
            small = _image(request.json["image"])
            large = small.resize((small.width * _UPSCALED, small.height * _UPSCALED))
            return self.image(encode(large, "JPEG"))
        return self.image(generated(self.read([request]), _made_size(request.json)))

    def image(self, content: bytes) -> Response:
        images = [base64.b64encode(content).decode()]
        return document({"seeds": [7], "finish_reasons": [None], "images": images})

    def refuse(self, fault: Fault) -> Response:
        scripted = _FAULTS[fault]
        headers = {"x-amzn-ErrorType": scripted.error_type} if scripted.error_type else {}
        if fault is Fault.OVERLOADED:
            headers["Retry-After"] = "7"
        return Response(scripted.status, body=json.dumps(scripted.document).encode(), headers=headers)

    def read(self, requests: Sequence[RecordedRequest]) -> Asked:
        first, *others = requests
        assert [_model(each) for each in others] in ([], [FAST_UPSCALE])
        body = first.json
        images = [body[name] for name in ("image", "init_image", "style_image") if name in body]
        return Asked(
            body["prompt"],
            body.get("seed"),
            tuple(colour for image in images for colour in _colours(_image(image))),
            _credential(first),
        )

    def arrived(self, reference: ReferenceImage) -> object:
        (colour,) = _colours(Image.open(io.BytesIO(reference.content)))
        return colour


@cache
def _clients(key_id: str) -> AwsClients:
    """Shared by all tests, since each session reads botocore's models anew."""
    return AwsClients(
        {"AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": "a secret", "AWS_REGION": _REGION}
    )


def _model(request: RecordedRequest) -> str:
    match = re.fullmatch(r"/model/([^/]+)/invoke", request.path)
    assert match, request.path
    return unquote(match[1])


def _credential(request: RecordedRequest) -> str:
    match = re.search(r"Credential=([^/]+)/", request.headers["authorization"])
    assert match, "not signed"
    return match[1]


def _image(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def _made_size(body: dict[str, Any]) -> Size:
    """A small size of the ratio that was asked for, or of the image to edit."""
    if "aspect_ratio" in body:
        width, height = map(int, body["aspect_ratio"].split(":"))
    else:
        width, height = _image(body.get("init_image") or body["image"]).size
    scale = _SHORT_SIDE / min(width, height)
    return Size(round(width * scale), round(height * scale))


def _colours(image: Image.Image) -> list[str]:
    """The colours of references in an image, from left to right."""
    width, height = image.size
    row = image.convert("RGB").crop((0, height // 2, width, height // 2 + 1))
    nearest = [_nearest(row.getpixel((x, 0))) for x in range(0, width, 4)]
    runs = [(colour, len(list(run))) for colour, run in groupby(nearest)]
    return [colour for colour, length in runs if length > 8]


def _nearest(pixel: Any) -> str:
    def distance(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(pixel, ImageColor.getrgb(name), strict=True))

    return min(REFERENCE_COLOURS, key=distance)
