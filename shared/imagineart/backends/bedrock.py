"""Stability's image models on Amazon Bedrock as the inference backend.

Pictures from text are painted by the configured model. Edits are made by the number of references:

- one: SD3.5 Large, image to image;
- two to four: the service Style Transfer. The first reference is the picture that is edited, the others, side
  by side in one picture, give the style. No model on Bedrock takes more pictures than these two.

A size of more pixels than the models paint is made by the service Fast Upscale, or left to the finisher where
that is switched off; cropping and the exact size are the finisher's in any case. `reasoning` changes nothing:
none of the models has anything like it. Fast Upscale has no seed, and needs none.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-stability-diffusion.html and
https://docs.aws.amazon.com/bedrock/latest/userguide/stable-image-services.html
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import pybase64

from imagineart.aws import CredentialsProvider, public_endpoint
from imagineart.adapters.aws_signature import sign_post
from imagineart.backends.responses import bounded, read_beginning
from imagineart.backends.bedrock_responses import error_from_answer, read_picture
from imagineart.backends.bedrock_references import fit_for_upscaler, fit_reference, lay_side_by_side
from imagineart.backends.bedrock_sizes import choose_aspect_ratio, exceeds_painting, reference_frame
from imagineart.adapters.deadline_http import Deadline, DeadlineHttpClient
from imagineart.errors import ImagineArtError, ModelError, ModelUnavailableError, RateLimitedError
from imagineart.images.model import EditOrder, GenerationOrder
from imagineart.domain.pieces import Pieces

CORE: Final = "stability.stable-image-core-v1:1"
ULTRA: Final = "stability.stable-image-ultra-v1:1"
SD35_LARGE: Final = "stability.sd3-5-large-v1:0"
MODELS: Final = (CORE, ULTRA, SD35_LARGE)
"""What paints from text, all in us-west-2 and called by these ids; they have no inference profiles."""

STYLE_TRANSFER: Final = "us.stability.stable-style-transfer-v1:0"
FAST_UPSCALE: Final = "us.stability.stable-fast-upscale-v1:0"
"""Services, called through inference profiles from us-east-1, us-east-2 and us-west-2."""

MAX_SEED: Final = 4_294_967_294

EDIT_STRENGTH: Final = 0.7
"""How far SD3.5 Large may leave the reference, from 0 (not at all) to 1; what its documentation shows."""


class BedrockImagesBackend:
    """An ImageBackend in one region, whose connection is opened by the first call; for one call at a time."""

    def __init__(
        self,
        region: str,
        credentials: CredentialsProvider,
        model: str,
        *,
        upscaler: bool = True,
        endpoint_url: str | None = None,
    ) -> None:
        """`model` is one of `MODELS`. `endpoint_url` replaces AWS's own (a local stand-in).

        Raises ValueError for another model.
        """
        if model not in MODELS:
            raise ValueError(
                f"got the Bedrock model '{model}'; allowed are {', '.join(MODELS)}. They paint from text; "
                f"edits are made, by the number of references, by {SD35_LARGE} and {STYLE_TRANSFER}."
            )
        url = endpoint_url or public_endpoint("bedrock-runtime", region)
        self._region = region
        self._credentials = credentials
        self._model = model
        self._upscaler = upscaler
        self._http = DeadlineHttpClient(url)
        self._host = urlsplit(url).netloc
        self._base_path = urlsplit(url).path

    @property
    def has_seed(self) -> bool:
        """Whether the models take a seed."""
        return True

    @property
    def usage(self) -> None:
        """Bedrock tells none."""
        return None

    def generate(self, order: GenerationOrder, *, deadline_seconds: float) -> Pieces:
        """A picture file made from text. Reading it raises what `ImageBackend` says."""
        deadline = Deadline.after(deadline_seconds)
        document = _text_document(order) | {"aspect_ratio": choose_aspect_ratio(order.size)}
        if self._model == SD35_LARGE:
            document["mode"] = "text-to-image"
        picture = self._invoke(self._model, document, order, deadline)
        yield self._enlarge(picture, order, deadline)

    def edit(self, order: EditOrder, *, deadline_seconds: float) -> Pieces:
        """A picture file made from references. Reading it raises what `ImageBackend` says."""
        deadline = Deadline.after(deadline_seconds)
        first, *styles = order.references
        image = _base64(fit_reference(first, reference_frame(order.size)))
        pictures: dict[str, Any]
        if styles:
            pictures = {"init_image": image, "style_image": _base64(lay_side_by_side(styles))}
            model = STYLE_TRANSFER
        else:
            pictures = {"mode": "image-to-image", "image": image, "strength": EDIT_STRENGTH}
            model = SD35_LARGE
        picture = self._invoke(model, _text_document(order) | pictures, order, deadline, input_field="images")
        yield self._enlarge(picture, order, deadline)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._http.close()

    def _enlarge(self, picture: bytes, order: GenerationOrder | EditOrder, deadline: Deadline) -> bytes:
        """Raises ModelError in place of what invites to ask again: the picture was painted, and paid for."""
        if not (self._upscaler and exceeds_painting(order.size)):
            return picture
        # As a PNG, 16 megapixels would not fit into the 25,000,000 bytes that InvokeModel answers.
        document = {"image": _base64(fit_for_upscaler(picture)), "output_format": "jpeg"}
        try:
            return self._invoke(FAST_UPSCALE, document, order, deadline)
        except (ModelUnavailableError, RateLimitedError) as error:
            raise ModelError(detail=f"painted, but not enlarged: {error.detail}") from error

    def _invoke(
        self,
        model: str,
        document: Mapping[str, Any],
        order: GenerationOrder | EditOrder,
        deadline: Deadline,
        *,
        input_field: str = "prompt",
    ) -> bytes:
        """The picture file that `model` makes of `document`."""
        path = f"/model/{quote(model, safe='')}/invoke"
        body = json.dumps(document).encode()
        with self._naming(model):
            headers = self._sign(path, body)
            with self._http.send(path, headers=headers, body=[body], deadline=deadline) as answer:
                if answer.status != 200:
                    raise error_from_answer(answer, read_beginning(answer), prompt=order.prompt)
                return read_picture(b"".join(bounded(answer)), input_field=input_field)

    def _sign(self, path: str, body: bytes) -> dict[str, str]:
        headers = {"accept": "application/json", "content-type": "application/json", "host": self._host}
        return sign_post(
            headers,
            body,
            credentials=self._credentials(),
            service="bedrock",
            region=self._region,
            now=datetime.now(UTC),
            path=self._base_path + path,
        )

    @contextmanager
    def _naming(self, model: str) -> Iterator[None]:
        """The log learns which model failed, and where."""
        try:
            yield
        except ImagineArtError as error:
            error.detail = f"{model} in {self._region}: {error.detail or type(error).__name__}"
            raise


def _text_document(order: GenerationOrder | EditOrder) -> dict[str, Any]:
    return {"prompt": order.prompt, "seed": _fit_seed(order.seed), "output_format": "png"}


def _fit_seed(seed: int) -> int:
    """The seed itself as far as the models take it, else one of theirs; never 0, which means random."""
    return 1 + (seed - 1) % MAX_SEED


def _base64(content: bytes) -> str:
    return pybase64.b64encode(content).decode()
