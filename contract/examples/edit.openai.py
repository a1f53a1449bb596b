import base64
import os
from pathlib import Path

from openai import OpenAI

client = OpenAI(
    base_url="https://api.ml.imagine.art/v1",
    api_key=os.environ["IMAGINEART_TOKEN"],
    timeout=300.0,
)
edited = client.images.edit(
    image=[Path("portrait.jpg"), Path("reference.png")],
    prompt="Replace the background with a sunset beach.",
    extra_body={"aspect_ratio": "auto", "resolution": "2K"},
)
Path("edited.png").write_bytes(base64.b64decode(edited.data[0].b64_json))
