"""Watermarks, drawn with Pillow and the font that it brings."""

from PIL import Image, ImageColor, ImageDraw, ImageFont

from imagineart.images.model import Watermark

_TEXT_SHARE = 1 / 24
"""The height of text, of the shorter side of the image."""

_IMAGE_SHARE = 1 / 4
"""The longest side of a watermark that is an image, of the shorter side of the image."""

_EDGES = {"top": 0.0, "left": 0.0, "center": 0.5, "bottom": 1.0, "right": 1.0}


def with_watermark(image: Image.Image, watermark: Watermark) -> Image.Image:
    """`image`, which is RGB or RGBA, with the watermark on top."""
    short = min(image.size)
    stamp = _image_stamp(watermark, short) if watermark.image else _text_stamp(watermark, short)
    stamp.putalpha(stamp.getchannel("A").point(lambda alpha: round(alpha * watermark.opacity)))
    layer = Image.new("RGBA", image.size)
    for place in _places(image.size, stamp.size, watermark.place, margin=short // 40):
        layer.alpha_composite(stamp, place)
    marked = Image.alpha_composite(image.convert("RGBA"), layer)
    return marked if image.mode == "RGBA" else marked.convert("RGB")


def _text_stamp(watermark: Watermark, short: int) -> Image.Image:
    font = ImageFont.load_default(max(10, round(short * _TEXT_SHARE)))
    left, top, right, bottom = ImageDraw.Draw(Image.new("RGBA", (1, 1))).textbbox(
        (0, 0), watermark.text, font=font
    )
    padding = round((bottom - top) / 3)
    size = (round(right - left) + 2 * padding, round(bottom - top) + 2 * padding)
    ground = (*ImageColor.getrgb(watermark.background), 255) if watermark.background else (0, 0, 0, 0)
    stamp = Image.new("RGBA", size, ground)
    ImageDraw.Draw(stamp).text(
        (padding - left, padding - top), watermark.text, fill=watermark.colour, font=font
    )
    # Text may be wider than the image.
    stamp.thumbnail((short - short // 20, short))
    return stamp


def _image_stamp(watermark: Watermark, short: int) -> Image.Image:
    # Imported at the first watermark that is an image only.
    from imagineart.images.decoding import decode_image

    stamp = decode_image(watermark.image).pixels.convert("RGBA")
    side = round(short * _IMAGE_SHARE)
    stamp.thumbnail((side, side))
    return stamp


def _places(
    size: tuple[int, int], stamp: tuple[int, int], place: str, *, margin: int
) -> list[tuple[int, int]]:
    (width, height), (stamp_width, stamp_height) = size, stamp
    if place == "tiled":
        columns = range(margin, width - stamp_width + 1, stamp_width * 2)
        rows = range(margin, height - stamp_height + 1, stamp_height * 4)
        return [(left, top) for top in rows for left in columns]
    row, column = (_EDGES[each] for each in place.split("-"))
    return [
        (
            round(margin + (width - stamp_width - 2 * margin) * column),
            round(margin + (height - stamp_height - 2 * margin) * row),
        )
    ]
