"""What a reader does with PyPI imaginesdk; the images, and what it makes of errors, are written to files."""

import json
import os
from pathlib import Path

from imagine.client import Imagine
from imagine.features.generations.style_ids import GenerationsStyle
from imagine.features.image_remix.controls import RemixControls
from imagine.models.image import Image
from imagine.models.response import Response
from imagine.remote._imagine.http_client import RequestClient

# The host alone is another one; the headers, the forms and the reading of responses are the package's.
RequestClient._RequestClient__base_url = os.environ["IMAGINEART_BASE_URL"] + "/imagine/v1/imagine/api"
PROMPT = "A lighthouse at dusk"
imagine = Imagine(os.environ["IMAGINEART_TOKEN"])


def write(name: str, response: Response[Image]) -> None:
    response.get_or_throw().as_file(f"{name}.png")


write("generated", imagine.generations(PROMPT))
write(
    "all-options",
    imagine.generations(
        PROMPT,
        style=GenerationsStyle.ANIME,
        aspect_ratio="8:10",
        neg_prompt="clouds",
        cfg=9.5,
        seed=7,
        steps=45,
        high_res_results=True,
    ),
)
write("varied", imagine.variations("photo.jpg", PROMPT, cfg=7.5, neg_prompt="boats"))
write("remixed", imagine.image_remix("photo.jpg", PROMPT, control=RemixControls.SCRIBBLE, strength=80))
write("inpainted", imagine.in_painting("portrait.jpg", "photo.jpg", PROMPT))
write("enlarged", imagine.super_resolution("photo.jpg"))
notes = {
    "default control": imagine.image_remix("photo.jpg", PROMPT).status.name,
    "bad key": Imagine("wrong").generations(PROMPT).status.name,
    "no key": Imagine("").generations(PROMPT).status.name,
    "bad ratio": imagine.generations(PROMPT, aspect_ratio="7:1").status.name,
}
Path("notes.txt").write_text(json.dumps(notes))
