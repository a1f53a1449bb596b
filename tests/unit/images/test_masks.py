"""A mask says which part of an image is made anew; the rest stays as it is, pixel by pixel."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from imagineart.errors import InvalidImageError
from imagineart.images.finish import finish_image
from imagineart.images.kinds import JPEG
from imagineart.images.masks import as_alpha, inpaint_request
from imagineart.images.model import ImageRequest, OutputFormat
from imagineart.images.operations import ModelOperation
from imagineart.images.references import read_reference
from imagineart.images.sizes import Size
from tests.sample_images import decode, encode, gradient

BOX = (60, 30, 119, 89)
SIZE = Size(240, 160)
PHOTO = gradient(240, 160)
ANEW = (250, 10, 240)
JPEG_NOISE = 5


def drawn(mode: str, kept: object, marked: object, size: tuple[int, int] = (240, 160)) -> bytes:
    image = Image.new(mode, (240, 160), kept)
    ImageDraw.Draw(image).rectangle(BOX, fill=marked)
    return encode(image.resize(size, Image.Resampling.NEAREST), "PNG")


MASKS = {
    "transparent": drawn("RGBA", (0, 0, 0, 255), (0, 0, 0, 0)),
    "transparent, though all is white": drawn("RGBA", (255, 255, 255, 255), (255, 255, 255, 0)),
    "white": drawn("L", 0, 255),
    "white in RGBA": drawn("RGBA", (0, 0, 0, 255), (255, 255, 255, 255)),
    "gray": drawn("L", 100, 140),
    "half as large": drawn("L", 0, 255, (120, 80)),
    "of another shape": drawn("L", 0, 255, (480, 160)),
}


def masked(mask: bytes, size: Size = SIZE, kind: str = "PNG") -> ImageRequest:
    reference = read_reference(encode(PHOTO, kind, quality=95), label="images[0]")
    return inpaint_request(ImageRequest("a door", size, seed=1, references=(reference,)), mask)


def finished(request: ImageRequest, content: bytes | None = None) -> Image.Image:
    """What is delivered where the backend made everything anew."""
    size = (request.size.width, request.size.height)
    content = content or encode(Image.new("RGB", size, ANEW), "PNG")
    return decode(asyncio.run(finish_image(content, request)))


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_the_marked_part_is_made_anew_and_the_rest_stays(mask: bytes) -> None:
    request = masked(mask)
    assert request.operation is ModelOperation.INPAINT
    expected = PHOTO.copy()
    ImageDraw.Draw(expected).rectangle(BOX, fill=ANEW)
    assert np.array_equal(np.asarray(finished(request)), np.asarray(expected)), "with a sharp edge"


def test_outside_of_the_mask_a_jpeg_equals_its_input_within_the_noise_of_jpegs() -> None:
    request = replace(masked(MASKS["white"], kind="JPEG"), output_format=OutputFormat(JPEG, 95))
    difference = np.abs(np.asarray(finished(request), float) - np.asarray(PHOTO, float))
    outside = np.ones((160, 240), bool)
    # A JPEG spreads an edge over the block of 8 pixels that it is in.
    outside[24:96, 56:128] = False
    assert difference[outside].max() <= JPEG_NOISE
    assert difference[40:80, 70:110].mean() > 50


def test_another_shape_is_cut_from_image_and_mask_alike() -> None:
    request = masked(MASKS["transparent"], Size(160, 160))
    (reference,) = request.references
    assert (reference.size, decode(reference.content).size) == (Size(160, 160), (160, 160))
    result = np.asarray(finished(request))
    expected = np.asarray(PHOTO.crop((40, 0, 200, 160)))
    assert np.array_equal(result[:, 100:], expected[:, 100:])
    assert (result[30:90, 20:80] == ANEW).all()


def test_the_result_is_brought_to_the_delivered_size_before_the_rest_is_put_back() -> None:
    request = replace(masked(MASKS["white"]), delivered_as=Size(120, 80))
    result = finished(request, encode(Image.new("RGB", (480, 320), ANEW), "JPEG"))
    assert result.size == (120, 80)
    assert (
        np.abs(
            np.asarray(result.crop((70, 50, 120, 80)), float)
            - np.asarray(PHOTO.resize((120, 80)).crop((70, 50, 120, 80)), float)
        ).max()
        < 8
    )


def test_a_mask_is_written_as_openai_reads_it() -> None:
    alpha = np.asarray(decode(as_alpha(masked(MASKS["white"]).mask or b"")))[..., 3]
    assert (alpha[30:90, 60:120] == 0).all()
    assert (alpha == 0).sum() == 60 * 60


@pytest.mark.parametrize(
    ("mask", "message"),
    [(drawn("L", 0, 0), "mask: it marks no part of the image; allowed: transparent, or white"),
     (b"not an image", "mask: the content is text. Accepted are PNG")],
)  # fmt: skip
def test_a_mask_that_marks_nothing_is_refused(mask: bytes, message: str) -> None:
    with pytest.raises(InvalidImageError) as caught:
        masked(mask)
    assert caught.value.message.startswith(message)
