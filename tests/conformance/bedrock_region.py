"""Amazon Bedrock in one region, as a contestant; its words for faults are those of the local stand-in."""

import base64
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import groupby
from typing import Any
from urllib.parse import unquote

from PIL import Image, ImageColor

from imagineart.adapters.aws_signature import Credentials
from imagineart.adapters.bedrock_images import (
    FAST_UPSCALE,
    SD35_LARGE,
    STYLE_TRANSFER,
    ULTRA,
    BedrockImagesBackend,
)
from imagineart.domain.images import ReferenceImage
from imagineart.domain.ports import ImageBackend
from imagineart.domain.sizes import Size
from local.bedrock import faults
from tests.conformance.contestant import Asked, Contestant, Fault, painted
from tests.conformance.orders import REFERENCE_COLOURS
from tests.fault_backend import Answer, RecordedRequest, document
from tests.sample_pictures import encode

_REGION = "us-west-2"
_SHORT_SIDE = 64
_UPSCALED = 4
_FAULTS = {
    Fault.THROTTLED: faults.Fault.THROTTLED,
    Fault.UNAUTHORISED: faults.Fault.NO_MODEL_ACCESS,
    Fault.UNKNOWN_MODEL: faults.Fault.NO_SUCH_MODEL,
    Fault.OVERLOADED: faults.Fault.UNAVAILABLE,
    Fault.FAILED: faults.Fault.MODEL_FAILED,
    Fault.REFUSED_PROMPT: faults.Fault.PROMPT_FILTERED,
    Fault.NO_PICTURE: faults.Fault.EMPTY,
}


class BedrockRegion(Contestant):
    """Stability's models, which crop, join and re-encode references: they are known by their colours."""

    name = "bedrock"
    inner_words = (_REGION, ULTRA, SD35_LARGE, STYLE_TRANSFER)
    makes_every_size = False

    @contextmanager
    def connect(self, origin: str, credential: Callable[[], str]) -> Iterator[ImageBackend]:
        adapter = BedrockImagesBackend(
            _REGION, lambda: Credentials(credential(), "a secret"), ULTRA, endpoint_url=origin
        )
        with closing(adapter):
            yield adapter

    def paint(self, request: RecordedRequest) -> Answer:
        if _model(request) == FAST_UPSCALE:
            small = _image(request.json["image"])
            large = small.resize((small.width * _UPSCALED, small.height * _UPSCALED))
            return self.picture(encode(large, "JPEG"))
        return self.picture(painted(self.read([request]), _painted_size(request.json)))

    def picture(self, content: bytes) -> Answer:
        images = [base64.b64encode(content).decode()]
        return document({"seeds": [7], "finish_reasons": [None], "images": images})

    def refuse(self, fault: Fault) -> Answer:
        said = _FAULTS[fault]
        headers = {"x-amzn-ErrorType": said.error_type} if said.error_type else {}
        return Answer(said.status, body=json.dumps(said.document).encode(), headers=headers)

    def read(self, requests: Sequence[RecordedRequest]) -> Asked:
        first, *others = requests
        assert [_model(each) for each in others] in ([], [FAST_UPSCALE])
        body = first.json
        pictures = [body[name] for name in ("image", "init_image", "style_image") if name in body]
        return Asked(
            body["prompt"],
            body.get("seed"),
            tuple(colour for picture in pictures for colour in _colours(_image(picture))),
            _credential(first),
        )

    def arrived(self, reference: ReferenceImage) -> object:
        (colour,) = _colours(Image.open(io.BytesIO(reference.content)))
        return colour


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


def _painted_size(body: dict[str, Any]) -> Size:
    """A small size of the ratio that was asked for, or of the picture to edit."""
    if "aspect_ratio" in body:
        width, height = map(int, body["aspect_ratio"].split(":"))
    else:
        width, height = _image(body.get("init_image") or body["image"]).size
    scale = _SHORT_SIDE / min(width, height)
    return Size(round(width * scale), round(height * scale))


def _colours(picture: Image.Image) -> list[str]:
    """The colours of references in a picture, from left to right."""
    width, height = picture.size
    row = picture.convert("RGB").crop((0, height // 2, width, height // 2 + 1))
    nearest = [_nearest(row.getpixel((x, 0))) for x in range(0, width, 4)]
    runs = [(colour, len(list(run))) for colour, run in groupby(nearest)]
    return [colour for colour, length in runs if length > 8]


def _nearest(pixel: Any) -> str:
    def distance(name: str) -> int:
        return sum((a - b) ** 2 for a, b in zip(pixel, ImageColor.getrgb(name), strict=True))

    return min(REFERENCE_COLOURS, key=distance)
