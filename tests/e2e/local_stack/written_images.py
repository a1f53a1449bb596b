"""The images that a program has written."""

import base64
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image


def image_size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content), formats=["PNG", "WEBP"]) as image:
        image.load()
        return image.size


def written_sizes(folder: Path) -> dict[str, Any]:
    """Their sizes by file; of JSON responses, those of all images in it."""
    files = [*folder.glob("*.png"), *folder.glob("*.webp")]
    images = {file.name: file.read_bytes() for file in files if file.name != "reference.png"}
    series = {file.name: json.loads(file.read_text())["data"] for file in folder.glob("*.json")}
    return {name: image_size(content) for name, content in images.items()} | {
        name: [image_size(base64.b64decode(each["b64_json"])) for each in data]
        for name, data in series.items()
    }
